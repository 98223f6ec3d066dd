#!/usr/bin/env bash
# Fuzzes the text commands, the ABI calls, and what applications send to the gateway, side by side: run.sh <seconds>
#
# Inputs that reached something new stay in <target>/fuzz/<what>/inputs, from where the next run goes on.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?usage: run.sh <seconds>}
target=${CARGO_TARGET_DIR:-target}
host=$(rustc -vV | sed -n 's/^host: //p')

# The compiler reports to libFuzzer what an input reaches and compares. AddressSanitizer watches memory; its option is one that
# a stable compiler takes only with RUSTC_BOOTSTRAP. libFuzzer itself needs neither, and has to be fast.
coverage='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4'
coverage+=' -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table'
coverage+=' -Cllvm-args=-sanitizer-coverage-trace-compares'
RUSTC_BOOTSTRAP=1 RUSTFLAGS="$coverage -Zsanitizer=address" CXXFLAGS=-fno-sanitize=all \
    cargo build -p coach-fuzz -p coach-gateway --features coach-fuzz/fuzzer,coach-gateway/fuzzer --bin fuzzer --bin gateway-fuzzer --target "$host" \
    --config 'profile.dev.package.libfuzzer-sys.opt-level=2'
fuzzer=$target/$host/debug/fuzzer

if FUZZ=overrun "$fuzzer" -runs=1 -artifact_prefix="$target/fuzz-overrun-" >"$target/fuzz-overrun.log" 2>&1 ||
    ! grep -q 'AddressSanitizer: heap-buffer-overflow' "$target/fuzz-overrun.log"; then
    echo 'fuzz: AddressSanitizer should see a read past the end, but does not'
    exit 1
fi

# fuzz <what> <program> <folder with seeds> <words>
fuzz() {
    local what=$1 program=$2 seeds=$3/seeds/$1 words=$3/$4 folder=$target/fuzz/$1 log=$target/fuzz/$1/log runs
    mkdir -p "$folder/inputs"
    if ! FUZZ=$what "$program" -max_total_time="$seconds" -max_len=1500 -timeout=20 -print_final_stats=1 \
        -dict="$words" -artifact_prefix="$folder/" \
        "$folder/inputs" "$seeds" >"$log" 2>&1; then
        tail -n 60 "$log"
        echo "fuzz: $what FAILED; its input is in $folder, and belongs into $seeds once this is mended"
        return 1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    # Without coverage libFuzzer finds every input dull: its list does not grow.
    if ((runs < 100)) || ! grep -q 'NEW  *cov: ' "$log"; then
        tail -n 20 "$log"
        echo "fuzz: $what should run at least 100 inputs and learn from them, not $runs"
        return 1
    fi
    echo "fuzz: $what ok: $runs inputs, $(grep -o 'cov: [0-9]*' "$log" | tail -n 1) places reached"
}

fuzz commands "$fuzzer" tests/fuzz commands.dict &
running=($!)
fuzz calls "$fuzzer" tests/fuzz calls.dict &
running+=($!)
for what in messages answers; do
    fuzz "$what" "$target/$host/debug/gateway-fuzzer" gateway/tests/fuzz words.dict &
    running+=($!)
done
failed=0
for one in "${running[@]}"; do
    wait "$one" || failed=1
done
exit "$failed"
