//! What judges the tests on real switches, itself judged.

mod judge;
mod judge_tests;
mod voices;
mod voices_tests;
