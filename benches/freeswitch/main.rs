//! What Coach costs a real FreeSWITCH: `make bench-freeswitch FREESWITCH=<prefix>`. Two of them run side by side, each
//! with a conference of 120 members that all speak. In turns, one has the module, or mod_conference's own `relate`, and the other has
//! neither, so that what else the machine does affects both alike. It also measures how late a whisper arrives, and what `uuid_coach` costs;
//! with the argument `delay`, or `command`, that alone.

use std::{thread::sleep, time::Duration};

#[path = "../../tests/freeswitch/installation.rs"]
#[allow(dead_code)]
mod installation;
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

mod command;
mod conference;
mod delay;
mod load;

use conference::Conference;
use load::Load;
use switch::Switch;

/// As many as one mixer can bear with `relate`, and two cores with another beside.
const MEMBERS: usize = 120;
const ROUNDS: usize = 5;
/// More rounds follow until what Coach adds is known to [`CLOSE`], but no more than so many.
const MOST_ROUNDS: usize = 30;
/// Half the 95 % interval of what Coach adds, in points of a core.
const CLOSE: f64 = 0.5;
/// What it may add at most, in points of a core.
const BOUND: f64 = 1.0;
/// How long each case is measured in a turn; a round has a turn of each switch.
const MEASURED: Duration = Duration::from_secs(5);

fn main() {
    if let Err(why) = run() {
        eprintln!("bench-freeswitch: {why}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    let alone: [(&str, Alone); 2] = [("delay", delays), ("command", commands)];
    for (name, measure) in alone {
        if std::env::args().any(|argument| argument == name) {
            let switch = Switch::start(true)?;
            let measured = measure(&switch);
            switch.stop()?;
            return measured;
        }
    }
    let switches = [Switch::start(true)?, Switch::start(true)?];
    eprintln!("{MEMBERS} members join each of two conferences ...");
    let [mut one, mut other] = [Side::new(&switches[0])?, Side::new(&switches[1])?];
    let mut cases = Cases::default();
    for round in 1..=MOST_ROUNDS {
        eprintln!("round {round} of {ROUNDS} to {MOST_ROUNDS} ...");
        let all = round <= ROUNDS;
        cases.turn(&mut one, &other, all)?;
        cases.turn(&mut other, &one, all)?;
        if round >= ROUNDS && cases.known() {
            break;
        }
    }
    cases.print();
    one.conference.api("hupall")?;
    other.conference.api("hupall")?;
    one.conference.api("load mod_coach")?;
    let results = [cases.judge(), delays(one.switch), commands(one.switch)];
    for switch in &switches {
        switch.stop()?;
    }
    results.into_iter().collect()
}

/// What can be measured by itself.
type Alone = fn(&Switch) -> Result<(), String>;

/// What `uuid_coach` costs beside a command of the switch's own.
fn commands(switch: &Switch) -> Result<(), String> {
    let mut missed = Vec::new();
    for members in command::SIZES {
        let command::Cost { coach, setvar } = command::measure(switch, members)?;
        let ratio = coach / setvar;
        println!(
            "{members} members: uuid_coach {coach:.2} ms, uuid_setvar {setvar:.2} ms, ratio {ratio:.1} (bound: {})",
            command::BOUND
        );
        if ratio > command::BOUND {
            missed.push(members.to_string());
        }
    }
    if missed.is_empty() {
        Ok(())
    } else {
        Err(format!("uuid_coach takes too long with {} members", missed.join(", ")))
    }
}

/// How late whispers arrive.
fn delays(switch: &Switch) -> Result<(), String> {
    let coded = ["opus", "PCMU"];
    let mut late = false;
    for (what, codecs, bound) in [("linear", None, 20.0), ("Opus coach, PCMU agent", Some(coded), 5.0)] {
        let delay = delay::measure(switch, codecs)?;
        println!("a whisper reaches the agent {delay:+.1} ms after open speech would (bound: {bound}; {what})");
        late |= delay > bound;
    }
    if late { Err("a whisper arrives too late".into()) } else { Ok(()) }
}

/// One of the two.
struct Side<'s> {
    switch: &'s Switch,
    conference: Conference,
    members: Vec<u32>,
}

impl<'s> Side<'s> {
    fn new(switch: &'s Switch) -> Result<Self, String> {
        let mut conference = Conference::new(switch)?;
        conference.api("unload mod_coach")?;
        let members = conference.fill(MEMBERS, true)?;
        Ok(Self { switch, conference, members })
    }
}

/// What one takes, and what the other does without at the same time.
type Pair = [Load; 2];

#[derive(Default)]
struct Cases {
    neither: Vec<Pair>,
    open: Vec<Pair>,
    whisper: Vec<Pair>,
    everyone: Vec<Pair>,
    relate: Vec<Pair>,
}

impl Cases {
    /// On one side, all cases or those that have a bound.
    fn turn(&mut self, side: &mut Side, beside: &Side, all: bool) -> Result<(), String> {
        let Side { switch, conference, members } = side;
        let measure = || {
            sleep(Duration::from_secs(1)); // things have to settle
            Load::over([switch.process_id(), beside.switch.process_id()], MEASURED)
        };
        let (coach, agent) = (members[0], members[1]);
        self.neither.push(measure()?);
        conference.api("load mod_coach")?;
        self.open.push(measure()?);
        conference.coach(&format!("tag bench {agent} agent"))?;
        conference.coach(&format!("coach bench {coach} agent"))?;
        self.whisper.push(measure()?);
        if all {
            for member in &members[1..] {
                conference.coach(&format!("tag bench {member} agent"))?;
            }
            self.everyone.push(measure()?);
        }
        for member in &members[1..] {
            conference.coach(&format!("untag bench {member}"))?;
        }
        conference.coach(&format!("uncoach bench {coach}"))?;
        sleep(Duration::from_millis(500));
        conference.api("unload mod_coach")?;
        if !all {
            return Ok(());
        }
        conference.relates(coach, &members[2..], "nospeak")?;
        self.relate.push(measure()?);
        conference.relates(coach, &members[2..], "clear")
    }

    fn print(&self) {
        println!(
            "{MEMBERS} members, all speaking; percent of one core, rounds of twice {MEASURED:?}. Process and busiest thread: medians; added: the \
             mean and half its 95 % interval\n"
        );
        println!("{:<44} {:>8} {:>14} {:>8} {:>7} {:>6}", "", "process", "added", "busiest", "rounds", "bound");
        for (name, pairs, bound) in [
            ("without the module, both", &self.neither, ""),
            ("module loaded, nobody private", &self.open, "1"),
            ("a coach, heard by one agent", &self.whisper, "1"),
            ("a coach, heard by all others", &self.everyone, ""),
            ("without the module: relate nospeak", &self.relate, ""),
        ] {
            let median = |number: fn(&Load) -> f64| median(pairs.iter().map(|[it, _]| number(it)));
            let (process, busiest) = (median(|load| load.process), median(|load| load.busiest));
            let Added { mean, half } = added(pairs);
            let added = format!("{mean:+.1} +-{half:.1}");
            println!("{name:<44} {process:>8.1} {added:>14} {busiest:>8.1} {:>7} {bound:>6}", pairs.len() / 2);
        }
        println!();
    }

    /// Whether it is known well enough what Coach adds.
    fn known(&self) -> bool {
        [&self.open, &self.whisper].iter().all(|pairs| added(pairs).half <= CLOSE)
    }

    fn judge(&self) -> Result<(), String> {
        for (what, pairs) in [("nobody private", &self.open), ("a coach, heard by one agent", &self.whisper)] {
            let Added { mean, half } = added(pairs);
            if mean > BOUND {
                return Err(format!("{what}: {mean:.1} points of a core more, at most {BOUND}"));
            }
            if half > CLOSE {
                return Err(format!(
                    "{what}: {mean:.1} +-{half:.1} points of a core more: that should be known to +-{CLOSE}"
                ));
            }
        }
        Ok(())
    }
}

/// How much more one takes than the other.
struct Added {
    mean: f64,
    /// Half the 95 % interval of the mean.
    half: f64,
}

/// Of a round, the mean of both turns: no two processes are quite alike.
fn added(pairs: &[Pair]) -> Added {
    let more = |[it, beside]: &Pair| it.process - beside.process;
    let rounds: Vec<f64> =
        pairs.chunks(2).map(|turns| turns.iter().map(more).sum::<f64>() / turns.len() as f64).collect();
    let count = rounds.len() as f64;
    let mean = rounds.iter().sum::<f64>() / count;
    let variance = rounds.iter().map(|round| (round - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Added { mean, half: student(count - 1.0) * (variance / count).sqrt() }
}

/// Student's t for 95 % of both sides: the first terms of its expansion around the normal distribution's, to 2 % from 4 degrees of freedom on.
fn student(freedom: f64) -> f64 {
    1.96 + 2.372 / freedom + 2.823 / freedom.powi(2)
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
