//! Network stalls: what a coach says is held back and delivered all at once, after a command or a move that opens its speech to others.
//! Nobody hears what was said before that who could not hear it then.

use crate::{
    conference::{AGENT, CUSTOMER, Conference, MANAGER, Member, Role, seconds},
    pbx::{Pbx, Scenario, Setup},
};

pub const SCENARIOS: &[Scenario] = &[
    ("a_burst_after_uncoach_opens_nothing_said_before", |pbx| commands(pbx, "burst_uncoach", MANAGER, uncoach)),
    ("a_burst_through_a_local_channel_opens_nothing_said_before", |pbx| {
        commands(pbx, "burst_local", Role { local: Some("slin16"), ..MANAGER }, uncoach);
    }),
    ("a_burst_after_a_tag_opens_nothing_said_before", |pbx| commands(pbx, "burst_tag", MANAGER, tag)),
    ("a_burst_after_another_audience_opens_nothing_said_before", |pbx| commands(pbx, "burst_coach", MANAGER, coach)),
    ("a_burst_after_a_channel_function_opens_nothing_said_before", |pbx| {
        commands(pbx, "burst_function", MANAGER, function)
    }),
    ("a_burst_after_leaving_a_conference_is_not_heard_outside", |pbx| leaves(pbx, "burst_leaves", |_, _| ())),
];

/// On an instance of its own, without the sounds of modes: who leaves in the middle of one hears an edge, at every frequency.
pub const ALONE: &[(&str, fn())] = &[("a_burst_after_uncoach_and_leaving_is_not_heard_outside", || {
    let pbx = Pbx::start("burst_opens", Setup { coach: "[general]\nmode_sounds = no\n", ..Setup::default() });
    leaves(&pbx, "burst_opens", |c, manager| c.coach("uncoach", manager, ""));
    assert!(pbx.stop().success(), "Asterisk ends well");
})];

/// Opens the manager's speech to the customer.
type Opens = fn(&mut Conference, &Member, &Member);

fn uncoach(c: &mut Conference, _customer: &Member, manager: &Member) {
    c.coach("uncoach", manager, "");
}

fn tag(c: &mut Conference, customer: &Member, _manager: &Member) {
    c.coach("tag", customer, "agent");
}

fn coach(c: &mut Conference, _customer: &Member, manager: &Member) {
    c.coach("coach", manager, "agent,customer");
}

fn function(c: &mut Conference, _customer: &Member, manager: &Member) {
    c.act("Setvar", manager, &[("Variable", "COACH(uncoach)"), ("Value", "1")]);
}

/// How long the network stalls, in seconds, and how much of that comes before the command.
const STALLS: &[(f64, f64)] = &[
    // Before it: the burst is there when the command comes.
    (0.1, 0.1),
    (0.3, 0.3),
    (1.0, 1.0),
    // Across it.
    (0.1, 0.05),
    (0.3, 0.15),
    (0.5, 0.3),
    (1.0, 0.5),
    (2.0, 1.8),
    (5.0, 2.5),
    // At once after it.
    (0.1, 0.0),
    (0.3, 0.0),
    (1.0, 0.0),
];

/// What is said after the command.
const AFTER: f64 = 1_300.0;

/// What is said before it in a round: below 3,400 Hz, since outside a conference Asterisk may go over to 8,000 samples a second.
fn before(round: usize) -> f64 {
    1_500.0 + 150.0 * round as f64
}

/// Says one tone privately, has the network stall while something opens its speech, and goes on with the other, softly: a burst of open
/// speech has edges, which are heard at every frequency.
fn stalls(c: &mut Conference, manager: &Member, round: usize, opens: impl FnOnce(&mut Conference)) {
    let (stall, before_it) = STALLS[round];
    manager.line.say(before(round));
    seconds(1.2);
    manager.line.stall(true);
    seconds(before_it);
    if before_it >= stall {
        manager.line.stall(false);
    }
    // The other one fades within less than the guard, however long the command takes.
    manager.line.say_softly(AFTER);
    opens(c);
    seconds(stall - before_it);
    manager.line.stall(false);
}

/// What was said before is not heard, since this moment, and what was said after is, now.
fn judge(c: &Conference, listener: &Member, from: f64, round: usize) {
    let stall = STALLS[round];
    c.judge(listener, from, before(round), false).unwrap_or_else(|said| panic!("{stall:?}, said before: {said}"));
    c.judge_last(listener, 0.3, AFTER, true).unwrap_or_else(|said| panic!("{stall:?}, said after: {said}"));
}

fn commands(pbx: &Pbx, room: &str, role: Role, opens: Opens) {
    let mut c = Conference::new(pbx, room);
    let (customer, _agent) = (c.join("customer", Role { tags: "customer", ..CUSTOMER }), c.join("agent", AGENT));
    let manager = c.join("manager", role);
    c.soft.push(AFTER);
    for round in 0..STALLS.len() {
        let from = customer.line.clock();
        stalls(&mut c, &manager, round, |c| opens(c, &customer, &manager));
        seconds(1.2);
        judge(&c, &customer, from, round);
        manager.line.hush();
        seconds(0.3);
        c.coach("tag", &customer, "customer");
        c.coach("coach", &manager, "agent");
    }
}

/// Outside, it speaks to something that repeats it all.
fn leaves(pbx: &Pbx, room: &str, before_it_leaves: fn(&mut Conference, &Member)) {
    let mut c = Conference::new(pbx, room);
    let _agent = c.join("agent", AGENT);
    let manager = c.join("manager", MANAGER);
    c.soft.push(AFTER);
    for round in 0..STALLS.len() {
        let from = manager.line.clock();
        stalls(&mut c, &manager, round, |c| {
            before_it_leaves(c, &manager);
            c.act("Redirect", &manager, &[("Context", "members"), ("Exten", "after"), ("Priority", "1")]);
        });
        seconds(1.2);
        judge(&c, &manager, from, round);
        manager.line.hush();
        seconds(0.3);
        c.act("Setvar", &manager, &[("Variable", "COACH(speakOnlyTo)"), ("Value", "agent")]);
        c.act("Redirect", &manager, &[("Context", "members"), ("Exten", "again"), ("Priority", "1")]);
        c.wait_until("the manager comes back", |c| c.knows(&manager));
    }
}
