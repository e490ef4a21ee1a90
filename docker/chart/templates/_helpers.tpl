{{- define "face-api.name" -}}
{{- if contains "face-api" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-face-api{{ end }}
{{- end }}

{{- define "face-api.port" -}}
{{ get (dict "api" "8000" "admin" "4321" "worker" "4322") . }}
{{- end }}

{{- define "face-api.selector" -}}
app.kubernetes.io/name: face-api
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "face-api.labels" -}}
{{ include "face-api.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "face-api.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* Settings of one role, of which the role's own count, as a mapping. Takes root and role. */ -}}
{{- define "face-api.settings" -}}
{{- $own := dict "FACE_API_ROLE" .role "FACE_API_PORT" (include "face-api.port" .role) -}}
{{- toYaml (mergeOverwrite (deepCopy .root.Values.settings) (deepCopy (index .root.Values .role).settings) $own) -}}
{{- end }}

{{- /* Environment of a container: takes root and settings. */ -}}
{{- define "face-api.environment" -}}
{{- range $name, $value := .settings }}
{{- if hasKey $.root.Values.secrets $name }}{{ fail (printf "%s is both a setting and a secret" $name) }}{{ end }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- range $name, $secret := .root.Values.secrets }}
- name: {{ $name }}_FILE
  value: /run/secrets/face-api/{{ $name }}
{{- end }}
{{- end }}

{{- /* One folder with a file for each secret, wherever it comes from: takes root and made, the Secret of the chart's own. */ -}}
{{- define "face-api.secretVolume" -}}
- name: secrets
  projected:
    # The user of the image reads them by the pod's group.
    defaultMode: 0440
    sources:
      {{- range $name, $secret := .root.Values.secrets }}
      - secret:
          {{- if $secret.name }}
          name: {{ $secret.name }}
          items: [{ key: {{ required (printf "secrets.%s has a name, and needs the key in it" $name) $secret.key }}, path: {{ $name }} }]
          {{- else }}
          name: {{ $.made }}
          items: [{ key: {{ $name }}, path: {{ $name }} }]
          {{- end }}
      {{- end }}
{{- end }}

{{- define "face-api.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "face-api.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* The secrets of which the chart makes a Secret, as a mapping. */ -}}
{{- define "face-api.madeSecrets" -}}
{{- $made := dict -}}
{{- range $name, $secret := .Values.secrets -}}
{{- if not $secret.name -}}
{{- $_ := set $made $name (required (printf "secrets.%s needs a value, or a name and a key" $name) $secret.value) -}}
{{- end -}}
{{- end -}}
{{- toYaml $made -}}
{{- end }}
