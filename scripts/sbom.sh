#!/usr/bin/env bash
# Writes a CycloneDX document for each program to target/sbom/: every crate that goes into it, from the lock file.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=0.5.9
tool=target/tools/bin/cargo-cyclonedx
[ -x "$tool" ] || cargo install --locked --quiet --version "$VERSION" --root target/tools cargo-cyclonedx
mkdir -p target/sbom
for package in collector cli; do
    # It writes beside the manifest; `binaries` leaves out what only tests and examples need.
    PATH="$PWD/target/tools/bin:$PATH" cargo cyclonedx --quiet --manifest-path "$package/Cargo.toml" --format json \
        --describe binaries --target x86_64-unknown-linux-gnu --override-filename sbom
done
