//! Promise 5: while nobody in a room speaks privately, a host-mixed room's audio is bit for bit what it was without Coach. The same
//! holds for a member outside rooms, for one that is bypassed, and for a listener whom the private speech does not concern.

use crate::support::{
    COACH_CHANGED, COACH_ERR_FORMAT, COACH_OK, COACH_SILENCED, Engine, Format, Member,
    play::{Heard, Hook, Judge, play},
    schedule::{Draw, RoomPlan, Schedule, Step},
    settings,
    signal::{Noise, RATES},
};

type HookOf<'e> = fn(&Member<'e>, Format, &mut [i16]) -> i32;

/// Both hooks leave this frame as it is.
fn untouched<'e>(member: &Member<'e>, format: Format, frame: &[i16], why: &str) {
    for (name, hook) in [("read", Member::read as HookOf<'e>), ("write", Member::write)] {
        let mut after = frame.to_vec();
        let status = hook(member, format, &mut after);
        assert_eq!(status, COACH_OK, "the {name} hook should leave the frame as it is: {why}, {format:?}");
        assert!(after == frame, "the {name} hook should not change a bit: {why}, {format:?}");
    }
}

/// Frames with the loudest samples, of every rate and channel count, and of every size from one sample to 60 ms.
fn all_sorts(check: impl Fn(Format, &[i16])) {
    let mut voice = Noise::new(7, i16::MAX);
    for rate in RATES {
        for channels in [1, 2] {
            let format = Format { rate, channels };
            for ms in [10, 20, 30, 40, 50, 60] {
                check(format, &voice.frame(format, ms));
            }
            for samples in [1, 2, 3, 7, 80, 161] {
                let mut frame = vec![i16::MIN; samples * channels as usize];
                frame[0] = i16::MAX;
                check(format, &frame);
            }
        }
    }
}

#[test]
fn frames_of_every_sort_pass_where_nobody_is_private() {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let members =
        [engine.attach("one", "agent", None), engine.attach("two", "", None), engine.attach("three", "", None)];
    for (number, member) in members.iter().enumerate() {
        all_sorts(|format, frame| untouched(member, format, frame, "outside any room"));
        member.join(&room, number as u32).expect("enters");
    }
    all_sorts(|format, frame| members.iter().for_each(|member| untouched(member, format, frame, "in the room")));
    members[1].mute(true).expect("is muted");
    members[1].tag("agent,sales").expect("is tagged");
    members[2].deaf(true).expect("is deaf");
    members[0].hold(true).expect("is held");
    all_sorts(|format, frame| {
        members.iter().for_each(|member| untouched(member, format, frame, "that the host handles"))
    });
    members[1].leave().expect("leaves");
    all_sorts(|format, frame| members.iter().for_each(|member| untouched(member, format, frame, "after one left")));
}

/// A random schedule in host-mixed rooms, with nobody private.
struct Unchanged;

impl Judge for Unchanged {
    fn says(&mut self, hook: &Hook) -> Vec<Vec<i16>> {
        vec![Noise::new(u64::from(hook.slot) << 8 | hook.member as u64, i16::MAX).frame(hook.format, hook.ms)]
    }

    fn read(&mut self, hook: &Hook, heard: &[Heard]) -> Result<(), String> {
        self.written(hook, heard)
    }

    fn written(&mut self, hook: &Hook, heard: &[Heard]) -> Result<(), String> {
        let Heard { before, after, status } = &heard[0];
        let right = if hook.sound { COACH_OK } else { COACH_ERR_FORMAT };
        if before != after || *status != right {
            return Err(format!(
                "slot {}: a hook of member {} should leave its frame as it is and return {right}, not {status}",
                hook.slot, hook.member
            ));
        }
        Ok(())
    }
}

#[test]
fn random_schedules_without_private_speech_change_nothing() {
    let open = |mut schedule: Schedule| {
        schedule.rooms.fill(RoomPlan::Host);
        schedule.parties.iter_mut().for_each(|party| party.speak_only_to = None);
        schedule.steps.retain(|timed| !matches!(timed.step, Step::Coach { .. }));
        for timed in &mut schedule.steps {
            if let Step::Replace { speak_only_to, .. } = &mut timed.step {
                *speak_only_to = None;
            }
        }
        schedule
    };
    let schedules = proptest::strategy::Strategy::prop_map(Draw::everything().schedules(), open);
    settings::run(settings::seed(), 60, &schedules, |schedule| play(schedule, 1, &mut Unchanged))
        .unwrap_or_else(|change| panic!("{change}"));
}

#[test]
fn those_outside_an_audience_are_not_touched_by_it() {
    let engine = Engine::new();
    let (room, elsewhere) = (engine.host_room("sales"), engine.host_room("support"));
    let coach = engine.attach("coach", "", Some("agent"));
    let agent = engine.attach("agent", "agent", None);
    let customer = engine.attach("customer", "", None);
    let stranger = engine.attach("stranger", "agent", None);
    for (number, member) in [&coach, &agent, &customer].into_iter().enumerate() {
        member.join(&room, number as u32).expect("enters");
    }
    stranger.join(&elsewhere, 1).expect("enters");
    let (format, mut voice) = (Format::mono(8000), Noise::new(1, i16::MAX));
    for _ in 0..200 {
        let mut said = voice.frame(format, 20);
        assert_eq!(coach.read(format, &mut said), COACH_SILENCED, "private speech is taken");
        let mut heard = voice.frame(format, 20);
        assert_eq!(agent.write(format, &mut heard), COACH_CHANGED, "the agent hears it");
        let frame = voice.frame(format, 20);
        untouched(&customer, format, &frame, "outside the audience");
        untouched(&stranger, format, &frame, "in another room");
        let mut frame = voice.frame(format, 20);
        let before = frame.clone();
        assert_eq!((coach.write(format, &mut frame), &frame), (COACH_OK, &before), "the coach does not hear itself");
        assert_eq!((agent.read(format, &mut frame), &frame), (COACH_OK, &before), "the agent speaks openly");
    }
}

#[test]
fn a_member_that_passes_everything_is_not_touched() {
    let format = Format::mono(16000);
    for engine_mixed in [false, true] {
        let engine = Engine::new();
        let room = if engine_mixed { engine.engine_room("sales", format, 20) } else { engine.host_room("sales") };
        let (coach, agent) = engine.coach_and_agent(&room);
        agent.bypass(true).expect("passes");
        let mut voice = Noise::new(1, i16::MAX);
        for _ in 0..20 {
            assert_eq!(coach.read(format, &mut voice.frame(format, 20)), COACH_SILENCED, "private speech is taken");
            if engine_mixed {
                room.tick();
            }
            untouched(&agent, format, &voice.frame(format, 20), "it passes, though private speech is addressed to it");
            let mut heard = format.silence(20);
            coach.write(format, &mut heard);
            assert!(
                heard.iter().all(|&sample| sample == 0),
                "it is not in the conference, engine-mixed: {engine_mixed}"
            );
        }
        coach.bypass(true).expect("passes");
        // The opening guard, and the frame that fades in after it.
        for _ in 0..11 {
            coach.read(format, &mut voice.frame(format, 20));
        }
        all_sorts(|format, frame| untouched(&coach, format, frame, "it passes, and the guard is over"));
    }
}

#[test]
fn what_was_queued_when_a_member_began_to_pass_everything_does_not_come_out_later() {
    let format = Format::mono(16000);
    let engine = Engine::new();
    let room = engine.engine_room("sales", format, 20);
    let (speaker, listener) = (engine.attach("speaker", "", None), engine.attach("listener", "", None));
    speaker.join(&room, 1).expect("enters");
    listener.join(&room, 2).expect("enters");
    let hears = || {
        room.tick();
        let mut heard = format.silence(20);
        listener.write(format, &mut heard);
        heard[heard.len() / 2]
    };
    for _ in 0..10 {
        speaker.read(format, &mut vec![100; format.samples(60)]);
        (0..3).for_each(|_| assert!([0, 100].contains(&hears())));
    }
    speaker.read(format, &mut vec![100; format.samples(60)]);
    assert_eq!(hears(), 100, "it is heard, and more is queued");
    speaker.bypass(true).expect("passes");
    assert_eq!(hears(), 0, "it has left the conference");
    speaker.bypass(false).expect("passes no more");
    assert_eq!([hears(), hears(), hears()], [0; 3], "what was queued is gone");
}

#[test]
fn commands_around_a_member_that_passes_everything_do_not_touch_it() {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let (leg, agent) = (engine.attach("leg", "", Some("agent")), engine.attach("agent", "", None));
    leg.join(&room, 1).expect("enters");
    agent.join(&room, 2).expect("enters");
    leg.bypass(true).expect("passes");
    let (format, mut voice) = (Format::mono(16000), Noise::new(2, i16::MAX));
    for _ in 0..11 {
        leg.read(format, &mut voice.frame(format, 20));
    }
    for command in
        ["tag sales 2 agent", "coach sales 1 sales", "tag sales 2 sales", "coach sales 1 -", "uncoach sales 1"]
    {
        assert!(engine.command(command).starts_with("+OK"), "`{command}` is carried out");
        for _ in 0..3 {
            untouched(&leg, format, &voice.frame(format, 20), command);
        }
    }
    leg.coach("agent").expect("private, once it no longer passes");
    untouched(&leg, format, &voice.frame(format, 20), "still passing");
    leg.leave().expect("leaves");
    untouched(&leg, format, &voice.frame(format, 20), "passing, outside");
    leg.bypass(false).expect("passes no more");
    let mut said = voice.frame(format, 20);
    assert_eq!(leg.read(format, &mut said), COACH_SILENCED, "private from the next frame on");
}

#[test]
fn after_private_speech_everything_is_as_before() {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let (coach, agent) = (engine.attach("coach", "", None), engine.attach("agent", "agent", None));
    coach.join(&room, 1).expect("enters");
    agent.join(&room, 2).expect("enters");
    let (format, mut voice) = (Format::mono(16000), Noise::new(1, i16::MAX));
    for _ in 0..20 {
        coach.coach("agent").expect("private");
        for _ in 0..5 {
            assert_eq!(coach.read(format, &mut voice.frame(format, 20)), COACH_SILENCED, "private speech is taken");
            assert_eq!(agent.write(format, &mut voice.frame(format, 20)), COACH_CHANGED, "and heard");
        }
        coach.uncoach().expect("opens");
        // The guard, a frame that fades in, and one in which the private voice fades out.
        for _ in 0..12 {
            coach.read(format, &mut voice.frame(format, 20));
            agent.write(format, &mut voice.frame(format, 20));
        }
        for member in [&coach, &agent] {
            all_sorts(|format, frame| untouched(member, format, frame, "everyone is open again"));
        }
    }
}

#[test]
fn what_cannot_be_handled_passes_too_where_speech_is_open() {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let member = engine.attach("one", "", None);
    for inside in [false, true] {
        if inside {
            member.join(&room, 1).expect("enters");
        }
        for (rate, channels, samples) in
            [(7350, 1, 147), (44000, 3, 880), (8000, 1, 481), (384_000, 2, 960), (0, 1, 160)]
        {
            let format = Format { rate, channels };
            let frame = Noise::new(3, i16::MAX).frame(Format { rate: 1000 * samples, channels }, 1);
            for hook in [Member::read as HookOf<'_>, Member::write] {
                let mut after = frame.clone();
                assert_eq!(hook(&member, format, &mut after), COACH_ERR_FORMAT, "{format:?} is outside the range");
                assert!(after == frame, "open speech in {format:?} should be left as it is");
            }
        }
    }
}
