# Everyday commands. Each works from a fresh clone on Debian with Rust.

.PHONY: demo test lint docs chart

# A savings report of a synthetic cluster, through a real Prometheus. It is built with the features the tests have (an
# example brings them), so that `make test` does not build arrow and polars anew.
demo:
	scripts/install.sh prometheus
	cargo build --workspace --bins --example export_columns
	target/debug/emp-cost demo

# Everything that can fail: format, lints, tests, the tests against real servers, chart, documents.
test:
	scripts/install.sh prometheus s3 prometheus3 kube-state-metrics victoria python helm browser oidc schemathesis actionlint grafana
	scripts/test.sh

# Format and lints alone.
lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings

# The chart alone; the programs must be built.
chart:
	scripts/install.sh prometheus s3 python helm actionlint grafana
	PATH="$$PWD/target/tools:$$PATH" target/tools/venv/bin/python charts/tests/run.py

# Links in the documents, and the commands the README shows.
docs:
	python3 scripts/check_docs.py
