//! Promise 3, the opening guard's length: a command that widens an audience takes effect after exactly 200 ms, or as many as the engine
//! has, of the speaker's own audio, whatever the frames' sizes and whatever else is commanded meanwhile.

use crate::support::{
    COACH_ERR_FORMAT, COACH_SILENCED, Engine, Format,
    call::{Call, FRAMES_MS, WIDE, everywhere, guarded},
    coach,
    scene::{level, turn, value},
};

#[test]
fn uncoach_opens_after_exactly_the_guard() {
    everywhere(|mut call, guard| {
        call.only_the_agent_hears(3, "private");
        call.coach.uncoach().expect("a private speaker opens");
        call.only_the_agent_hears(guard, "in the guard");
        call.everyone_hears(3, "after the guard");
    });
}

#[test]
fn a_tag_opens_after_exactly_the_guard() {
    everywhere(|mut call, guard| {
        call.only_the_agent_hears(3, "private");
        call.other.tag("agent").expect("a tag is set");
        call.only_the_agent_hears(guard, "in the guard");
        call.both_hear(3, "after the guard");
    });
}

#[test]
fn a_wider_audience_opens_after_exactly_the_guard() {
    everywhere(|mut call, guard| {
        call.other.tag("sales").expect("a tag is set");
        call.only_the_agent_hears(3, "private");
        call.coach.coach("agent,sales").expect("an audience is set");
        call.only_the_agent_hears(guard, "in the guard");
        call.both_hear(3, "after the guard");
    });
}

#[test]
fn an_audience_that_moves_closes_at_once_and_opens_after_the_guard() {
    everywhere(|mut call, guard| {
        call.other.tag("sales").expect("a tag is set");
        call.only_the_agent_hears(3, "private");
        call.coach.coach("sales").expect("an audience is set");
        for _ in 0..guard {
            let fate = call.frame();
            assert_eq!((fate.took, fate.agent, fate.other), (COACH_SILENCED, 0, 0), "in the guard nobody hears it");
        }
        let fate = call.frame();
        assert_eq!(
            (fate.took, fate.agent, fate.other),
            (COACH_SILENCED, 0, fate.frame),
            "after the guard the new ones do"
        );
    });
}

#[test]
fn passing_through_begins_after_exactly_the_guard() {
    for guard_ms in [0, 200, 1000] {
        for ms in FRAMES_MS {
            let engine = Engine::with_guard(guard_ms);
            let mut call = Call::new(&engine, false, ms);
            call.only_the_agent_hears(3, "private");
            call.coach.bypass(true).expect("a member passes everything");
            for index in 0..guarded(guard_ms, ms) {
                let fate = call.frame();
                assert_eq!((fate.left, fate.other), (0, 0), "frame {index} in the guard of {guard_ms} ms is silence");
            }
            for _ in 0..3 {
                let fate = call.frame();
                assert_eq!((fate.left, fate.agent, fate.other), (fate.frame, 0, 0), "passed through as it is");
            }
            call.coach.bypass(false).expect("a member stops passing");
            call.only_the_agent_hears(3, "private again, at once");
        }
    }
}

#[test]
fn two_tags_have_a_guard_each() {
    for engine_mixed in [false, true] {
        let engine = Engine::new();
        let mut call = Call::new(&engine, engine_mixed, 20);
        call.agent.untag().expect("a tag is removed");
        call.frame();
        call.agent.tag("agent").expect("a tag is set");
        for _ in 0..5 {
            let fate = call.frame();
            assert_eq!((fate.agent, fate.other), (0, 0), "in the first guard");
        }
        call.other.tag("agent").expect("a tag is set");
        let explained = engine.command("explain sales 1");
        for told in [
            "2 (agent) does not hear it: not yet: after at most 200 ms",
            "3 (other) does not hear it: not yet: after 200 ms",
        ] {
            assert!(explained.contains(told), "{told}: {explained}");
        }
        for _ in 5..10 {
            let fate = call.frame();
            assert_eq!((fate.agent, fate.other), (0, 0), "in both guards");
        }
        call.only_the_agent_hears(5, "the agent's guard is over, the other's is not");
        call.both_hear(3, "both guards are over");
    }
}

#[test]
fn a_tag_that_went_and_came_back_begins_its_guard_anew() {
    let engine = Engine::new();
    let mut call = Call::new(&engine, false, 20);
    call.other.tag("agent").expect("a tag is set");
    call.only_the_agent_hears(5, "in the first guard");
    call.other.untag().expect("a tag is removed");
    call.only_the_agent_hears(2, "closed");
    call.other.tag("agent").expect("a tag is set");
    call.only_the_agent_hears(10, "in the second guard");
    call.both_hear(2, "after it");
}

#[test]
fn opening_in_the_guard_of_a_tag_waits_for_both() {
    for engine_mixed in [false, true] {
        let engine = Engine::new();
        let mut call = Call::new(&engine, engine_mixed, 20);
        call.other.tag("agent").expect("a tag is set");
        call.only_the_agent_hears(5, "in the guard of the tag");
        call.coach.uncoach().expect("opens");
        call.only_the_agent_hears(5, "in both guards");
        for _ in 0..5 {
            let fate = call.frame();
            // The other may hear it by now, but need not.
            assert_eq!(
                (fate.took, fate.left, fate.agent),
                (COACH_SILENCED, 0, fate.frame),
                "in the guard of the opening"
            );
        }
        call.everyone_hears(3, "both guards are over");
    }
}

#[test]
fn closing_in_a_guard_and_opening_again_begins_it_anew() {
    for engine_mixed in [false, true] {
        let engine = Engine::new();
        let mut call = Call::new(&engine, engine_mixed, 20);
        call.coach.uncoach().expect("opens");
        call.only_the_agent_hears(6, "in the first guard");
        call.coach.coach("agent").expect("private again");
        call.only_the_agent_hears(6, "private");
        call.coach.uncoach().expect("opens");
        call.only_the_agent_hears(10, "in the second guard");
        call.everyone_hears(3, "after it");
    }
}

#[test]
fn a_command_repeated_in_a_guard_does_not_lengthen_it() {
    let engine = Engine::new();
    let mut call = Call::new(&engine, false, 20);
    call.coach.uncoach().expect("opens");
    call.only_the_agent_hears(6, "in the guard");
    call.coach.uncoach().expect("an action repeated is no error");
    call.only_the_agent_hears(4, "in the same guard");
    call.everyone_hears(3, "after it");
}

/// Who heard it before the command goes on to hear it, also where the speaker pauses and a command concerns somebody else meanwhile.
#[test]
fn a_pause_in_a_guard_takes_nothing_from_who_heard_it_before() {
    for ms in FRAMES_MS {
        let engine = Engine::new();
        let mut call = Call::new(&engine, false, ms);
        call.only_the_agent_hears(3, "private");
        call.coach.uncoach().expect("opens");
        call.only_the_agent_hears(1, "in the guard");
        // All that was said is heard, and has faded.
        (0..3).for_each(|_| _ = call.agent.write(WIDE, &mut WIDE.silence(ms)));
        call.other.tag("sales").expect("a tag is set");
        call.only_the_agent_hears(guarded(200, ms) - 1, "in the guard, after the pause");
        call.everyone_hears(3, "after the guard");
    }
}

#[test]
fn frames_of_changing_size_pass_the_guard_by_their_length() {
    let engine = Engine::new();
    let mut call = Call::new(&engine, false, 20);
    call.coach.uncoach().expect("opens");
    let mut passed = 0;
    for ms in [10, 60, 20, 30, 40, 10, 20, 60, 10, 10] {
        call.ms = ms;
        let fate = call.frame();
        assert_eq!(
            fate.took == COACH_SILENCED,
            passed < 200,
            "a frame of {ms} ms that begins {passed} ms after the command"
        );
        passed += ms;
    }
}

#[test]
fn the_event_says_when_it_opens() {
    let engine = Engine::new();
    let mut call = Call::new(&engine, false, 20);
    engine.events();
    call.coach.uncoach().expect("opens");
    let opens = |kind| engine.events().iter().find(|event| event.kind == kind).map(|event| event.opens_in_ms);
    assert_eq!(opens(crate::support::COACH_EVENT_UNCOACH), Some(200), "the guard of 200 ms lies ahead");
    call.only_the_agent_hears(4, "in the guard");
    let state = engine.state(Some("sales")).expect("the room is there");
    assert_eq!(state["members"][0]["opens_in_ms"], 120, "80 ms of 200 have passed: {state:#}");
    call.only_the_agent_hears(6, "in the guard");
    call.everyone_hears(1, "after it");
    let state = engine.state(Some("sales")).expect("the room is there");
    assert_eq!(state["members"][0]["opens_in_ms"], 0, "the guard is over: {state:#}");
    call.coach.coach("agent").expect("private again");
    assert_eq!(opens(crate::support::COACH_EVENT_COACH), Some(0), "narrowing is at once");
    call.agent.tag("night,agent").expect("one more tag");
    let state = engine.state(Some("sales")).expect("the room is there");
    assert_eq!(state["members"][0]["opens_in_ms"], 0, "whom the coach spoke to already is nobody new: {state:#}");
}

#[test]
fn more_guards_than_are_kept_apart_open_later_and_never_earlier() {
    const GUARDED: usize = 20;
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let coach = engine.attach("coach", "", Some("agent"));
    coach.join(&room, 99).expect("enters");
    let names: Vec<String> = (0..10).map(|number| format!("agent-{number}")).collect();
    let agents: Vec<_> = names.iter().map(|name| engine.attach(name, "", None)).collect();
    for (number, agent) in agents.iter().enumerate() {
        agent.join(&room, number as u32).expect("enters");
    }
    let mut heard_by_all = false;
    for frame in 0..40 {
        // Each is tagged before the frame of its number.
        if let Some(agent) = agents.get(frame) {
            agent.tag("agent").expect("is tagged");
        }
        let mut says = vec![(&coach, level(WIDE, 10, 100 + frame as i16))];
        says.extend(agents.iter().map(|agent| (agent, level(WIDE, 10, 0))));
        let turns = turn(&engine, &[], WIDE, &says);
        let hears: Vec<bool> = turns[1..].iter().map(|turn| value(WIDE, &turn.heard) != 0).collect();
        for (tagged, hears) in hears.iter().enumerate() {
            assert!(!hears || frame >= tagged + GUARDED, "frame {frame} is heard by who was tagged before {tagged}");
        }
        heard_by_all = hears.iter().all(|hears| *hears);
    }
    assert!(heard_by_all, "the guards end");
}

#[test]
fn a_leg_whose_format_coach_does_not_handle_is_open_again_after_the_guard_too() {
    let engine = Engine::with_guard(200);
    let room = engine.host_room("sales");
    let (leg, _agent) = engine.coach_and_agent(&room);
    // 100 ms of it at a time: too long a frame, and no rate of Coach's.
    for odd in [Format::mono(22050), WIDE] {
        let said = vec![1000i16; odd.samples(100)];
        let speak = || {
            let mut frame = said.clone();
            assert_eq!(leg.read(odd, &mut frame), COACH_ERR_FORMAT, "{odd:?}");
            frame
        };
        leg.coach("agent").expect("private");
        assert!(speak().iter().all(|sample| *sample == 0), "{odd:?}: private speech is silenced");
        leg.uncoach().expect("open");
        for _ in 0..2 {
            assert!(speak().iter().all(|sample| *sample == 0), "{odd:?}: so is what comes in the guard");
        }
        assert!(speak() == said, "{odd:?}: after 200 ms it is left as it is");
        let explained = engine.command("explain sales 1");
        assert!(!explained.contains("not yet"), "{odd:?}: and explain says so: {explained}");
    }
}

/// What a host says of a frame by mistake ends no guard: else what was said before the command would be heard by everyone.
#[test]
fn a_frame_that_cannot_be_as_long_as_it_says_ends_no_guard() {
    // What it says, and how many frames of 20 ms the guard of 200 ms goes on for: no packet is longer than 120 ms.
    let mistaken = [
        (8_000, 1, 65_536, 4),
        (8_000, 2, 65_536, 4),
        (1, 1, 1, 10),
        (7_999, 1, 8_000, 10),
        (0, 1, 160, 10),
        (8_000, 1, u32::MAX, 10),
        (8_000, 0, 65_536, 10),
        (8_000, 9, 65_536, 10),
        (48_000, u32::MAX, u32::MAX, 10),
    ];
    for (rate, channels, samples, left) in mistaken {
        let engine = Engine::with_guard(200);
        let mut call = Call::new(&engine, false, 20);
        call.only_the_agent_hears(3, "private");
        call.coach.uncoach().expect("opens");
        let said = format!("{samples} samples of {channels} channels at {rate} Hz");
        let mut frame = vec![5_000i16; 2 * 65_536];
        // SAFETY: it holds as many samples as the call says, or the call says what is not a frame and is not touched.
        let status = unsafe { coach().coach_read(call.coach.handle, frame.as_mut_ptr(), rate, channels, samples) };
        assert_eq!(status, COACH_ERR_FORMAT, "{said}");
        call.only_the_agent_hears(left, &format!("in the guard, after {said}"));
        call.everyone_hears(2, &format!("after the guard and {said}"));
    }
}
