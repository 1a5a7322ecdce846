#!/usr/bin/env bash
# Writes a CycloneDX document for each program to target/sbom/: every crate that goes into it, from the lock file.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=0.5.9
tool=target/tools/bin/cargo-cyclonedx
[ -x "$tool" ] || cargo install --locked --quiet --version "$VERSION" --root target/tools cargo-cyclonedx
mkdir -p target/sbom
for program in collector/emp-cost-collector serve/emp-cost-service cli/emp-cost; do
    # `binaries` leaves out what only tests and examples need. The tool writes beside each manifest it visits, so what it
    # leaves there is moved or removed.
    "$tool" cyclonedx --quiet --manifest-path "${program%/*}/Cargo.toml" --format json --describe binaries \
        --target x86_64-unknown-linux-gnu
    mv "${program%/*}/${program#*/}_bin.cdx.json" "target/sbom/${program#*/}.cdx.json"
    find . -path ./target -prune -o -name '*.cdx.json' -exec rm {} +
done
# A document without what the programs certainly contain would be worse than none.
for crate in aws-sdk-s3 parquet; do
    grep -q "\"$crate\"" target/sbom/emp-cost-collector.cdx.json ||
        { echo "sbom: no \`$crate\` in emp-cost-collector.cdx.json" >&2 && exit 1; }
done
