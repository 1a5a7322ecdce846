{{/* What `emp-cost run` is given: its inputs, what it writes, and the files of both. */}}

{{- define "agent.inputArgs" -}}
{{- $a := .Values.analysis }}
{{- if or $a.assumptions $a.assumptionsConfigMap }}
- --assumptions=/etc/emp-cost/assumptions/assumptions.toml
{{- end }}
{{- if or $a.prices $a.pricesConfigMap }}
- --prices=/etc/emp-cost/prices/prices.toml
{{- end }}
{{- if or $a.priceListConfigMap $a.priceListClaim }}
- --price-list=/etc/emp-cost/price-list/price-list.csv
{{- end }}
{{- if or $a.profile $a.profileConfigMap }}
- --profile=/etc/emp-cost/profile/profile.yaml
{{- end }}
{{- if $a.billOnly }}
- --bill-only
{{- end }}
{{- range $a.sharedNamespaces }}
- --shared-namespace={{ . }}
{{- end }}
{{- range $a.labels }}
- {{ printf "--label=%s" . | quote }}
{{- end }}
{{- end }}

{{- define "agent.outputArgs" -}}
{{- $a := .Values.analysis }}
{{- if or $a.delivery $a.deliveryConfigMap }}
- --deliver=/etc/emp-cost/delivery/delivery.toml
{{- end }}
{{- if $a.metrics.claim }}
- --metrics-file=/var/lib/emp-cost/metrics/emp-cost.prom
{{- end }}
{{- with $a.reports }}
- {{ printf "--reports=%s" . | quote }}
{{- end }}
- --format={{ join "," $a.formats }}
{{- with $a.currency.code }}
- --currency={{ . }}
- --rate={{ $a.currency.rate }}
{{- end }}
{{- with $a.focus.version }}
- --focus-version={{ . }}
{{- end }}
{{- with $a.focus.billingAccountId }}
- {{ printf "--billing-account-id=%s" . | quote }}
{{- end }}
{{- if ne (toString $a.maxUnpricedPercent) "" }}
- --max-unpriced={{ $a.maxUnpricedPercent }}
{{- end }}
{{- end }}

{{/* Files of the analysis. */}}
{{- define "agent.analysisMounts" -}}
{{- range $what := list "assumptions" "prices" "profile" "delivery" }}
{{- if or (index $.Values.analysis $what) (index $.Values.analysis (printf "%sConfigMap" $what)) }}
- name: {{ $what }}
  mountPath: /etc/emp-cost/{{ $what }}
  readOnly: true
{{- end }}
{{- end }}
{{- if or .Values.analysis.priceListConfigMap .Values.analysis.priceListClaim }}
- name: price-list
  mountPath: /etc/emp-cost/price-list
  readOnly: true
{{- end }}
{{- if .Values.analysis.deliverySecret }}
- name: delivery-secret
  mountPath: /etc/emp-cost/secrets
  readOnly: true
{{- end }}
{{- if .Values.analysis.metrics.claim }}
- name: metrics
  mountPath: /var/lib/emp-cost/metrics
{{- end }}
{{- include "agent.monitoringMounts" . }}
{{- end }}

{{- define "agent.analysisVolumes" -}}
{{- range $what := list "assumptions" "prices" "profile" "delivery" }}
{{- $file := ternary "profile.yaml" (printf "%s.toml" $what) (eq $what "profile") }}
{{- $existing := index $.Values.analysis (printf "%sConfigMap" $what) }}
{{- if or (index $.Values.analysis $what) $existing }}
- name: {{ $what }}
  configMap:
    name: {{ default (printf "%s-analysis" (include "agent.fullname" $)) $existing | quote }}
    items: [{key: {{ $file }}, path: {{ $file }}}]
{{- end }}
{{- end }}
{{- with .Values.analysis.priceListConfigMap }}
- name: price-list
  configMap:
    name: {{ . | quote }}
    items: [{key: price-list.csv, path: price-list.csv}]
{{- end }}
{{- with .Values.analysis.priceListClaim }}
- name: price-list
  persistentVolumeClaim:
    claimName: {{ . | quote }}
    readOnly: true
{{- end }}
{{- with .Values.analysis.deliverySecret }}
- name: delivery-secret
  secret:
    secretName: {{ . | quote }}
{{- end }}
{{- with .Values.analysis.metrics.claim }}
- name: metrics
  persistentVolumeClaim:
    claimName: {{ . | quote }}
{{- end }}
{{- include "agent.monitoringVolumes" . }}
{{- end }}

{{- define "agent.analysisCheck" -}}
{{- $a := .Values.analysis -}}
{{- range $what := list "assumptions" "prices" "profile" "delivery" }}
{{- if and (index $a $what) (index $a (printf "%sConfigMap" $what)) }}{{ fail (printf "give analysis.%[1]s or analysis.%[1]sConfigMap, not both" $what) }}{{ end }}
{{- end }}
{{- if and $a.priceListConfigMap $a.priceListClaim }}{{ fail "give analysis.priceListConfigMap or analysis.priceListClaim, not both" }}{{ end }}
{{- if and $a.billOnly (or $a.profile $a.profileConfigMap) }}{{ fail "analysis.billOnly moves nothing, so leave analysis.profile and analysis.profileConfigMap out" }}{{ end }}
{{- if ne (empty $a.currency.code) (empty $a.currency.rate) }}{{ fail "analysis.currency.code and analysis.currency.rate need each other: a currency, and its units for one USD" }}{{ end }}
{{- if and $a.deliverySecret (not (or $a.delivery $a.deliveryConfigMap)) }}{{ fail "analysis.deliverySecret is used by analysis.delivery alone: give that too, or leave it out" }}{{ end }}
{{- if and $a.allClusters $a.clusterIds }}{{ fail "give analysis.allClusters or analysis.clusterIds, not both" }}{{ end }}
{{- end }}
