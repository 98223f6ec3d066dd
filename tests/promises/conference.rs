//! The conference around the speech: who starts it, who ends it, and what mute, deaf and hold do, on both mixers.

use crate::support::{
    COACH_CHANGED, COACH_ERR_STATE, COACH_EVENT_END, COACH_EVENT_START, COACH_MEMBER_DEAF, COACH_MEMBER_ENDS,
    COACH_MEMBER_MUTED, COACH_MEMBER_STARTS, COACH_OK, COACH_SILENCED, Engine, Event, Format, Member, NewMember, Room,
    scene::{Turn, level, turn, value},
};

const WIDE: Format = Format::mono(16000);
const MS: u32 = 20;

fn attach<'e>(engine: &'e Engine, call_id: &str, flags: u32) -> Member<'e> {
    let new = NewMember { call_id, tags: "", speak_only_to: None, flags };
    engine.attach_as(&new).expect("a member with a new call id is attached")
}

/// Everyone says its own level, 1, 10, 100, ...: what one hears says whom it hears.
fn talk(engine: &Engine, sums: &[&Room], members: &[&Member]) -> Vec<Turn> {
    let says: Vec<_> =
        members.iter().enumerate().map(|(i, member)| (*member, level(WIDE, MS, 10i16.pow(i as u32)))).collect();
    turn(engine, sums, WIDE, &says)
}

/// Whom everyone hears, after a few turns in which voices that start may fade in.
fn heard(engine: &Engine, sums: &[&Room], members: &[&Member]) -> Vec<i16> {
    (0..3).for_each(|_| drop(talk(engine, sums, members)));
    talk(engine, sums, members).iter().map(|turn| value(WIDE, &turn.heard)).collect()
}

fn of_kind(events: &[Event], kind: u32) -> Vec<&Event> {
    events.iter().filter(|event| event.kind == kind).collect()
}

#[test]
fn members_wait_in_silence_until_one_comes_that_starts_the_conference() {
    let engine = Engine::new();
    let room = engine.engine_room("sales", WIDE, MS);
    let (one, two) = (attach(&engine, "one", 0), attach(&engine, "two", 0));
    let starter = attach(&engine, "starter", COACH_MEMBER_STARTS);
    one.join(&room, 1).expect("enters");
    two.join(&room, 2).expect("enters");
    two.tag("agent").expect("is tagged");
    for _ in 0..5 {
        for turn in talk(&engine, &[&room], &[&one, &two]) {
            assert_eq!((turn.gave, value(WIDE, &turn.heard)), (COACH_CHANGED, 0), "they wait in silence");
            assert!(turn.heard.iter().all(|&sample| sample == 0), "not a sample is heard");
        }
    }
    one.coach("agent").expect("private");
    assert_eq!(heard(&engine, &[&room], &[&one, &two]), [0, 0], "private speech waits too");
    one.uncoach().expect("open");
    (0..11).for_each(|_| drop(talk(&engine, &[&room], &[&one, &two])));
    assert!(of_kind(&engine.events(), COACH_EVENT_START).is_empty(), "nobody has started it");

    starter.join(&room, 3).expect("enters");
    let turns = talk(&engine, &[&room], &[&one, &two, &starter]);
    let first: Vec<_> = turns.iter().map(|turn| value(WIDE, &turn.heard)).collect();
    assert_eq!(first, [110, 101, 11], "everyone hears everyone else from the first frame on");
    let events = engine.events();
    let start = of_kind(&events, COACH_EVENT_START);
    assert_eq!(start.len(), 1, "it starts once: {events:?}");
    assert_eq!((start[0].room, start[0].room_name.as_str()), (room.handle, "sales"));

    starter.leave().expect("leaves");
    assert_eq!(heard(&engine, &[&room], &[&one, &two]), [10, 1], "once started it goes on without who started it");
    starter.join(&room, 3).expect("comes back");
    assert!(of_kind(&engine.events(), COACH_EVENT_START).is_empty(), "a conference starts once");
}

#[test]
fn a_member_starts_the_conference_unless_it_says_otherwise() {
    let engine = Engine::new();
    let room = engine.engine_room("sales", WIDE, MS);
    let (one, two) = (engine.attach("one", "boss", None), engine.attach("two", "", None));
    one.join(&room, 1).expect("enters");
    let events = engine.events();
    let start = of_kind(&events, COACH_EVENT_START);
    assert_eq!(start.len(), 1, "the first member starts it");
    let about = (start[0].member, start[0].number, start[0].call_id.as_str(), start[0].tags.as_str());
    assert_eq!(about, (0, 0, "", ""), "it is about the room, not about who has started it");
    two.join(&room, 2).expect("enters");
    assert_eq!(heard(&engine, &[&room], &[&one, &two]), [10, 1]);
}

/// The ending member leaves, or its call ends.
#[test]
fn when_a_member_leaves_that_ends_the_conference_everyone_gets_an_event_and_silence() {
    for hang_up in [false, true] {
        let engine = Engine::new();
        let room = engine.engine_room("sales", WIDE, MS);
        let host = attach(&engine, "host", COACH_MEMBER_STARTS | COACH_MEMBER_ENDS);
        let guests = [attach(&engine, "one", COACH_MEMBER_STARTS), attach(&engine, "two", 0)];
        host.join(&room, 1).expect("enters");
        guests[0].join(&room, 2).expect("enters");
        guests[1].join(&room, 3).expect("enters");
        let everyone = [&host, &guests[0], &guests[1]];
        assert_eq!(heard(&engine, &[&room], &everyone), [110, 101, 11]);
        engine.events();

        if hang_up {
            host.detach()
        } else {
            host.leave().expect("leaves")
        }
        let events = engine.events();
        let mut ended: Vec<_> = of_kind(&events, COACH_EVENT_END).iter().map(|event| event.member).collect();
        ended.sort_unstable();
        let mut right = guests.each_ref().map(|guest| guest.handle);
        right.sort_unstable();
        assert_eq!(ended, right, "each guest gets one event, the one that left gets none: {events:#?}");

        for turn_number in 0..5 {
            for turn in talk(&engine, &[&room], &[&guests[0], &guests[1]]) {
                assert_eq!(value(WIDE, &turn.heard), 0, "silence follows");
                assert!(turn_number == 0 || turn.heard.iter().all(|&s| s == 0), "the fade is over after 4 ms");
            }
        }
        let refused = guests[0].leave().expect_err("it is outside already");
        assert_eq!(refused.status, COACH_ERR_STATE, "{refused:?}");
        let mut frame = level(WIDE, MS, 1000);
        guests[1].write(WIDE, &mut frame);
        assert!(frame.iter().all(|&sample| sample == 0), "in silence until it is detached");
    }
}

#[test]
fn an_ending_member_that_never_came_ends_nothing() {
    let engine = Engine::new();
    let room = engine.engine_room("sales", WIDE, MS);
    let (one, two) = (engine.attach("one", "", None), engine.attach("two", "", None));
    let host = attach(&engine, "host", COACH_MEMBER_ENDS);
    one.join(&room, 1).expect("enters");
    two.join(&room, 2).expect("enters");
    host.detach();
    one.leave().expect("leaves");
    one.join(&room, 1).expect("comes back");
    assert_eq!(heard(&engine, &[&room], &[&one, &two]), [10, 1], "the conference goes on");
    assert!(of_kind(&engine.events(), COACH_EVENT_END).is_empty());
}

#[test]
fn a_host_mixed_room_only_reports_the_flags() {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let coach = engine.attach_as(&NewMember { call_id: "coach", tags: "", speak_only_to: Some("agent"), flags: 0 });
    let coach = coach.expect("is attached");
    let agent = engine.attach_as(&NewMember { call_id: "agent", tags: "agent", speak_only_to: None, flags: 0 });
    let agent = agent.expect("is attached");
    let host = attach(&engine, "host", COACH_MEMBER_ENDS);
    coach.join(&room, 1).expect("enters");
    agent.join(&room, 2).expect("enters");
    host.join(&room, 3).expect("enters");
    assert_eq!(heard(&engine, &[], &[&coach, &agent]), [0, 1], "nobody has to start it");
    host.leave().expect("leaves");
    assert_eq!(heard(&engine, &[], &[&coach, &agent]), [0, 1], "nobody ends it");
    let events = engine.events();
    assert!(of_kind(&events, COACH_EVENT_END).is_empty(), "the host acts on the flags: {events:#?}");
}

#[test]
fn closing_a_room_ends_it_for_its_members() {
    for engine_mixed in [false, true] {
        let engine = Engine::new();
        let room = if engine_mixed { engine.engine_room("sales", WIDE, MS) } else { engine.host_room("sales") };
        let (coach, agent) = engine.coach_and_agent(&room);
        let sums: &[&Room] = if engine_mixed { &[&room] } else { &[] };
        assert_eq!(heard(&engine, sums, &[&coach, &agent])[1], 1);
        room.shut();
        assert_eq!(of_kind(&engine.events(), COACH_EVENT_END).len(), 2, "an event each");
        let turns = talk(&engine, &[], &[&coach, &agent]);
        assert_eq!((turns[0].took, value(WIDE, &turns[0].left)), (COACH_SILENCED, 0), "private speech stays private");
        assert_eq!(value(WIDE, &turns[1].heard), 0, "and nobody hears it");
        let again = engine.host_room("sales");
        assert_ne!(again.handle, room.handle, "a new room has a new handle");
    }
}

#[test]
fn mute_deaf_and_hold_in_an_engine_mixed_room() {
    let engine = Engine::new();
    let room = engine.engine_room("sales", WIDE, MS);
    let members = ["one", "two", "three"].map(|call_id| engine.attach(call_id, "", None));
    let [one, two, three] = &members;
    for (number, member) in members.iter().enumerate() {
        member.join(&room, number as u32).expect("enters");
    }
    let heard = || heard(&engine, &[&room], &[one, two, three]);
    assert_eq!(heard(), [110, 101, 11]);
    one.mute(true).expect("is muted");
    assert_eq!(heard(), [110, 100, 10], "a muted member hears, and is not heard");
    two.deaf(true).expect("is deaf");
    assert_eq!(heard(), [110, 0, 10], "a deaf member is heard, and does not hear");
    three.hold(true).expect("is held");
    assert_eq!(heard(), [10, 0, 0], "a member on hold does neither");
    one.mute(false).expect("is heard again");
    two.deaf(false).expect("hears again");
    three.hold(false).expect("is back");
    assert_eq!(heard(), [110, 101, 11], "as before");
}

#[test]
fn mute_deaf_and_hold_of_private_speech_on_both_mixers() {
    for engine_mixed in [false, true] {
        let engine = Engine::new();
        let room = if engine_mixed { engine.engine_room("sales", WIDE, MS) } else { engine.host_room("sales") };
        let (one, two) = (engine.attach("one", "boss", Some("agent")), engine.attach("two", "agent", Some("boss")));
        one.join(&room, 1).expect("enters");
        two.join(&room, 2).expect("enters");
        let sums: &[&Room] = if engine_mixed { &[&room] } else { &[] };
        let heard = || heard(&engine, sums, &[&one, &two]);
        assert_eq!(heard(), [10, 1], "each speaks to the other");
        one.mute(true).expect("is muted");
        assert_eq!(heard(), [10, 0], "a muted private speaker is heard by nobody, and hears");
        one.mute(false).expect("is heard again");
        one.deaf(true).expect("is deaf");
        assert_eq!(heard(), [0, 1], "a deaf member hears no private speech, and is heard");
        one.deaf(false).expect("hears again");
        one.hold(true).expect("is held");
        assert_eq!(heard(), [0, 0], "a member on hold does neither");
        one.hold(false).expect("is back");
        assert_eq!(heard(), [10, 1], "as before");
    }
}

#[test]
fn open_speech_in_a_host_mixed_room_is_the_hosts_to_mute() {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let (one, two) = (engine.attach("one", "", None), engine.attach("two", "", None));
    one.join(&room, 1).expect("enters");
    two.join(&room, 2).expect("enters");
    for shut in [Member::mute, Member::deaf, Member::hold] {
        shut(&one, true).expect("is set");
        for (turn, said) in talk(&engine, &[], &[&one, &two]).iter().zip([1, 10]) {
            assert_eq!((turn.took, turn.gave), (COACH_OK, COACH_OK), "the hooks do nothing");
            assert_eq!((turn.left[0], turn.heard[0]), (said, 0), "and leave the frames as they are");
        }
        shut(&one, false).expect("is set");
    }
}

#[test]
fn members_may_come_muted_or_deaf() {
    let engine = Engine::new();
    let room = engine.engine_room("sales", WIDE, MS);
    let muted = attach(&engine, "muted", COACH_MEMBER_STARTS | COACH_MEMBER_MUTED);
    let deaf = attach(&engine, "deaf", COACH_MEMBER_STARTS | COACH_MEMBER_DEAF);
    let plain = attach(&engine, "plain", COACH_MEMBER_STARTS);
    for (number, member) in [&muted, &deaf, &plain].into_iter().enumerate() {
        member.join(&room, number as u32).expect("enters");
    }
    assert_eq!(heard(&engine, &[&room], &[&muted, &deaf, &plain]), [110, 0, 10]);
}

#[test]
fn nobody_hears_itself_while_voices_come_and_go() {
    let engine = Engine::new();
    let room = engine.engine_room("sales", WIDE, MS);
    let (one, two) = (engine.attach("one", "agent", None), engine.attach("two", "", None));
    one.join(&room, 1).expect("enters");
    two.join(&room, 2).expect("enters");
    let loud = |value| level(WIDE, MS, value);
    for round in 0..60 {
        match round % 6 {
            0 => one.mute(true).expect("is set"),
            1 => one.mute(false).expect("is set"),
            2 => one.coach("nobody-here").expect("is set"),
            4 => one.uncoach().expect("is set"),
            5 => one.deaf(round % 4 == 1).expect("is set"),
            _ => {}
        }
        for _ in 0..3 {
            let turns = turn(&engine, &[&room], WIDE, &[(&one, loud(9000)), (&two, loud(0))]);
            assert!(turns[0].heard.iter().all(|&sample| sample == 0), "round {round}: one hears its own voice");
        }
    }
}

#[test]
fn what_is_queued_for_the_mix_is_not_heard_after_a_mute() {
    for hold in [false, true] {
        let engine = Engine::new();
        let room = engine.engine_room("sales", WIDE, MS);
        let (one, two) = (attach(&engine, "one", COACH_MEMBER_STARTS), attach(&engine, "two", 0));
        one.join(&room, 1).expect("enters");
        two.join(&room, 2).expect("enters");
        let says_three_ticks = || _ = one.read(WIDE, &mut level(WIDE, 3 * MS, 10_000));
        let hears = || {
            room.tick();
            let mut heard = level(WIDE, MS, 0);
            two.write(WIDE, &mut heard);
            heard
        };
        for _ in 0..4 {
            says_three_ticks();
            (0..3).for_each(|_| drop(hears()));
        }
        says_three_ticks();
        assert_eq!(value(WIDE, &hears()), 10_000);
        let stop = |on| if hold { one.hold(on) } else { one.mute(on) };
        stop(true).expect("is stopped");
        assert_eq!(value(WIDE, &hears()), 0, "past a fade, silence");
        (0..3).for_each(|_| assert_eq!(hears(), level(WIDE, MS, 0), "hold: {hold}"));
        stop(false).expect("goes on");
        (0..3).for_each(|_| assert_eq!(hears(), level(WIDE, MS, 0), "hold: {hold}, what was queued is gone"));
    }
}

#[test]
fn a_voice_that_leaves_fades_whatever_else_happens_before_the_tick() {
    let fade = |tags: bool| {
        let engine = Engine::new();
        let room = engine.engine_room("sales", WIDE, MS);
        let (one, two) = (attach(&engine, "one", COACH_MEMBER_STARTS), attach(&engine, "two", 0));
        one.join(&room, 1).expect("enters");
        two.join(&room, 2).expect("enters");
        let silence = || level(WIDE, MS, 0);
        for _ in 0..5 {
            turn(&engine, &[&room], WIDE, &[(&one, level(WIDE, MS, 10_000)), (&two, silence())]);
        }
        one.leave().expect("leaves");
        if tags {
            two.tag("agent").expect("is tagged");
        }
        [(); 3].map(|()| turn(&engine, &[&room], WIDE, &[(&two, silence())]).remove(0).heard)
    };
    let plain = fade(false);
    assert!(
        plain[0][0] > 9_000 && value(WIDE, &plain[0]) == 0 && plain[1..] == [level(WIDE, MS, 0), level(WIDE, MS, 0)]
    );
    assert_eq!(fade(true), plain, "another change does not cut it off");
}

/// A bus keeps some of the past, and a room that was left goes on with that.
#[test]
fn who_comes_into_a_room_that_was_left_long_ago_hears_nothing_of_those_who_were_there() {
    const NARROW: Format = Format::mono(8000);
    for ticks in 2..60 {
        let engine = Engine::new();
        let room = engine.engine_room("sales", WIDE, MS);
        let (one, two) = (attach(&engine, "one", COACH_MEMBER_STARTS), attach(&engine, "two", COACH_MEMBER_STARTS));
        one.join(&room, 1).expect("enters");
        (0..5).for_each(|_| _ = turn(&engine, &[&room], WIDE, &[(&one, level(WIDE, MS, 10_000))]));
        one.leave().expect("leaves");
        (0..ticks).for_each(|_| room.tick());
        two.write(NARROW, &mut level(NARROW, MS, 0));
        two.join(&room, 2).expect("enters");
        engine.service();
        for frame in 0..3 {
            let mut heard = level(NARROW, MS, 0);
            two.write(NARROW, &mut heard);
            assert_eq!(heard, level(NARROW, MS, 0), "{ticks} ticks later, frame {frame}");
            room.tick();
        }
    }
}

#[test]
fn who_comes_back_does_not_hear_itself_from_before() {
    let engine = Engine::new();
    let room = engine.engine_room("sales", WIDE, MS);
    let (one, two) = (attach(&engine, "one", COACH_MEMBER_STARTS), attach(&engine, "two", 0));
    one.join(&room, 1).expect("enters");
    two.join(&room, 2).expect("enters");
    for _ in 0..5 {
        turn(&engine, &[&room], WIDE, &[(&one, level(WIDE, MS, 10_000)), (&two, level(WIDE, MS, 0))]);
    }
    one.leave().expect("leaves");
    one.join(&room, 1).expect("enters");
    for frame in 0..4 {
        let mut heard = level(WIDE, MS, 0);
        one.write(WIDE, &mut heard);
        assert_eq!(value(WIDE, &heard), 0, "frame {frame}");
        room.tick();
    }
}

/// Converters keep the end of what went through them.
#[test]
fn no_room_hears_the_end_of_what_was_said_in_another() {
    const NARROW: Format = Format::mono(8000);
    for at_another_rate_first in [false, true] {
        let engine = Engine::new();
        let rooms = ["one", "two"].map(|name| engine.engine_room(name, WIDE, MS));
        let (goes, stays) =
            (attach(&engine, "goes", COACH_MEMBER_STARTS), attach(&engine, "stays", COACH_MEMBER_STARTS));
        goes.join(&rooms[0], 1).expect("enters");
        stays.join(&rooms[1], 2).expect("enters");
        let loudest = |format, value| {
            goes.read(format, &mut level(format, MS, value));
            stays.read(WIDE, &mut level(WIDE, MS, 0));
            rooms.iter().for_each(|room| room.tick());
            let mut heard = level(WIDE, MS, 0);
            stays.write(WIDE, &mut heard);
            heard.iter().map(|sample| sample.unsigned_abs()).max()
        };
        for _ in 0..5 {
            engine.service();
            loudest(NARROW, 20_000);
        }
        goes.leave().expect("leaves");
        goes.join(&rooms[1], 1).expect("enters");
        if at_another_rate_first {
            loudest(Format::mono(48000), 0); // for which there is no converter yet
        }
        let loudest = (0..8).map(|_| loudest(NARROW, 0)).max();
        assert_eq!(loudest, Some(Some(0)), "at another rate first: {at_another_rate_first}");
    }
}
