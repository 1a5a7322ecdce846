{{- define "service.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "service.account" -}}
{{- default (ternary (include "service.name" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end }}

{{- define "service.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "service.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "service.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: emp-cost
{{- end }}

{{- define "service.env" -}}
- name: EMP_COST_LAKE
  value: {{ .Values.lake | quote }}
- name: EMP_COST_LOG_FORMAT
  value: json
{{- with .Values.aws.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.aws.endpoint }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.aws.credentialsSecret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ . | quote }}
      key: access-key-id
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ . | quote }}
      key: secret-access-key
- name: AWS_SESSION_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ . | quote }}
      key: session-token
      optional: true
{{- end }}
{{- if .Values.caBundle.configMap }}
- name: SSL_CERT_FILE
  value: /etc/emp-cost/ca-bundle/{{ .Values.caBundle.key }}
{{- end }}
{{- range $name, $value := dict "HTTPS_PROXY" .Values.proxy.https "HTTP_PROXY" .Values.proxy.http "NO_PROXY" .Values.proxy.noProxy }}
{{- if $value }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* Files of every container. */}}
{{- define "service.mounts" -}}
{{- if .Values.caBundle.configMap }}
- name: ca-bundle
  mountPath: /etc/emp-cost/ca-bundle
  readOnly: true
{{- end }}
{{- end }}

{{- define "service.volumes" -}}
{{- if .Values.caBundle.configMap }}
- name: ca-bundle
  configMap:
    name: {{ .Values.caBundle.configMap | quote }}
{{- end }}
{{- end }}

{{/* What all pods share: the restricted Pod Security Standard, and more. */}}
{{- define "service.pod" -}}
serviceAccountName: {{ include "service.account" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . | quote }}
{{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "service.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The port of a URL: 443 without one. */}}
{{- define "service.port" -}}
{{- if . }}
{{- default (ternary "443" "80" (hasPrefix "https:" .)) (regexFind ":[0-9]+$" (urlParse .).host | trimPrefix ":") }}
{{- else }}443{{ end }}
{{- end }}

{{- define "service.check" -}}
{{- $v := .Values -}}
{{- if not $v.lake }}{{ fail "lake is required: where the data lies, such as --set lake=s3://my-bucket/emp-cost" }}{{ end }}
{{- if not $v.image }}{{ fail "image is required: where emp-cost-service was pushed to, with its tag; see docs/images.md" }}{{ end }}
{{- if and $v.reports.enabled (not $v.workers.image) }}{{ fail "workers.image is required for reports too: where emp-cost was pushed to, with its tag; or reports.enabled=false" }}{{ end }}
{{- if and (or $v.workers.replicas $v.workers.autoscaling.enabled) (not $v.workers.image) }}{{ fail "workers.image is required: where emp-cost was pushed to, with its tag; or workers.replicas=0, and what-ifs wait" }}{{ end }}
{{- if not $v.config.publicUrl }}{{ fail "config.publicUrl is required: where browsers find the service, such as https://cost.example.com" }}{{ end }}
{{- if not $v.secretName }}{{ fail "secretName is required: a Secret with `cookie.key`; see docs/service.md" }}{{ end }}
{{- if not $v.config.toml }}{{ fail "config.toml is required: without a rule nobody sees anything; see docs/service.md" }}{{ end }}
{{- if and $v.ingress.enabled (not $v.ingress.host) }}{{ fail "ingress.enabled needs ingress.host" }}{{ end }}
{{- if and $v.gateway.enabled (not $v.gateway.parentRefs) }}{{ fail "gateway.enabled needs gateway.parentRefs: the Gateways the route is attached to" }}{{ end }}
{{- if and $v.gateway.enabled $v.ingress.enabled }}{{ fail "ingress.enabled and gateway.enabled are two ways to the same port; choose one" }}{{ end }}
{{- if and $v.aws.roleArn $v.aws.credentialsSecret }}{{ fail "give aws.roleArn or aws.credentialsSecret, not both: static keys would win over the role" }}{{ end }}
{{- if and $v.workers.priceListConfigMap $v.workers.priceListClaim }}{{ fail "give workers.priceListConfigMap or workers.priceListClaim, not both" }}{{ end }}
{{- include "service.reportsCheck" . }}
{{- if gt (int $v.workers.autoscaling.minReplicas) (int $v.workers.autoscaling.maxReplicas) }}{{ fail "workers.autoscaling.minReplicas is greater than maxReplicas" }}{{ end }}
{{- end }}
