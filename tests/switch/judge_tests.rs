//! Tests of the judge.

use crate::judge::{Levels, Recording, SILENCE};
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
fn what_may_be_heard_has_bounds() {
    let at = |level: f64| Levels(vec![level]);
    assert_eq!(at(-80.1).unheard(&[]), Ok(()));
    assert_eq!(
        at(-79.9).unheard(&[]),
        Err("-79.9 dB in the worst window, which begins at 0.00 s, with -80.0 allowed".into())
    );
    assert_eq!(at(-60.1).unheard(&[at(-70.0), at(-63.0)]), Ok(()));
    assert_eq!(
        at(-59.9).unheard(&[at(-70.0), at(-63.0)]),
        Err("-59.9 dB in the worst window, which begins at 0.00 s, with -60.0 allowed".into())
    );
    assert_eq!(at(-80.1).unheard(&[at(SILENCE)]), Ok(()));
    assert_eq!((at(-19.0).heard_at(-18.1), at(-17.2).heard_at(-18.1)), (Ok(()), Ok(())));
    assert_eq!(at(-19.2).heard_at(-18.1), Err("-19.2 dB in the median, not -18.1".into()));
    assert_eq!(at(-17.0).heard_at(-18.1), Err("-17.0 dB in the median, not -18.1".into()));
}

#[test]
fn every_window_is_in_one_part_of_a_split() {
    let levels = Levels((0..20).map(f64::from).collect());
    let [within, rest] = levels.split(&[0.1..0.101]);
    for (n, level) in levels.0.iter().enumerate() {
        let (there, silent) = if (6..=10).contains(&n) { (&within, &rest) } else { (&rest, &within) };
        assert_eq!((there.0[n], silent.0[n]), (*level, SILENCE));
    }
    let loudest = rest.unheard(&[]).expect_err("19 dB is loud");
    assert!(loudest.contains("begins at 0.19 s"), "{loudest}");
}

#[test]
fn what_is_missing_of_a_voice_is_missing_from_its_share() {
    // 5 s after half a second; of each half second one window has nothing.
    let level = |n: usize| if n < 50 || n % 50 == 7 { SILENCE } else { -18.3 };
    let levels = Levels((0..550).map(level).collect());
    assert_eq!(levels.share_at(-18.0), 0.98);
    assert_eq!(levels.share_at(-20.0), 0.0, "it is louder");
}
