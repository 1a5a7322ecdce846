{{/* What `emp-cost work` and `emp-cost run` stand on: the same, so that a what-if differs from its report in what it names. */}}

{{/* The ConfigMaps, as (name of the value, option, file). */}}
{{- define "service.inputs" -}}
- {value: assumptionsConfigMap, option: assumptions, file: assumptions.toml}
- {value: pricesConfigMap, option: prices, file: prices.toml}
- {value: priceListConfigMap, option: price-list, file: price-list.csv}
- {value: profileConfigMap, option: profile, file: profile.yaml}
{{- end }}

{{- define "service.inputArgs" -}}
{{- $w := .Values.workers }}
{{- range include "service.inputs" . | fromYamlArray }}
{{- if or (index $w .value) (and (eq .option "price-list") $w.priceListClaim) }}
- --{{ .option }}=/etc/emp-cost/{{ .option }}/{{ .file }}
{{- end }}
{{- end }}
{{- range $w.sharedNamespaces }}
- --shared-namespace={{ . }}
{{- end }}
{{- range $w.labels }}
- {{ printf "--label=%s" . | quote }}
{{- end }}
{{- end }}

{{- define "service.inputMounts" -}}
{{- $w := .Values.workers }}
{{- range include "service.inputs" . | fromYamlArray }}
{{- if or (index $w .value) (and (eq .option "price-list") $w.priceListClaim) }}
- name: {{ .option }}
  mountPath: /etc/emp-cost/{{ .option }}
  readOnly: true
{{- end }}
{{- end }}
{{- include "service.mounts" . }}
{{- end }}

{{- define "service.inputVolumes" -}}
{{- $w := .Values.workers }}
{{- range include "service.inputs" . | fromYamlArray }}
{{- $file := .file }}{{- $option := .option }}
{{- with index $w .value }}
- name: {{ $option }}
  configMap:
    name: {{ . | quote }}
    items: [{key: {{ $file }}, path: {{ $file }}}]
{{- end }}
{{- end }}
{{- with $w.priceListClaim }}
- name: price-list
  persistentVolumeClaim:
    claimName: {{ . | quote }}
    readOnly: true
{{- end }}
{{- include "service.volumes" . }}
{{- end }}

{{/* Further files of reports. */}}
{{- define "service.reportsMounts" -}}
{{- if .Values.reports.deliveryConfigMap }}
- name: delivery
  mountPath: /etc/emp-cost/delivery
  readOnly: true
{{- end }}
{{- if .Values.reports.deliverySecret }}
- name: delivery-secret
  mountPath: /etc/emp-cost/secrets
  readOnly: true
{{- end }}
{{- if .Values.reports.remoteWrite.tokenSecret.name }}
- name: remote-write
  mountPath: /etc/emp-cost/remote-write
  readOnly: true
{{- end }}
{{- end }}

{{- define "service.reportsVolumes" -}}
{{- with .Values.reports.deliveryConfigMap }}
- name: delivery
  configMap:
    name: {{ . | quote }}
    items: [{key: delivery.toml, path: delivery.toml}]
{{- end }}
{{- with .Values.reports.deliverySecret }}
- name: delivery-secret
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.reports.remoteWrite.tokenSecret.name }}
- name: remote-write
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- end }}

{{- define "service.reportsCheck" -}}
{{- $r := .Values.reports -}}
{{- if ne (empty $r.currency.code) (empty $r.currency.rate) }}{{ fail "reports.currency.code and reports.currency.rate need each other: a currency, and its units for one USD" }}{{ end }}
{{- if and $r.invoice.eksCluster (not $r.invoice.url) }}{{ fail "reports.invoice.eksCluster is used with reports.invoice.url alone: give that too, or leave it out" }}{{ end }}
{{- if and $r.deliverySecret (not $r.deliveryConfigMap) }}{{ fail "reports.deliverySecret is used by reports.deliveryConfigMap alone: give that too, or leave it out" }}{{ end }}
{{- if and $r.remoteWrite.tokenSecret.name (not $r.remoteWrite.url) }}{{ fail "reports.remoteWrite.tokenSecret is used with reports.remoteWrite.url alone: give that too, or leave it out" }}{{ end }}
{{- if contains "@" $r.remoteWrite.url }}{{ fail "reports.remoteWrite.url holds credentials, which anybody can read in the manifest; use reports.remoteWrite.tokenSecret" }}{{ end }}
{{- end }}
