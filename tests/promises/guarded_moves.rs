//! Promise 3, the opening guard between rooms: a private speaker that leaves a room, and comes back or joins another, is not heard at once
//! by anybody new.

use crate::support::{
    COACH_SILENCED, Engine, Member,
    call::{Call, Fate, WIDE, everywhere},
    scene::{Turn, level, turn, value},
};

#[test]
fn leaving_and_coming_back_does_not_end_a_guard() {
    for elsewhere in [false, true] {
        let engine = Engine::new();
        let mut call = Call::new(&engine, false, 20);
        let other_room = engine.host_room("support");
        call.coach.uncoach().expect("opens");
        call.only_the_agent_hears(4, "in the guard");
        call.coach.leave().expect("leaves");
        for _ in 0..3 {
            let fate = call.frame();
            assert_eq!(
                (fate.took, fate.left, fate.agent, fate.other),
                (COACH_SILENCED, 0, 0, 0),
                "outside, in the guard"
            );
        }
        let room = if elsewhere { &other_room } else { &call.room };
        call.coach.join(room, 9).expect("comes back");
        for _ in 0..3 {
            let fate = call.frame();
            assert_eq!((fate.took, fate.left, fate.other), (COACH_SILENCED, 0, 0), "back, and still in the guard");
        }
        call.everyone_hears(3, "after it");
    }
}

/// The coach says a frame of 20 ms, agent and boss are silent: what became of it for each of them.
fn coach_says(engine: &Engine, [coach, agent, boss]: [&Member; 3], value: i16) -> [Turn; 3] {
    let says = [(coach, level(WIDE, 20, value)), (agent, level(WIDE, 20, 0)), (boss, level(WIDE, 20, 0))];
    turn(engine, &[], WIDE, &says).try_into().expect("one of each")
}

/// The boss, who is new to the coach's audience, hears what it says once 200 ms have passed.
fn the_boss_hears_after_the_guard(says: impl Fn(i16) -> [Turn; 3], how: &str) {
    for frame in 0..10 {
        let [coach, _, boss] = says(6_000);
        assert_eq!(coach.took, COACH_SILENCED);
        assert_eq!(boss.heard, level(WIDE, 20, 0), "{how}, frame {frame} is guarded");
    }
    assert_eq!(value(WIDE, &says(6_000)[2].heard), 6_000, "{how}, after the guard");
}

/// What was said to `agent` before the command may still be on its way when the command has returned.
#[test]
fn an_audience_that_is_widened_outside_a_room_is_guarded_too() {
    // The boss is there, or comes once the coach is back.
    for (leaves, late) in [(false, false), (true, false), (true, true)] {
        let engine = Engine::new();
        let room = engine.host_room("sales");
        let (coach, agent) = engine.coach_and_agent(&room);
        let boss = engine.attach("boss", "boss", None);
        let enters = || boss.join(&room, 3).expect("enters");
        if !late {
            enters();
        }
        let says = |value| coach_says(&engine, [&coach, &agent, &boss], value);
        (0..5).for_each(|_| drop(says(5_000)));
        if leaves {
            coach.leave().expect("leaves");
        }
        coach.coach("boss").expect("private");
        if leaves {
            coach.join(&room, 1).expect("enters");
        }
        if late {
            enters();
        }
        the_boss_hears_after_the_guard(says, &format!("leaves: {leaves}, late: {late}"));
    }
}

#[test]
fn an_audience_that_is_narrowed_outside_a_room_is_not_guarded() {
    everywhere(|mut call, _| {
        call.coach.coach("sales,agent").expect("private");
        call.only_the_agent_hears(3, "private");
        call.coach.leave().expect("leaves");
        call.coach.coach("agent,sales").expect("private to the same");
        call.coach.coach("agent").expect("private to fewer");
        let told = call.engine.events();
        assert!(told.iter().all(|event| event.opens_in_ms == 0), "no guard: {told:?}");
        call.coach.join(&call.room, 8).expect("comes back");
        call.only_the_agent_hears(3, "back, at once");
        call.coach.leave().expect("leaves");
        call.coach.coach("-").expect("private to nobody");
        let told = call.engine.events();
        assert!(told.iter().all(|event| event.opens_in_ms == 0), "no guard: {told:?}");
    });
}

/// A private speaker that leaves and comes back: what it said to those that heard it may still be on its way.
#[test]
fn coming_back_to_a_wider_audience_is_guarded_too() {
    everywhere(|mut call, guard| {
        call.only_the_agent_hears(3, "private");
        call.coach.leave().expect("leaves");
        call.other.tag("agent").expect("a tag is set");
        call.coach.join(&call.room, 8).expect("comes back");
        for frame in 0..guard {
            let fate = call.frame();
            let right = Fate { took: COACH_SILENCED, left: 0, agent: 0, other: 0, ..fate };
            assert_eq!(fate, right, "frame {frame} of {guard} in the guard, {} ms each", call.ms);
        }
        call.both_hear(3, "after the guard");
        call.coach.leave().expect("leaves");
        call.coach.join(&call.room, 8).expect("comes back");
        call.both_hear(2, "back with those that heard it");
        call.coach.leave().expect("leaves");
        call.other.untag().expect("a tag is removed");
        call.coach.join(&call.room, 8).expect("comes back");
        call.only_the_agent_hears(2, "back with fewer");
    });
}

#[test]
fn going_to_an_audience_in_another_room_is_guarded_too() {
    for closes in [false, true] {
        let engine = Engine::new();
        let (first, second) = (engine.host_room("sales"), engine.host_room("support"));
        let (coach, agent) = engine.coach_and_agent(&first);
        let boss = engine.attach("boss", "agent", None);
        boss.join(&second, 1).expect("enters");
        let says = |value| coach_says(&engine, [&coach, &agent, &boss], value);
        (0..5).for_each(|_| drop(says(5_000)));
        assert_eq!(value(WIDE, &says(5_000)[1].heard), 5_000, "the agent hears it");
        if closes {
            first.shut();
        } else {
            coach.leave().expect("leaves");
        }
        engine.events();
        coach.join(&second, 2).expect("enters");
        let join = engine.events().into_iter().find(|event| event.kind == crate::support::COACH_EVENT_JOIN);
        assert_eq!(join.map(|event| event.opens_in_ms), Some(200), "closes: {closes}: and the event says so");
        the_boss_hears_after_the_guard(says, &format!("closes: {closes}"));
    }
}

/// All that a room was closed under leave at once: each of them comes back to those that heard it.
#[test]
fn coming_back_together_is_not_guarded() {
    let engine = Engine::new();
    let (first, second) = (engine.host_room("sales"), engine.host_room("support"));
    let coach = engine.attach("coach", "", Some("agent"));
    let agents = ["agent-1", "agent-2"].map(|name| engine.attach(name, "agent", None));
    let everyone = [&agents[0], &coach, &agents[1]];
    let enter = |room| everyone.iter().zip(1..).for_each(|(member, number)| member.join(room, number).expect("enters"));
    let says = |value| {
        let says =
            everyone.map(|member| (member, level(WIDE, 20, if member.handle == coach.handle { value } else { 0 })));
        turn(&engine, &[], WIDE, &says)
    };
    enter(&first);
    (0..5).for_each(|_| drop(says(5_000)));
    first.shut();
    enter(&second);
    let turns = says(6_000);
    assert_eq!([0, 2].map(|agent| value(WIDE, &turns[agent].heard)), [6_000; 2], "both hear it at once");
}
