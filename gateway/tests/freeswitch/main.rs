//! The gateway beside a real FreeSWITCH, called by SIP phones, asked by curl and by the SDKs that applications use: the same
//! scenarios as on Asterisk. `make test-freeswitch FREESWITCH=<prefix>` runs them.

#[path = "../asterisk/pbx.rs"]
#[expect(dead_code, reason = "scenarios on Asterisk use the rest")]
mod asterisk;
mod both;
#[path = "../../../tests/freeswitch/installation.rs"]
mod installation;
mod pbx;
#[path = "../scenarios/mod.rs"]
mod scenarios;
#[path = "../../../tests/freeswitch/socket.rs"]
#[expect(dead_code, reason = "the module's own tests use the rest")]
mod socket;
#[path = "../../../tests/asterisk/stock.rs"]
mod stock;

mod door;
mod recovered;

use scenarios::*;
use std::process::ExitCode;

fn main() -> ExitCode {
    let missing = installation::prefix().is_none().then_some("make test-freeswitch FREESWITCH=<prefix> runs this");
    run::run(&[door::SCENARIOS, both::SCENARIOS, recovered::SCENARIOS].concat(), missing)
}
