#!/usr/bin/env bash
# Holds the dependencies against deny.toml: licences, bans, sources, and advisories where their database can be had.
#
# `scripts/install.sh deny` installs cargo-deny. Without it, or without the database, what is not checked is said in one
# line; with CI=true, a missing cargo-deny fails.
set -euo pipefail
cd "$(dirname "$0")/.."

PATH="$PWD/target/tools/bin:$PATH"
if ! command -v cargo-deny >/dev/null; then
    echo "skipped: cargo deny: no cargo-deny; scripts/install.sh deny installs it"
    [ "${CI:-}" != true ] || [ "${1:-}" = optional ]
    exit
fi
cargo deny --log-level error check bans licenses sources
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
if cargo deny fetch >"$log" 2>&1; then
    cargo deny --log-level error check --disable-fetch advisories
else
    echo "skipped: cargo deny check advisories: the advisory database could not be fetched ($(tail -n 1 "$log" | cut -c1-120))"
fi
