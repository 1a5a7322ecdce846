# Everyday commands. Each works from a fresh clone on Debian with Rust.

.PHONY: demo test lint docs

# A savings report of a synthetic cluster, through a real Prometheus.
demo:
	scripts/install.sh prometheus
	cargo run --package emp-cost -- demo

# Everything that can fail: format, lints, tests, the tests against real servers, documents.
test:
	scripts/install.sh prometheus s3 prometheus3 victoria python
	scripts/test.sh

# Format and lints alone.
lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings

# Links in the documents, and the commands the README shows.
docs:
	python3 scripts/check_docs.py
