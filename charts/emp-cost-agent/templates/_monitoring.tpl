{{/* The invoice and the place that metrics of the analysis are pushed to. */}}

{{- define "agent.monitoringArgs" -}}
{{- with .Values.analysis.invoice }}
{{- if .url }}
- --invoice={{ .url }}
{{- end }}
{{- if .eksCluster }}
- --eks-cluster={{ .eksCluster }}
{{- end }}
{{- end }}
{{- with .Values.analysis.remoteWrite }}
{{- if .url }}
- --remote-write-url={{ .url }}
{{- end }}
{{- if .tokenSecret.name }}
- --remote-write-token-file=/etc/emp-cost/remote-write/{{ .tokenSecret.key }}
{{- end }}
{{- end }}
{{- end }}

{{- define "agent.monitoringMounts" -}}
{{- if .Values.analysis.remoteWrite.tokenSecret.name }}
- name: remote-write
  mountPath: /etc/emp-cost/remote-write
  readOnly: true
{{- end }}
{{- end }}

{{- define "agent.monitoringVolumes" -}}
{{- if .Values.analysis.remoteWrite.tokenSecret.name }}
- name: remote-write
  secret:
    secretName: {{ .Values.analysis.remoteWrite.tokenSecret.name | quote }}
{{- end }}
{{- end }}

{{/* The port of the remote-write endpoint; empty where none is given, or it is one that is open anyway. */}}
{{- define "agent.remoteWritePort" -}}
{{- with .Values.analysis.remoteWrite.url }}
{{- $host := (urlParse .).host }}
{{- $port := int (default (ternary "443" "80" (hasPrefix "https:" .)) (regexFind ":[0-9]+$" $host | trimPrefix ":")) }}
{{- if ne $port 443 }}{{ $port }}{{ end }}
{{- end }}
{{- end }}

{{- define "agent.monitoringCheck" -}}
{{- $invoice := .Values.analysis.invoice }}{{- $push := .Values.analysis.remoteWrite }}
{{- if and $invoice.eksCluster (not $invoice.url) }}{{ fail "analysis.invoice.eksCluster is used with analysis.invoice.url alone: give that too, or leave it out" }}{{ end }}
{{- if and $push.tokenSecret.name (not $push.url) }}{{ fail "analysis.remoteWrite.tokenSecret is used with analysis.remoteWrite.url alone: give that too, or leave it out" }}{{ end }}
{{- if contains "@" $push.url }}{{ fail "analysis.remoteWrite.url holds credentials, which anybody can read in the manifest; use analysis.remoteWrite.tokenSecret" }}{{ end }}
{{- end }}
