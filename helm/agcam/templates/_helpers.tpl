{{- define "agcam.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "agcam.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "agcam.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "agcam.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "agcam.selector" -}}
app.kubernetes.io/name: {{ include "agcam.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "agcam.labels" -}}
{{ include "agcam.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "agcam.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "agcam.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "agcam.tag" -}}
{{- default .Chart.AppVersion .Values.image.tag -}}
{{- end }}

{{- /* Refuses values that cannot work, before anything is installed. */ -}}
{{- define "agcam.check" -}}
{{- $d := .Values.drain -}}
{{- if not (and (lt (int $d.workerSeconds) (int $d.consumerStopSeconds)) (lt (int $d.consumerStopSeconds) (int $d.stopSeconds)) (lt (int $d.stopSeconds) (int $d.shutdownSeconds)) (lt (add (int $d.shutdownSeconds) (int $d.preStopSeconds)) (int64 $d.graceSeconds))) -}}
{{- fail "drain: workerSeconds < consumerStopSeconds < stopSeconds < shutdownSeconds, and shutdownSeconds + preStopSeconds < graceSeconds, must hold" -}}
{{- end -}}
{{- if not .Values.api.keys -}}
{{- fail "api.keys: name at least one key, as `agcam api --new-key NAME` prints it; without keys the API answers only its own pod" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (not .Values.telemetry.prometheus) -}}
{{- fail "serviceMonitor.enabled needs telemetry.prometheus" -}}
{{- end -}}
{{- range $name, $tls := dict "broker" .Values.broker "store" .Values.store }}
{{- if and $tls.clientCertificate (not $tls.tlsSecret) -}}
{{- fail (printf "%s.clientCertificate: name the secret with the certificate in %s.tlsSecret" $name $name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host: name the host of the Ingress" -}}
{{- end -}}
{{- $policy := .Values.networkPolicy -}}
{{- if $policy.enabled -}}
{{- range $name, $to := dict "broker" $policy.broker.to "store" $policy.store.to -}}
{{- if not $to -}}
{{- fail (printf "networkPolicy.%s.to: name the address of the %s, e.g. [{ipBlock: {cidr: 10.1.0.0/16}}] or [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}]; or set networkPolicy.enabled to false" $name $name $name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.images.hosts (not $policy.images.to) -}}
{{- fail "networkPolicy.images.to: images.hosts allows hosts, but the policy lets pods reach none; for hosts on the internet [{ipBlock: {cidr: 0.0.0.0/0}}]" -}}
{{- end -}}
{{- if and .Values.telemetry.otlpEndpoint (not $policy.collector.to) -}}
{{- fail "networkPolicy.collector.to: telemetry.otlpEndpoint names a collector, but the policy does not let pods reach it" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.keda.enabled .Values.store.clientCertificate (not .Values.keda.existingSecret) -}}
{{- fail "keda.existingSecret: KEDA does not have the client certificate; name a secret with an address that contains a login" -}}
{{- end -}}
{{- end }}

{{- /* Security settings of a pod. */ -}}
{{- define "agcam.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* Environment of every container. Addresses with passwords are files. */ -}}
{{- define "agcam.env" -}}
- {name: Pipeline__BusFile, value: /etc/agcam/secrets/bus}
- {name: Pipeline__StoreFile, value: /etc/agcam/secrets/store}
- {name: Pipeline__Prefix, value: {{ .Values.broker.prefix | quote }}}
- {name: Pipeline__Database, value: {{ .Values.store.database | quote }}}
- {name: Pipeline__SubscribeToEvents, value: {{ .Values.broker.subscribeToEvents | quote }}}
- {name: Pipeline__Topology, value: {{ eq .Values.setup.mode "runtime" | ternary "Apply" "Verify" }}}
- {name: Pipeline__MigrateStore, value: {{ eq .Values.setup.mode "runtime" | quote }}}
- {name: Pipeline__ConsumerStopSeconds, value: {{ .Values.drain.consumerStopSeconds | quote }}}
- {name: Pipeline__StopSeconds, value: {{ .Values.drain.stopSeconds | quote }}}
- {name: Pipeline__ShutdownSeconds, value: {{ .Values.drain.shutdownSeconds | quote }}}
{{- range $name, $path := .Values.models }}
- {name: Pipeline__Models__{{ $name }}, value: {{ $path | quote }}}
{{- end }}
{{- range $i, $root := .Values.images.roots }}
- {name: Pipeline__References__Roots__{{ $i }}, value: {{ $root | quote }}}
{{- end }}
{{- range $i, $host := .Values.images.hosts }}
- {name: Pipeline__References__Hosts__{{ $i }}, value: {{ $host | quote }}}
{{- end }}
{{- range $i, $network := .Values.images.networks }}
- {name: Pipeline__References__Networks__{{ $i }}, value: {{ $network | quote }}}
{{- end }}
{{- range $name, $tls := dict "Bus" .Values.broker "Store" .Values.store }}
{{- with $tls.serverName }}
- {name: Pipeline__{{ $name }}Tls__ServerName, value: {{ . | quote }}}
{{- end }}
{{- if $tls.tlsSecret }}
- {name: Pipeline__{{ $name }}Tls__CaFile, value: /etc/agcam/{{ lower $name }}-tls/ca.crt}
{{- if $tls.clientCertificate }}
- {name: Pipeline__{{ $name }}Tls__CertificateFile, value: /etc/agcam/{{ lower $name }}-tls/tls.crt}
- {name: Pipeline__{{ $name }}Tls__KeyFile, value: /etc/agcam/{{ lower $name }}-tls/tls.key}
{{- end }}
{{- end }}
{{- end }}
- {name: Telemetry__Logs, value: {{ .Values.telemetry.logs }}}
{{- if .Values.telemetry.prometheus }}
- {name: Telemetry__Prometheus, value: "http://*:{{ .Values.telemetry.prometheusPort }}"}
{{- end }}
{{- with .Values.telemetry.otlpEndpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
- {name: DOTNET_EnableDiagnostics, value: "0"}
- {name: HOME, value: /tmp}
{{- end }}

{{- /* Takes the values of one part, api or worker. */ -}}
{{- define "agcam.envFrom" -}}
{{- with .envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "agcam.extraMounts" -}}
{{- range .extraSecrets }}
- {name: extra-{{ . }}, mountPath: /etc/agcam/extra/{{ . }}, readOnly: true}
{{- end }}
{{- with .extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "agcam.extraVolumes" -}}
{{- range .extraSecrets }}
- name: extra-{{ . }}
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "agcam.options" -}}
{{- range $name, $value := . }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "agcam.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: secrets, mountPath: /etc/agcam/secrets, readOnly: true}
{{- if .Values.broker.tlsSecret }}
- {name: bus-tls, mountPath: /etc/agcam/bus-tls, readOnly: true}
{{- end }}
{{- if .Values.store.tlsSecret }}
- {name: store-tls, mountPath: /etc/agcam/store-tls, readOnly: true}
{{- end }}
{{- if .Values.modelVolume }}
- {name: models, mountPath: /models, readOnly: true}
{{- end }}
{{- if .Values.images.volume }}
- {name: images, mountPath: /images, readOnly: true}
{{- end }}
{{- end }}

{{- /* Takes a dict of root, broker and store: secret and key of each address. */ -}}
{{- define "agcam.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: {{ .root.Values.tmpSize }}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      - secret:
          name: {{ .brokerSecret }}
          items: [{key: {{ .brokerKey }}, path: bus}]
      - secret:
          name: {{ .storeSecret }}
          items: [{key: {{ .storeKey }}, path: store}]
{{- if .root.Values.broker.tlsSecret }}
- name: bus-tls
  secret: {secretName: {{ .root.Values.broker.tlsSecret }}, defaultMode: 0440}
{{- end }}
{{- if .root.Values.store.tlsSecret }}
- name: store-tls
  secret: {secretName: {{ .root.Values.store.tlsSecret }}, defaultMode: 0440}
{{- end }}
{{- with .root.Values.modelVolume }}
- name: models
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.images.volume }}
- name: images
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "agcam.runtimeVolumes" -}}
{{- $root := .root -}}
{{- include "agcam.volumes" (dict "root" $root
  "brokerSecret" (required "broker.existingSecret: name the secret with the broker's address" $root.Values.broker.existingSecret) "brokerKey" .brokerKey
  "storeSecret" (required "store.existingSecret: name the secret with the store's address" $root.Values.store.existingSecret) "storeKey" $root.Values.store.key) -}}
{{- end }}
