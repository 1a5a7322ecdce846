// The schema of Grafana's dashboards, in its own words, for a test of the chart.
module emp-cost/scripts/tools/grafana

go 1.24

require github.com/grafana/grafana-foundation-sdk/go v0.0.22
