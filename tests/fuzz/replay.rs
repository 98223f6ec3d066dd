//! Plays the fuzzers' seeds, and random schedules, in every test run.

mod abi;
mod calls;
mod commands;
mod model;
#[path = "../support/seeds.rs"]
mod seeds;

use proptest::{prelude::*, test_runner::FileFailurePersistence};
use std::path::Path;

#[test]
fn commands_of_the_seeds_keep_the_promises() {
    replay("commands", commands::play);
}

#[test]
fn calls_of_the_seeds_keep_the_promises() {
    replay("calls", calls::play);
}

#[test]
fn random_calls_keep_the_promises() {
    // A customer, an agent and a manager that coaches it, and then anything.
    let start = prop::sample::select(vec!["A00J00 A11J10 A22J20", "A00J01 A11J11 A22J21", ""]);
    let step = ("[AJJLDTTUCCOMFHPRRRRWWWWKSXQN]", "[0-3]", "[0-9]").prop_map(|(call, a, b)| call + &a + &b);
    let schedule =
        (start, prop::collection::vec(step, 1..300)).prop_map(|(start, steps)| start.to_owned() + &steps.concat());
    let config = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("proptest-regressions/main.txt"))),
        ..ProptestConfig::with_cases(500)
    };
    proptest!(config, |(schedule in schedule)| calls::play(schedule.as_bytes()));
}

fn replay(target: &str, play: fn(&[u8])) {
    seeds::replay(&Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target), play);
}
