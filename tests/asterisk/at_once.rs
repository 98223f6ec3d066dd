//! Nothing slips through while something changes: not the first word of who joins, not what is on its way when a command comes.

use crate::{
    conference::{AGENT, CUSTOMER, Conference, MANAGER, Member, seconds},
    pbx::{Pbx, Scenario},
};

pub const SCENARIOS: &[Scenario] = &[
    ("nothing_is_heard_of_a_coach_that_speaks_while_it_joins", joining),
    ("a_command_that_narrows_acts_at_once", narrowing),
    ("a_command_that_widens_opens_nothing_said_before", widening),
];

fn joining(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "joining");
    let (customer, agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    let coaches: Vec<Member> = (0..6).map(|n| c.join(&format!("manager_{n}"), MANAGER)).collect();
    seconds(0.5);
    for coach in coaches {
        c.never_heard(&customer, &coach);
        c.judge_last(&agent, 0.4, coach.tone, true).expect("the agent hears every coach");
        c.hang_up(coach);
    }
}

/// How often each change is made.
const ROUNDS: u32 = 8;

/// A tone for each round, none of them anybody else's.
fn tone(round: u32) -> f64 {
    1500.0 + 200.0 * f64::from(round)
}

fn narrowing(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "narrowing");
    let (customer, agent, manager) =
        (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", CUSTOMER));
    for round in 0..ROUNDS {
        // The end of another tone would be heard in every other one for a moment.
        manager.line.hush();
        seconds(0.5);
        let from = customer.line.clock();
        let listener = if round % 2 == 0 {
            c.coach("coach", &manager, "agent");
            &customer
        } else {
            c.coach("untag", &agent, "");
            &agent
        };
        manager.line.say(tone(round));
        seconds(0.5);
        c.judge(listener, from, tone(round), false).expect("said after the command");
        if round % 2 == 0 {
            c.judge_last(&agent, 0.2, tone(round), true).expect("said to the agent");
        } else {
            c.coach("tag", &agent, "agent");
            c.coach("uncoach", &manager, "");
        }
    }
}

fn widening(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "widening");
    let (customer, agent, manager) = (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", MANAGER));
    for round in 0..ROUNDS {
        manager.line.hush();
        seconds(0.5);
        let from = customer.line.clock();
        manager.line.say(tone(round));
        seconds(0.2);
        if round % 2 == 0 {
            c.coach("uncoach", &manager, "");
        } else {
            c.coach("tag", &customer, "agent");
        }
        manager.line.hush();
        seconds(0.5);
        c.judge(&customer, from, tone(round), false).expect("said before the command");
        manager.line.say(tone(round));
        seconds(0.7);
        c.judge_last(&customer, 0.2, tone(round), true).expect("open by now");
        c.judge_last(&agent, 0.2, tone(round), true).expect("heard before and after");
        c.coach("untag", &customer, "");
        c.coach("coach", &manager, "agent");
    }
}
