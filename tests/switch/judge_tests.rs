//! The judge, judged.

use crate::judge::{Recording, SILENCE};
use std::f64::consts::TAU;

/// Tones of full level each, divided by `1 << shift`.
fn tones(rate: u32, seconds: f64, tones: &[f64], shift: u32) -> Recording {
    let samples = (0..(f64::from(rate) * seconds) as usize)
        .map(|n| {
            let time = n as f64 / f64::from(rate);
            let sum: f64 = tones.iter().map(|tone| (TAU * tone * time).sin()).sum();
            (32767.0 * sum / f64::from(1 << shift)).round() as i16
        })
        .collect();
    Recording { rate, samples }
}

#[test]
fn a_tone_has_its_level() {
    for rate in [8000, 16000, 44100, 48000] {
        let levels = tones(rate, 1.0, &[700.0], 2).levels(700.0);
        assert!((levels.median() + 12.04).abs() < 0.01, "{} dB at {rate} Hz", levels.median());
        assert!((levels.worst() - levels.median()).abs() < 0.01);
        assert_eq!((levels.share_above(-12.1), levels.share_above(-12.0)), (1.0, 0.0));
    }
}

#[test]
fn a_tone_hides_nothing_and_pretends_nothing_beside_it() {
    for beside in [600.0, 780.0, 1000.0, 3300.0] {
        let alone = tones(8000, 1.0, &[beside], 1);
        let worst = alone.levels(700.0).worst();
        assert!(worst < -90.0, "{worst} dB at 700 Hz, with {beside} Hz alone");

        let mut both = alone;
        for (sample, faint) in both.samples.iter_mut().zip(tones(8000, 1.0, &[700.0], 13).samples) {
            *sample += faint;
        }
        let median = both.levels(700.0).median();
        assert!((median + 78.3).abs() < 1.5, "{median} dB at 700 Hz: -78.3 dB beside {beside} Hz");
    }
}

#[test]
fn a_moment_is_seen_wherever_it_is() {
    for at in (1000..2000).step_by(7) {
        let mut heard = tones(8000, 1.0, &[400.0], 2);
        let leak = tones(8000, 1.0, &[1000.0], 2);
        for n in at..at + 8 {
            heard.samples[n] += leak.samples[n];
        }
        let worst = heard.levels(1000.0).worst();
        assert!(worst > -50.0, "{worst} dB, with 1 ms of it at sample {at}");
    }
}

#[test]
fn a_voice_that_breaks_off_is_not_taken_for_another() {
    for gap in [30, 60, 320, 900] {
        let mut heard = tones(16000, 1.0, &[710.0], 2);
        heard.samples[8000..8000 + gap].fill(0);
        assert!(heard.levels(1020.0).worst() > -70.0);
        let beside = heard.levels_beside(1020.0, &[710.0], -12.04, 0.7);
        assert!(beside.worst() < -80.0, "{} dB beside a gap of {gap} samples", beside.worst());
        assert!(beside.count() > 60, "{} windows are left", beside.count());
    }
}

#[test]
fn a_voice_that_is_heard_for_a_moment_does_not_hide_itself() {
    for (at, length) in (4000..4800).step_by(23).flat_map(|at| [40, 160, 320, 1600].map(|length| (at, length))) {
        let mut heard = tones(16000, 1.0, &[710.0, 1330.0], 2);
        let leak = tones(16000, 1.0, &[1020.0], 2);
        for n in at..at + length {
            heard.samples[n] += leak.samples[n];
        }
        let worst = heard.levels_beside(1020.0, &[400.0, 710.0, 1330.0, 1640.0], -12.04, 0.7).worst();
        assert!(worst > -40.0, "{worst} dB, with {length} samples of it at {at}");
    }
}

#[test]
fn nothing_is_silence() {
    let nothing = Recording { rate: 16000, samples: vec![0; 1600] };
    assert_eq!(nothing.levels(700.0).worst(), SILENCE);
    assert_eq!(nothing.between(0.05, 9.0).samples.len(), 800);
}

#[test]
#[should_panic(expected = "50 ms or more")]
fn no_recording_is_no_silence() {
    Recording { rate: 16000, samples: vec![0; 799] }.levels(700.0).worst();
}

#[test]
fn a_recording_is_read_from_a_file() {
    let path = std::env::temp_dir().join(format!("judge-{}.wav", std::process::id()));
    let said = tones(8000, 0.1, &[700.0], 2);
    said.write(&path).expect("a file can be written");
    let read = Recording::read(&path).expect("it can be read");
    std::fs::remove_file(&path).expect("it can be removed");
    assert_eq!((read.rate, read.samples), (said.rate, said.samples));
}

#[test]
fn what_begins_or_ends_beside_a_tone_is_no_tone() {
    for others in [vec![400.0], vec![500.0, 900.0, 2300.0]] {
        for at in (1000..1400).step_by(9) {
            let mut heard = tones(8000, 0.5, &others, 3);
            heard.samples[at..at + 1800].fill(0);
            assert!(heard.levels(700.0).worst() > -70.0, "it has something of every frequency");
            let worst = heard.standing_out(700.0).worst();
            assert!(worst < -90.0, "{worst} dB, where {others:?} end at sample {at}");
        }
    }
}

#[test]
fn ten_milliseconds_of_a_tone_stand_out() {
    for at in (1000..1400).step_by(9) {
        let mut heard = tones(8000, 0.5, &[400.0, 1000.0], 3);
        let leak = tones(8000, 0.5, &[700.0], 3);
        for n in at..at + 80 {
            heard.samples[n] += leak.samples[n];
        }
        let worst = heard.standing_out(700.0).worst();
        assert!(worst > -40.0, "{worst} dB, with 10 ms of it at sample {at}");
    }
}
