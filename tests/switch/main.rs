//! Tests of what the tests on real switches rely on: phones, ports, the judgement of recordings.

mod judge;
mod judge_tests;
mod ports;
mod ports_tests;
mod voices;
mod voices_tests;
