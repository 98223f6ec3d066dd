//! Tests that the edges of other voices are not taken for the voice that is looked for, wherever and in whatever order they come.

use crate::judge::{Levels, Recording, UNHEARD};
use resampler::{Attenuation, Latency, ResamplerFir};
use std::{f64::consts::TAU, ops::Range};

/// Who is looked for, and who else is there.
const COACH: f64 = 1020.0;
const OTHERS: [f64; 4] = [400.0, 710.0, 1330.0, 2500.0];
/// Where nobody of that tone speaks.
const ABSENT: f64 = 1900.0;
/// Of full scale: -18 dB.
const AMPLITUDE: f64 = 4096.0;
/// In ms.
const LENGTH: f64 = 300.0;

/// What somebody says: a tone at a level in dB below the usual one, in these ms.
type Said = (f64, f64, Range<f64>);

/// Said all the time, but for these ms.
fn gap(tone: f64, from: f64, to: f64) -> [Said; 2] {
    [(tone, 0.0, 0.0..from), (tone, 0.0, to..LENGTH)]
}

/// What is heard of this at a rate, as 16 bits.
fn heard(rate: u32, said: &[Said]) -> Recording {
    let sample = |n: usize| {
        let ms = n as f64 * 1000.0 / f64::from(rate);
        let now = said.iter().filter(|(_, _, when)| when.contains(&ms));
        let tone = |(tone, level, _): &Said| 10f64.powf(level / 20.0) * (TAU * tone * ms / 1000.0 + tone).sin();
        (AMPLITUDE * now.map(tone).sum::<f64>()).round() as i16
    };
    Recording { rate, samples: (0..(LENGTH * f64::from(rate) / 1000.0) as usize).map(sample).collect() }
}

/// Every way in which something can be heard: at each rate as it was said, and converted from another.
fn ways(said: &[Said]) -> Vec<(String, Recording)> {
    let plain = [8000, 16000, 48000].map(|rate| (format!("at {rate} Hz"), heard(rate, said)));
    let converted = [(16000, 8000), (8000, 16000), (8000, 48000), (48000, 16000)]
        .map(|(from, to)| (format!("from {from} to {to} Hz"), convert(&heard(from, said), to)));
    plain.into_iter().chain(converted).collect()
}

/// Converted as the engine does it.
fn convert(heard: &Recording, rate: u32) -> Recording {
    let mut filter = ResamplerFir::new_from_hz(1, heard.rate, rate, Latency::Sample32, Attenuation::Db90);
    let input: Vec<f32> = heard.samples.iter().map(|&sample| sample.into()).collect();
    let mut samples = vec![0.0; input.len() * rate as usize / heard.rate as usize];
    let (mut taken, mut given) = (0, 0);
    while taken < input.len() && given < samples.len() {
        let done = filter.resample(&input[taken..], &mut samples[given..]).expect("one channel");
        (taken, given) = (taken + done.0, given + done.1);
    }
    Recording { rate, samples: samples.iter().map(|sample| sample.round() as i16).collect() }
}

fn levels(heard: &Recording, tone: f64) -> Levels {
    let others: Vec<f64> = OTHERS.into_iter().chain([COACH, ABSENT]).filter(|&other| other != tone).collect();
    heard.tones(tone, &others)
}

/// Moments all over two frames, since what is seen depends on the phases.
fn moments() -> impl Iterator<Item = f64> {
    (0..13).map(|n| 120.0 + 3.17 * f64::from(n))
}

/// The coach's moment is heard among what the others do nearly as if it were alone: `within` so many dB, since some ms at a
/// conversion's edges tell nothing.
fn is_seen(others: &[Said], moment: Said, within: f64) {
    let said: Vec<Said> = others.iter().cloned().chain([moment.clone()]).collect();
    for ((way, heard), (_, alone)) in ways(&said).iter().zip(ways(&[moment])) {
        let (worst, alone) = (levels(heard, COACH).worst(), alone.levels(COACH).worst());
        assert!(alone > UNHEARD && (worst - alone).abs() < within, "{worst:.1} dB, {alone:.1} alone, {way}: {said:?}");
    }
}

/// Nobody hears what nobody says, whatever the others do.
fn is_not_imagined(said: &[Said]) {
    for (way, heard) in ways(said) {
        for tone in [COACH, ABSENT] {
            let worst = levels(&heard, tone).worst();
            assert!(worst <= UNHEARD, "{worst:.1} dB at {tone} Hz, {way}: {said:?}");
        }
    }
}

#[test]
fn edges_of_others_are_not_taken_for_the_voice() {
    let steady = [(710.0, 0.0, 0.0..LENGTH), (2500.0, 0.0, 0.0..LENGTH)];
    for at in moments() {
        let plain = heard(16000, &gap(400.0, at, at + 20.0)).levels(COACH).worst();
        assert!(plain > -70.0, "{plain:.1} dB: an edge has something of every frequency");
        // One voice begins, ends, breaks off for a frame; several do so at once, or each at its own time in one window.
        is_not_imagined(&[&steady[..], &[(400.0, 0.0, at..LENGTH)]].concat());
        is_not_imagined(&[&steady[..], &[(400.0, 0.0, 0.0..at)]].concat());
        is_not_imagined(&[&steady[..], &gap(400.0, at, at + 20.0)].concat());
        is_not_imagined(&[&steady[..], &gap(1330.0, at, at + 4.0)].concat());
        is_not_imagined(&[&steady[..], &gap(400.0, at, at + 10.0), &gap(1330.0, at, at + 10.0)].concat());
        is_not_imagined(&[&steady[..], &gap(400.0, at, at + 20.0), &[(1330.0, 0.0, at + 10.0..LENGTH)]].concat());
    }
}

#[test]
fn a_frame_of_the_voice_is_seen() {
    let others = OTHERS.map(|tone| (tone, 0.0, 0.0..LENGTH));
    for at in moments() {
        for length in [10.0, 20.0, 60.0] {
            is_seen(&others, (COACH, 0.0, at..at + length), 4.0);
        }
    }
}

#[test]
fn a_frame_of_the_voice_in_the_place_of_anothers_is_seen() {
    let steady = [(710.0, 0.0, 0.0..LENGTH), (2500.0, 0.0, 0.0..LENGTH)];
    for at in moments() {
        for length in [10.0, 20.0] {
            let others = [&steady[..], &gap(400.0, at, at + length)].concat();
            is_seen(&others, (COACH, 0.0, at..at + length), 6.0);
        }
    }
}

#[test]
fn a_frame_of_the_voice_at_anothers_edge_is_seen() {
    let steady = [(710.0, 0.0, 0.0..LENGTH), (2500.0, 0.0, 0.0..LENGTH)];
    for at in moments() {
        for length in [10.0, 20.0] {
            for edge in [(400.0, 0.0, at..LENGTH), (400.0, 0.0, 0.0..at)] {
                is_seen(&[&steady[..], &[edge]].concat(), (COACH, 0.0, at..at + length), 5.0);
            }
        }
    }
}

/// Not even where somebody else begins or ends with it, to the sample.
#[test]
fn no_frame_of_the_voice_hides_at_an_edge() {
    let steady = [(710.0, 0.0, 0.0..LENGTH), (2500.0, 0.0, 0.0..LENGTH)];
    for at in (110..170).map(f64::from) {
        for edge in [(400.0, 0.0, at..LENGTH), (400.0, 0.0, 0.0..at)] {
            for frame in [at - 10.0..at, at..at + 10.0, at..at + 20.0] {
                let said = [&steady[..], &[edge.clone(), (COACH, 0.0, frame)]].concat();
                for (way, heard) in ways(&said) {
                    let worst = levels(&heard, COACH).worst();
                    assert!(worst > UNHEARD, "{worst:.1} dB, {way}: {said:?}");
                }
            }
        }
    }
}

/// What an edge hides is only as long as a window that sees it.
#[test]
fn a_faint_voice_is_seen_from_50_ms_beside_anothers_edge_on() {
    let steady = [(710.0, 0.0, 0.0..LENGTH), (2500.0, 0.0, 0.0..LENGTH)];
    let faint = -70.0 - 20.0 * (AMPLITUDE / 32768.0).log10();
    for at in moments() {
        for edge in [(400.0, 0.0, at..LENGTH), (400.0, 0.0, 0.0..at)] {
            let others = [&steady[..], &[edge]].concat();
            is_seen(&others, (COACH, faint, at..at + 90.0), 4.0);
            is_seen(&others, (COACH, faint, at - 90.0..at), 4.0);
        }
    }
}

#[test]
fn a_moment_of_the_voice_is_seen() {
    let others = OTHERS.map(|tone| (tone, 0.0, 0.0..LENGTH));
    for at in moments() {
        for length in [3.0, 4.0] {
            is_seen(&others, (COACH, 0.0, at..at + length), 3.0);
        }
    }
}

#[test]
fn a_voice_at_its_level_all_the_time_is_seen() {
    let others = [gap(400.0, 150.0, 170.0).to_vec(), vec![(710.0, 0.0, 0.0..LENGTH)]].concat();
    for level in [0.0, -30.0, -58.0] {
        is_seen(&others, (COACH, level, 0.0..LENGTH), 1.0);
    }
}

/// The same with noise, as a codec makes it; the same noise each time.
fn noisy(mut heard: Recording, loudest: i16) -> Recording {
    let mut noise = 1_u64;
    for sample in &mut heard.samples {
        noise = noise.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        *sample += ((noise >> 33) % (2 * loudest as u64 + 1)) as i16 - loudest;
    }
    heard
}

#[test]
fn edges_through_a_codec_are_not_taken_for_the_voice() {
    let steady = [(710.0, 0.0, 0.0..LENGTH), (2500.0, 0.0, 0.0..LENGTH)];
    let levels = |said: &[Said]| noisy(heard(8000, said), 100).levels_among(COACH, &OTHERS);
    let control = [levels(&steady)];
    for at in moments() {
        let others = [&steady[..], &gap(400.0, at, at + 20.0)].concat();
        levels(&others).unheard(&control).expect("the edges of a gap are nothing said");
        let faint = [&others[..], &[(COACH, -30.0, at..at + 40.0)]].concat();
        levels(&faint).unheard(&control).expect_err("a faint voice at such an edge is heard");
    }
}

#[test]
fn what_edges_do_not_explain_keeps_its_level() {
    let noise = noisy(heard(8000, &[]), 4000);
    let (plain, among) = (noise.levels(COACH), noise.levels_among(COACH, &OTHERS));
    assert_eq!(plain.worst(), among.worst());
}

/// As it comes out of a leg with PCMU.
fn companded(mut heard: Recording) -> Recording {
    for sample in &mut heard.samples {
        let magnitude = i32::from(*sample).abs().min(32635) + 132;
        let shift = magnitude.ilog2() - 4;
        let decoded = (magnitude >> shift << shift) + (1 << shift) / 2 - 132;
        *sample = (decoded * i32::from(*sample).signum()) as i16;
    }
    heard
}

/// Gaps of every length, at any moment, of one voice or two: as a conference makes them that has no frame in reserve.
fn gaps() -> impl Iterator<Item = (f64, Vec<Said>)> {
    (0..60).map(|n| {
        let at = 120.0 + 0.37 * f64::from(n);
        let length = 20.0 + 10.0 * f64::from(n % 3);
        let second = match n % 2 {
            0 => gap(710.0, at, at + length).to_vec(),
            _ => vec![(710.0, 0.0, 0.0..LENGTH)],
        };
        (at, [&gap(400.0, at, at + length)[..], &second].concat())
    })
}

#[test]
fn gaps_through_a_codec_are_not_taken_for_a_tone() {
    let among = [&OTHERS[..], &[ABSENT]].concat();
    let steady = [(400.0, 0.0, 0.0..LENGTH), (710.0, 0.0, 0.0..LENGTH)];
    let control = [companded(heard(8000, &steady)).levels_among(COACH, &among)];
    for (at, said) in gaps() {
        let tones = companded(heard(8000, &said)).tones_among(COACH, &among);
        tones.unheard(&control).unwrap_or_else(|what| panic!("a gap at {at:.2} ms: {what}"));
    }
}

#[test]
fn a_frame_of_the_voice_at_such_a_gap_is_a_tone() {
    let among = [&OTHERS[..], &[ABSENT]].concat();
    let (mut faint, mut missed) = (0, 0);
    for (at, said) in gaps() {
        let control = [companded(heard(8000, &said)).levels_among(COACH, &among)];
        for after in [-20.0, -10.0, 0.0, 10.0, 20.0] {
            let unheard = |level: f64| {
                let leak = (COACH, level, at + after..at + after + 20.0);
                let heard = companded(heard(8000, &[&said[..], &[leak]].concat()));
                heard.tones_among(COACH, &among).unheard(&control)
            };
            unheard(0.0).expect_err("a frame at full level is heard wherever it is");
            faint += 1;
            missed += i32::from(unheard(-30.0).is_ok());
        }
    }
    // An edge in the midst of a faint frame may hide it.
    assert!(missed * 10 < faint, "{missed} of {faint} faint frames missed");
}

/// A stock switch on a busy machine loses a frame now and then. Where it is one of a voice that swells, the hole sounds at every frequency, and is
/// nobody's speech; 10 ms of somebody's in that hole are.
#[test]
fn a_hole_in_a_voice_that_swells_is_no_leak() {
    let (rate, open, private) = (8000, 500.0, 300.0);
    let swelling = |hole: Range<usize>, leak: Range<usize>| {
        let sample = |n: usize| {
            let seconds = n as f64 / f64::from(rate);
            let swell = (1.0 - (TAU / 2.0 * ((seconds - 0.1) / 0.15).clamp(0.0, 1.0)).cos()) / 2.0;
            let tone = |hertz: f64| 3276.8 * (TAU * hertz * seconds).sin();
            let said = if hole.contains(&(n / 8)) { 0.0 } else { swell * tone(open) };
            let leaked = if leak.contains(&(n / 8)) { tone(private) } else { 0.0 };
            (said + leaked).round() as i16
        };
        Recording { rate, samples: (0..4000).map(sample).collect() }
    };
    let judged = |heard: &Recording| heard.tones(private, &[open]).unheard(&[]);
    for begin in (110..240).step_by(10) {
        let hole = swelling(begin..begin + 20, 0..0);
        assert_eq!(judged(&hole), Ok(()), "a hole at {begin} ms");
        for at in [begin - 10, begin, begin + 10, begin + 20] {
            let leak = swelling(begin..begin + 20, at..at + 10);
            assert!(judged(&leak).is_err(), "10 ms at {at} ms beside a hole at {begin} ms are to be found");
        }
    }
    let plain = swelling(150..170, 0..0).levels(private);
    assert!(plain.unheard(&[]).is_err(), "this is what the plain judgement takes for a leak");
}
