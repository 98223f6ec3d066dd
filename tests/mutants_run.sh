#!/usr/bin/env bash
# Runs one test program for `make mutants`, the tests that take a moment last: most changes are noticed by the others. What hangs has noticed.
slow='threads::|rates::|steady_clocks::|drift::|private::private_speech|whole::(host|engine)_mixed_schedules|explain::(every|what_explain)'
slow+='|random_tones::|audience_events::events_tell|commands::random|changing_rates::formats'
# By their full names: a test program takes part of a name for all that have it anywhere.
mapfile -t slow < <("$@" --list --format terse | sed -n 's/: test$//p' | grep -E "^($slow)")
# The first test that fails is enough. A test program ends there only where it may have unstable options.
export RUSTC_BOOTSTRAP=1
timeout 60 "$@" -Zunstable-options --fail-fast --exact "${slow[@]/#/--skip=}" || exit
[ ${#slow[@]} = 0 ] || timeout 600 "$@" -Zunstable-options --fail-fast --exact "${slow[@]}"
