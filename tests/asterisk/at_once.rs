//! Privacy at the moment of a change: nobody outside the audience hears the first word of a private member that joins, or what is on its
//! way when a command comes.

use crate::{
    conference::{AGENT, COACH, CUSTOMER, Conference, MANAGER, Member, Role, seconds},
    pbx::{Pbx, Scenario},
};
use std::sync::atomic::{AtomicBool, Ordering};

pub const SCENARIOS: &[Scenario] = &[
    ("nothing_is_heard_of_a_coach_that_speaks_while_it_joins", joining),
    ("a_command_that_narrows_acts_at_once", narrowing),
    ("a_command_that_widens_opens_nothing_said_before", widening),
    ("a_command_to_who_has_just_joined_holds_or_is_refused", just_joined),
    ("a_command_changes_the_member_that_it_names_or_none", moving),
    ("two_commands_at_once_leave_one_mode", at_the_same_time),
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
    let (customer, agent, manager) = (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", COACH));
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

/// At the very moment at which Coach hears of it; and as it changes the audiences of others, there is much to tell meanwhile.
fn just_joined(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "just_joined");
    let customer = c.join("customer", CUSTOMER);
    let _others: Vec<_> = (0..8).map(|n| c.join(&format!("other_{n}"), MANAGER)).collect();
    let listener = c.join("listener", Role { tags: "listener", ..CUSTOMER });
    for n in 0..10 {
        let coach = c.call(&format!("coach_{n}"), Role { loud: true, ..AGENT }, 3_500.0 + 200.0 * f64::from(n));
        c.wait_until("there is a channel", |c| c.channel(&coach).is_some());
        let command = format!("coach coach just_joined {} listener", c.channel(&coach).expect("there is one"));
        c.wait_until("the command is taken", |c| (0..1_000).any(|_| c.manager.command(&command).starts_with("+OK")));
        coach.speak();
        seconds(0.4);
        c.judge_last(&listener, 0.2, coach.tone, true).unwrap_or_else(|said| panic!("{}: {said}", coach.id));
        c.never_heard(&customer, &coach);
        c.hang_up(coach);
    }
}

/// While a member goes to another conference, its number there is another member's in the one that it leaves.
fn moving(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "moving");
    let mut other = Conference::new(pbx, "moving_on");
    let (_first, mover) = (c.join("first", CUSTOMER), c.join("mover", CUSTOMER));
    let moves = AtomicBool::new(true);
    std::thread::scope(|scope| {
        let mut manager = pbx.manager();
        let (moves, command) = (&moves, format!("coach tag moving {} moved", mover.id));
        scope.spawn(move || {
            while moves.load(Ordering::SeqCst) {
                manager.command(&command);
            }
        });
        for _round in 0..100 {
            for room in [&mut other, &mut c] {
                let room_is = room.room.clone();
                room.act("Setvar", &mover, &[("Variable", "ROOM"), ("Value", &room_is)]);
                room.act("Redirect", &mover, &[("Context", "members"), ("Exten", "again"), ("Priority", "1")]);
                room.wait_until("the member comes", |room| room.knows(&mover));
            }
        }
        moves.store(false, Ordering::SeqCst);
    });
    let tagged = c.manager.command("coach gettag moving moved");
    assert!(tagged.split([' ', ',']).all(|number| number != "1"), "only the one that was named: {tagged}");
}

/// One by the console and one by the channel function: afterwards what COACH() reads, by which unloading is judged, is what holds.
fn at_the_same_time(pbx: &Pbx) {
    const PRIVATE: &str = "\"speak_only_to\":[\"agent\"]";
    let mut c = Conference::new(pbx, "same_time");
    let member = c.enter("member", COACH);
    c.wait_until("Coach has it", |c| c.knows(&member));
    let channel = c.channel(&member).expect("it is there");
    let mut other = pbx.manager();
    for round in 0..1_000 {
        let (command, variable) = [
            (format!("coach uncoach same_time {channel}"), "COACH(speakOnlyTo)"),
            (format!("coach coach same_time {channel} agent"), "COACH(uncoach)"),
        ][round % 2]
            .clone();
        std::thread::scope(|scope| {
            scope.spawn(|| other.command(&command));
            let set = [("Channel", channel.as_str()), ("Variable", variable), ("Value", "agent")];
            c.manager.action("Setvar", &set);
        });
        let read = c.manager.action("Getvar", &[("Channel", &channel), ("Variable", "COACH(speakOnlyTo)")]);
        let show = c.manager.command("coach show same_time as json");
        let holds = if show.contains(PRIVATE) { "agent" } else { "" };
        assert_eq!(read.get("Value"), holds, "after {round} rounds: {show}");
    }
}
