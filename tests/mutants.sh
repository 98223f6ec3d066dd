#!/usr/bin/env bash
# Breaks the engine on purpose, in one place at a time, and looks whether a test notices: `make mutants`.
#
# All changes that cargo-mutants knows for the rule, the gate, the opening guard, the pace and the publishing of plans; and 150 of the
# others, drawn by SEED, with all that leave a field out of a struct, since cargo-mutants does not let those be chosen. A change that no test
# notices fails this, unless tests/mutants.txt has it, with the reason why it makes no difference.
# PART=rule runs the first part alone, PART=others the second. Adapters for switches have tests on switches; they are not changed here.
set -uo pipefail
cd "$(dirname "$0")/.."
seed=${SEED:-2026} drawn=${DRAWN:-150} part=${PART:-both}
out=$(realpath -m "${CARGO_TARGET_DIR:-target}")/mutants
rules=('src/route/*.rs' src/audio/{lockfree/gate,lockfree/opening_guard,playout/jitter,hook/plan}.rs src/room/{plan_builder,pairs,tag_index,pending}.rs)
rule=() others=(-f 'src/**/*.rs' -e 'src/host/**' -e src/audio/lockfree/models.rs -e src/faults.rs)
for file in "${rules[@]}"; do rule+=(-f "$file") others+=(-e "$file"); done

# What every change compiles stays there, so that only the library and the tests of it are built anew.
export CARGO_TARGET_DIR=$out/build
# Random schedules are shorter than in `cargo test`: together the tests take less than a minute of two idle cores.
export COACH_FRAMES=${COACH_FRAMES:-75000}

# Runs the changes that the arguments choose; what no test noticed is appended to $out/missed.txt, without line numbers.
break_all() {
    nice cargo mutants --output "$out" --no-shuffle --jobs 1 --profile mutants --timeout-multiplier 3 --minimum-test-timeout 60 --cargo-arg=--locked \
        --cargo-arg=--lib --cargo-arg=--test=promises --cargo-arg='--config=target."cfg(all())".runner="tests/mutants_run.sh"' "$@"
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
