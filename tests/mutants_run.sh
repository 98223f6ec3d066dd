#!/usr/bin/env bash
# Runs one test program for `make mutants`, the tests that take a moment last: most changes are noticed by the others. What hangs has noticed.
slow=(threads:: rates:: steady_clocks:: drift:: private::private_speech mixed_schedules explain::every explain::what_explain
    audience_events::events_tell commands::random changing_rates::formats)
# The first test that fails is enough. A test program ends there only where it may have unstable options.
export RUSTC_BOOTSTRAP=1
timeout 60 "$@" -Zunstable-options --fail-fast "${slow[@]/#/--skip=}" && timeout 600 "$@" -Zunstable-options --fail-fast "${slow[@]}"
