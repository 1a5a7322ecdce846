#!/usr/bin/env bash
# Runs every check and ends with one line that counts the tests.
#
# Tests against real servers run where the server is found (see scripts/install.sh). Elsewhere each says in one
# line what it skipped; with CI=true a skipped one fails instead.
set -uo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0

step() {
    echo "== $*" >&2
    if ! "$@"; then
        echo "FAILED: $*" >&2
        failed=$((failed + 1))
    fi
}

tests() {
    COST_TEST_SERVICES=1 PATH="$PWD/target/tools:$PATH" cargo test --workspace --no-fail-fast 2>&1 | tee "$log"
    return "${PIPESTATUS[0]}"
}

# The chart: what Helm renders, and the rendered command lines against real servers. Needs what the tests built.
chart() {
    local python=target/tools/venv/bin/python
    [ -x "$python" ] || python=python3
    PATH="$PWD/target/tools:$PATH" "$python" charts/tests/run.py 2>&1 | tee -a "$log"
    return "${PIPESTATUS[0]}"
}

# Fuzz targets are workspaces of their own, which nothing here builds: their lock files must still fit the crates.
fuzz_locks() {
    local folder
    for folder in */fuzz; do
        (cd "$folder" && cargo metadata --locked --format-version 1 >/dev/null) || return 1
    done
}

step cargo fmt --all --check
step fuzz_locks
step cargo clippy --workspace --all-targets -- --deny warnings
step env RUSTDOCFLAGS="--deny warnings --allow rustdoc::private_intra_doc_links" cargo doc --workspace --no-deps --document-private-items --quiet
step tests
step chart
step python3 scripts/check_docs.py
step python3 scripts/check_code.py
step scripts/deny.sh optional

count() {
    awk -v word="$1" '/^test result:/ { for (i = 2; i <= NF; i++) if ($i ~ "^" word) sum += $(i - 1) } END { print sum + 0 }' "$log"
}
passed=$(count passed)
broken=$(count failed)
skipped=$(grep -c '^skipped: ' "$log")
if [ "$failed" -gt 0 ] && [ "$broken" -eq 0 ]; then
    broken=$failed
fi
echo "$passed passed, $broken failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
