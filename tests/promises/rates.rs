//! Promise 4 across rates: private and open speech arrives in the listener's own rate, at full level, with nothing missing
//! and nothing added. Measured with tones, whose reference is exact: the same tone at the other rate, somewhat later.

use crate::support::{
    COACH_OK, COACH_SILENCED, Engine, Format,
    ears::Ears,
    signal::{RATES, Tone, channel, db, measure, rest, tones},
};
use std::f64::consts::TAU;

/// How much louder or quieter a tone may become up to 0.35 times the lower rate.
pub const LEVEL_DB: f64 = 0.02;

/// How far everything else stays below the tones: the filter's stop band, and the rounding to 16 bits on both sides.
const NOISE_DB: f64 = -80.0;

/// Tones that make whole turns in 200 ms, up to 0.35 times the lower rate.
fn tones_between(from: Format, to: Format) -> Vec<f64> {
    let lower = f64::from(from.rate.min(to.rate));
    [0.0375, 0.126, 0.35].map(|part| (part * lower / 5.0).round() * 5.0).to_vec()
}

/// The last 200 ms hold the tones, all of one delay, and nothing else. The delay, in seconds: the longest of all channels.
fn check_tones(heard: &[i16], frequencies: &[f64], to: Format, what: &str) -> f64 {
    let mut longest = 0.0f64;
    for which in 0..to.channels as usize {
        let signal = channel(heard, to.channels, which);
        let signal = &signal[signal.len() - to.samples(200)..];
        let found: Vec<Tone> = frequencies.iter().map(|f| measure(signal, to.rate, *f)).collect();
        for tone in &found {
            let level = db(tone.amplitude / 5000.0);
            assert!(
                level.abs() < LEVEL_DB,
                "{what}: {} Hz comes at {level:.3} dB, it should keep its level",
                tone.frequency
            );
        }
        let others = db(rest(signal, to.rate, &found) / (5000.0 * (found.len() as f64 / 2.0).sqrt()));
        assert!(others < NOISE_DB, "{what}: everything but the tones is at {others:.1} dB");
        longest = longest.max(one_delay(&found, heard.len() / to.channels as usize - signal.len(), to, what));
    }
    longest
}

/// All tones are late by the same time, which is at most a frame and what the filter needs.
fn one_delay(found: &[Tone], start: usize, to: Format, what: &str) -> f64 {
    let error = |delay: f64| {
        let time = start as f64 / f64::from(to.rate) - delay;
        let off = |tone: &Tone| {
            let turns = (tone.phase - TAU * tone.frequency * time - tone.frequency) / TAU;
            (turns - turns.round()).abs() / tone.frequency
        };
        found.iter().map(off).fold(0.0, f64::max)
    };
    let delays = || (0..60_000).map(|step| f64::from(step) * 1e-6);
    // The tones of some rates come together again within that time: the first is it.
    let first = delays().find(|delay| error(*delay) < 2e-6);
    let best = || delays().min_by(|a, b| error(*a).total_cmp(&error(*b))).expect("there are candidates");
    let delay = first.unwrap_or_else(best);
    assert!(
        error(delay) < 2e-6,
        "{what}: the tones should all be late by one time: {:.1} us apart",
        error(delay) * 1e6
    );
    delay
}

#[test]
fn private_speech_keeps_its_tones_between_all_rates() {
    for from in RATES {
        for to in RATES {
            for (said, heard) in [(1, 1), (2, 2), (1, 2), (2, 1)] {
                if from == to || said != heard && from != 8000 {
                    continue; // equal rates are exact, see whole.rs; channels need not be tried with every rate
                }
                let (from, to) = (Format { rate: from, channels: said }, Format { rate: to, channels: heard });
                let engine = Engine::new();
                let frequencies = tones_between(from, to);
                let heard = Ears::new(&engine, None).hear(&frequencies, from, to, 40);
                let what = format!("{from:?} to {to:?}");
                let delay = check_tones(&heard, &frequencies, to, &what);
                let stats = engine.stats();
                assert_eq!((stats.underruns, stats.skips), (0, 0), "{what}: nothing is lost");
                assert!(stats.conversions_waited <= 2, "{what}: a conversion is there within 40 ms");
                // The wait for the conversion costs what was said meanwhile, and makes nothing later that is said after it.
                assert!(delay < 0.005, "{what}: late by {:.1} ms", 1_000.0 * delay);
            }
        }
    }
}

#[test]
fn open_speech_keeps_its_tones_through_a_room_of_another_rate() {
    for from in [8000, 16000, 44100, 48000] {
        for room in [8000, 16000, 48000] {
            for to in [8000, 16000, 44100, 48000] {
                let (from, room, to) = (Format::mono(from), Format::mono(room), Format::stereo(to));
                let engine = Engine::new();
                let narrowest = if room.rate < to.rate { room } else { to };
                let frequencies = tones_between(from, narrowest);
                let heard = Ears::new(&engine, Some(room)).hear(&frequencies, from, to, 40);
                let what = format!("{from:?} in a room of {room:?} to {to:?}");
                check_tones(&heard, &frequencies, to, &what);
                assert_eq!((engine.stats().underruns, engine.stats().skips), (0, 0), "{what}: nothing is lost");
            }
        }
    }
}

#[test]
fn stereo_stays_stereo_between_rates() {
    let engine = Engine::new();
    let ears = Ears::new(&engine, None);
    let (from, to) = (Format::stereo(16000), Format::stereo(48000));
    let (left, right) = ([600.0], [1400.0]);
    let mut heard = Vec::new();
    for turn in 0..40 {
        engine.service();
        let of = |f: &[f64]| tones(f, 5000.0, Format::mono(16000), turn * 320, 320);
        let mut said: Vec<i16> = of(&left).into_iter().zip(of(&right)).flat_map(|(l, r)| [l, r]).collect();
        ears.speaker.read(from, &mut said);
        let mut frame = to.silence(20);
        ears.listener.write(to, &mut frame);
        heard.extend(frame);
    }
    let tail = heard.len() - 2 * to.samples(200);
    for (which, (here, other)) in [(left[0], right[0]), (right[0], left[0])].into_iter().enumerate() {
        let signal = channel(&heard[tail..], 2, which);
        assert!(db(measure(&signal, 48000, here).amplitude / 5000.0).abs() < LEVEL_DB, "channel {which} has its tone");
        assert!(measure(&signal, 48000, other).amplitude < 2.0, "channel {which} has nothing of the other");
    }
}

#[test]
fn what_a_lower_rate_cannot_hold_is_taken_out() {
    for (from, to) in [(16000, 8000), (48000, 16000), (44100, 8000), (48000, 44100)] {
        let engine = Engine::new();
        let (from, to) = (Format::mono(from), Format::mono(to));
        // Both would fold back into the listener's band.
        let above = f64::from(to.rate) * 0.5 + f64::from(from.rate - to.rate) * 0.25;
        let frequencies = [(above / 5.0).round() * 5.0, (f64::from(from.rate) * 0.097).round() * 5.0];
        let heard = Ears::new(&engine, None).hear(&frequencies, from, to, 40);
        let tail = &heard[heard.len() - to.samples(200)..];
        let power: f64 = tail.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / tail.len() as f64;
        let level = db(power.sqrt() / 5000.0);
        assert!(level < -80.0, "{from:?} to {to:?}: {frequencies:?} Hz should be gone, they are at {level:.1} dB");
    }
}

#[test]
fn a_rate_that_changes_in_mid_call_costs_at_most_40_ms() {
    let engine = Engine::new();
    let ears = Ears::new(&engine, None);
    let frequencies = [400.0, 1100.0];
    let (mut from, mut to) = (Format::mono(8000), Format::mono(16000));
    ears.hear(&frequencies, from, to, 20);
    for (next_from, next_to) in
        [(16000, 16000), (8000, 16000), (8000, 48000), (44100, 48000), (44100, 8000), (12000, 24000)]
    {
        let before = engine.stats().conversions_waited;
        (from, to) = (Format::mono(next_from), Format::mono(next_to));
        let heard = ears.hear(&frequencies, from, to, 40);
        let waited = engine.stats().conversions_waited - before;
        assert!(waited <= 2, "{from:?} to {to:?}: waited {waited} frames of 20 ms, at most 40 ms are right");
        let first = heard.iter().position(|&sample| sample.unsigned_abs() > 1000).expect("it is heard");
        // 40 ms for the conversion, 20 ms to have a frame, and what the filter needs.
        let most = to.samples(40 + 20 + 20 + 10);
        assert!(first < most, "{from:?} to {to:?}: heard after {first} samples, at most {most} are right");
        check_tones(&heard, &frequencies, to, &format!("after the change to {from:?}, {to:?}"));
    }
}

/// A stretch whose conversion is there is later by what the filter needs, and not by a frame more; and it is there whole.
#[test]
fn converted_speech_is_later_by_what_its_filter_needs_alone() {
    // Frames that are said and heard, and what has to be there of some length before frames of the other never run dry: all in ms.
    let frames = [(20, 20, 20), (10, 20, 20), (20, 10, 20), (60, 20, 60), (30, 20, 40), (20, 30, 40)];
    for (from, to) in RATES.into_iter().flat_map(|from| RATES.map(|to| (Format::mono(from), Format::mono(to)))) {
        for (said_ms, heard_ms, need) in frames {
            let engine = Engine::new();
            let ears = Ears::new(&engine, None);
            ears.hear(&[400.0], from, to, 10);
            (0..10).for_each(|_| _ = ears.listener.write(to, &mut to.silence(20))); // a pause, which costs an underrun
            let before = engine.stats();
            let (mut said, mut heard, mut begin) = (0, Vec::new(), None);
            for ms in (0..1_200).step_by(10) {
                engine.service();
                if ms % said_ms == 0 {
                    let start = u64::from(from.rate) * u64::from(said) / 1_000;
                    ears.speaker.read(from, &mut tones(&[400.0], 5000.0, from, start, from.samples(said_ms)));
                    said += said_ms;
                }
                if ms % heard_ms == 0 {
                    begin = begin.or((said >= need).then_some(heard.len()));
                    let mut frame = to.silence(heard_ms);
                    ears.listener.write(to, &mut frame);
                    heard.extend(frame);
                }
            }
            let what = format!("{said_ms} ms at {} Hz to {heard_ms} ms at {} Hz", from.rate, to.rate);
            let first = heard.iter().position(|&sample| sample.unsigned_abs() > 300).expect("it is heard");
            let most = begin.expect("enough was said") + to.samples(5);
            assert!(first <= most, "{what}: heard after {first} samples, at most {most} are right");
            let after = engine.stats();
            let lost = (after.underruns - before.underruns, after.skips - before.skips);
            assert_eq!(lost, (0, 0), "{what}: nothing is lost");
            let level = db(measure(&heard[heard.len() - to.samples(200)..], to.rate, 400.0).amplitude / 5000.0);
            assert!(level.abs() < LEVEL_DB, "{what}: the tone comes at {level:.3} dB");
        }
    }
}

/// The same for frames that are shorter than the filter, and for those of which one is no multiple of the other, also where a stretch
/// was heard before.
#[test]
fn converted_speech_of_odd_and_of_short_frames_begins_in_time_and_never_runs_dry() {
    // Rate and samples of the frames that are said, and of those that are heard.
    let frames = [(48000, 882, 8000, 160), (16000, 320, 8000, 16), (8000, 20, 48000, 120)];
    for (from, said, to, heard) in frames {
        let what = format!("{said} samples at {from} Hz to {heard} at {to} Hz");
        let engine = Engine::with_guard(0);
        let ears = Ears::new(&engine, None);
        let (from, to) = (Format::mono(from), Format::mono(to));
        ears.hear(&[400.0], from, to, 10);
        ears.speaker.uncoach().expect("open");
        ears.hear(&[400.0], from, to, 10);
        ears.speaker.coach("agent").expect("private");
        let before = engine.stats();
        // Time is counted in what is a whole number in both rates.
        let (packet, frame) = (said as u64 * u64::from(to.rate), heard as u64 * u64::from(from.rate));
        let second = u64::from(from.rate) * u64::from(to.rate);
        let common = (1..=packet.min(frame)).rev().find(|&n| packet.is_multiple_of(n) && frame.is_multiple_of(n));
        let need = packet + frame - common.expect("one is common to all");
        let (mut packets, mut all, mut begin) = (0, Vec::new(), None);
        for now in (0..2 * second).step_by(frame as usize) {
            engine.service();
            while packets * packet <= now {
                ears.speaker.read(from, &mut tones(&[400.0], 5000.0, from, packets * said as u64, said));
                packets += 1;
            }
            begin = begin.or((packets * packet >= need).then_some(all.len()));
            let mut out = vec![0; heard];
            ears.listener.write(to, &mut out);
            all.extend(out);
        }
        let first = all.iter().position(|&sample| sample.unsigned_abs() > 300).expect("it is heard");
        let most = begin.expect("enough was said") + to.samples(5);
        assert!(first <= most, "{what}: heard after {first} samples, at most {most} are right");
        let after = engine.stats();
        let lost = (after.underruns - before.underruns, after.skips - before.skips);
        assert_eq!(lost, (0, 0), "{what}: nothing is lost");
    }
}

/// A frame is late just when its conversion is there: nothing was playing yet that could run dry, and what comes then is heard.
#[test]
fn a_conversion_that_comes_before_its_speech_is_no_gap() {
    let engine = Engine::new();
    let ears = Ears::new(&engine, None);
    let (from, to) = (Format::mono(8000), Format::mono(48000));
    let hears = || {
        let mut heard = to.silence(20);
        ears.listener.write(to, &mut heard);
        heard.iter().any(|sample| *sample != 0)
    };
    ears.speaker.read(from, &mut [1000; 160]);
    assert!(!hears(), "it waits for its conversion");
    engine.service();
    assert!(!hears(), "nothing was said");
    ears.speaker.read(from, &mut [1000; 160]);
    assert!(hears());
    let stats = engine.stats();
    assert_eq!([stats.conversions_waited, stats.underruns, stats.skips], [1, 0, 0]);
}

/// The service prepares the conversions of all who wait in one go: no listener of many waits for another's.
#[test]
fn a_rate_that_changes_costs_none_of_many_listeners_more_than_40_ms() {
    const LISTENERS: u32 = 100;
    let (engine, to) = (Engine::new(), Format::mono(16000));
    let room = engine.host_room("sales");
    let speaker = engine.attach("speaker", "", Some("agent"));
    speaker.join(&room, 1).expect("enters");
    let listeners: Vec<_> = (0..LISTENERS).map(|n| engine.attach(&format!("listener-{n}"), "agent", None)).collect();
    for (number, listener) in (2..).zip(&listeners) {
        listener.join(&room, number).expect("enters");
    }
    for rate in [16000, 8000, 48000, 8000] {
        let from = Format::mono(rate);
        let mut silent = vec![0; listeners.len()];
        for turn in 0..10 {
            engine.service();
            speaker.read(from, &mut vec![1000; from.samples(20)]);
            for (listener, silent) in listeners.iter().zip(&mut silent) {
                let mut heard = to.silence(20);
                listener.write(to, &mut heard);
                *silent += u32::from(heard[heard.len() - 1] < 900 && turn > 0);
            }
        }
        // The frame in which it changes, and two of 20 ms for the conversion.
        assert!(silent.iter().all(|&frames| frames <= 2), "from {rate} Hz on, {silent:?} frames of each are missing");
    }
    let waited = engine.stats().conversions_waited;
    assert!(waited <= u64::from(3 * 2 * LISTENERS), "{waited} frames waited for conversions");
}

/// Rates that voices are not kept in, and those whose frames of 20 ms are no whole number of samples. Frames of 40 ms are.
#[test]
fn speech_keeps_its_tones_at_every_other_rate_and_number_of_channels() {
    let others = [11025, 22050, 88200, 96000, 192_000].map(Format::mono);
    let many =
        [Format { rate: 16000, channels: 3 }, Format { rate: 96000, channels: 6 }, Format { rate: 8000, channels: 8 }];
    let usual =
        [8000, 44100, 48000].map(Format::mono).into_iter().chain([Format::stereo(96000), Format::stereo(16000)]);
    let new: Vec<Format> = others.into_iter().chain(many).collect();
    let all: Vec<Format> = new.iter().copied().chain(usual).collect();
    for (from, to) in all.iter().flat_map(|&from| all.iter().map(move |&to| (from, to))) {
        if !new.contains(&from) && !new.contains(&to) {
            continue;
        }
        for mixed_at in [None, Some(Format::mono(48000)), Some(Format::stereo(22050))] {
            let engine = Engine::new();
            let ears = Ears::new(&engine, mixed_at);
            let lowest = Format::mono(from.rate.min(to.rate).min(mixed_at.map_or(48000, |mix| mix.rate)));
            let frequencies = tones_between(lowest, lowest);
            let samples = from.samples(40);
            let mut heard = Vec::new();
            for turn in 0..14 {
                engine.service();
                let mut said = tones(&frequencies, 3000.0, from, turn * samples as u64, samples);
                let status = ears.speaker.read(from, &mut said);
                assert!(status >= 0 && said.iter().all(|&sample| sample == 0), "{from:?}: it is taken: {status}");
                (0..if ears.engine_mixed { 2 } else { 0 }).for_each(|_| ears.room.tick());
                // What the host mixes stays, beside what is whispered.
                let mut frame = vec![if ears.engine_mixed { 7 } else { 100 }; to.silence(40).len()];
                assert!(ears.listener.write(to, &mut frame) >= 0);
                let host = if ears.engine_mixed { 0 } else { 100 };
                heard.extend(frame.iter().map(|sample| sample - host));
            }
            for which in 0..to.channels as usize {
                let signal = channel(&heard, to.channels, which);
                let signal = &signal[signal.len() - to.samples(200)..];
                let found: Vec<Tone> = frequencies.iter().map(|f| measure(signal, to.rate, *f)).collect();
                for tone in &found {
                    let level = db(tone.amplitude / 3000.0);
                    let what = format!("{from:?} to {to:?}, mixed at {mixed_at:?}, channel {which}");
                    assert!(level.abs() < 0.05, "{what}: {} Hz comes at {level:.3} dB", tone.frequency);
                }
                let others = db(rest(signal, to.rate, &found) / 3000.0);
                assert!(others < -65.0, "{from:?} to {to:?}, mixed at {mixed_at:?}: all else is at {others:.1} dB");
            }
            let stats = engine.stats();
            assert_eq!([stats.refused, stats.skips], [0; 2], "{from:?} to {to:?}, mixed at {mixed_at:?}: {stats:?}");
        }
    }
}

/// A fade that is still running is of two channels at most: it ends where a frame has more.
#[test]
fn a_fade_ends_where_a_frame_has_more_channels() {
    let engine = Engine::with_guard(0);
    let room = engine.host_room("sales");
    let (coach, _agent) = engine.coach_and_agent(&room);
    coach.uncoach().expect("open");
    let few = Format::mono(8000);
    let many = Format { rate: 8000, channels: 3 };
    for (turns_private, status) in [(true, COACH_SILENCED), (false, COACH_OK)] {
        coach.read(few, &mut [1000; 8]);
        let change = if turns_private { coach.coach("agent") } else { coach.uncoach() };
        change.expect("is set");
        // 1 ms of a fade of 4 ms.
        coach.read(few, &mut [1000; 8]);
        let mut frame = [1000; 24];
        assert_eq!(coach.read(many, &mut frame), status);
        assert_eq!(frame, if turns_private { [0; 24] } else { [1000; 24] });
    }
}
