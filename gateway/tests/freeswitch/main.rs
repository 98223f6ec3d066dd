//! The gateway beside a real FreeSWITCH, called by SIP phones, asked by curl and by the SDKs that applications use: the same
//! scenarios as on Asterisk. `make test-freeswitch FREESWITCH=<prefix>` runs them.

mod pbx;
#[path = "../scenarios/mod.rs"]
mod scenarios;
#[path = "../../../tests/freeswitch/socket.rs"]
#[expect(dead_code, reason = "the module's own tests use the rest")]
mod socket;

use scenarios::*;
use std::process::ExitCode;

fn main() -> ExitCode {
    if pbx::prefix().is_none() {
        println!("not run: `make test-freeswitch FREESWITCH=<prefix>` says where FreeSWITCH 1.10 is installed");
        return ExitCode::SUCCESS;
    }
    run::run(&[])
}
