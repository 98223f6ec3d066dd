//! The scenarios, each on a switch of its kind.

use crate::{alone, app, broken, checked, folders, gateway, pbx::Pbx, process, reload, rest, restart, sockets, verbs};
use libtest_mimic::{Arguments, Trial};
use std::{process::ExitCode, sync::Arc};

/// A scenario on an instance that it shares with others, and its name.
pub type Scenario = (&'static str, fn(&Pbx, &gateway::Gateway));

/// Runs the scenarios that the command line names.
pub fn run() -> ExitCode {
    process::keep_time();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    let shared = (!arguments.list).then(|| {
        let pbx = Pbx::start("shared");
        let gateway = gateway::Gateway::start(&pbx, "gateway", "");
        Arc::new((pbx, gateway))
    });
    if !arguments.list {
        app::install();
    }
    let with_own = alone::SCENARIOS
        .iter()
        .chain(sockets::SCENARIOS)
        .chain(verbs::SCENARIOS)
        .chain(restart::SCENARIOS)
        .chain(broken::SCENARIOS)
        .chain(checked::SCENARIOS)
        .chain(reload::SCENARIOS)
        .map(|&(name, scenario)| trial(name, scenario));
    let with_shared = rest::SCENARIOS.iter().map(|&(name, scenario)| {
        let shared = shared.clone();
        trial(name, move || {
            let shared = shared.expect("it runs where scenarios do");
            scenario(&shared.0, &shared.1);
        })
    });
    let trials = with_own.chain(with_shared).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(shared);
    if !conclusion.has_failed() {
        folders::clean_up();
    }
    conclusion.exit_code()
}

fn trial(name: &str, scenario: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        scenario();
        Ok(())
    })
}

/// Waits until something is so, that a switch does by itself.
pub fn wait_until(what: &str, is_so: &dyn Fn() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while !is_so() {
        assert!(std::time::Instant::now() < end, "{what}: it should be so by now");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
