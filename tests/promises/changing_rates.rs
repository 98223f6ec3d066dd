//! Promise 4 where rates and channels change in mid-call, at worst with every frame: what was said before a change is heard once, in its
//! place.

use crate::support::{Engine, Format, Member, ears::Ears, signal::RATES};

#[test]
fn what_a_converter_holds_when_something_changes_is_heard_to_its_end() {
    let (from, to) = (Format::mono(16000), Format::mono(8000));
    for mixed_at in [None, Some(to)] {
        for change in ["a rate", "coach"] {
            let engine = Engine::new();
            let ears = Ears::new(&engine, mixed_at);
            ears.hear(&[], from, to, 20);
            // A millisecond, 2 ms before the change; at half the rate half of it.
            let mut burst = from.silence(20);
            burst[272..288].fill(8000);
            let mut heard = ears.turn(from, burst, to);
            let next = if change == "coach" {
                ears.speaker.coach("agent").expect("private");
                from
            } else {
                Format::mono(24000)
            };
            for _ in 0..6 {
                heard.extend(ears.turn(next, next.silence(20), to));
            }
            let sum: i32 = heard.iter().map(|&sample| i32::from(sample)).sum();
            assert!((sum - 64_000).abs() < 1_000, "before {change}, mixed at {mixed_at:?}: {sum} of 64,000");
            assert_eq!(engine.stats().skips, 0, "before {change}, mixed at {mixed_at:?}: nothing is skipped");
        }
    }
}

#[test]
fn what_a_converter_holds_for_a_listener_whose_rate_changes_is_heard_in_the_new_rate() {
    for mixed_at in [None, Some(Format::mono(16000))] {
        let engine = Engine::new();
        let ears = Ears::new(&engine, mixed_at);
        let (from, before, after) = (Format::mono(16000), Format::mono(8000), Format::mono(24000));
        // Both conversions are there.
        for to in [before, after, before] {
            ears.hear(&[], from, to, 20);
        }
        let mut burst = from.silence(20);
        burst[272..288].fill(8000);
        let area = |heard: Vec<i16>, to: Format| {
            heard.iter().map(|&sample| f64::from(sample)).sum::<f64>() * 1_000.0 / f64::from(to.rate)
        };
        let mut heard = area(ears.turn(from, burst, before), before);
        for _ in 0..6 {
            heard += area(ears.turn(from, from.silence(20), after), after);
        }
        assert!((heard - 8_000.0).abs() < 800.0, "mixed at {mixed_at:?}: {heard:.0} of 8,000 for a millisecond");
        assert_eq!(engine.stats().skips, 0, "mixed at {mixed_at:?}: nothing is skipped");
    }
}

/// What two that are in a room speak and hear in is known before one turns private to the other, so the conversion is there before the
/// first frame.
#[test]
fn who_turns_private_is_heard_at_another_rate_from_the_first_frame_on() {
    let formats = [
        (Format::mono(8_000), Format::mono(16_000)),
        (Format::mono(48_000), Format::mono(8_000)),
        (Format::stereo(16_000), Format::mono(44_100)),
        (Format::mono(8_000), Format::stereo(48_000)),
    ];
    type Way = fn(&Member, &Member);
    let turns_private: Way = |coach, _| coach.coach("agent").expect("private");
    let ways: [(Option<&str>, Way); 3] = [
        (None, turns_private),
        (None, |coach, agent| {
            coach.coach("night").expect("private to nobody");
            agent.tag("agent,night").expect("a tag is set");
        }),
        // The two were a pair already, before anything was known.
        (Some("agent"), turns_private),
    ];
    for (from, to) in formats {
        for (which, (comes, way)) in ways.into_iter().enumerate() {
            let engine = Engine::with_guard(0);
            let room = engine.host_room("sales");
            let (coach, agent) = (engine.attach("coach", "", comes), engine.attach("agent", "agent", None));
            coach.join(&room, 1).expect("enters");
            agent.join(&room, 2).expect("enters");
            coach.uncoach().expect("open");
            let turn = |value| {
                engine.service();
                coach.read(from, &mut vec![value; from.silence(20).len()]);
                let mut heard = to.silence(20);
                agent.write(to, &mut heard);
                heard
            };
            turn(5_000);
            way(&coach, &agent);
            let heard = turn(5_000);
            let what = format!("{from:?} to {to:?}, way {which}");
            assert!(heard.iter().any(|sample| *sample > 4_000), "{what}: the first frame is heard");
            assert_eq!(engine.stats().conversions_waited, 0, "{what}: nothing waits for a conversion");
        }
    }
}

/// What became of a level that was said for four seconds in formats that change with every frame, into such formats.
struct Alternating {
    /// How much of it was heard in the last second: the mean, where what was said is 1.
    heard: f64,
    skipped_ms: u64,
    waited: u64,
}

fn alternate(from: &[Format], to: &[Format], said_ms: usize, heard_ms: usize, mixed_at: Option<Format>) -> Alternating {
    let engine = Engine::new();
    let ears = Ears::new(&engine, mixed_at);
    let (mut says, mut hears, mut levels) = (0, 0, Vec::new());
    for ms in (0..4_000).step_by(10) {
        engine.service();
        if ms % said_ms == 0 {
            let format = from[says % from.len()];
            // A level that is the same at every rate.
            let mut frame = vec![5_000; format.samples(said_ms as u32) * format.channels as usize];
            ears.speaker.read(format, &mut frame);
            says += 1;
        }
        if ears.engine_mixed && ms % 20 == 0 {
            ears.room.tick();
        }
        if ms % heard_ms == 0 {
            let format = to[hears % to.len()];
            let mut frame = format.silence(heard_ms as u32);
            ears.listener.write(format, &mut frame);
            let sum: f64 = frame.iter().map(|sample| f64::from(*sample)).sum();
            levels.push(sum / 5_000.0 / frame.len() as f64);
            hears += 1;
        }
    }
    let mean = |levels: &[f64]| levels.iter().sum::<f64>() / levels.len() as f64;
    let stats = engine.stats();
    Alternating {
        heard: mean(&levels[levels.len() * 3 / 4..]),
        skipped_ms: stats.skipped_ms,
        waited: stats.conversions_waited,
    }
}

/// Each conversion has to be prepared once. After that nothing is lost, whoever changes.
#[test]
fn formats_that_alternate_cost_each_conversion_once() {
    let mono = |rates: &[u32]| rates.iter().map(|rate| Format::mono(*rate)).collect::<Vec<_>>();
    let both = [Format::mono(8_000), Format::stereo(48_000), Format::stereo(8_000), Format::mono(44_100)];
    let one = mono(&[16_000]);
    for (from, to) in [
        (mono(&[8_000, 16_000]), one.clone()),
        (mono(&[8_000, 48_000]), one.clone()),
        (mono(&RATES), one.clone()),
        (both.to_vec(), one.clone()),
        (one.clone(), mono(&[8_000, 16_000])),
        (one.clone(), mono(&[8_000, 48_000])),
        (one.clone(), mono(&RATES)),
        (one.clone(), both.to_vec()),
        (mono(&[8_000, 16_000]), mono(&[16_000, 8_000])),
        (mono(&[8_000, 48_000]), mono(&[16_000, 32_000])),
    ] {
        for mixed_at in [None, Some(Format::mono(24_000))] {
            for (said_ms, heard_ms) in [(20, 20), (10, 20), (20, 10), (30, 20), (20, 60), (60, 20)] {
                let got = alternate(&from, &to, said_ms, heard_ms, mixed_at);
                let what = format!("{from:?} in {said_ms} ms to {to:?} in {heard_ms} ms, mixed at {mixed_at:?}");
                // Fades, of which each stretch has two, add to the mean.
                assert!((0.93..1.2).contains(&got.heard), "{what}: {:.3} is heard", got.heard);
                assert!(got.waited <= 7, "{what}: waited {} times", got.waited);
                let waited_ms = got.waited * heard_ms as u64;
                assert!(
                    got.skipped_ms <= waited_ms + 20,
                    "{what}: {} ms skipped, {waited_ms} ms waited",
                    got.skipped_ms
                );
            }
        }
    }
}

/// What comes late is heard late, and on time again after ten seconds, however often the listener's format changes meanwhile.
#[test]
fn a_delay_falls_again_where_the_listener_s_format_alternates() {
    let engine = Engine::new();
    let ears = Ears::new(&engine, None);
    let from = Format::mono(16_000);
    for tick in 0..700 {
        engine.service();
        let arriving = match tick {
            40..50 => 0,
            50 => 11,
            _ => 1,
        };
        (0..arriving).for_each(|_| _ = ears.speaker.read(from, &mut vec![5_000; from.samples(20)]));
        let to = if tick / 30 % 2 == 0 { from } else { Format::stereo(16_000) };
        ears.listener.write(to, &mut to.silence(20));
        if tick == 500 {
            assert_eq!(engine.stats().skips, 0, "frames that came 200 ms late may do so again");
        }
    }
    let stats = engine.stats();
    assert_eq!((stats.underruns, stats.skips, stats.skipped_ms), (1, 1, 200), "they have not for ten seconds");
}

/// A converter that rests while the two have one rate begins anew when it is needed again: what went into it before is not heard late.
#[test]
fn nothing_of_before_is_heard_when_a_rate_comes_back() {
    let (narrow, wide) = (Format::mono(8000), Format::mono(16000));
    for mixed_at in [None, Some(wide)] {
        let engine = Engine::new();
        let ears = Ears::new(&engine, mixed_at);
        let turns = |from: Format, to: Format, value: i16, count: usize| {
            let mut heard = Vec::new();
            (0..count).for_each(|_| heard.extend(ears.turn(from, vec![value; from.samples(20)], to)));
            heard
        };
        let loud = turns(narrow, wide, 10_000, 20);
        assert!(loud.iter().any(|&sample| sample > 9_000), "mixed at {mixed_at:?}: it is heard first");
        // 200 ms with no conversion at all: between the two, or into the room.
        turns(wide, wide, 10_000, 5);
        turns(wide, wide, 0, 10);
        let heard = turns(narrow, wide, 10, 10);
        let most = heard.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(most <= Some(20), "mixed at {mixed_at:?}: {most:?} is heard of what was said 200 ms before");
        assert!(heard.iter().any(|&sample| sample >= 9), "mixed at {mixed_at:?}: what is said now is heard");
    }
}

/// Levels that the frames of a sender have in turn.
const TURNS: [i16; 5] = [3_000, 6_000, 9_000, 12_000, 15_000];

/// What fades and filters take of a frame between two of other levels, in ms.
const EDGES: f64 = 7.0;

/// Each frame has another level than its neighbours, so that one that is lost, or heard twice, breaks the order. Over 48 kHz and over two
/// channels what is said is reduced as it comes, which begins anew with each frame here.
#[test]
fn each_frame_is_heard_in_its_turn_where_formats_alternate() {
    let mono = |rates: &[u32]| rates.iter().map(|rate| Format::mono(*rate)).collect::<Vec<_>>();
    let many = |rate, channels| Format { rate, channels };
    let one = mono(&[16_000]);
    for (from, to) in [
        (mono(&[8_000, 16_000]), one.clone()),
        (mono(&RATES), one.clone()),
        (mono(&[11_025, 22_050]), one.clone()),
        (mono(&[96_000, 48_000]), one.clone()),
        (mono(&[88_200, 192_000, 8_000]), one.clone()),
        (vec![many(48_000, 6), many(16_000, 3)], one.clone()),
        (vec![many(96_000, 8), many(8_000, 1), many(44_100, 2)], one.clone()),
        (one.clone(), mono(&RATES)),
        (one.clone(), mono(&[11_025, 22_050])),
        (one.clone(), mono(&[96_000, 8_000])),
        (one.clone(), mono(&[88_200, 192_000, 44_100])),
        (one.clone(), vec![many(48_000, 6), many(16_000, 1)]),
        (mono(&[11_025, 96_000]), mono(&[192_000, 8_000])),
        (mono(&[22_050, 88_200]), mono(&[11_025, 48_000])),
    ] {
        for mixed_at in [None, Some(Format::mono(24_000)), Some(Format::stereo(48_000))] {
            for (said_ms, heard_ms) in [(20, 20), (20, 60), (60, 20), (40, 40)] {
                let fit =
                    |formats: &[Format], ms: u32| formats.iter().all(|format| (format.rate * ms).is_multiple_of(1_000));
                if !fit(&from, said_ms) || !fit(&to, heard_ms) {
                    continue;
                }
                let turns = turns_heard(&from, &to, (said_ms, heard_ms), mixed_at);
                let what = format!("{from:?} in {said_ms} ms to {to:?} in {heard_ms} ms, mixed at {mixed_at:?}");
                assert!(turns.len() as u32 >= 2_000 / said_ms - 2, "{what}: {} frames are heard", turns.len());
                for (one, next) in turns.iter().zip(&turns[1..]) {
                    assert_eq!(next.0, (one.0 + 1) % TURNS.len(), "{what}: the level after {one:?}");
                }
                for (level, ms) in &turns[1..turns.len() - 1] {
                    assert!(*ms > f64::from(said_ms) - EDGES, "{what}: level {level} is heard for {ms:.1} ms");
                }
            }
        }
    }
}

/// Which levels are heard one after the other in the last two of four seconds, and for how long each, in ms.
fn turns_heard(
    from: &[Format],
    to: &[Format],
    (said_ms, heard_ms): (u32, u32),
    mixed_at: Option<Format>,
) -> Vec<(usize, f64)> {
    let engine = Engine::new();
    let ears = Ears::new(&engine, mixed_at);
    let (mut says, mut hears, mut runs) = (0, 0, Vec::<(usize, f64)>::new());
    for ms in (0..4_000).step_by(10) {
        engine.service();
        if ms % said_ms == 0 {
            let (format, level) = (from[says % from.len()], TURNS[says % TURNS.len()]);
            ears.speaker.read(format, &mut vec![level; format.silence(said_ms).len()]);
            says += 1;
        }
        if ears.engine_mixed && ms % 20 == 0 {
            ears.room.tick();
        }
        if ms % heard_ms == 0 {
            let format = to[hears % to.len()];
            let mut frame = format.silence(heard_ms);
            ears.listener.write(format, &mut frame);
            hears += 1;
            let samples = frame.iter().step_by(format.channels as usize).filter(|_| ms >= 2_000);
            let levels = samples.filter_map(|sample| TURNS.iter().position(|level| (level - sample).abs() < 300));
            levels.for_each(|level| goes_on(&mut runs, level, 1_000.0 / f64::from(format.rate)));
        }
    }
    // On its way from one level to another a fade passes those between.
    let mut turns = Vec::new();
    runs.into_iter().filter(|(_, ms)| *ms > 2.0).for_each(|(level, ms)| goes_on(&mut turns, level, ms));
    turns
}

/// A level is heard for so many ms more, or is heard next.
fn goes_on(runs: &mut Vec<(usize, f64)>, level: usize, ms: f64) {
    match runs.last_mut() {
        Some((last, time)) if *last == level => *time += ms,
        _ => runs.push((level, ms)),
    }
}
