#!/usr/bin/env bash
# Every check of this project, one part after the other. Each part has to pass, and a part of tests has to have run some.
# The last line says how many tests passed, failed and were skipped in all of them.
set -uo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0 broken=()

# Runs a part; its output stays in the log. What hangs is ended, and has failed.
run() {
    printf '\n== %s\n' "$1"
    timeout --kill-after=10 1800 "${@:2}" 2>&1 | tee "$log"
    return "${PIPESTATUS[0]}"
}

# A part that is no test: it only has to succeed.
check() {
    run "$@" || { failed=$((failed + 1)) && broken+=("$1"); }
}

# A part that is one test.
single() {
    if run "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) && broken+=("$1"); fi
}

# A part whose tests cargo counts.
tests() {
    local status=0 ok bad left
    run "$@" || status=$?
    read -r ok bad left < <(awk '/^test result: / { ok += $4; bad += $6; left += $8 } END { print ok + 0, bad + 0, left + 0 }' "$log")
    if ((ok + bad == 0)); then
        echo "$1: no test ran; there should be some"
        bad=1
    elif ((status != 0 && bad == 0)); then
        bad=1
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + left))
    ((bad == 0)) || broken+=("$1")
}

check 'format, lints, documentation' make --no-print-directory lint
tests 'tests' cargo test --no-fail-fast
tests 'the demo, and the seeds of the fuzzers' cargo test -p coach-demo -p coach-fuzz --no-fail-fast
tests 'a real Asterisk' make --no-print-directory test-asterisk
tests 'the gateway' make --no-print-directory test-gateway
tests 'packages' make --no-print-directory test-packages PROFILE=dev
tests 'model checks' env RUSTFLAGS='--cfg loom' cargo test --lib models --target-dir "$target/loom"
single 'fuzzing' tests/fuzz/run.sh 25

printf '\n'
((${#broken[@]} == 0)) || printf 'failed: %s\n' "${broken[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
