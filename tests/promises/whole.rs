//! Promise 4: whoever is in the audience hears every sample, in order, at full level; what is lost is counted.
//!
//! Here at equal rates, to the sample, outside the declared fades of 4 ms where a voice starts or ends: random schedules
//! against an oracle (`support/oracle.rs`), and single properties by hand. `rates.rs` does the same across rates,
//! `drift.rs` with clocks that differ, and `engine_mixed.rs` tells what is peculiar to rooms that the engine mixes.

use crate::support::{
    COACH_CHANGED, Engine, Format, Member, Room,
    oracle::Oracle,
    play::play,
    scene::{level, turn, value},
    schedule::Draw,
    settings,
    signal::Noise,
};

const WIDE: Format = Format::mono(16000);
const FRAMES_MS: [u32; 5] = [10, 20, 30, 40, 60];

/// A declared fade: what is left of an offset at sample `at` of it.
fn decay(from: i16, at: usize) -> i16 {
    let length = WIDE.fade() as i64;
    (i64::from(from) * (length - (at as i64).min(length)) / length) as i16
}

/// Plays schedules against the oracle until so many samples have been compared.
fn against_the_oracle(draws: &[Draw], samples: u64) {
    let (mut compared, mut masked, mut with_voice) = (0, 0, 0);
    let mut round = settings::seed();
    while compared < samples {
        let draw = &draws[round as usize % draws.len()];
        settings::run(round, 8, &draw.schedules(), |schedule| {
            // Loud enough that sums are limited now and then.
            let mut oracle = Oracle::new(schedule, 14000);
            let played = play(schedule, 1, &mut oracle);
            compared += oracle.compared;
            masked += oracle.masked;
            with_voice += oracle.with_voice;
            played
        })
        .unwrap_or_else(|wrong| panic!("{wrong}"));
        round += 1;
    }
    println!("{compared} samples compared, {masked} in fades, {with_voice} frames with a private voice");
    assert!(masked * 20 < compared, "fades should be rare: {masked} of {compared} samples");
    assert!(with_voice * 2000 > samples / 10, "private voices should be frequent: {with_voice} frames");
}

#[test]
fn host_mixed_schedules_are_exact() {
    against_the_oracle(&[8000, 16000, 44100, 48000].map(Draw::host_mixed), 400 * settings::frames(300_000));
}

#[test]
fn engine_mixed_schedules_are_exact() {
    against_the_oracle(&[8000, 16000, 44100, 48000].map(Draw::engine_mixed), 400 * settings::frames(300_000));
}

/// A coach and its agent.
struct Pair<'e> {
    engine: &'e Engine,
    room: Option<Room<'e>>,
    coach: Member<'e>,
    agent: Member<'e>,
}

impl<'e> Pair<'e> {
    fn new(engine: &'e Engine) -> Self {
        let room = engine.host_room("sales");
        let (coach, agent) = engine.coach_and_agent(&room);
        Self { engine, room: Some(room), coach, agent }
    }

    /// The same with open speech, in a room that the engine mixes.
    fn open(engine: &'e Engine, tick_ms: u32) -> Self {
        let room = engine.engine_room("sales", WIDE, tick_ms);
        let (coach, agent) = (engine.attach("coach", "", None), engine.attach("agent", "", None));
        coach.join(&room, 1).expect("enters");
        agent.join(&room, 2).expect("enters");
        Self { engine, room: Some(room), coach, agent }
    }

    /// One turn of 20 ms in which the coach says this; what the agent hears.
    fn hears(&self, said: &[i16]) -> Vec<i16> {
        let silence = vec![0; said.len()];
        let turns = turn(self.engine, &[], WIDE, &[(&self.coach, said.to_vec()), (&self.agent, silence)]);
        turns.into_iter().next_back().expect("two turns").heard
    }

    /// `slots` of 10 ms with steady clocks: what was said, and what was heard.
    fn steady(
        &self,
        said_ms: u32,
        heard_ms: u32,
        tick_ms: Option<u32>,
        phase: u32,
        slots: u32,
    ) -> (Vec<i16>, Vec<i16>) {
        let mut voice = Noise::new(1, 20000);
        let (mut said, mut heard) = (Vec::new(), Vec::new());
        for slot in 0..slots {
            if slot.is_multiple_of(said_ms / 10) {
                let mut frame = voice.frame(WIDE, said_ms);
                said.extend_from_slice(&frame);
                self.coach.read(WIDE, &mut frame);
            }
            if let (Some(tick_ms), Some(room)) = (tick_ms, &self.room)
                && slot.is_multiple_of(tick_ms / 10)
            {
                room.tick();
            }
            if (slot + phase).is_multiple_of(heard_ms / 10) {
                let mut frame = WIDE.silence(heard_ms);
                self.agent.write(WIDE, &mut frame);
                heard.extend(frame);
            }
        }
        (said, heard)
    }
}

/// Where in `heard` the first sample of `said` is: it comes with a fade, which is silent there, so what counts is the body.
fn start_of(said: &[i16], heard: &[i16]) -> usize {
    let body = &said[WIDE.fade()..WIDE.fade() + 64];
    let found = heard.windows(64).position(|window| window == body);
    found.expect("the first frame should be heard") - WIDE.fade()
}

#[test]
fn frames_of_any_size_fit_frames_of_any_size() {
    for said_ms in FRAMES_MS {
        for heard_ms in FRAMES_MS {
            for phase in 0..heard_ms / 10 {
                let engine = Engine::new();
                let (said, heard) = Pair::new(&engine).steady(said_ms, heard_ms, None, phase, 120);
                let start = start_of(&said, &heard);
                let body = &heard[start + WIDE.fade()..];
                let what = format!("{said_ms} ms into {heard_ms} ms at {phase}");
                assert!(*body == said[WIDE.fade()..WIDE.fade() + body.len()], "{what}: every sample, in order");
                assert!(heard[..start].iter().all(|&sample| sample == 0), "{what}: silence before");
                // Enough for the worst phase, and no more than one frame that just missed it.
                assert!(start <= WIDE.samples(said_ms + 2 * heard_ms), "{what}: it starts after {start} samples");
                let stats = engine.stats();
                assert_eq!(
                    (stats.underruns, stats.skips, stats.conversions_waited),
                    (0, 0, 0),
                    "{what}: nothing is lost"
                );
            }
        }
    }
}

#[test]
fn frames_and_ticks_of_any_size_fit_in_an_engine_mixed_room() {
    for said_ms in FRAMES_MS {
        for tick_ms in [10, 20, 30, 40, 50, 60] {
            for heard_ms in FRAMES_MS {
                let engine = Engine::new();
                let pair = Pair::open(&engine, tick_ms);
                let (said, heard) = pair.steady(said_ms, heard_ms, Some(tick_ms), 0, 180);
                let what = format!("{said_ms} ms, ticks of {tick_ms} ms, {heard_ms} ms");
                let start = start_of(&said, &heard);
                let body = &heard[start + WIDE.fade()..];
                assert!(*body == said[WIDE.fade()..WIDE.fade() + body.len()], "{what}: every sample, in order");
                let most = said_ms + 2 * tick_ms + 2 * heard_ms;
                assert!(start <= WIDE.samples(most), "{what}: it starts after {start} samples");
                assert_eq!((engine.stats().underruns, engine.stats().skips), (0, 0), "{what}: nothing is lost");
            }
        }
    }
}

#[test]
fn a_voice_starts_and_ends_with_the_declared_fades() {
    let engine = Engine::with_guard(0);
    let pair = Pair::new(&engine);
    let mut voice = Noise::new(5, 12000);
    for end in ["untag", "leave", "mute", "deaf", "uncoach"] {
        let said = voice.frame(WIDE, 20);
        let heard = pair.hears(&said);
        for (at, (&heard, &said_here)) in heard.iter().zip(&said).enumerate() {
            assert_eq!(heard, said_here - decay(said[0], at), "before {end}, sample {at} of a start");
        }
        let said = voice.frame(WIDE, 20);
        assert!(pair.hears(&said) == said, "before {end}: a frame in the middle is exact");
        let last = *said.last().expect("a frame has samples");
        match end {
            "untag" => pair.agent.untag(),
            "leave" => pair.coach.leave(),
            "mute" => pair.coach.mute(true),
            "deaf" => pair.agent.deaf(true),
            _ => pair.coach.uncoach(),
        }
        .expect("is carried out");
        let heard = pair.hears(&voice.frame(WIDE, 20));
        for (at, &heard) in heard.iter().enumerate() {
            assert_eq!(heard, decay(last, at), "after {end}, sample {at} of an end");
        }
        assert!(pair.hears(&voice.frame(WIDE, 20)).iter().all(|&sample| sample == 0), "after {end}: silence");
        pair.agent.tag("agent").expect("tagged");
        pair.agent.deaf(false).expect("hears");
        pair.coach.mute(false).expect("is heard");
        pair.coach.coach("agent").expect("private");
        if end == "leave" {
            pair.coach.join(pair.room.as_ref().expect("there is a room"), 1).expect("enters");
        }
    }
}

#[test]
fn open_speech_fades_out_before_private_speech_and_in_after_it() {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let coach = engine.attach("coach", "", None);
    coach.join(&room, 1).expect("enters");
    let mut voice = Noise::new(6, 12000);
    let mut last = 0;
    let mut frame = || {
        let said = voice.frame(WIDE, 20);
        let mut left = said.clone();
        coach.read(WIDE, &mut left);
        (said, left)
    };
    for _ in 0..3 {
        let (said, left) = frame();
        assert!(said == left, "open speech is left as it is");
        last = *said.last().expect("a frame has samples");
    }
    coach.coach("agent").expect("private");
    let (_, left) = frame();
    assert!(left.iter().enumerate().all(|(at, &left)| left == decay(last, at)), "it decays from the last open sample");
    coach.uncoach().expect("opens");
    for _ in 0..10 {
        assert!(frame().1.iter().all(|&left| left == 0), "silence in the guard");
    }
    let (said, left) = frame();
    let right = |at: usize| said[at] - decay(said[0], at);
    assert!(left.iter().enumerate().all(|(at, &left)| left == right(at)), "it fades in from silence");
    let (said, left) = frame();
    assert!(said == left, "open speech is left as it is");
}

/// A voice of one level, open in an engine-mixed room or private in a host-mixed one: whatever starts or stops it, what is
/// heard goes there in small steps.
#[test]
fn voices_that_start_or_stop_do_not_click() {
    let steepest = 10_000 / WIDE.fade() as i32 + 1;
    for open in [true, false] {
        let engine = Engine::with_guard(0);
        let pair = if open { Pair::open(&engine, 20) } else { Pair::new(&engine) };
        let room = pair.room.as_ref().expect("there is a room");
        let sums: &[&Room] = if open { &[room] } else { &[] };
        let mut last = 0;
        let mut hears = |what: &str, loud: bool| {
            for _ in 0..3 {
                let says = [(&pair.coach, level(WIDE, 20, 10_000)), (&pair.agent, level(WIDE, 20, 0))];
                let heard = &turn(&engine, sums, WIDE, &says)[1].heard;
                for &sample in heard {
                    let step = (i32::from(sample) - last).abs();
                    assert!(step <= steepest, "open {open}, {what}: a step of {step}, at most {steepest} is a fade");
                    last = i32::from(sample);
                }
            }
            assert_eq!(last, if loud { 10_000 } else { 0 }, "open {open}, {what}: it ends there");
        };
        hears("at the start", true);
        for name in ["mute", "hold of the speaker", "deaf", "hold of the listener"] {
            for on in [true, false] {
                match name {
                    "mute" => pair.coach.mute(on),
                    "deaf" => pair.agent.deaf(on),
                    "hold of the speaker" => pair.coach.hold(on),
                    _ => pair.agent.hold(on),
                }
                .expect("is set");
                hears(name, !on);
            }
        }
        pair.coach.leave().expect("leaves");
        hears("leave", false);
        pair.coach.join(room, 1).expect("enters");
        hears("join", true);
        if open {
            pair.coach.coach("nobody-here").expect("private");
            hears("coach", false);
            pair.coach.uncoach().expect("opens");
            hears("uncoach", true);
        }
    }
}

/// What was said privately before `uncoach` is heard to its end.
#[test]
fn the_tail_arrives() {
    for guard_ms in [0, 200] {
        for said_ms in FRAMES_MS {
            for heard_ms in FRAMES_MS {
                for frames in 1..=4 {
                    tail(guard_ms, said_ms, heard_ms, frames);
                }
            }
        }
    }
}

fn tail(guard_ms: u32, said_ms: u32, heard_ms: u32, private_frames: u32) {
    let engine = Engine::with_guard(guard_ms);
    let pair = Pair::new(&engine);
    let frames = private_frames + guard_ms.div_ceil(said_ms);
    let (mut voice, mut said, mut heard) = (Noise::new(3, 20000), Vec::new(), Vec::new());
    let mut spoken = 0;
    for slot in 0..150 {
        if slot % (said_ms / 10) == 0 {
            if spoken == private_frames {
                pair.coach.uncoach().expect("opens");
            }
            let mut frame = voice.frame(WIDE, said_ms);
            if spoken < frames {
                said.extend_from_slice(&frame);
            }
            pair.coach.read(WIDE, &mut frame);
            spoken += 1;
        }
        if slot % (heard_ms / 10) == 0 {
            let mut frame = WIDE.silence(heard_ms);
            pair.agent.write(WIDE, &mut frame);
            heard.extend(frame);
        }
    }
    let what = format!("guard {guard_ms} ms, {frames} private frames of {said_ms} ms into {heard_ms} ms");
    let first = heard.iter().position(|&sample| sample != 0).unwrap_or_else(|| panic!("{what}: nothing was heard"));
    // The first sample of a fade is silent.
    let start = first.saturating_sub(1);
    let fade = WIDE.fade();
    let body = &heard[start + fade..start + said.len()];
    assert!(*body == said[fade..], "{what}: it should be heard to the last sample");
    let last = *said.last().expect("something was said");
    let rest = &heard[start + said.len()..];
    assert!(rest.iter().enumerate().all(|(at, &heard)| heard == decay(last, at)), "{what}: and then decay");
    assert_eq!(engine.stats().underruns, 0, "{what}: that is an end, nothing ran dry");
}

#[test]
fn sums_are_wide_and_limited_once() {
    let engine = Engine::with_guard(0);
    let room = engine.host_room("sales");
    let coaches = ["one", "two", "three"].map(|call_id| engine.attach(call_id, "", Some("agent")));
    let agent = engine.attach("agent", "agent", None);
    for (number, member) in coaches.iter().chain([&agent]).enumerate() {
        member.join(&room, number as u32).expect("enters");
    }
    for (mixer, said, right) in [
        (i16::MIN, [i16::MAX, i16::MAX, 0], 32766),
        (i16::MAX, [i16::MAX, i16::MIN, i16::MIN], -2),
        (i16::MAX, [i16::MAX, i16::MAX, i16::MAX], i16::MAX),
        (i16::MIN, [i16::MIN, i16::MIN, i16::MIN], i16::MIN),
        (1, [20000, 20000, -30000], 10001),
    ] {
        let mut heard = Vec::new();
        for _ in 0..2 {
            for (coach, said) in coaches.iter().zip(said) {
                coach.read(WIDE, &mut level(WIDE, 20, said));
            }
            heard = level(WIDE, 20, mixer);
            assert_eq!(agent.write(WIDE, &mut heard), COACH_CHANGED);
        }
        assert!(
            heard.iter().all(|&sample| sample == right),
            "{mixer} and {said:?} should be {right}, not {}",
            heard[0]
        );
    }
}

#[test]
fn the_coach_hears_all_open_speech_and_what_is_said_to_its_own_tags() {
    for engine_mixed in [false, true] {
        let engine = Engine::with_guard(0);
        let room = if engine_mixed { engine.engine_room("sales", WIDE, 20) } else { engine.host_room("sales") };
        let members = [
            engine.attach("coach", "boss", Some("agent")),
            engine.attach("agent", "agent", Some("boss")),
            engine.attach("customer", "", None),
            engine.attach("stranger", "", Some("nobody-here")),
        ];
        for (number, member) in members.iter().enumerate() {
            member.join(&room, number as u32).expect("enters");
        }
        let sums: &[&Room] = if engine_mixed { &[&room] } else { &[] };
        let says = members.iter().zip([1, 10, 100, 1000]).map(|(m, v)| (m, level(WIDE, 20, v))).collect::<Vec<_>>();
        for _ in 0..4 {
            let heard: Vec<_> = turn(&engine, sums, WIDE, &says).iter().map(|turn| value(WIDE, &turn.heard)).collect();
            let open = if engine_mixed { [100, 100, 0, 100] } else { [0; 4] };
            assert_eq!(heard, [10 + open[0], 1 + open[1], open[2], open[3]], "engine-mixed: {engine_mixed}");
        }
    }
}

#[test]
fn mono_and_stereo_fit_each_other() {
    let engine = Engine::new();
    let pair = Pair::new(&engine);
    let stereo = Format::stereo(16000);
    let mut voice = Noise::new(8, 32767);
    for round in 0..4 {
        for (from, to) in [(WIDE, stereo), (stereo, WIDE), (stereo, stereo), (WIDE, WIDE)] {
            for turn in 0..3 {
                let said = voice.frame(from, 20);
                pair.coach.read(from, &mut said.clone());
                let mut heard = to.silence(20);
                pair.agent.write(to, &mut heard);
                let right: Vec<i16> = match (from.channels, to.channels) {
                    (1, 2) => said.iter().flat_map(|&sample| [sample, sample]).collect(),
                    (2, 1) => said.chunks(2).map(|c| ((i32::from(c[0]) + i32::from(c[1])) / 2) as i16).collect(),
                    _ => said,
                };
                let fade = to.fade() * to.channels as usize;
                let from_here = if turn == 0 { fade } else { 0 };
                assert!(heard[from_here..] == right[from_here..], "round {round}, turn {turn}: {from:?} to {to:?}");
            }
        }
    }
}

#[test]
fn what_was_said_openly_and_is_queued_is_heard_when_its_speaker_turns_private() {
    for speak_only_to in ["agent", "-"] {
        let engine = Engine::new();
        let room = engine.engine_room("sales", WIDE, 20);
        let (speaker, listener) = (engine.attach("one", "", None), engine.attach("two", "", None));
        speaker.join(&room, 1).expect("enters");
        listener.join(&room, 2).expect("enters");
        let listen = || {
            room.tick();
            let mut frame = WIDE.silence(20);
            listener.write(WIDE, &mut frame);
            frame[frame.len() / 2]
        };
        for value in 1..=20 {
            // 60 ms at a time, in a room that is summed every 20 ms.
            speaker.read(WIDE, &mut level(WIDE, 60, value));
            for _ in 0..3 {
                listen();
            }
        }
        speaker.read(WIDE, &mut level(WIDE, 60, 100));
        let mut heard = vec![listen()];
        speaker.coach(speak_only_to).expect("private");
        heard.extend((0..6).map(|_| listen()));
        let last = heard.iter().filter(|&&value| value == 100).count();
        assert_eq!(last, 3, "coach {speak_only_to}: all 60 ms of it are heard: {heard:?}");
    }
}

/// The shortest frames that there are, at the highest rates, into frames of any size: every sample, in order, and at its end too.
#[test]
fn frames_of_a_few_samples_are_heard_whole() {
    for (rate, channels) in [(8_000, 1), (44_100, 1), (44_100, 2), (48_000, 1), (48_000, 2)] {
        let format = Format { rate, channels };
        for said_samples in [1, 3, 7, 61] {
            for heard_samples in [1, 3, 61, rate as usize / 50, rate as usize * 60 / 1_000] {
                let engine = Engine::with_guard(0);
                let room = engine.host_room("r");
                let (coach, agent) = engine.coach_and_agent(&room);
                let (mut said, mut heard, mut next) = (Vec::new(), Vec::new(), 0_u64);
                let total = rate as usize / 2;
                let (mut says, mut hears) = (0, 0);
                while hears < total {
                    while says < total && says <= hears + heard_samples {
                        let mut frame = Vec::new();
                        for _ in 0..said_samples * channels as usize {
                            next += 1;
                            frame.push(1 + (crate::support::signal::mix(next) % 20_000) as i16);
                        }
                        said.extend_from_slice(&frame);
                        coach.read(format, &mut frame);
                        says += said_samples;
                    }
                    let mut frame = vec![0; heard_samples * channels as usize];
                    agent.write(format, &mut frame);
                    heard.extend(frame);
                    hears += heard_samples;
                }
                // After the fade with which it begins every sample is the one that was said.
                let key = heard.windows(8).skip(200).position(|window| window.iter().all(|sample| *sample != 0));
                let begin = 200 + key.expect("something is heard") + 2 * format.fade() * channels as usize;
                let place = said.windows(8).position(|window| *window == heard[begin..begin + 8]).expect("it was said");
                let what = format!("{format:?}, frames of {said_samples} into {heard_samples}");
                let length = (heard.len() - begin).min(said.len() - place);
                assert!(length > said.len() / 3, "{what}: {length} of {} samples", said.len());
                assert!(heard[begin..begin + length] == said[place..place + length], "{what}: every sample, in order");
                assert_eq!(engine.stats().skips, 0, "{what}");
            }
        }
    }
}
