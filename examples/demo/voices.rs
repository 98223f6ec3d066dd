//! Who heard whom in recordings of which no second take exists: each voice is looked for where it was said, and how much of it is
//! there follows from all voices of a moment at once (least squares).

use crate::{
    host::{Fate, Recording},
    report::{Check, Heard},
    scenario::{Scenario, TICKS, seconds},
    speech::{AUDIBLE, Track, peak},
};
use std::ops::Range;

/// Everything is compared at this rate, in which there are so many samples to a tick.
const RATE: usize = 8000;
const FRAME: usize = RATE / TICKS;
/// A voice takes no longer than this through phone, switch and phone.
const LATEST: usize = RATE * 6 / 10;
/// Ticks of a line that are looked for together, and by how many samples their delay can differ from the whole line's.
const PIECE: usize = 20;
const NEAR: usize = 800;
/// Ticks on either side that are judged together with one.
const AROUND: usize = 2;
/// A voice whose samples are mostly smaller than this is silent.
const FAINT: f64 = 16.0;
/// Less than this part of a voice is the doubt of the method.
const PRESENT: f64 = 0.3;

/// Finds who heard whom.
pub fn attribute(scenario: &Scenario, call: &Recording) -> Heard {
    let parties = &scenario.parties;
    let said: Vec<Vec<f64>> = parties.iter().map(|party| narrowed(&whole(&party.speech), party.speech.rate)).collect();
    let mut heard: Heard = vec![vec![vec![0; scenario.ticks]; parties.len()]; parties.len()];
    for listener in 0..parties.len() {
        let recording = narrowed(&call.heard[listener], parties[listener].speech.rate);
        let others: Vec<usize> = (0..parties.len()).filter(|&speaker| speaker != listener).collect();
        let arrive = |&speaker: &usize| Arrived::new(&parties[speaker].speech, &said[speaker], &recording);
        let arrived: Vec<Arrived> = others.iter().map(arrive).collect();
        for (n, &speaker) in others.iter().enumerate() {
            let level = |tick: usize| {
                let gain = gain(&arrived, n, &recording, tick * FRAME + arrived[n].delay[tick]);
                let spoken = f64::from(peak(parties[speaker].speech.frame(tick)));
                if gain > PRESENT { (spoken * gain.min(1.0)) as u16 } else { 0 }
            };
            heard[speaker][listener] = (0..scenario.ticks).map(level).collect();
        }
    }
    heard
}

fn whole(speech: &Track) -> Vec<i16> {
    (0..speech.ticks()).flat_map(|tick| speech.frame(tick)).copied().collect()
}

/// Samples at the rate in which everything is compared.
fn narrowed(samples: &[i16], rate: u32) -> Vec<f64> {
    let each = (rate as usize / RATE).max(1);
    samples.chunks(each).map(|few| few.iter().map(|&s| f64::from(s)).sum::<f64>() / few.len() as f64).collect()
}

/// What somebody said, each line moved to where a recording has it.
struct Arrived {
    samples: Vec<f64>,
    /// By tick in which it was said: how many samples later it was heard.
    delay: Vec<usize>,
}

impl Arrived {
    fn new(speech: &Track, said: &[f64], recording: &[f64]) -> Self {
        let mut arrived = Self { samples: vec![0.0; recording.len() + LATEST], delay: vec![0; speech.ticks()] };
        for line in &speech.lines {
            let late = |from: usize, to: usize, range: Range<usize>| {
                let said = &said[(from * FRAME).min(said.len())..(to * FRAME).min(said.len())];
                delay(said, &recording[(from * FRAME).min(recording.len())..], range)
            };
            let whole = late(line.from, line.to, 0..LATEST - NEAR);
            let end = line.to.min(speech.ticks());
            // A packet that is lost or late changes the delay within a line.
            for from in (line.from..end).step_by(PIECE) {
                let to = (from + PIECE).min(end);
                let delay = late(from, to, whole.saturating_sub(NEAR)..whole + NEAR);
                arrived.samples[from * FRAME + delay..to * FRAME + delay]
                    .copy_from_slice(&said[from * FRAME..to * FRAME]);
                arrived.delay[from..to].fill(delay);
            }
        }
        arrived
    }
}

/// By how many samples something said is late in a recording: coarsely first, then to the sample.
fn delay(said: &[f64], recording: &[f64], range: Range<usize>) -> usize {
    let fit = |delay: usize, step: usize| -> f64 {
        let heard = recording.iter().skip(delay).step_by(step);
        said.iter().step_by(step).zip(heard).map(|(said, heard)| said * heard).sum()
    };
    let best = |candidates: Range<usize>, each: usize, step: usize| {
        let by_fit = |a: &usize, b: &usize| fit(*a, step).total_cmp(&fit(*b, step));
        candidates.step_by(each).max_by(by_fit).unwrap_or(0)
    };
    let about = best(range.clone(), 2, 4);
    best(about.saturating_sub(8).max(range.start)..(about + 9).min(range.end), 1, 1)
}

/// How much of one voice a recording has around a sample: of all voices together, what fits it best.
fn gain(arrived: &[Arrived], which: usize, recording: &[f64], at: usize) -> f64 {
    let window = at.saturating_sub(AROUND * FRAME)..(at + (AROUND + 1) * FRAME).min(recording.len());
    let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let voices: Vec<&[f64]> = arrived.iter().map(|voice| &voice.samples[window.clone()]).collect();
    let faint = FAINT * FAINT * window.len() as f64;
    let mut gains = vec![0.0; voices.len()];
    // One voice after the other, until they agree.
    for _ in 0..20 {
        for n in 0..voices.len() {
            let others: f64 =
                (0..voices.len()).filter(|&m| m != n).map(|m| gains[m] * product(voices[n], voices[m])).sum();
            let own = product(voices[n], voices[n]);
            gains[n] = (product(voices[n], &recording[window.clone()]) - others) / (own + faint);
        }
    }
    gains[which]
}

/// Checks both sides of privacy, as `report::check` does, as far as recordings of one take tell.
pub fn check(scenario: &Scenario, call: &Recording, heard: &Heard) -> Vec<Check> {
    let mut checks = Vec::new();
    for (s, speaker) in scenario.parties.iter().enumerate() {
        for (l, listener) in scenario.parties.iter().enumerate().filter(|&(l, _)| l != s) {
            let count = |fate: Fate, is: &dyn Fn(usize) -> bool| {
                let said = |tick: usize| peak(speaker.speech.frame(tick)) > AUDIBLE;
                let clear = |tick: usize| clearly(&call.fate[s][l], tick, fate);
                seconds((0..scenario.ticks).filter(|&tick| clear(tick) && said(tick) && is(tick)).count())
            };
            let (speaker, listener) = (&speaker.name, &listener.name);
            for (fate, verb) in [(Fate::Withheld, "to others"), (Fate::Whispered, "to it")] {
                let (due, arrived) = (count(fate, &|_| true), count(fate, &|tick| heard[s][l][tick] > AUDIBLE / 2));
                if due > 0.0 {
                    let text = format!("{listener} heard {arrived:.2} s of the {due:.2} s that {speaker} said {verb}");
                    // A faint sound beside a loud one cannot be told from none.
                    let kept = if fate == Fate::Withheld { arrived < 0.05 * due } else { arrived > 0.8 * due };
                    checks.push(Check { text, kept });
                }
            }
        }
    }
    checks
}

/// Whether a tick has this fate for sure: a command takes a moment to get to a switch.
fn clearly(fate: &[Fate], tick: usize, is: Fate) -> bool {
    fate[tick.saturating_sub(TICKS / 2)..(tick + TICKS / 2).min(fate.len())].iter().all(|&f| f == is)
}
