//! What may happen to Coach's framehook and to the frames on their way through it: none of it lets a private speaker be heard.

use crate::{
    conference::{AGENT, CUSTOMER, Conference, MANAGER, Role, seconds},
    pbx::{Pbx, Scenario},
};

pub const SCENARIOS: &[Scenario] = &[
    ("a_private_call_whose_hook_is_taken_away_ends", hook_taken_away),
    ("an_open_call_whose_hook_is_taken_away_gets_it_again", hook_given_again),
    ("a_jitter_buffer_hands_out_nothing_that_was_said_outside", said_outside),
    ("a_private_leg_that_comes_behind_a_jitter_buffer_ends", comes_behind_a_buffer),
];

const JITTER_BUFFER: [(&str, &str); 2] = [("Variable", "JITTERBUFFER(fixed)"), ("Value", "default")];

/// Asterisk remembers a jitter buffer's hook by a number, which a transfer gives to another one: it then takes off Coach's.
fn hook_taken_away(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "hook_taken_away");
    let (customer, agent, manager) = (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", MANAGER));
    let heir = c.replace_as("buffered_line", 1, &manager);
    c.wait_until("the coach's leg ends", |c| c.channel(&manager).is_none());
    seconds(1.0);
    c.judge_last(&agent, 0.4, heir.tone, true).expect("the heir speaks to the agent");
    let channel = c.channel_of("buffered_line").expect("it has the coach's place");
    c.manager.action("Setvar", &[("Channel", &channel), JITTER_BUFFER[0], JITTER_BUFFER[1]]);
    seconds(0.5);
    c.never_heard(&customer, &heir);
    assert!(c.channel_of("buffered_line").is_none(), "the call ends");
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer])]);
}

fn hook_given_again(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "hook_given_again");
    let (customer, agent, manager) =
        (c.join("customer", CUSTOMER), c.enter("agent", AGENT), c.join("manager", MANAGER));
    let heir = c.replace_softly("buffered_line", &agent);
    c.wait_until("the agent's leg ends", |c| c.channel(&agent).is_none());
    let channel = c.channel_of("buffered_line").expect("it has the agent's place");
    c.manager.action("Setvar", &[("Channel", &channel), JITTER_BUFFER[0], JITTER_BUFFER[1]]);
    // Who takes an agent's place is none by that.
    let said = c.manager.command(&format!("coach tag hook_given_again {channel} agent"));
    assert!(said.starts_with("+OK"), "{said}");
    seconds(1.0);
    c.judge_last(&heir, 0.4, manager.tone, true).expect("the agent's heir hears the coach");
    // A buffer is in front of the new hook.
    let said = c.manager.command(&format!("coach coach hook_given_again {channel} agent"));
    assert!(said.starts_with("-ERR") && said.contains("jitter buffer"), "{said}");
    c.never_heard(&customer, &manager);
}

/// What is in a buffer behind Coach when a leg comes back into a conference was said in an ordinary call.
fn said_outside(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "said_outside");
    let (customer, agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    // Its packets are not ahead of time: the buffer hands out one as one comes in.
    let manager = c.enter("manager", Role { place: ("members", "buffered_behind"), ..MANAGER });
    for _round in 0..2 {
        c.act("Redirect", &manager, &[("Context", "members"), ("Exten", "after"), ("Priority", "1")]);
        c.wait_until("the manager leaves", |c| !c.knows(&manager));
        seconds(2.0);
        c.judge_last(&manager, 0.5, manager.tone, true).expect("an ordinary call is what it was");
        c.act("Redirect", &manager, &[("Context", "members"), ("Exten", "again"), ("Priority", "1")]);
        c.wait_until("the manager comes back", |c| c.knows(&manager));
        seconds(2.0);
        c.judge_last(&agent, 0.4, manager.tone, true).expect("the agent hears it");
        c.never_heard(&customer, &manager);
    }
}

/// A transfer may bring what cannot be private to a place that is, or what is private to one where it cannot be.
fn comes_behind_a_buffer(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "comes_behind");
    let customer = c.join("customer", CUSTOMER);
    let buffered = |role| Role { place: ("members", "buffered"), ..role };
    let (guest, agent) = (c.enter("guest", buffered(CUSTOMER)), c.enter("agent", buffered(AGENT)));
    let manager = c.join("manager", MANAGER);
    seconds(0.5);
    for (place, endpoint, streams) in
        [(&guest, "private_line", 1), (&agent, "private_line", 1), (&manager, "several_line", 2)]
    {
        let heir = c.replace_as(endpoint, streams, place);
        c.wait_until("the leg is replaced", |c| c.channel(place).is_none());
        c.wait_until("the call ends", |c| c.channel_of(endpoint).is_none());
        seconds(0.5);
        c.never_heard(&customer, &heir);
    }
}
