{{/*
What people, collectors and programs ask for, by path. /metrics, /healthz and /readyz are not among them: no standard field of
an Ingress keeps a path out, so what is let in is named. A test compares this with the routes of the program.
*/}}
{{- define "service.paths" -}}
- {type: Exact, path: /}
{{- range list "access" "alerts" "api" "assets" "audit" "clusters" "costs" "ingest" "install" "s" "showback" "sign-in" "sign-out" "what-if" }}
- {type: Prefix, path: /{{ . }}}
{{- end }}
{{- range list "costs.csv" "costs.parquet" "showback.csv" }}
- {type: Exact, path: /{{ . }}}
{{- end }}
{{- end }}
