{{- define "agent.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* Forty characters: a CronJob's name may have 52, and `-analysis-once` comes after it. */}}
{{- define "agent.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 38 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "agent.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 38 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 38 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "agent.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "agent.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "agent.selectorLabels" -}}
app.kubernetes.io/name: {{ include "agent.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "agent.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "agent.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: emp-cost
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Of pods: without the chart's version, which would restart them for nothing. */}}
{{- define "agent.podLabels" -}}
{{ include "agent.selectorLabels" . }}
app.kubernetes.io/part-of: emp-cost
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Where data and reports go: a bucket, or a reporting service that is shown a token. */}}
{{- define "agent.lake" -}}
{{- if hasPrefix "https://" .Values.empProfiler.empReportSync -}}
{{- printf "%s?token-file=/etc/emp-cost/ingest/%s" (trimSuffix "/" .Values.empProfiler.empReportSync) .Values.empProfiler.tokenSecret.key -}}
{{- else -}}
{{- default .Values.empProfiler.empReportSync .Values.lake.url -}}
{{- end -}}
{{- end }}

{{/* The Secret with the token of a reporting service; empty where hours go to a bucket. */}}
{{- define "agent.ingestSecret" -}}
{{- if hasPrefix "https://" .Values.empProfiler.empReportSync -}}
{{- default (printf "%s-ingest" (include "agent.fullname" .)) .Values.empProfiler.tokenSecret.name -}}
{{- end -}}
{{- end }}

{{/* The bundled server has the name that its own chart gives it. */}}
{{- define "agent.prometheusUrl" -}}
{{- if .Values.prometheus.enabled -}}
{{- $server := .Values.prometheus.server | default dict -}}
{{- if $server.fullnameOverride -}}
{{- printf "http://%s:80" $server.fullnameOverride -}}
{{- else if contains "prometheus" .Release.Name -}}
{{- printf "http://%s:80" (printf "%s-server" .Release.Name | trunc 63 | trimSuffix "-") -}}
{{- else -}}
{{- printf "http://%s:80" (printf "%s-prometheus-server" .Release.Name | trunc 63 | trimSuffix "-") -}}
{{- end -}}
{{- else -}}
{{- .Values.prometheus.url -}}
{{- end -}}
{{- end }}

{{- define "agent.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}
{{- $place := printf "%s/%s" (trimSuffix "/" $root.Values.image.registry) $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $place $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $place (default $root.Chart.AppVersion $root.Values.image.tag) -}}
{{- end -}}
{{- end }}

{{/* The restricted Pod Security Standard, and more: nothing in the file system can be written. */}}
{{- define "agent.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
# The token that IRSA mounts is readable to this group.
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "agent.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "agent.scheduling" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . | quote }}
{{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
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
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What every container needs to reach S3. */}}
{{- define "agent.awsEnv" -}}
{{- with .Values.aws.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.lake.endpoint }}
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
{{- with .Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.http }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.proxy.noProxy }}
- name: NO_PROXY
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{/* How Prometheus is asked. */}}
{{- define "agent.prometheusEnv" -}}
{{- $c := .Values.prometheusClient -}}
- name: EMP_COST_PROMETHEUS_URL
  value: {{ include "agent.prometheusUrl" . | quote }}
{{- with $c.clusterLabel }}
- name: EMP_COST_PROMETHEUS_CLUSTER_LABEL
  value: {{ . | quote }}
{{- end }}
{{- with $c.tenant }}
- name: EMP_COST_PROMETHEUS_TENANT
  value: {{ . | quote }}
{{- end }}
{{- with $c.flavor }}
- name: EMP_COST_PROMETHEUS_FLAVOR
  value: {{ . | quote }}
{{- end }}
- name: EMP_COST_PROMETHEUS_TIMEOUT
  value: {{ $c.timeoutSeconds | int64 | quote }}
- name: EMP_COST_PROMETHEUS_MAX_SAMPLES
  value: {{ $c.maxSamples | int64 | quote }}
{{- with $c.headers }}
- name: EMP_COST_PROMETHEUS_HEADERS
  value: {{ join "\n" . | quote }}
{{- end }}
{{- if $c.headersSecret.name }}
- name: EMP_COST_PROMETHEUS_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ $c.headersSecret.name | quote }}
      key: {{ $c.headersSecret.key | quote }}
{{- end }}
{{- with $c.basicAuth.username }}
- name: EMP_COST_PROMETHEUS_USER
  value: {{ . | quote }}
- name: EMP_COST_PROMETHEUS_PASSWORD_FILE
  value: /etc/emp-cost/prometheus-password/{{ $c.basicAuth.passwordSecret.key }}
{{- end }}
{{- if $c.bearerTokenSecret.name }}
- name: EMP_COST_PROMETHEUS_BEARER_TOKEN_FILE
  value: /etc/emp-cost/prometheus-token/{{ $c.bearerTokenSecret.key }}
{{- end }}
{{- with $c.sigv4.region }}
- name: EMP_COST_PROMETHEUS_SIGV4_REGION
  value: {{ . | quote }}
{{- end }}
{{- if $c.tls.caSecret.name }}
- name: EMP_COST_PROMETHEUS_CA_FILE
  value: /etc/emp-cost/prometheus-ca/{{ $c.tls.caSecret.key }}
{{- end }}
{{- if $c.tls.clientCertSecret }}
- name: EMP_COST_PROMETHEUS_CLIENT_CERT
  value: /etc/emp-cost/prometheus-client/tls.crt
- name: EMP_COST_PROMETHEUS_CLIENT_KEY
  value: /etc/emp-cost/prometheus-client/tls.key
{{- end }}
{{- with .Values.collector.podLabels }}
- name: EMP_COST_POD_LABELS
  value: {{ join "," . | quote }}
{{- end }}
{{- if .Values.collector.overrides }}
- name: EMP_COST_OVERRIDES
  value: /etc/emp-cost/collector/overrides.toml
{{- end }}
{{- if .Values.kubernetesApi.enabled }}
- name: EMP_COST_KUBERNETES_API
  value: "true"
- name: EMP_COST_KUBERNETES_STORAGE
  value: {{ .Values.kubernetesApi.storage | quote }}
{{- end }}
{{- end }}

{{/* Files of every container. */}}
{{- define "agent.commonMounts" -}}
{{- if .Values.caBundle.configMap }}
- name: ca-bundle
  mountPath: /etc/emp-cost/ca-bundle
  readOnly: true
{{- end }}
{{- end }}

{{- define "agent.commonVolumes" -}}
{{- if .Values.caBundle.configMap }}
- name: ca-bundle
  configMap:
    name: {{ .Values.caBundle.configMap | quote }}
{{- end }}
{{- end }}

{{/* Files of the containers that ask Prometheus. */}}
{{- define "agent.prometheusMounts" -}}
{{- $c := .Values.prometheusClient -}}
{{- if include "agent.ingestSecret" . }}
- name: ingest
  mountPath: /etc/emp-cost/ingest
  readOnly: true
{{- end }}
{{- if $c.basicAuth.username }}
- name: prometheus-password
  mountPath: /etc/emp-cost/prometheus-password
  readOnly: true
{{- end }}
{{- if $c.bearerTokenSecret.name }}
- name: prometheus-token
  mountPath: /etc/emp-cost/prometheus-token
  readOnly: true
{{- end }}
{{- if $c.tls.caSecret.name }}
- name: prometheus-ca
  mountPath: /etc/emp-cost/prometheus-ca
  readOnly: true
{{- end }}
{{- if $c.tls.clientCertSecret }}
- name: prometheus-client
  mountPath: /etc/emp-cost/prometheus-client
  readOnly: true
{{- end }}
{{- if .Values.collector.overrides }}
- name: collector
  mountPath: /etc/emp-cost/collector
  readOnly: true
{{- end }}
{{- end }}

{{- define "agent.prometheusVolumes" -}}
{{- $c := .Values.prometheusClient -}}
{{- with include "agent.ingestSecret" . }}
- name: ingest
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- if $c.basicAuth.username }}
- name: prometheus-password
  secret:
    secretName: {{ $c.basicAuth.passwordSecret.name | quote }}
    defaultMode: 0440
{{- end }}
{{- if $c.bearerTokenSecret.name }}
- name: prometheus-token
  secret:
    secretName: {{ $c.bearerTokenSecret.name | quote }}
    defaultMode: 0440
{{- end }}
{{- if $c.tls.caSecret.name }}
- name: prometheus-ca
  secret:
    secretName: {{ $c.tls.caSecret.name | quote }}
    defaultMode: 0440
{{- end }}
{{- if $c.tls.clientCertSecret }}
- name: prometheus-client
  secret:
    secretName: {{ $c.tls.clientCertSecret | quote }}
    defaultMode: 0440
{{- end }}
{{- if .Values.collector.overrides }}
- name: collector
  configMap:
    name: {{ include "agent.fullname" . }}-collector
{{- end }}
{{- end }}

{{/* The analysis, as scheduled and as it is started by hand; `window` is how far it looks back. */}}
{{- define "agent.analysisJob" -}}
{{- $root := index . 0 -}}{{- $window := index . 1 -}}
{{- with $root -}}
backoffLimit: {{ .Values.analysis.backoffLimit }}
activeDeadlineSeconds: {{ .Values.analysis.activeDeadlineSeconds }}
template:
  metadata:
    labels:
      {{- include "agent.podLabels" . | nindent 6 }}
      app.kubernetes.io/component: analysis
      {{- with .Values.analysis.extraPodLabels }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with .Values.analysis.podAnnotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    serviceAccountName: {{ include "agent.serviceAccountName" . }}
    automountServiceAccountToken: false
    enableServiceLinks: false
    restartPolicy: Never
    securityContext:
      {{- include "agent.podSecurityContext" . | nindent 6 }}
    {{- with include "agent.scheduling" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    containers:
      - name: analysis
        image: {{ include "agent.image" (list . .Values.analysis.image) | quote }}
        imagePullPolicy: {{ .Values.image.pullPolicy }}
        args:
          - run
          - --window={{ $window }}
          {{- include "agent.inputArgs" . | indent 10 }}
          {{- include "agent.monitoringArgs" . | indent 10 }}
          {{- include "agent.outputArgs" . | indent 10 }}
        env:
          - name: EMP_COST_LAKE
            value: {{ include "agent.lake" . | quote }}
          {{- if not .Values.analysis.allClusters }}
          - name: EMP_COST_CLUSTER_ID
            value: {{ join "," (default (list .Values.clusterId) .Values.analysis.clusterIds) | quote }}
          {{- end }}
          - name: EMP_COST_LOG_FORMAT
            value: {{ .Values.analysis.logFormat }}
          {{- with include "agent.awsEnv" . | trim }}
          {{- . | nindent 10 }}
          {{- end }}
          {{- with .Values.analysis.extraEnv }}
          {{- toYaml . | nindent 10 }}
          {{- end }}
        securityContext:
          {{- include "agent.securityContext" . | nindent 10 }}
        resources:
          {{- toYaml .Values.analysis.resources | nindent 10 }}
        {{- with printf "%s%s" (include "agent.analysisMounts" .) (include "agent.commonMounts" .) | trim }}
        volumeMounts:
          {{- . | nindent 10 }}
        {{- end }}
    {{- with printf "%s%s" (include "agent.analysisVolumes" .) (include "agent.commonVolumes" .) | trim }}
    volumes:
      {{- . | nindent 6 }}
    {{- end }}
{{- end -}}
{{- end }}

{{/* Where every pod may go. */}}
{{- define "agent.egress" }}
# Names, from whatever resolver: node-local caches have addresses of the node.
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
# S3, STS, and the Kubernetes API where it is asked.
- ports:
    - {port: 443, protocol: TCP}
{{- end }}

{{- define "agent.credentialsEgress" }}
{{- if not (or .Values.aws.roleArn .Values.aws.credentialsSecret) }}
# The agent of EKS Pod Identity, and instance metadata, where neither role nor keys are given.
- to:
    - ipBlock: {cidr: 169.254.170.23/32}
    - ipBlock: {cidr: "fd00:ec2::23/128"}
    - ipBlock: {cidr: 169.254.169.254/32}
    - ipBlock: {cidr: "fd00:ec2::254/128"}
  ports:
    - {port: 80, protocol: TCP}
{{- end }}
{{- with .Values.networkPolicy.extraEgress }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- end }}

{{/* Values that exclude or need each other. A message names the keys and what to do. */}}
{{- define "agent.check" -}}
{{- $v := .Values -}}
{{- if and $v.lake.url $v.empProfiler.empReportSync }}{{ fail "give lake.url or empProfiler.empReportSync, not both: they name the same place" }}{{ end }}
{{- if not (include "agent.lake" .) }}{{ fail "lake.url is required: where data and reports go, such as --set lake.url=s3://my-bucket/emp-cost" }}{{ end }}
{{- $sync := $v.empProfiler.empReportSync -}}
{{- if and $sync (not (or (hasPrefix "s3://" $sync) (regexMatch "^https://[A-Za-z0-9.-]+(:[0-9]+)?/?$" $sync))) }}{{ fail "empProfiler.empReportSync must be an s3:// location, or the https:// address of a reporting service without a path" }}{{ end }}
{{- if hasPrefix "https://" $sync }}
{{- if not (or $v.empProfiler.token $v.empProfiler.tokenSecret.name) }}{{ fail "empProfiler.empReportSync is a reporting service, so it needs empProfiler.token or empProfiler.tokenSecret.name; its Install page makes a token" }}{{ end }}
{{- if $v.analysis.enabled }}{{ fail "empProfiler.empReportSync is a reporting service, and reports are made beside it, by reports.enabled of its chart: set analysis.enabled=false" }}{{ end }}
{{- end }}
{{- if and $v.empProfiler.token $v.empProfiler.tokenSecret.name }}{{ fail "give empProfiler.token or empProfiler.tokenSecret, not both" }}{{ end }}
{{- if and (not $v.clusterId) (or $v.collector.enabled (not (or $v.analysis.allClusters $v.analysis.clusterIds))) }}{{ fail "clusterId is required: the name of this cluster in the lake, such as --set clusterId=prod-1" }}{{ end }}
{{- if not $v.image.registry }}{{ fail "image.registry is required: where the images were pushed to, see docs/images.md" }}{{ end }}
{{- if and $v.aws.roleArn $v.aws.credentialsSecret }}{{ fail "give aws.roleArn or aws.credentialsSecret, not both: static keys would win over the role" }}{{ end }}
{{- if and $v.aws.roleArn (not $v.serviceAccount.create) }}{{ fail "aws.roleArn is an annotation of the service account; with serviceAccount.create=false annotate yours and leave aws.roleArn empty" }}{{ end }}
{{- if and $v.collector.enabled (not $v.prometheus.enabled) (not $v.prometheus.url) }}{{ fail "prometheus.enabled is false, so prometheus.url is required, such as http://prometheus-server.monitoring:80" }}{{ end }}
{{- if contains "@" $v.prometheus.url }}{{ fail "prometheus.url holds credentials, which anybody can read in the manifest; use prometheusClient.basicAuth" }}{{ end }}
{{- if and $v.prometheus.enabled (not $v.collector.enabled) }}{{ fail "collector.enabled is false, so set prometheus.enabled=false: the bundled server would run unread" }}{{ end }}
{{- if and $v.prometheus.enabled $v.prometheus.url }}{{ fail "prometheus.url is given, so set prometheus.enabled=false: the bundled server would run unread" }}{{ end }}
{{- $c := $v.prometheusClient -}}
{{- if and $c.basicAuth.username (not $c.basicAuth.passwordSecret.name) }}{{ fail "prometheusClient.basicAuth.username needs prometheusClient.basicAuth.passwordSecret.name" }}{{ end }}
{{- if and (not $c.basicAuth.username) $c.basicAuth.passwordSecret.name }}{{ fail "prometheusClient.basicAuth.passwordSecret needs prometheusClient.basicAuth.username" }}{{ end }}
{{- $ways := 0 }}{{- range list $c.basicAuth.username $c.bearerTokenSecret.name $c.sigv4.region }}{{ if . }}{{ $ways = add1 $ways }}{{ end }}{{ end }}
{{- if gt (int $ways) 1 }}{{ fail "give one of prometheusClient.basicAuth, prometheusClient.bearerTokenSecret and prometheusClient.sigv4" }}{{ end }}
{{- if and $c.headers $c.headersSecret.name }}{{ fail "give prometheusClient.headers or prometheusClient.headersSecret, not both: put all of them into the Secret" }}{{ end }}
{{- include "agent.analysisCheck" . }}
{{- include "agent.monitoringCheck" . }}
{{- if and $v.kubernetesApi.storage (not $v.kubernetesApi.enabled) }}{{ fail "kubernetesApi.storage needs kubernetesApi.enabled=true" }}{{ end }}
{{- if not (or $v.collector.enabled $v.analysis.enabled) }}{{ fail "collector.enabled and analysis.enabled are both false: nothing would run" }}{{ end }}
{{- range $part := list "collector" "analysis" }}
{{- range (index $v $part).extraEnv }}{{ if hasPrefix "EMP_COST_" .name }}{{ fail (printf "%s.extraEnv sets %s, which has a value of its own in this chart" $part .name) }}{{ end }}{{ end }}
{{- end }}
{{- end }}
