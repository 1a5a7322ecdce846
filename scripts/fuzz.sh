#!/usr/bin/env bash
# Runs every fuzz target for a minute, or for as many seconds as given: scripts/fuzz.sh [SECONDS]
#
# On the stable compiler: coverage comes from LLVM's own pass, without a sanitizer, which would need nightly. Our code is
# safe Rust, so what a target can find is a panic, an overflow, a hang or too much memory. A find is left in
# target/fuzz/finds/, and is reproduced with: target/fuzz/HOST/release/TARGET FILE
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:-60}"
root="$PWD"
export CARGO_TARGET_DIR="$root/target/fuzz" CARGO_INCREMENTAL=0
# One unit for each crate, so that every edge of it is counted once.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table --cfg fuzzing"

ran=0
for folder in */fuzz; do
    # With a target, the flags do not reach build scripts, which have no counters to report to.
    host="$(rustc -vV | sed -n 's/^host: //p')"
    (cd "$folder" && cargo build --locked --release --target "$host")
    for source in "$folder"/fuzz_targets/*.rs; do
        target="$(basename "$source" .rs)"
        # A target stops at once where a folder is missing.
        mkdir -p "target/fuzz/finds" "target/fuzz/found/$target" "$folder/corpus/$target"
        echo "fuzz: $folder $target, $seconds s" >&2
        "target/fuzz/$host/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
            -artifact_prefix=target/fuzz/finds/ "target/fuzz/found/$target" "$folder/corpus/$target" 2>&1 | tail -n 12
        ran=$((ran + 1))
    done
done
# Without a target nothing was tried.
[ "$ran" -gt 0 ] && echo "fuzz: $ran targets, nothing found"
