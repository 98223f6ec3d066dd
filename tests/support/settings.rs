//! What the environment may say about a run: `COACH_FRAMES` (how long) and `COACH_SEED` (which schedules).

use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use std::{cell::RefCell, env};

/// Frames to play: `COACH_FRAMES`, else `usual`.
pub fn frames(usual: u64) -> u64 {
    number("COACH_FRAMES").unwrap_or(usual)
}

/// The seed of every random choice: `COACH_SEED`, else 1, so that two runs are the same run.
pub fn seed() -> u64 {
    number("COACH_SEED").unwrap_or(1)
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} should be a whole number, not '{text}'")))
}

/// Checks random cases: the same seed, the same cases. A failing one is made as small as it gets, and reported.
pub fn run<S: Strategy>(
    seed: u64,
    cases: u32,
    strategy: &S,
    mut check: impl FnMut(&S::Value) -> Result<(), String>,
) -> Result<(), String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    // The runner wants a shared function, and runs on this thread alone.
    let check = RefCell::new(&mut check);
    let run = runner.run(strategy, |case| (check.borrow_mut())(&case).map_err(TestCaseError::fail));
    run.map_err(|error| match error {
        TestError::Fail(reason, case) => format!("{reason}\nseen with COACH_SEED={seed} and, made smaller, {case:#?}"),
        TestError::Abort(reason) => format!("no case could be made: {reason}"),
    })
}
