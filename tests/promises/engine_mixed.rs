//! Promise 4 in rooms that the engine mixes: ticks into frames of another length, and who joins.

use crate::support::*;

const WIDE: Format = Format::mono(16000);

#[test]
fn long_frames_out_of_a_room_hold_every_sample_whatever_the_tick_and_the_phase() {
    for (tick_ms, phase) in [10, 20, 30, 40, 50, 60].into_iter().flat_map(|ms| (0..6).map(move |step| (ms, 10 * step)))
    {
        let engine = Engine::new();
        let room = engine.engine_room("sales", WIDE, tick_ms);
        let (speaker, listener) = (engine.attach("one", "", None), engine.attach("two", "", None));
        speaker.join(&room, 1).expect("enters");
        listener.join(&room, 2).expect("enters");
        let (mut said, mut heard) = (0i16, Vec::new());
        for ms in (0..3_000).step_by(10) {
            if ms % tick_ms == 0 {
                let mut frame: Vec<i16> = (0..WIDE.samples(tick_ms) as i16).map(|n| said.wrapping_add(n)).collect();
                said = said.wrapping_add(frame.len() as i16);
                speaker.read(WIDE, &mut frame);
                room.tick();
            }
            if ms % 60 == phase {
                let mut frame = WIDE.silence(60);
                listener.write(WIDE, &mut frame);
                heard.extend(frame);
            }
        }
        let (stats, begun) = (engine.stats(), heard.len() / 4);
        let whole = heard[begun..].windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1));
        assert!(whole, "ticks of {tick_ms} ms, read {phase} ms later");
        assert_eq!((stats.skips, stats.underruns), (0, 0), "ticks of {tick_ms} ms, read {phase} ms later");
    }
}

/// Frames of odd lengths begin at every place of a tick.
#[test]
fn frames_of_odd_lengths_out_of_a_room_hold_every_sample_whatever_the_tick() {
    let lengths = [60, 330, 479, 641, 673, 790, 801, 865, 937, 959];
    let ticks = [10, 20, 30, 40, 50, 60].into_iter().flat_map(|ms| lengths.map(|length| (ms, length)));
    for (tick_ms, length) in ticks {
        for phase in (0..length).step_by(length / 12) {
            let engine = Engine::new();
            let room = engine.engine_room("sales", WIDE, tick_ms);
            let (speaker, listener) = (engine.attach("one", "", None), engine.attach("two", "", None));
            speaker.join(&room, 1).expect("enters");
            listener.join(&room, 2).expect("enters");
            let (tick, mut said, mut heard) = (WIDE.samples(tick_ms), 0, Vec::new());
            for frame in 0..32_000 / length {
                while said <= phase + frame * length {
                    let mut says: Vec<i16> = (said..said + tick).map(|sample| sample as i16).collect();
                    speaker.read(WIDE, &mut says);
                    room.tick();
                    said += tick;
                }
                let mut hears = vec![0; length];
                listener.write(WIDE, &mut hears);
                heard.extend(hears);
            }
            let (stats, begun) = (engine.stats(), heard.len() / 4);
            let what = format!("ticks of {tick_ms} ms, frames of {length} samples, {phase} later");
            assert_eq!((stats.skips, stats.underruns), (0, 0), "{what}");
            let whole = heard[begun..].windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1));
            assert!(whole, "{what}");
        }
    }
}

/// Its first frame is of the tick that was made before it came. Whoever comes back does not hear its own voice of before in there.
#[test]
fn who_joins_an_engine_mixed_room_hears_it_from_the_first_frame_on() {
    let engine = Engine::new();
    let room = engine.engine_room("sales", WIDE, 20);
    let (speaker, listener) = (engine.attach("one", "", None), engine.attach("two", "", None));
    speaker.join(&room, 1).expect("enters");
    let turn = |says: bool| {
        speaker.read(WIDE, &mut vec![1_000; WIDE.samples(20)]);
        if says {
            listener.read(WIDE, &mut vec![7_000; WIDE.samples(20)]);
        }
        room.tick();
    };
    (0..10).for_each(|_| turn(false));
    let hears = || {
        let mut frame = WIDE.silence(20);
        listener.write(WIDE, &mut frame);
        *frame.last().expect("it has samples")
    };
    listener.join(&room, 2).expect("enters");
    assert_eq!(hears(), 1_000, "the first frame of all");
    for _ in 0..10 {
        turn(true);
        assert_eq!(hears(), 1_000, "never its own voice");
    }
    listener.leave().expect("leaves");
    listener.join(&room, 2).expect("comes back");
    let first = hears();
    assert!(first.abs() <= 1_000, "the tick of before holds its own voice: {first}");
    turn(true);
    assert_eq!(hears(), 1_000);
}

/// Until then, all that the listener hears is the mix.
#[test]
fn a_private_speaker_that_has_said_nothing_yet_is_heard_from_its_first_word_on() {
    let engine = Engine::new();
    let room = engine.engine_room("sales", WIDE, 20);
    let members = [("coach", "", Some("agent")), ("agent", "agent", None), ("customer", "", None)];
    let [coach, agent, customer] = members.map(|(call_id, tags, only_to)| engine.attach(call_id, tags, only_to));
    for (number, member) in (1..).zip([&coach, &agent, &customer]) {
        member.join(&room, number).expect("enters");
    }
    let heard_by = |listener: &crate::support::Member<'_>| {
        let mut frame = WIDE.silence(20);
        listener.write(WIDE, &mut frame);
        *frame.last().expect("it has samples")
    };
    for turn in 0..40 {
        customer.read(WIDE, &mut vec![1_000; WIDE.samples(20)]);
        if turn >= 20 {
            coach.read(WIDE, &mut vec![300; WIDE.samples(20)]);
        }
        room.tick();
        let (agent_hears, customer_hears) = (heard_by(&agent), heard_by(&customer));
        assert_eq!(agent_hears, if turn >= 20 { 1_300 } else { 1_000 }, "turn {turn}");
        assert_eq!(customer_hears, 0, "turn {turn}");
    }
}

/// What a listener has heard of a speaker that says noise: all of it once, in order, but for fades of its first sample and of one change.
fn is_heard_once(said: &[i16], heard: &[i16]) -> Result<(), String> {
    // Within a fade something is added to what is said, or to silence.
    let goes_on = |next: usize, place: usize| {
        let heard = heard.get(place..place + 8)?;
        (next..=next + FADE).find(|&at| said.get(at..at + 8) == Some(heard))
    };
    let (mut next, mut odd) = (0, 0);
    for (place, &sample) in heard.iter().enumerate() {
        if said.get(next) == Some(&sample) {
            next += 1;
        } else if sample != 0 {
            odd += 1;
            next = goes_on(next, place + 1).unwrap_or(next);
            if odd > 4 * FADE {
                return Err(format!("at {} ms there is something that was not said just then", place / 8));
            }
        }
    }
    if said.len() - next > 3 * 60 * 8 { Err(format!("{} samples of {} are heard", next, said.len())) } else { Ok(()) }
}

/// Samples of a declared fade at 8 kHz.
const FADE: usize = 32;

/// A speaker that turns private in the middle of a word is heard at one moment at a time, and whole, whatever the lengths of
/// frames and ticks; and nothing is left out later.
#[test]
fn a_speaker_that_changes_its_mode_is_heard_at_one_moment_at_a_time() {
    let format = Format::mono(8000);
    for (speaker_ms, tick_ms, listener_ms) in
        [(20, 20, 20), (20, 20, 60), (60, 20, 20), (60, 60, 20), (20, 60, 20), (60, 20, 60), (30, 20, 20), (10, 60, 10)]
    {
        let engine = Engine::configured(COACH_ENGINE_HOST_SERVICE | COACH_ENGINE_HOST_CLOCK, 0, None);
        let room = engine.engine_room("room", format, tick_ms);
        let (speaker, listener) = (engine.attach("speaker", "", None), engine.attach("listener", "agent", None));
        speaker.join(&room, 1).expect("enters");
        listener.join(&room, 2).expect("enters");
        // Noise: two moments of it at once are neither of them.
        let sample = |n: u64| {
            let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (1_000 + (mixed ^ mixed >> 32) % 8_000) as i16
        };
        let (mut said, mut heard) = (Vec::new(), Vec::new());
        let mut numbers = 0u64..;
        for ms in (0..15_000).step_by(10) {
            if ms == 600 {
                speaker.coach("agent").expect("private");
            }
            if ms % speaker_ms == 0 {
                let mut frame: Vec<i16> = numbers.by_ref().take(format.samples(speaker_ms)).map(sample).collect();
                said.extend(&frame);
                speaker.read(format, &mut frame);
            }
            if ms % tick_ms == 0 {
                room.tick();
            }
            if ms % listener_ms == 0 {
                let mut frame = format.silence(listener_ms);
                listener.write(format, &mut frame);
                heard.extend(frame);
            }
        }
        let what = format!("speaker {speaker_ms} ms, tick {tick_ms} ms, listener {listener_ms} ms");
        is_heard_once(&said, &heard).unwrap_or_else(|why| panic!("{what}: {why}"));
        assert_eq!(engine.stats().skips, 0, "{what}: nothing is left out");
    }
}

/// A host that writes late: what was said meanwhile is still there, and so is what has to be taken out of it, which is its own speech.
#[test]
fn who_hears_late_what_it_spoke_over_hears_the_others_whole() {
    for tick_ms in [10, 20, 30, 40, 50, 60] {
        let engine = Engine::new();
        let room = engine.engine_room("sales", WIDE, tick_ms);
        let (speaker, listener) = (engine.attach("one", "", None), engine.attach("two", "", None));
        speaker.join(&room, 1).expect("enters");
        listener.join(&room, 2).expect("enters");
        let samples = WIDE.samples(tick_ms);
        let (late, mut heard) = (10..10 + 120 / tick_ms, Vec::new());
        for tick in 0..30 {
            speaker.read(WIDE, &mut vec![1_000 + tick as i16; samples]);
            listener.read(WIDE, &mut vec![7_000; samples]);
            room.tick();
            let frames = if late.contains(&tick) { 0 } else { 1 } + if tick == late.end { late.len() } else { 0 };
            for _ in 0..frames {
                let mut frame = WIDE.silence(tick_ms);
                listener.write(WIDE, &mut frame);
                heard.push(frame[samples - 1]);
            }
        }
        assert!(heard[2..].windows(2).all(|pair| pair[1] == pair[0] + 1), "ticks of {tick_ms} ms: {heard:?}");
        assert_eq!((engine.stats().skips, engine.stats().underruns), (0, 0), "ticks of {tick_ms} ms");
    }
}

#[test]
fn a_room_that_coach_cannot_mix_is_refused() {
    let engine = Engine::new();
    let right = coach_room_config {
        size: size_of::<coach_room_config>() as u32,
        mixer: COACH_MIXER_ENGINE,
        rate: 8_000,
        channels: 1,
        tick_ms: 20,
        clock: COACH_CLOCK_HOST,
        ..Default::default()
    };
    engine.open_room("right", Some(right)).expect("is opened");
    let mut wrong = Vec::new();
    wrong.extend([0, 1, 15, 61, 70, u32::MAX].map(|tick_ms| coach_room_config { tick_ms, ..right }));
    wrong.extend([0, 7_999, 88_200, 96_000, 192_000].map(|rate| coach_room_config { rate, ..right }));
    wrong.extend([0, 3, u32::MAX].map(|channels| coach_room_config { channels, ..right }));
    wrong.extend([0, 3].map(|mixer| coach_room_config { mixer, ..right }));
    for config in wrong {
        let refused = engine.open_room("wrong", Some(config)).err().unwrap_or_else(|| panic!("{config:?} is opened"));
        assert_eq!(refused.status, COACH_ERR_VALUE, "{config:?}: {refused:?}");
    }
}
