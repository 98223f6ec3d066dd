//! Coach in a real Asterisk: a stock one from Debian's packages, loaded with res_coach.so, called by lines of the test's own and
//! by SIP phones. Each scenario has a room of its own; those that bear no others have an instance of their own.

mod at_once;
mod conference;
mod follow;
#[path = "../switch/judge.rs"]
mod judge;
mod line;
mod manager;
mod modes;
mod pbx;
#[path = "../switch/phone.rs"]
mod phone;
mod phones;
#[path = "../switch/process.rs"]
mod process;
mod sip;

use libtest_mimic::{Arguments, Trial};
use pbx::{Pbx, Setup};
use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let pbx = Arc::new(Pbx::start("shared", Setup::default()));
    let mut trials = Vec::new();
    for (name, scenario) in
        modes::SCENARIOS.iter().chain(at_once::SCENARIOS).chain(follow::SCENARIOS).chain(phones::SCENARIOS)
    {
        let pbx = pbx.clone();
        trials.push(Trial::test(*name, move || {
            scenario(&pbx);
            Ok(())
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
