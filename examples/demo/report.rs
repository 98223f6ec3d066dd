//! Who heard whom, found in the recordings alone: the call is played again with one voice silent, and whatever differs in
//! a listener's recording is what it heard of that voice. What the commands say does not enter into it.

use crate::{
    coach::Library,
    host::{self, Fate, Recording},
    scenario::{Scenario, seconds},
    speech::{AUDIBLE, Line, Track, peak},
};
use std::thread;

/// A voice's way through host and Coach takes no more ticks than this.
const DELAY: usize = 4;

/// By speaker, listener and tick: the loudest of what the listener heard of the speaker; 0 is not one sample.
pub type Heard = Vec<Vec<Vec<u16>>>;

/// Finds who heard whom.
pub fn attribute(library: &Library, scenario: &Scenario, call: &Recording) -> Result<Heard, String> {
    let parties = 0..scenario.parties.len();
    let silences: Vec<Silence> = parties.clone().map(|speaker| (speaker, vec![true; scenario.ticks])).collect();
    let by_speaker = |without: Recording| {
        let by_listener = |listener: usize| {
            let size = scenario.parties[listener].speech.frame_size();
            let (with, without) = (call.heard[listener].chunks(size), without.heard[listener].chunks(size));
            with.zip(without).map(|(with, without)| difference(with, without)).collect()
        };
        parties.clone().map(by_listener).collect()
    };
    Ok(replay(library, scenario, &silences)?.into_iter().map(by_speaker).collect())
}

/// A speaker, and the ticks in which it is to be silent.
type Silence = (usize, Vec<bool>);

/// The same call again, once for each silence, on all processors.
fn replay(library: &Library, scenario: &Scenario, silences: &[Silence]) -> Result<Vec<Recording>, String> {
    let play = |(speaker, ticks): &Silence| {
        let mut speech = scenario.speech();
        speech[*speaker].silence(|tick| ticks[tick]);
        host::play(library, scenario, &speech, &mut |_| ())
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let mut recordings = Vec::new();
    for silences in silences.chunks(processors) {
        let played: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = silences.iter().map(|silence| scope.spawn(|| play(silence))).collect();
            threads.into_iter().map(|thread| thread.join().expect("playing a call does not panic")).collect()
        });
        recordings.extend(played.into_iter().collect::<Result<Vec<_>, _>>()?);
    }
    Ok(recordings)
}

fn difference(one: &[i16], other: &[i16]) -> u16 {
    one.iter().zip(other).map(|(&a, &b)| a.abs_diff(b)).max().unwrap_or(0)
}

/// A promise, and whether the recordings keep it.
pub struct Check {
    pub text: String,
    pub kept: bool,
}

/// Checks both sides of privacy: whoever was not to hear a word heard none of it, whoever was to hear it heard it all.
pub fn check(library: &Library, scenario: &Scenario, call: &Recording, heard: &Heard) -> Result<Vec<Check>, String> {
    let parties = &scenario.parties;
    let pairs = (0..parties.len()).flat_map(|s| (0..parties.len()).map(move |l| (s, l))).filter(|(s, l)| s != l);
    let said = |s: usize, l: usize, as_fate: Fate| {
        let speech = &parties[s].speech;
        (0..scenario.ticks).filter(move |&tick| call.fate[s][l][tick] == as_fate && audible(speech, tick))
    };
    // Whatever the manager whispers, or nothing at all: the customer hears the same call.
    let apart: Vec<_> = pairs.clone().filter(|&(s, l)| said(s, l, Fate::Withheld).next().is_some()).collect();
    let withheld = |&(s, l): &(usize, usize)| (s, call.fate[s][l].iter().map(|&f| f == Fate::Withheld).collect());
    let silences: Vec<Silence> = apart.iter().map(withheld).collect();
    let mut checks = Vec::new();
    for (&(s, l), without) in apart.iter().zip(replay(library, scenario, &silences)?) {
        let differ = call.heard[l].iter().zip(&without.heard[l]).filter(|(a, b)| a != b).count();
        let what = if differ == 0 { "none" } else { "something" };
        let (time, of) = (seconds(said(s, l, Fate::Withheld).count()), call.heard[l].len());
        let (speaker, listener) = (&parties[s].name, &parties[l].name);
        checks.push(Check {
            text: format!(
                "{listener} heard {what} of the {time:.2} s that {speaker} said to others: played again without them, \
                 {differ} of {of} samples differ"
            ),
            kept: differ == 0,
        });
    }
    for (s, l) in pairs.filter(|&(s, l)| said(s, l, Fate::Whispered).next().is_some()) {
        let arrived = |&tick: &usize| heard[s][l][tick..].iter().take(DELAY).any(|&level| level > AUDIBLE / 2);
        let (due, arrived) = (said(s, l, Fate::Whispered).count(), said(s, l, Fate::Whispered).filter(arrived).count());
        let (speaker, listener) = (&parties[s].name, &parties[l].name);
        let (due_s, arrived_s) = (seconds(due), seconds(arrived));
        checks.push(Check {
            text: format!("{listener} heard {arrived_s:.2} s of the {due_s:.2} s that {speaker} said to it"),
            // Between rates, the faintest part of a word can fall below what counts as audible.
            kept: arrived * 100 >= due * 98,
        });
    }
    Ok(checks)
}

fn audible(speech: &Track, tick: usize) -> bool {
    peak(speech.frame(tick)) > AUDIBLE
}

/// The table of who heard whom when: a row for each line that is said, a column for each listener.
pub fn table(scenario: &Scenario, heard: &Heard) -> String {
    let mut lines = Vec::new();
    for (speaker, party) in scenario.parties.iter().enumerate() {
        for line in &party.speech.lines {
            let ticks: Vec<usize> = (line.from..line.to).filter(|&tick| audible(&party.speech, tick)).collect();
            if let (Some(&first), Some(&last)) = (ticks.first(), ticks.last()) {
                lines.push((first, last + 1, speaker, line, ticks.len()));
            }
        }
    }
    lines.sort_by_key(|line| (line.0, line.2));
    let mut rows = vec![["from", "to", "said by", "words"].map(String::from).to_vec()];
    rows[0].extend(scenario.parties.iter().map(|party| party.name.clone()));
    for (from, to, speaker, line, said) in lines {
        let mut row = vec![format!("{:5.2}", seconds(from)), format!("{:5.2}", seconds(to))];
        row.extend([scenario.parties[speaker].name.clone(), words(line)]);
        for listener in 0..scenario.parties.len() {
            let heard = &heard[speaker][listener];
            row.push(if listener == speaker { "·".into() } else { share(heard, line.from, to, said) });
        }
        rows.push(row);
    }
    aligned(&rows)
}

fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text += "\n";
    }
    text
}

/// How much of a line was heard.
fn share(heard: &[u16], from: usize, to: usize, said: usize) -> String {
    let window = &heard[from..heard.len().min(to + DELAY)];
    if window.iter().all(|&level| level == 0) {
        return "-".into();
    }
    let ticks = window.iter().filter(|&&level| level > AUDIBLE).count();
    match ticks {
        0 => "a trace".into(),
        // On a real switch, a late packet takes a few ticks out of a line.
        _ if ticks + 2 + said / 20 >= said => "all".into(),
        _ => format!("{:.1} s", seconds(ticks)),
    }
}

fn words(line: &Line) -> String {
    const MOST: usize = 42;
    match &line.words {
        words if words.is_empty() => "(speech)".into(),
        words if words.chars().count() > MOST => words.chars().take(MOST - 3).collect::<String>() + "...",
        words => words.clone(),
    }
}
