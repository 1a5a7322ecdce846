#!/usr/bin/env bash
# Installs what the demo or the tests need beside Rust, where it is missing and may be installed.
#
#   scripts/install.sh prometheus    the Debian package `prometheus`
#   scripts/install.sh s3            a MinIO server, by the Go toolchain, into target/tools/
#   scripts/install.sh python        DuckDB, pyarrow and polars for Python, into target/tools/venv/
#
# What cannot be installed is said in one line; whoever needs it skips or fails by itself.
set -euo pipefail
cd "$(dirname "$0")/.."

# Keep in step with the versions the tests were written against.
MINIO=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
ENGINES="duckdb==2.0.0 pyarrow==26.0.1 polars==2.1.0"

prometheus() {
    command -v prometheus >/dev/null && return
    if ! command -v apt-get >/dev/null; then
        echo "install: no prometheus and no apt-get; put a prometheus binary on the PATH" >&2
        return
    fi
    local as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "install: no prometheus, and no right to install it; run: sudo apt-get install prometheus" >&2
            return
        fi
        as_root=sudo
    fi
    echo "install: Debian package prometheus" >&2
    # The package starts a server of its own where an init system runs; the demo neither needs nor touches it.
    $as_root apt-get update -qq >&2 || true
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null 2>&1 ||
        echo "install: apt-get could not install prometheus" >&2
}

s3() {
    [ -x target/tools/minio ] && return
    if ! command -v go >/dev/null; then
        echo "install: no Go toolchain, so no S3 server: the tests against S3 will be skipped" >&2
        return
    fi
    echo "install: MinIO, an S3 server (a few minutes, once)" >&2
    mkdir -p target/tools
    GOBIN="$PWD/target/tools" GOFLAGS=-trimpath go install "$MINIO" >&2 || echo "install: go could not build MinIO" >&2
}

python() {
    local venv=target/tools/venv
    "$venv/bin/python" -c "import duckdb, pyarrow, polars" 2>/dev/null && return
    if ! python3 -m venv "$venv" >/dev/null 2>&1; then
        echo "install: no python3 with venv, so no other engines: the tests that read the lake with them will be skipped" >&2
        return
    fi
    echo "install: $ENGINES" >&2
    # shellcheck disable=SC2086
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check $ENGINES >&2 ||
        echo "install: pip could not install $ENGINES" >&2
}

for what in "$@"; do
    case "$what" in
    prometheus | s3 | python) "$what" ;;
    *)
        echo "install: unknown part \`$what\`; use prometheus, s3 or python" >&2
        exit 2
        ;;
    esac
done
