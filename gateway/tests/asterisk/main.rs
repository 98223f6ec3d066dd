//! The gateway beside a real Asterisk, called by SIP phones, asked by curl and by the SDKs that applications use.

#[path = "../scenarios/alone.rs"]
mod alone;
#[path = "../scenarios/app.rs"]
mod app;
#[path = "../scenarios/broken.rs"]
mod broken;
#[path = "../scenarios/folders.rs"]
mod folders;
#[path = "../scenarios/gateway.rs"]
mod gateway;
#[path = "../../../tests/switch/judge.rs"]
#[expect(dead_code, reason = "the switches' own tests use the rest")]
mod judge;
#[path = "../scenarios/meddler.rs"]
mod meddler;
#[path = "../scenarios/party.rs"]
mod party;
mod pbx;
#[path = "../../../tests/switch/phone.rs"]
#[expect(dead_code, reason = "the switches' own tests use the rest")]
mod phone;
#[path = "../../../tests/switch/ports.rs"]
mod ports;
#[path = "../../../tests/switch/process.rs"]
mod process;
#[path = "../scenarios/raw.rs"]
mod raw;
#[path = "../scenarios/rest.rs"]
mod rest;
#[path = "../scenarios/restart.rs"]
mod restart;
#[path = "../scenarios/run.rs"]
mod run;
#[path = "../scenarios/sockets.rs"]
mod sockets;
#[path = "../scenarios/verbs.rs"]
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    run::run()
}
