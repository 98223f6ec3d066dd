//! The module in a real FreeSWITCH: `make test-freeswitch FREESWITCH=<prefix>`. The tests judge what the callers heard.

use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

#[allow(dead_code, unused_imports)] // the module needs the rest; its tests are run in tests/mod_coach.rs
#[path = "../../src/host/freeswitch/assignments.rs"]
mod assignments;
mod installation;
#[allow(dead_code)] // Asterisk's tests need the rest
#[path = "../switch/judge.rs"]
mod judge;
mod line;
#[allow(dead_code)]
#[path = "../switch/phone.rs"]
#[expect(dead_code, reason = "the gateway's tests use the rest")]
mod phone;
#[path = "../switch/ports.rs"]
mod ports;
#[path = "../switch/process.rs"]
mod process;
mod scenarios;
mod scene;
#[allow(dead_code)] // Asterisk's tests need the rest
#[path = "../asterisk/sip.rs"]
mod sip;
mod socket;
mod switch;
mod tones;
mod verdict;
#[path = "../switch/voices.rs"]
mod voices;

use scene::{Outcome, Scene};
use switch::Switch;
use verdict::TOO_SLOW;

/// A scenario for which the machine was too slow is played so often, each time in a conference of its own.
const TURNS: u32 = 5;

/// What scenarios are given.
pub struct Stage {
    /// One switch for all that do not disturb each other.
    shared: Outcome<Switch>,
}

impl Stage {
    /// A conference on the shared switch.
    pub fn scene(&self, room: &str, profile: &'static str) -> Outcome<Scene<'_>> {
        Scene::new(self.switch()?, room, profile)
    }

    /// The shared switch.
    pub fn switch(&self) -> Outcome<&Switch> {
        self.shared.as_ref().map_err(String::clone)
    }
}

fn main() {
    let arguments = Arguments::from_args();
    let missing = installation::prefix().is_none();
    if !missing {
        process::keep_time();
    }
    let stage = (!missing && !arguments.list).then(|| Arc::new(Stage { shared: Switch::start(true) }));
    let trials = scenarios::ALL.iter().map(|&(name, play)| {
        let stage = stage.clone();
        let run = move || match &stage {
            Some(stage) => {
                let turns =
                    (1..=TURNS).map(|turn| play(stage, &if turn > 1 { format!("{name}-{turn}") } else { name.into() }));
                let is_judged = |outcome: &Outcome| !matches!(outcome, Err(wrong) if wrong.contains(TOO_SLOW));
                let mut last = Ok(());
                for outcome in turns {
                    last = outcome;
                    if is_judged(&last) {
                        break;
                    }
                }
                last.map_err(Into::into)
            }
            None => Err("make test-freeswitch FREESWITCH=<prefix> runs this".into()),
        };
        Trial::test(name, run).with_ignored_flag(missing)
    });
    let mut conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(Err(how)) = stage.as_ref().and_then(|stage| Some(stage.switch().ok()?.stop())) {
        eprintln!("{how}");
        conclusion.num_failed += 1;
    }
    drop(stage);
    conclusion.exit()
}
