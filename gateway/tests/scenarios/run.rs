//! The scenarios, each on a switch of its kind.

use crate::{
    alone, app, beep, bounds, broken, checked, clients, cut, database, distributed, ends, folders, gateway, held,
    injected, late, live, pbx::Pbx, placed, process, reach, recorded, reload, rest, restart, sockets, starters,
    strangers, talks, told, transports, verbs,
};
use libtest_mimic::{Arguments, Trial};
use std::{process::ExitCode, sync::Arc};

/// A scenario on an instance that it shares with others, and its name.
pub type Scenario = (&'static str, fn(&Pbx, &gateway::Gateway));

/// A scenario that starts what it needs itself, and its name.
pub type OwnScenario = (&'static str, fn());

/// Those that start a switch of their own.
const WITH_THEIR_OWN: [&[OwnScenario]; 26] = [
    alone::SCENARIOS,
    sockets::SCENARIOS,
    verbs::SCENARIOS,
    beep::SCENARIOS,
    bounds::SCENARIOS,
    ends::SCENARIOS,
    distributed::SCENARIOS,
    held::SCENARIOS,
    recorded::SCENARIOS,
    restart::SCENARIOS,
    broken::SCENARIOS,
    database::SCENARIOS,
    placed::SCENARIOS,
    live::SCENARIOS,
    checked::SCENARIOS,
    reload::SCENARIOS,
    injected::SCENARIOS,
    cut::SCENARIOS,
    transports::SCENARIOS,
    reach::SCENARIOS,
    starters::SCENARIOS,
    clients::SCENARIOS,
    strangers::SCENARIOS,
    talks::SCENARIOS,
    late::SCENARIOS,
    told::SCENARIOS,
];

/// Runs the scenarios that the command line names; `own`: those that this kind of switch alone has. Without a switch, `missing` says
/// how to get one, and none of them counts as passed.
pub fn run(own: &[OwnScenario], missing: Option<&'static str>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    if let Some(how) = missing {
        let with_own = WITH_THEIR_OWN.iter().copied().flatten().chain(own).map(|&(name, _)| name);
        let names = with_own.chain(rest::SCENARIOS.iter().map(|&(name, _)| name));
        let trials = names.map(|name| Trial::test(name, || Err(how.into())).with_ignored_flag(true));
        return libtest_mimic::run(&arguments, trials.collect()).exit_code();
    }
    process::keep_time();
    arguments.test_threads.get_or_insert(2);
    let shared = (!arguments.list).then(|| {
        let pbx = Pbx::start("shared");
        let gateway = gateway::Gateway::start(&pbx, "gateway", "");
        Arc::new((pbx, gateway))
    });
    if !arguments.list {
        app::install();
    }
    let with_own = WITH_THEIR_OWN.iter().copied().flatten().chain(own).map(|&(name, scenario)| trial(name, scenario));
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
        folders::clean_up("gateway");
    }
    conclusion.exit_code()
}

fn trial(name: &str, scenario: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        scenario();
        Ok(())
    })
}

/// How long something that a switch, the gateway or an application does by itself is waited for, on a busy machine too.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Waits until something is so, that a switch does by itself. How long that may take on a quiet machine is no matter of this: what is
/// promised within a time is measured where it is promised.
pub fn wait_until(what: &str, is_so: &dyn Fn() -> bool) {
    let end = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < end, "{what}: it should be so by now");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
