//! What the tests on real switches stand on, itself tested.

mod judge;
mod judge_tests;
mod ports;
mod ports_tests;
mod voices;
mod voices_tests;
