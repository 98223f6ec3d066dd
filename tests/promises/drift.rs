//! Promise 4 where clocks drift and frames come late: what comes late is heard late, and whole. The delay falls again once no burst explains
//! it any more; a listener whose queue runs empty gets silence and starts again. Both are counted, and nothing else is lost.

use crate::support::{Engine, Format, Member, coach_stats, signal::Noise};

const WIDE: Format = Format::mono(16000);

/// So many frames of 20 ms of this voice arrive; they are added to what was said.
fn says(coach: &Member, voice: &mut Noise, frames: usize, said: &mut Vec<i16>) {
    for _ in 0..frames {
        let mut frame = voice.frame(WIDE, 20);
        said.extend_from_slice(&frame);
        coach.read(WIDE, &mut frame);
    }
}

/// A frame of 20 ms is added to what was heard.
fn hears(agent: &Member, heard: &mut Vec<i16>) {
    let mut frame = WIDE.silence(20);
    agent.write(WIDE, &mut frame);
    heard.extend(frame);
}

/// The clocks of speaker and listener differ: what is lost, or missing, is counted.
fn drift(said_frames: u32, heard_frames: u32) -> (Vec<i16>, Vec<i16>, coach_stats) {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let (coach, agent) = engine.coach_and_agent(&room);
    let (mut voice, mut said, mut heard) = (Noise::new(4, 20000), Vec::new(), Vec::new());
    let total = 4 * said_frames.max(heard_frames);
    let (mut say, mut hear) = (0, 0);
    for tick in 0..total {
        // Both spread evenly.
        if (tick + 1) * said_frames / total > say || said_frames == total {
            say += 1;
            says(&coach, &mut voice, 1, &mut said);
        }
        if (tick + 1) * heard_frames / total > hear || heard_frames == total {
            hear += 1;
            hears(&agent, &mut heard);
        }
    }
    let stats = engine.stats();
    (said, heard, stats)
}

/// Runs of `said` in `heard`, in order: first sample in both, and length. Fades around them are left out.
fn runs(said: &[i16], heard: &[i16]) -> Vec<(usize, usize, usize)> {
    let (mut runs, mut in_said, mut at) = (Vec::new(), 0, 0);
    while at + 8 <= heard.len() {
        let key = &heard[at..at + 8];
        let found = (key[0] != 0).then(|| said[in_said..].windows(8).position(|window| window == key)).flatten();
        let Some(found) = found else {
            at += 1;
            continue;
        };
        let begin = in_said + found;
        let length = said[begin..].iter().zip(&heard[at..]).take_while(|(said, heard)| said == heard).count();
        runs.push((begin, at, length));
        (in_said, at) = (begin + length, at + length);
    }
    runs
}

#[test]
fn a_speaker_whose_clock_is_fast_is_skipped_and_counted() {
    let (said, heard, stats) = drift(2000, 1980);
    let runs = runs(&said, &heard);
    let jumps: Vec<usize> = runs.windows(2).map(|two| two[1].0 - (two[0].0 + two[0].2)).collect();
    assert!(stats.skips >= 3, "400 ms too much should be skipped in a few steps: {}", stats.skips);
    assert_eq!(jumps.len() as u64, stats.skips, "as many jumps as are counted: {runs:?}");
    // A jump is met by a fade, whose samples are heard with an offset.
    let lost: usize = jumps.iter().map(|jump| jump - WIDE.fade()).sum();
    let counted = stats.skipped_ms * 16;
    assert!(counted.abs_diff(lost as u64) <= 16 * stats.skips, "{lost} samples are missing, {counted} are counted");
    assert_eq!(stats.underruns, 0, "it never ran dry");
    let (begin, at, _) = runs[runs.len() - 1];
    let behind = (said.len() - begin) - (heard.len() - at);
    assert!(behind <= WIDE.samples(20 + 60 + 20), "at the end it is {behind} samples behind");
}

#[test]
fn a_speaker_whose_clock_is_slow_runs_dry_and_is_counted() {
    let (said, heard, stats) = drift(1980, 2000);
    let runs = runs(&said, &heard);
    assert!(stats.underruns >= 3, "400 ms too little should run dry a few times: {}", stats.underruns);
    assert_eq!(runs.len() as u64, stats.underruns + 1, "a run between two gaps: {runs:?}");
    // After a gap the voice starts with a fade: its samples are heard with an offset, and none is missing.
    for two in runs.windows(2) {
        let gap = two[1].0 - (two[0].0 + two[0].2);
        assert!(gap <= WIDE.fade(), "nothing is lost where it runs dry: {two:?}");
    }
    assert_eq!(stats.skips, 0, "nothing is skipped");
}

#[test]
fn frames_that_come_late_are_heard_whole_and_the_delay_falls_again() {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let (coach, agent) = engine.coach_and_agent(&room);
    let (mut voice, mut said, mut heard) = (Noise::new(4, 20000), Vec::new(), Vec::new());
    let behind = |said: &[i16], heard: &[i16]| {
        let (begin, at, _) = *runs(said, heard).last().expect("something is heard");
        (said.len() - begin) - (heard.len() - at)
    };
    for tick in 0..700 {
        // Two frames are late once; later, twenty.
        let arriving = match tick {
            10 | 11 => 0,
            12 => 3,
            30..50 => 0,
            50 => 21,
            _ => 1,
        };
        says(&coach, &mut voice, arriving, &mut said);
        hears(&agent, &mut heard);
        if tick == 500 {
            let runs = runs(&said, &heard);
            let missing: usize = runs.windows(2).map(|two| two[1].0 - (two[0].0 + two[0].2)).sum();
            assert!(missing <= 2 * WIDE.fade(), "late frames are heard late, in full: {runs:?}");
            assert_eq!((engine.stats().skips, engine.stats().underruns), (0, 2));
            assert_eq!(behind(&said, &heard), WIDE.samples(400), "as late as the burst was");
        }
    }
    assert_eq!((engine.stats().skips, engine.stats().underruns, engine.stats().skipped_ms), (1, 2, 400));
    assert_eq!(
        behind(&said[said.len() - 16_000..], &heard[heard.len() - 16_000..]),
        0,
        "after ten seconds it is on time again"
    );
}

/// A sender whose frames come in bursts loses nothing, and one that pauses comes back at once.
#[test]
fn bursts_are_heard_whole_and_a_pause_costs_nothing() {
    for burst in [3, 5, 7, 15] {
        let engine = Engine::new();
        let room = engine.host_room("sales");
        let (coach, agent) = engine.coach_and_agent(&room);
        let (mut voice, mut said, mut heard) = (Noise::new(4, 20000), Vec::new(), Vec::new());
        for tick in 0..600 * burst {
            let turn = 100 * burst;
            let pause = (tick / turn) % 2 == 1;
            says(&coach, &mut voice, if tick % burst == 0 && !pause { burst } else { 0 }, &mut said);
            hears(&agent, &mut heard);
            if tick % turn == 0 && !pause {
                assert!(
                    heard[heard.len() - 100..].iter().any(|sample| *sample != 0),
                    "bursts of {burst}: at once after a pause"
                );
            }
        }
        let runs = runs(&said, &heard);
        let whole: usize = runs.iter().map(|run| run.2 + WIDE.fade()).sum();
        assert!(whole >= said.len(), "bursts of {burst}: {whole} samples of {} are heard", said.len());
        assert_eq!(engine.stats().skips, 0, "bursts of {burst}");
    }
}

#[test]
fn a_listener_that_is_away_for_longer_than_a_voice_is_kept_goes_on_with_the_newest_and_all_else_is_counted() {
    let engine = Engine::new();
    let room = engine.host_room("sales");
    let (coach, agent) = engine.coach_and_agent(&room);
    let mut voice = Noise::new(4, 20000);
    let mut said = |frames: u32| {
        for _ in 0..frames {
            coach.read(WIDE, &mut voice.frame(WIDE, 20));
        }
    };
    let hears = || {
        let mut frame = WIDE.silence(20);
        agent.write(WIDE, &mut frame);
        frame.iter().any(|&sample| sample != 0)
    };
    said(1);
    assert!(hears(), "a voice begins");
    said(500);
    hears();
    said(1);
    hears();
    said(1);
    assert!(hears(), "it goes on");
    let stats = engine.stats();
    assert_eq!(stats.skips, 1, "once");
    assert!((9_900..=10_000).contains(&stats.skipped_ms), "10 s are lost: {} ms", stats.skipped_ms);
}
