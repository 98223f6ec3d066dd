#!/usr/bin/env bash
# Breaks the engine on purpose, in one place at a time, and looks whether a test notices: `make mutants`.
#
# All changes that cargo-mutants knows for the rule, the gate, the opening guard, the pace and the publishing of plans; and 150 of the
# others, drawn by SEED. A change that no test notices fails this, unless tests/mutants.txt has it, with the reason why it makes no difference.
# PART=rule runs the first part alone, PART=others the second. Adapters for switches have tests on switches; they are not changed here.
set -uo pipefail
cd "$(dirname "$0")/.."
seed=${SEED:-2026} drawn=${DRAWN:-150} part=${PART:-both}
out=${CARGO_TARGET_DIR:-target}/mutants
rules=('src/route/*.rs' src/audio/{lockfree/gate,lockfree/opening_guard,playout/jitter,hook/plan}.rs src/room/{plan_builder,pairs,tag_index,pending}.rs)
rule=() others=(-f 'src/**/*.rs' -e 'src/host/**' -e src/audio/lockfree/models.rs -e src/faults.rs)
for file in "${rules[@]}"; do rule+=(-f "$file") others+=(-e "$file"); done
# The tests that have to notice: those that need no switch, no sanitizer and no model checker.
tests=(--lib --test promises)

# Runs the changes that the arguments choose; what no test noticed is appended to $out/missed.txt, without line numbers.
break_all() {
    cargo mutants --output "$out" --no-shuffle --jobs 1 --minimum-test-timeout 120 --cargo-arg=--locked "$@" -- "${tests[@]}"
    local status=$?
    # 2: some were not noticed; 3: some took too long, which is noticed too.
    case $status in 0 | 2 | 3) ;; *) exit $status ;; esac
    sed -E 's/:[0-9]+:[0-9]+:/:/' "$out/mutants.out/missed.txt" >>"$out/missed.txt"
}

mkdir -p "$out"
: >"$out/missed.txt"
if [ "$part" != others ]; then break_all "${rule[@]}"; fi
if [ "$part" != rule ]; then
    # The draw is the same wherever it is made: by a seed, out of a sorted list.
    chosen=()
    while IFS= read -r name; do chosen+=(--re "^$(sed 's/[][\.*^$()+?{}|\\]/\\&/g' <<<"$name")\$"); done < <(
        cargo mutants --list "${others[@]}" | sort | shuf -n "$drawn" --random-source=<(openssl enc -aes-256-ctr -pass "pass:$seed" -nosalt </dev/zero 2>/dev/null)
    )
    break_all "${others[@]}" "${chosen[@]}"
fi

unexplained=$(grep -vxFf <(sed -n 's/^\(src[^#]*[^ #]\) *#.*/\1/p' tests/mutants.txt) "$out/missed.txt")
if [ -n "$unexplained" ]; then
    printf 'No test notices these changes. Write one, or say in tests/mutants.txt why it makes no difference:\n%s\n' "$unexplained"
    exit 1
fi
echo 'Every change was noticed, or makes no difference.'
