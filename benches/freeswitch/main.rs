//! What Coach costs a real FreeSWITCH: `make bench-freeswitch FREESWITCH=<prefix>`. Two of them run side by side, each
//! with a conference of 120 members that all speak. In turns, one has the module, or mod_conference's own `relate`, and the other has
//! neither, so that what else the machine does affects both alike. It also measures how late a whisper arrives; with the argument `delay`
//! that alone.

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

mod conference;
mod delay;
mod load;

use conference::Conference;
use load::Load;
use switch::Switch;

/// As many as one mixer can bear with `relate`, and two cores with another beside.
const MEMBERS: usize = 120;
const ROUNDS: usize = 5;
/// How long each case is measured in a turn; a round has a turn of each switch.
const MEASURED: Duration = Duration::from_secs(5);

fn main() {
    if let Err(why) = run() {
        eprintln!("bench-freeswitch: {why}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), String> {
    if std::env::args().any(|argument| argument == "delay") {
        let switch = Switch::start(true)?;
        let late = delays(&switch)?;
        switch.stop()?;
        return if late { Err("a whisper arrives too late".into()) } else { Ok(()) };
    }
    let switches = [Switch::start(true)?, Switch::start(true)?];
    eprintln!("{MEMBERS} members join each of two conferences ...");
    let [mut one, mut other] = [Side::new(&switches[0])?, Side::new(&switches[1])?];
    let mut cases = Cases::default();
    for round in 1..=ROUNDS {
        eprintln!("round {round} of {ROUNDS} ...");
        cases.turn(&mut one, &other)?;
        cases.turn(&mut other, &one)?;
    }
    cases.print();
    one.conference.api("hupall")?;
    other.conference.api("hupall")?;
    one.conference.api("load mod_coach")?;
    let late = delays(one.switch)?;
    for switch in &switches {
        switch.stop()?;
    }
    cases.judge(late)
}

/// How late whispers arrive; whether that is too late.
fn delays(switch: &Switch) -> Result<bool, String> {
    let coded = ["opus", "PCMU"];
    let mut late = false;
    for (what, codecs, bound) in [("linear", None, 20.0), ("Opus coach, PCMU agent", Some(coded), 5.0)] {
        let delay = delay::measure(switch, codecs)?;
        println!("a whisper reaches the agent {delay:+.1} ms after open speech would (bound: {bound}; {what})");
        late |= delay > bound;
    }
    Ok(late)
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
        let members = conference.fill(MEMBERS)?;
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
    /// All cases, on one side.
    fn turn(&mut self, side: &mut Side, beside: &Side) -> Result<(), String> {
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
        for member in &members[1..] {
            conference.coach(&format!("tag bench {member} agent"))?;
        }
        self.everyone.push(measure()?);
        for member in &members[1..] {
            conference.coach(&format!("untag bench {member}"))?;
        }
        conference.coach(&format!("uncoach bench {coach}"))?;
        sleep(Duration::from_millis(500));
        conference.api("unload mod_coach")?;
        conference.relates(coach, &members[2..], "nospeak")?;
        self.relate.push(measure()?);
        conference.relates(coach, &members[2..], "clear")
    }

    fn print(&self) {
        println!(
            "{MEMBERS} members, all speaking; percent of one core, median of {ROUNDS} rounds of twice {MEASURED:?}\n"
        );
        println!("{:<44} {:>8} {:>8} {:>8} {:>6}", "", "process", "added", "busiest", "bound");
        for (name, pairs, bound) in [
            ("without the module, both", &self.neither, ""),
            ("module loaded, nobody private", &self.open, "1"),
            ("a coach, heard by one agent", &self.whisper, "5"),
            ("a coach, heard by all others", &self.everyone, ""),
            ("without the module: relate nospeak", &self.relate, ""),
        ] {
            let median = |number: fn(&Load) -> f64| median(pairs.iter().map(|[it, _]| number(it)));
            let (process, busiest) = (median(|load| load.process), median(|load| load.busiest));
            println!("{name:<44} {process:>8.1} {:>+8.1} {busiest:>8.1} {bound:>6}", added(pairs));
        }
        println!();
    }

    fn judge(&self, late: bool) -> Result<(), String> {
        for (what, is, bound) in [
            ("nobody private, points of a core", added(&self.open), 1.0),
            ("a coach, points of a core", added(&self.whisper), 5.0),
        ] {
            if is > bound {
                return Err(format!("{what}: {is:.1}, at most {bound}"));
            }
        }
        if late { Err("a whisper arrives too late".into()) } else { Ok(()) }
    }
}

/// More than the other takes, in the middle of the rounds; of a round, the mean of both turns: no two processes are quite alike.
fn added(pairs: &[Pair]) -> f64 {
    let more = |[it, beside]: &Pair| it.process - beside.process;
    median(pairs.chunks(2).map(|turns| turns.iter().map(more).sum::<f64>() / turns.len() as f64))
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
