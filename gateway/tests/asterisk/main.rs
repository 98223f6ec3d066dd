//! The gateway beside a real Asterisk, called by SIP phones, asked by curl and by the SDKs that applications use.

mod injection;
mod pbx;
#[path = "../scenarios/mod.rs"]
mod scenarios;
#[path = "../../../tests/asterisk/stock.rs"]
mod stock;

use scenarios::*;
use std::process::ExitCode;

fn main() -> ExitCode {
    run::run(injection::SCENARIOS, None)
}
