//! Promise 3: when a command returns, every hook call that begins afterwards acts on it, on whatever thread. The one exception is the opening
//! guard: `guard_length` has its length in the speaker's own audio, `guarded_moves` the ways between rooms, `opening_guard` its clock.

use crate::support::{
    COACH_SILENCED, Done, Engine, Member, Room,
    call::{WIDE, everywhere},
    rule::{Leg, Rule},
    scene::value,
    signal::mix,
};
use std::{sync::mpsc, thread};

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
