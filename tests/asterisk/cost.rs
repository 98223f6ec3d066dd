//! What Coach costs a conference: the processor time of one Asterisk, measured with and without the module in turns.

use crate::{
    conference::{AGENT, COACH, CUSTOMER, Conference, Member, seconds},
    pbx::{Pbx, Setup},
};
use libtest_mimic::Measurement;

/// How much is measured.
pub struct Size {
    members: usize,
    rounds: usize,
    round_seconds: f64,
    /// The most that Coach may add, in hundredths of one core.
    bound: f64,
}

impl Size {
    pub const FULL: Self = Self { members: 100, rounds: 4, round_seconds: 6.0, bound: 5.0 };
    /// To see that it works: too short for a judgement.
    pub const SHORT: Self = Self { members: 10, rounds: 1, round_seconds: 1.0, bound: f64::INFINITY };
}

/// Everybody speaks; one of them coaches, another one hears it. What Coach adds: nanoseconds a second of the conference.
pub fn conference(size: &Size) -> Measurement {
    let pbx = Pbx::start("cost", Setup::default());
    let mut c = Conference::new(&pbx, "cost");
    let coach = c.join("coach", COACH);
    let agent = c.join("agent", AGENT);
    let others: Vec<Member> = (2..size.members).map(|n| c.join(&format!("member_{n}"), CUSTOMER)).collect();
    println!("\n{} members, all speaking; processor time of Asterisk, in % of one core:\n", 2 + others.len());
    println!(
        "{:>7}  {:>14}  {:>19}  {:>22}  {:>6}",
        "round", "without module", "loaded, all open", "loaded, one coach", "added"
    );
    let mut added = Vec::new();
    for round in 1..=size.rounds {
        pbx.console("module unload res_coach.so");
        assert!(pbx.console("module show like res_coach").contains("0 modules loaded"), "it can be unloaded");
        let bare = percent(&pbx, size.round_seconds);
        pbx.console("module load res_coach.so");
        c.coach("tag", &agent, "agent");
        let open = percent(&pbx, size.round_seconds);
        c.coach("coach", &coach, "agent");
        let coached = percent(&pbx, size.round_seconds);
        let stats = c.manager.command("coach stats cost as json");
        assert!(!stats.contains("\"private_delivered\":0,"), "the agent hears the coach: {stats}");
        c.coach("uncoach", &coach, "");
        seconds(0.5);
        println!("{round:>7}  {bare:>14.1}  {open:>19.1}  {coached:>22.1}  {:>+6.1}", coached - bare);
        added.push(coached - bare);
    }
    added.sort_by(f64::total_cmp);
    let median = (added[(added.len() - 1) / 2] + added[added.len() / 2]) / 2.0;
    println!("\nCoach adds {median:+.1} points in the median; the bound is {}.\n", size.bound);
    assert!(median <= size.bound, "Coach adds {median:.1} points of a core, more than {}", size.bound);
    let nanoseconds = |points: f64| (points.max(0.0) * 1e7) as u64;
    Measurement { avg: nanoseconds(median), variance: nanoseconds(added[added.len() - 1] - added[0]) }
}

/// Processor time over a while.
fn percent(pbx: &Pbx, time: f64) -> f64 {
    seconds(1.0);
    let (from, start) = (pbx.cpu_time(), std::time::Instant::now());
    seconds(time);
    100.0 * (pbx.cpu_time() - from) / start.elapsed().as_secs_f64()
}
