//! Promise 8: every change of routing is an event, numbered, in order, raised with no lock held, with the resulting audience. How events
//! wait for the host, and what happens to those that find no place, is in `events`.

use crate::support::{
    COACH_ENGINE_HOST_CLOCK, COACH_ENGINE_HOST_SERVICE, COACH_ERR_BUSY, COACH_ERR_STATE, COACH_EVENT_AUDIENCE,
    COACH_EVENT_END, COACH_EVENT_JOIN, COACH_EVENT_LEAVE, COACH_EVENT_START, COACH_EVENT_WARNING, Engine, Event,
    Format, coach,
    play::{Heard, Hook, Judge, Stage, number, play, room_name},
    rule::Rule,
    schedule::{Draw, Schedule, Step},
    settings,
    signal::{Noise, mix},
};
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

/// Follows the events of a random schedule: what was told last of each private speaker's audience is what it is.
struct Follower {
    told: HashMap<u64, Vec<u32>>,
    sequence: HashMap<u64, u64>,
    audiences: u64,
}

impl Follower {
    fn follow(&mut self, event: &Event) -> Result<(), String> {
        if event.room != 0 {
            let next = self.sequence.entry(event.room).or_insert(0);
            *next += 1;
            if event.sequence != *next {
                return Err(format!("event {next} of the room should come next, not {event:?}"));
            }
        } else if event.sequence != 0 {
            return Err(format!("an event outside rooms has the number 0: {event:?}"));
        }
        if event.text.is_empty() || event.text.contains('\n') {
            return Err(format!("the text should be one line for a log: {event:?}"));
        }
        if event.time_ns < 1_600_000_000_000_000_000 {
            return Err(format!("the time should be in ns since 1970: {event:?}"));
        }
        self.audiences += u64::from(event.kind == COACH_EVENT_AUDIENCE);
        if event.kind == COACH_EVENT_LEAVE || event.kind == COACH_EVENT_END {
            self.told.remove(&event.member);
        } else if event.kind != COACH_EVENT_START && event.kind != COACH_EVENT_WARNING {
            self.told.insert(event.member, event.heard_by());
        }
        Ok(())
    }
}

impl Judge for Follower {
    fn says(&mut self, hook: &Hook) -> Vec<Vec<i16>> {
        vec![Noise::new(1, 9000).frame(hook.format, hook.ms)]
    }

    fn read(&mut self, _hook: &Hook, _heard: &[Heard]) -> Result<(), String> {
        Ok(())
    }

    fn written(&mut self, _hook: &Hook, _heard: &[Heard]) -> Result<(), String> {
        Ok(())
    }

    fn stepped(&mut self, rule: &Rule, step: &Step, stages: &[Stage]) -> Result<(), String> {
        let events = stages[0].engine.events();
        for event in &events {
            self.follow(event)?;
        }
        for (speaker, leg) in rule.legs.iter().enumerate() {
            let Some(room) = leg.room.filter(|_| leg.speak_only_to.is_some() && !leg.pass) else { continue };
            let hears = |listener: &usize| rule.hears(*listener, speaker);
            let right: Vec<u32> = (0..rule.legs.len()).filter(hears).map(number).collect();
            let told = self.told.get(&stages[0].members[speaker].handle);
            if told != Some(&right) {
                return Err(format!(
                    "after {step:?}: member {} of {} is heard by {right:?}, but what was told last is {told:?}; {events:#?}",
                    number(speaker),
                    room_name(room)
                ));
            }
        }
        Ok(())
    }

    fn finished(&mut self, _rule: &Rule, stages: &[Stage]) -> Result<(), String> {
        match stages[0].engine.events().first() {
            // Nothing of what is said becomes an event.
            Some(event) => Err(format!("hooks should raise no events: {event:?}")),
            None => Ok(()),
        }
    }
}

#[test]
fn events_tell_every_audience_as_it_is() {
    let mut audiences = 0;
    // A format that cannot be handled ends an audience too, without a step: that has a test of its own.
    let handled = |mut schedule: Schedule| {
        schedule.steps.retain(|timed| !matches!(timed.step, Step::Bad { .. }));
        schedule
    };
    let schedules = proptest::strategy::Strategy::prop_map(Draw::everything().schedules(), handled);
    settings::run(settings::seed(), 150, &schedules, |schedule: &Schedule| {
        let mut follower = Follower { told: HashMap::new(), sequence: HashMap::new(), audiences: 0 };
        let played = play(schedule, 1, &mut follower);
        audiences += follower.audiences;
        played
    })
    .unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(audiences > 300, "audiences should change often: {audiences}");
}

#[test]
fn an_audience_event_agrees_with_the_state_at_that_moment() {
    static ENGINE: OnceLock<u64> = OnceLock::new();
    let wrong = std::sync::Arc::new(Mutex::new(Vec::new()));
    let note = wrong.clone();
    let seen = std::sync::Arc::new(AtomicUsize::new(0));
    let count = seen.clone();
    let then = move |event: &Event| {
        if event.kind != COACH_EVENT_AUDIENCE {
            return;
        }
        count.fetch_add(1, SeqCst);
        // A control call from inside the callback: no lock is held.
        let reply =
            command_on(*ENGINE.get().expect("the engine is there"), &format!("show {} as json", event.room_name));
        let state: Value = serde_json::from_str(&reply).expect("JSON");
        let members = state["members"].as_array().expect("a list").iter();
        let shown = members.into_iter().find(|m| m["number"] == event.number).map(|m| m["heard_by"].clone());
        let told = Value::from(event.heard_by());
        if shown.as_ref() != Some(&told) {
            note.lock().unwrap().push(format!("told {told}, shown {shown:?}"));
        }
    };
    let engine = Engine::configured(COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK, 200, Some(Box::new(then)));
    ENGINE.set(engine.handle).expect("set once");
    let room = engine.host_room("room");
    let members: Vec<_> = (0..5).map(|i| engine.attach(&format!("call-{i}"), "", None)).collect();
    for turn in 0..500u64 {
        let random = mix(turn);
        let member = &members[(random % 5) as usize];
        let place = |refused: crate::support::Refused| assert_eq!(refused.status, COACH_ERR_STATE, "{refused:?}");
        match random >> 8 & 7 {
            0 | 1 => member.join(&room, (random % 5) as u32).unwrap_or_else(place),
            2 => member.leave().unwrap_or_else(place),
            3 => member.coach("agent").expect("is set"),
            4 => member.uncoach().expect("is set"),
            5 => member.tag("agent").expect("is set"),
            6 => member.untag().expect("is set"),
            _ => member.deaf(random & 0x10000 != 0).expect("is set"),
        }
    }
    assert_eq!(*wrong.lock().unwrap(), Vec::<String>::new(), "heard_by should be what show says");
    assert!(seen.load(SeqCst) > 20, "audiences should change now and then: {}", seen.load(SeqCst));
}

/// A command on an engine known by its handle alone, as a callback has it.
fn command_on(engine: u64, command: &str) -> String {
    let command = std::ffi::CString::new(command).expect("no NUL");
    let mut reply = std::ptr::null_mut();
    // SAFETY: a live C string, and a live pointer that is written on success.
    let status = unsafe { coach().coach_command(engine, command.as_ptr(), &mut reply) };
    assert_eq!(status, 0, "a command is answered inside the callback too");
    let text = crate::support::event::text(reply).expect("a reply is never null");
    // SAFETY: the reply came from Coach and is given back once.
    unsafe { coach().coach_string_free(reply) };
    text
}

#[test]
fn events_come_one_at_a_time_in_order_from_many_threads() {
    let inside = std::sync::Arc::new(AtomicUsize::new(0));
    let (count, overlaps) = (inside.clone(), std::sync::Arc::new(AtomicUsize::new(0)));
    let note = overlaps.clone();
    let then = move |_: &Event| {
        if count.fetch_add(1, SeqCst) != 0 {
            note.fetch_add(1, SeqCst);
        }
        thread::yield_now();
        count.fetch_sub(1, SeqCst);
    };
    let engine = Engine::configured(COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK, 200, Some(Box::new(then)));
    let rooms = [engine.host_room("one"), engine.engine_room("two", Format::mono(16000), 20)];
    let steps = AtomicUsize::new(0);
    thread::scope(|scope| {
        for worker in 0..6u64 {
            let (engine, rooms, steps) = (&engine, &rooms, &steps);
            scope.spawn(move || {
                let member = engine.attach(&format!("call-{worker}"), "", None);
                for turn in 0..400 {
                    let random = mix(worker << 32 | turn);
                    let done = match random % 8 {
                        0 | 1 => member.join(&rooms[(random >> 8 & 1) as usize], worker as u32),
                        2 => member.leave(),
                        3 => member.tag("agent"),
                        4 => member.untag(),
                        5 => member.coach("agent"),
                        6 => member.uncoach(),
                        _ => member.mute(random & 0x100 != 0),
                    };
                    match done {
                        Ok(()) => _ = steps.fetch_add(1, SeqCst),
                        Err(refused) => assert_eq!(refused.status, COACH_ERR_STATE, "{refused:?}"),
                    }
                }
            });
        }
    });
    engine.service(); // tells what is left
    let events = engine.events();
    let told = events.iter().filter(|event| ![COACH_EVENT_AUDIENCE, COACH_EVENT_START].contains(&event.kind)).count();
    // Each step is an event; detaching in a room is one more, a leave.
    assert!(told >= steps.load(SeqCst), "{told} events of {} steps", steps.load(SeqCst));
    assert_eq!(overlaps.load(SeqCst), 0, "one event at a time");
    for room in &rooms {
        let sequence: Vec<u64> = events.iter().filter(|e| e.room == room.handle).map(|e| e.sequence).collect();
        let right: Vec<u64> = (1..=sequence.len() as u64).collect();
        assert_eq!(sequence, right, "numbers without gaps, in order");
        assert!(sequence.len() > 300, "many events: {}", sequence.len());
    }
    let times: Vec<u64> = events.iter().filter(|e| e.room == rooms[0].handle).map(|e| e.time_ns).collect();
    assert!(times.windows(2).all(|two| two[0] <= two[1]), "time does not go back within a room");
}

#[test]
fn a_callback_may_change_things_but_not_destroy_the_engine() {
    static HANDLE: OnceLock<u64> = OnceLock::new();
    let busy = std::sync::Arc::new(Mutex::new(Vec::new()));
    let note = busy.clone();
    let then = move |event: &Event| {
        if event.kind == COACH_EVENT_JOIN && event.tags.is_empty() {
            let engine = *HANDLE.get().expect("the engine is there");
            let reply = command_on(engine, &format!("tag {} {} agent", event.room_name, event.number));
            assert!(reply.starts_with("+OK"), "{reply}");
            // SAFETY: takes a number; refused, so that nothing ends.
            note.lock().unwrap().push(unsafe { coach().coach_engine_destroy(engine) });
        }
    };
    let engine = Engine::configured(COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK, 200, Some(Box::new(then)));
    HANDLE.set(engine.handle).expect("set once");
    let room = engine.host_room("room");
    let (speaker, listener) = (engine.attach("speaker", "x", Some("agent")), engine.attach("listener", "", None));
    speaker.join(&room, 1).expect("enters");
    listener.join(&room, 2).expect("enters");
    engine.service(); // tells what the callback caused
    assert_eq!(*busy.lock().unwrap(), [COACH_ERR_BUSY], "an engine is not destroyed inside its own callback");
    let state = engine.state(Some("room")).expect("it is there");
    assert_eq!(state["members"][0]["heard_by"], serde_json::json!([2]), "the tag of the callback is set: {state}");
    let events: Vec<_> = engine.events().into_iter().filter(|event| event.room != 0).collect();
    let sequence: Vec<_> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(
        sequence,
        (1..=events.len() as u64).collect::<Vec<_>>(),
        "what the callback caused comes after: {events:#?}"
    );
    let last = events.iter().rfind(|event| event.kind == COACH_EVENT_AUDIENCE).expect("the audience changed");
    assert_eq!((last.number, last.heard_by.as_str()), (1, "2"));
}

#[test]
fn the_room_and_the_member_of_an_event_are_the_hosts_handles() {
    let engine = Engine::new();
    let room = engine.host_room("room");
    let member = engine.attach("call", "agent", Some("boss"));
    member.join(&room, 5).expect("enters");
    let events = engine.events();
    let join = events.iter().find(|event| event.kind == COACH_EVENT_JOIN).expect("a join");
    assert_eq!((join.room, join.member, join.number), (room.handle, member.handle, 5));
    assert_eq!((join.room_name.as_str(), join.call_id.as_str(), join.tags.as_str()), ("room", "call", "agent"));
    assert_eq!((join.speak_only_to.as_deref(), join.heard_by.as_str()), (Some("boss"), ""));
    let kinds: BTreeSet<u32> = events.iter().map(|event| event.kind).collect();
    assert!(kinds.iter().all(|kind| (1..=18).contains(kind)), "only the declared kinds: {kinds:?}");
}

#[test]
fn whoever_turns_private_has_its_audience_told_also_if_it_is_the_last_one_or_nobody() {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let (coach, _agent) = engine.coach_and_agent(&room);
    let told = |what: &str, heard_by: &str| {
        let events = engine.events();
        let audiences: Vec<_> = events.iter().filter(|event| event.kind == COACH_EVENT_AUDIENCE).collect();
        assert_eq!(audiences.len(), 1, "{what}: {events:?}");
        assert_eq!(audiences[0].heard_by, heard_by, "{what}");
    };
    coach.uncoach().expect("open");
    engine.events();
    for (to, heard_by) in [("agent", "2"), ("agent", "2"), ("nobody-here", ""), ("-", "")] {
        coach.coach(to).expect("private");
        told(to, heard_by);
        coach.uncoach().expect("open");
    }
}
