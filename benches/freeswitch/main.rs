//! What Coach costs a real FreeSWITCH: `make bench-freeswitch FREESWITCH=<prefix>`. A conference of 120 members that all speak, in
//! turns with the module, without it, and with mod_conference's own `relate`; and how late a whisper is.

use std::{thread::sleep, time::Duration};

#[path = "../../tests/switch/judge.rs"]
#[allow(dead_code)]
mod judge;
#[allow(dead_code)] // for Asterisk's tests
#[path = "../../tests/switch/ports.rs"]
mod ports;
#[allow(dead_code)] // its priority is everybody else's: load is what is measured
#[path = "../../tests/switch/process.rs"]
mod process;
#[path = "../../tests/freeswitch/socket.rs"]
#[allow(dead_code)]
mod socket;
#[path = "../../tests/freeswitch/switch.rs"]
#[allow(dead_code)]
mod switch;
#[path = "../../tests/freeswitch/tones.rs"]
#[allow(dead_code)]
mod tones;

mod conference;
mod delay;
mod load;

use conference::Conference;
use load::Load;
use switch::Switch;

/// As many as one mixer can bear with `relate`.
const MEMBERS: usize = 120;
const ROUNDS: usize = 7;
/// How long each case is measured in a round.
const MEASURED: Duration = Duration::from_secs(5);

fn main() {
    if let Err(why) = run() {
        eprintln!("bench-freeswitch: {why}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let switch = Switch::start(true)?;
    let mut conference = Conference::new(&switch)?;
    conference.api("unload mod_coach")?;
    eprintln!("{MEMBERS} members join ...");
    let members = conference.fill(MEMBERS)?;
    let (coach, agent) = (members[0], members[1]);
    let mut cases = Cases::default();
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS} ...");
        cases.stock.push(measure(&switch)?);
        conference.api("load mod_coach")?;
        cases.open.push(measure(&switch)?);
        conference.coach(&format!("tag bench {agent} agent"))?;
        conference.coach(&format!("coach bench {coach} agent"))?;
        cases.whisper.push(measure(&switch)?);
        for member in &members[1..] {
            conference.coach(&format!("tag bench {member} agent"))?;
        }
        cases.everyone.push(measure(&switch)?);
        for member in &members[1..] {
            conference.coach(&format!("untag bench {member}"))?;
        }
        conference.coach(&format!("uncoach bench {coach}"))?;
        sleep(Duration::from_millis(500));
        conference.api("unload mod_coach")?;
        conference.relates(coach, &members[2..], "nospeak")?;
        cases.relate.push(measure(&switch)?);
        conference.relates(coach, &members[2..], "clear")?;
    }
    conference.api("hupall")?;
    conference.api("load mod_coach")?;
    cases.print();
    let delay = delay::measure(&switch)?;
    println!("a whisper reaches the agent {delay:+.1} ms after open speech would (bound: 20)");
    switch.stop().map(drop)?;
    cases.judge(delay)
}

/// Some seconds of it, once things have settled.
fn measure(switch: &Switch) -> Result<Load, String> {
    sleep(Duration::from_secs(1));
    Load::over(switch.process_id(), MEASURED)
}

#[derive(Default)]
struct Cases {
    stock: Vec<Load>,
    open: Vec<Load>,
    whisper: Vec<Load>,
    everyone: Vec<Load>,
    relate: Vec<Load>,
}

impl Cases {
    fn print(&self) {
        println!("{MEMBERS} members, all speaking; percent of one core, median of {ROUNDS} rounds of {MEASURED:?}\n");
        println!("{:<44} {:>8} {:>8} {:>8} {:>6}", "", "process", "added", "busiest", "bound");
        for (name, loads, bound) in [
            ("without the module", &self.stock, ""),
            ("module loaded, nobody private", &self.open, "1"),
            ("a coach, heard by one agent", &self.whisper, "5"),
            ("a coach, heard by all others", &self.everyone, ""),
            ("without the module: relate nospeak", &self.relate, ""),
        ] {
            let load = Load::median(loads);
            let added = self.added(loads);
            println!("{name:<44} {:>8.1} {added:>+8.1} {:>8.1} {bound:>6}", load.process, load.busiest);
        }
        println!();
    }

    /// Against the same round without the module: what else the machine does changes slowly.
    fn added(&self, loads: &[Load]) -> f64 {
        let mut added: Vec<f64> =
            loads.iter().zip(&self.stock).map(|(with, without)| with.process - without.process).collect();
        added.sort_by(f64::total_cmp);
        added[added.len() / 2]
    }

    fn judge(&self, delay: f64) -> Result<(), String> {
        for (what, is, bound) in [
            ("nobody private, points of a core", self.added(&self.open), 1.0),
            ("a coach, points of a core", self.added(&self.whisper), 5.0),
            ("a whisper's delay, ms", delay, 20.0),
        ] {
            if is > bound {
                return Err(format!("{what}: {is:.1}, at most {bound}"));
            }
        }
        Ok(())
    }
}
