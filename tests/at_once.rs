//! Promise 3: when a command returns, every hook call that begins afterwards acts on it, on whatever thread. The one
//! exception is the opening guard, which has an exact length in the speaker's own audio.

mod support;

use std::{sync::mpsc, thread};
use support::{
    COACH_CHANGED, COACH_ERR_FORMAT, COACH_OK, COACH_SILENCED, Done, Engine, Format, Member, Room, coach,
    rule::{Leg, Rule},
    scene::{level, turn, value},
    signal::mix,
};

const WIDE: Format = Format::mono(16000);
const FRAMES_MS: [u32; 5] = [10, 20, 30, 40, 60];

/// Frames that begin before a guard is over.
fn guarded(guard_ms: u32, ms: u32) -> u32 {
    guard_ms.div_ceil(ms)
}

/// A leg's thread: it calls a hook whenever it is told to.
struct LegThread {
    ask: mpsc::Sender<Vec<i16>>,
    answer: mpsc::Receiver<(i32, Vec<i16>)>,
}

impl LegThread {
    fn start<'s>(scope: &'s thread::Scope<'s, '_>, hook: impl Fn(&mut [i16]) -> i32 + Send + 's) -> Self {
        let (ask, asked) = mpsc::channel::<Vec<i16>>();
        let (tell, answer) = mpsc::channel();
        scope.spawn(move || {
            for mut frame in asked {
                let status = hook(&mut frame);
                tell.send((status, frame)).expect("the test waits for the answer");
            }
        });
        Self { ask, answer }
    }

    fn call(&self, frame: Vec<i16>) -> (i32, Vec<i16>) {
        self.ask.send(frame).expect("the leg's thread runs");
        self.answer.recv().expect("the leg's thread answers")
    }
}

#[test]
fn the_next_hook_call_on_another_thread_acts_on_a_command() {
    let engine = Engine::with_guard(0);
    let room = engine.host_room("sales");
    let (speaker, listener) = (engine.attach("speaker", "", Some("agent")), engine.attach("listener", "", None));
    let mut rule = Rule {
        guard_ms: 0,
        now: None,
        legs: vec![Leg { speak_only_to: Some(1), ..Leg::default() }, Leg::default()],
        engine_mixed: vec![false],
    };
    let (mut heard, mut unheard, mut open) = (0, 0, 0);
    thread::scope(|scope| {
        let says = LegThread::start(scope, |frame| speaker.read(WIDE, frame));
        let hears = LegThread::start(scope, |frame| listener.write(WIDE, frame));
        for round in 0..6000u64 {
            let random = mix(round);
            command(random, &room, [&speaker, &listener], &mut rule);
            let level = 1000 + (round % 1000) as i16;
            let (status, left) = says.call(vec![level; 320]);
            let (_, got) = hears.call(vec![0; 320]);

            let private = rule.legs[0].speak_only_to.is_some();
            assert_eq!(
                status == COACH_SILENCED,
                private,
                "round {round}: the read hook should act on the last command"
            );
            let left = value(WIDE, &left);
            assert_eq!(left, if private { 0 } else { level }, "round {round}: what is left to the host's mixer");
            let due = private && rule.hears(1, 0);
            let got = value(WIDE, &got);
            assert_eq!(got, if due { level } else { 0 }, "round {round}: what the listener hears");
            heard += u32::from(due);
            unheard += u32::from(private && !due);
            open += u32::from(!private);
        }
        drop((says.ask, hears.ask));
    });
    assert!(heard > 300 && unheard > 300 && open > 300, "all three should be frequent: {heard}, {unheard}, {open}");
}

/// One random command, to the engine and to the rule.
fn command(random: u64, room: &Room, members: [&Member; 2], rule: &mut Rule) {
    let [speaker, listener] = members;
    let on = random & 0x1000 != 0;
    let done: Done = match random % 12 {
        0 | 10 | 11 => {
            rule.tag(1, 1);
            listener.tag("agent")
        }
        1 => {
            rule.tag(1, 0);
            listener.untag()
        }
        2 => {
            rule.coach(0, 1);
            speaker.coach("agent")
        }
        3 if on => {
            rule.uncoach(0);
            speaker.uncoach()
        }
        4 => {
            // Shut less often than open: otherwise almost nothing is heard.
            rule.legs[0].muted = on && random & 0x6000 == 0;
            speaker.mute(rule.legs[0].muted)
        }
        5 => {
            rule.legs[1].deaf = on && random & 0x6000 == 0;
            listener.deaf(rule.legs[1].deaf)
        }
        6 => {
            let who = usize::from(on);
            rule.legs[who].held = random & 0x6000 == 0;
            members[who].hold(rule.legs[who].held)
        }
        _ => {
            let who = usize::from(on);
            if rule.legs[who].room.is_none() {
                rule.join(who, 0);
                members[who].join(room, 1 + who as u32)
            } else if random & 0x6000 == 0 {
                rule.leave(who);
                members[who].leave()
            } else {
                Ok(())
            }
        }
    };
    done.expect("each of these commands can be carried out");
}

/// A coach, an agent that hears it, and somebody else, in a room of either mixer.
struct Call<'e> {
    engine: &'e Engine,
    room: Room<'e>,
    engine_mixed: bool,
    ms: u32,
    coach: Member<'e>,
    agent: Member<'e>,
    other: Member<'e>,
    said: i16,
}

/// What became of one frame of the coach.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fate {
    frame: i16,
    took: i32,
    left: i16,
    agent: i16,
    other: i16,
}

impl<'e> Call<'e> {
    fn new(engine: &'e Engine, engine_mixed: bool, ms: u32) -> Self {
        let room = if engine_mixed {
            // A tick need not be as long as a frame, but then nothing is delayed.
            engine.engine_room("sales", WIDE, ms)
        } else {
            engine.host_room("sales")
        };
        let coach = engine.attach("coach", "", Some("agent"));
        let agent = engine.attach("agent", "agent", None);
        let other = engine.attach("other", "", None);
        for (number, member) in [&coach, &agent, &other].into_iter().enumerate() {
            member.join(&room, number as u32 + 1).expect("everyone enters");
        }
        Self { engine, room, engine_mixed, ms, coach, agent, other, said: 100 }
    }

    /// The coach says one more frame, everybody else is silent.
    fn frame(&mut self) -> Fate {
        self.said += 1;
        let silence = WIDE.silence(self.ms);
        let says =
            [(&self.coach, level(WIDE, self.ms, self.said)), (&self.agent, silence.clone()), (&self.other, silence)];
        let sums: &[&Room] = if self.engine_mixed { &[&self.room] } else { &[] };
        let turns = turn(self.engine, sums, WIDE, &says);
        Fate {
            frame: self.said,
            took: turns[0].took,
            left: value(WIDE, &turns[0].left),
            agent: value(WIDE, &turns[1].heard),
            other: value(WIDE, &turns[2].heard),
        }
    }

    /// The next frames are heard by the agent alone.
    fn only_the_agent_hears(&mut self, frames: u32, why: &str) {
        for index in 0..frames {
            let fate = self.frame();
            let right = Fate { took: COACH_SILENCED, left: 0, agent: fate.frame, other: 0, ..fate };
            assert_eq!(fate, right, "{why}: frame {index} of {frames}, {} ms each", self.ms);
        }
    }

    /// The next frames are private, and heard by both.
    fn both_hear(&mut self, frames: u32, why: &str) {
        for index in 0..frames {
            let fate = self.frame();
            let right = Fate { took: COACH_SILENCED, left: 0, agent: fate.frame, other: fate.frame, ..fate };
            assert_eq!(fate, right, "{why}: frame {index} of {frames}, {} ms each", self.ms);
        }
    }

    /// The next frames are open: through the host's mixer, or the engine's.
    fn everyone_hears(&mut self, frames: u32, why: &str) {
        for index in 0..frames {
            let fate = self.frame();
            if self.engine_mixed {
                let right = Fate { took: COACH_CHANGED, left: 0, agent: fate.frame, other: fate.frame, ..fate };
                assert_eq!(fate, right, "{why}: frame {index} of {frames}, {} ms each", self.ms);
            } else {
                // The first one fades in.
                let took = if index == 0 { COACH_CHANGED } else { COACH_OK };
                let right = Fate { took, left: fate.frame, agent: 0, other: 0, ..fate };
                assert_eq!(fate, right, "{why}: frame {index} of {frames}, {} ms each", self.ms);
            }
        }
    }
}

/// Runs a check for several guards, frame sizes and both mixers.
fn everywhere(check: impl Fn(Call, u32)) {
    for guard_ms in [0, 200, 1000] {
        for ms in FRAMES_MS {
            for engine_mixed in [false, true] {
                let engine = Engine::with_guard(guard_ms);
                check(Call::new(&engine, engine_mixed, ms), guarded(guard_ms, ms));
            }
        }
    }
}

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
fn narrowing_is_at_once() {
    everywhere(|mut call, guard| {
        call.coach.uncoach().expect("opens");
        (0..guard + 2).for_each(|_| _ = call.frame());
        call.coach.coach("agent").expect("private again");
        call.only_the_agent_hears(2, "private at once");
        call.agent.untag().expect("a tag is removed");
        let fate = call.frame();
        assert_eq!((fate.took, fate.agent, fate.other), (COACH_SILENCED, 0, 0), "nobody is left to hear it");
    });
}

#[test]
fn joining_unmuting_hearing_and_unholding_are_not_guarded() {
    everywhere(|mut call, _| {
        call.other.leave().expect("leaves");
        call.other.tag("agent").expect("a tag is set outside");
        call.only_the_agent_hears(3, "the other is outside");
        call.other.join(&call.room, 7).expect("comes back");
        call.both_hear(2, "it joined");
        for shut in [Member::deaf, Member::hold] {
            shut(&call.other, true).expect("hears nothing");
            call.only_the_agent_hears(2, "the other hears nothing");
            shut(&call.other, false).expect("hears again");
            call.both_hear(2, "the other hears again");
        }
        for shut in [Member::mute, Member::hold] {
            shut(&call.coach, true).expect("is not heard");
            let fate = call.frame();
            assert_eq!((fate.agent, fate.other), (0, 0), "nobody hears a coach that is muted or on hold");
            shut(&call.coach, false).expect("is heard again");
            call.both_hear(2, "the coach is heard again");
        }
        call.coach.leave().expect("leaves");
        call.coach.join(&call.room, 8).expect("comes back");
        call.both_hear(2, "the coach joined");
    });
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
    assert_eq!(opens(support::COACH_EVENT_UNCOACH), Some(200), "the guard of 200 ms lies ahead");
    call.only_the_agent_hears(4, "in the guard");
    let state = engine.state(Some("sales")).expect("the room is there");
    assert_eq!(state["members"][0]["opens_in_ms"], 120, "80 ms of 200 have passed: {state:#}");
    call.only_the_agent_hears(6, "in the guard");
    call.everyone_hears(1, "after it");
    let state = engine.state(Some("sales")).expect("the room is there");
    assert_eq!(state["members"][0]["opens_in_ms"], 0, "the guard is over: {state:#}");
    call.coach.coach("agent").expect("private again");
    assert_eq!(opens(support::COACH_EVENT_COACH), Some(0), "narrowing is at once");
}

/// What was said to `agent` before the command may still be on its way when the command has returned.
#[test]
fn an_audience_that_is_widened_outside_a_room_is_guarded_too() {
    for leaves in [false, true] {
        let engine = Engine::new();
        let room = engine.host_room("sales");
        let (coach, agent) = engine.coach_and_agent(&room);
        let boss = engine.attach("boss", "boss", None);
        boss.join(&room, 3).expect("enters");
        let says = |value| {
            let says = [(&coach, level(WIDE, 20, value)), (&agent, level(WIDE, 20, 0)), (&boss, level(WIDE, 20, 0))];
            turn(&engine, &[], WIDE, &says)
        };
        (0..5).for_each(|_| drop(says(5_000)));
        if leaves {
            coach.leave().expect("leaves");
        }
        coach.coach("boss").expect("private");
        if leaves {
            coach.join(&room, 1).expect("enters");
        }
        for frame in 0..10 {
            let turns = says(6_000);
            assert_eq!(turns[0].took, COACH_SILENCED);
            assert_eq!(turns[2].heard, level(WIDE, 20, 0), "leaves: {leaves}, frame {frame} is guarded");
        }
        assert_eq!(value(WIDE, &says(6_000)[2].heard), 6_000, "leaves: {leaves}, after the guard");
    }
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
        let says = |value| {
            let says = [(&coach, level(WIDE, 20, value)), (&agent, level(WIDE, 20, 0)), (&boss, level(WIDE, 20, 0))];
            turn(&engine, &[], WIDE, &says)
        };
        (0..5).for_each(|_| drop(says(5_000)));
        assert_eq!(value(WIDE, &says(5_000)[1].heard), 5_000, "the agent hears it");
        if closes {
            first.shut();
        } else {
            coach.leave().expect("leaves");
        }
        engine.events();
        coach.join(&second, 2).expect("enters");
        let join = engine.events().into_iter().find(|event| event.kind == support::COACH_EVENT_JOIN);
        assert_eq!(join.map(|event| event.opens_in_ms), Some(200), "closes: {closes}: and the event says so");
        for frame in 0..10 {
            let turns = says(6_000);
            assert_eq!(turns[0].took, COACH_SILENCED);
            assert_eq!(turns[2].heard, level(WIDE, 20, 0), "closes: {closes}, frame {frame} is guarded");
        }
        assert_eq!(value(WIDE, &says(6_000)[2].heard), 6_000, "closes: {closes}, after the guard");
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
