//! Coach in a real Asterisk: a stock one from Debian's packages, loaded with res_coach.so, called by lines of the test's own and
//! by SIP phones. Each scenario has a room of its own; those that others would disturb have an instance of their own.

mod alone;
mod ari;
mod at_once;
mod audiosocket;
mod bursts;
mod conference;
mod cost;
mod ended;
mod events;
#[path = "../switch/folders.rs"]
mod folders;
mod follow;
mod guide;
mod hearing;
mod held;
mod hooks;
mod interfaces;
#[path = "../switch/judge.rs"]
#[expect(dead_code, reason = "FreeSWITCH's tests use the rest")]
mod judge;
mod line;
mod local;
mod loss;
mod manager;
mod misspelt;
mod modes;
mod pbx;
#[path = "../switch/phone.rs"]
#[expect(dead_code, reason = "the demo uses the rest")]
mod phone;
mod phones;
#[path = "../switch/ports.rs"]
mod ports;
#[path = "../switch/process.rs"]
mod process;
mod random;
mod relay;
mod seats;
mod sip;
mod sounds;
mod spying;
mod stalls;
mod stock;
mod streams;
#[path = "../switch/voices.rs"]
#[expect(dead_code, reason = "FreeSWITCH's tests use the rest")]
mod voices;

use libtest_mimic::{Arguments, Trial};
use pbx::{Pbx, Scenario, Setup};
use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    process::keep_time();
    let mut arguments = Arguments::from_args();
    // They mostly wait, as callers do; but each takes a share of the processors.
    arguments.test_threads.get_or_insert(4);
    let mut trials: Vec<Trial> = Vec::new();
    for &(name, scenario) in alone::SCENARIOS
        .iter()
        .chain(ended::SCENARIOS)
        .chain(guide::ALONE)
        .chain(seats::ALONE)
        .chain(sounds::ALONE)
        .chain(stalls::ALONE)
        .chain(&[("fifty_calls_at_once_leave_nothing_behind", random::many as fn())])
    {
        trials.push(trial(name, scenario));
    }
    let shared = [
        ari::SCENARIOS,
        modes::SCENARIOS,
        at_once::SCENARIOS,
        bursts::SCENARIOS,
        events::SCENARIOS,
        follow::SCENARIOS,
        held::SCENARIOS,
        hooks::SCENARIOS,
        interfaces::SCENARIOS,
        local::SCENARIOS,
        misspelt::SCENARIOS,
        phones::SCENARIOS,
        seats::SCENARIOS,
        sounds::SCENARIOS,
        spying::SCENARIOS,
        stalls::SCENARIOS,
        streams::SCENARIOS,
    ];
    let random: Scenario = ("random_commands_do_what_the_rule_says", random::oracle);
    let pbx = (!arguments.list && !arguments.bench).then(|| Arc::new(Pbx::start("shared", Setup::default())));
    for &(name, scenario) in [random].iter().chain(shared.concat().iter()) {
        let pbx = pbx.clone();
        trials.push(trial(name, move || scenario(pbx.as_ref().expect("it runs where scenarios do"))));
    }
    trials.push(Trial::bench("a_conference_of_a_hundred_members", |test| {
        Ok(Some(cost::conference(if test { &cost::Size::SHORT } else { &cost::Size::FULL })))
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(pbx) = pbx.and_then(Arc::into_inner) {
        assert!(pbx.stop().success(), "Asterisk ends well");
    }
    if !conclusion.has_failed() {
        folders::clean_up("asterisk");
    }
    conclusion.exit_code()
}

fn trial(name: &str, scenario: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        scenario();
        Ok(())
    })
}
