//! The judgement: who heard what, and who should have.

use std::{ops::Range, path::Path};

use crate::{
    judge::{Legs, Levels, Recording},
    tones,
};

/// How late a word may be heard, in seconds: the way through the switch, the opening guard, a changed tone.
const LATE: f64 = 0.5;
/// A tone is looked for so many seconds around the time when it was said: longer than anything waits in a queue.
pub const NEAR: f64 = 3.0;
/// What is said so briefly is not asked for.
const BRIEF: f64 = 0.2;

/// What may be missing from a recording, in seconds, or be too much.
const HOLES: f64 = 0.8;

/// A tone, who said it when, and who may hear it. Times are seconds since the scene began.
pub struct Said {
    pub by: String,
    pub tone: u32,
    /// Names; `*` for everyone.
    pub heard_by: Vec<String>,
    /// They may hear it and need not.
    pub murmured: bool,
    pub from: f64,
    pub until: f64,
    /// In a control run, private speech is not.
    pub played: bool,
}

/// What somebody heard.
pub struct Listener {
    name: String,
    heard: Recording,
    /// When its recording began.
    started: f64,
    /// When it was in the conference.
    there: Range<f64>,
}

/// A scene that is over.
pub struct Played {
    /// The level of open speech: what the mixer makes of what is said.
    pub open_level: f64,
    pub listeners: Vec<Listener>,
    pub said: Vec<Said>,
}

impl Listener {
    /// Reads a recording that began, and ended, when it says.
    pub fn read(
        name: String,
        path: &Path,
        started: f64,
        ended: Option<f64>,
        there: Range<f64>,
    ) -> Result<Self, String> {
        let heard = Recording::read(path).map_err(|e| format!("{name} recorded nothing: {}: {e}", path.display()))?;
        let length = heard.samples.len() as f64 / f64::from(heard.rate);
        // Times in a recording with holes would mean nothing.
        match ended.map(|ended| ended - started) {
            Some(should) if (length - should).abs() > HOLES => {
                Err(format!("{name} recorded {length:.2} s of {should:.2} s"))
            }
            _ => Ok(Self::new(name, heard, started, there)),
        }
    }

    /// A recording that somebody else has made.
    pub fn new(name: String, heard: Recording, started: f64, there: Range<f64>) -> Self {
        Self { name, heard, started, there }
    }

    fn heard(&self, from: f64, until: f64) -> Recording {
        self.heard.between((from - self.started).max(0.0), (until - self.started).max(0.0))
    }
}

impl Said {
    fn is_for(&self, listener: &Listener) -> bool {
        self.heard_by.iter().any(|name| *name == "*" || *name == listener.name)
    }
}

impl Played {
    /// Linear legs: nothing outside the audience, full level inside.
    pub fn judge(&self) -> Result<(), String> {
        self.verdict(Legs::Linear, &[])
    }

    /// Coded legs: nothing above what was heard without.
    pub fn judge_against(&self, controls: &[Played]) -> Result<(), String> {
        self.verdict(Legs::Coded, controls)
    }

    /// The levels of a tone, anywhere near the time when it was said; none where nobody listened then.
    fn near(&self, listener: usize, said: usize, legs: Legs) -> Option<Levels> {
        let (listener, said) = (&self.listeners[listener], &self.said[said]);
        // As long as the same tone is not said for something else.
        let near = listener.heard(said.from - NEAR, said.until + NEAR);
        let mut others: Vec<u32> = self.said.iter().map(|other| other.tone).filter(|&tone| tone != said.tone).collect();
        others.sort_unstable();
        others.dedup();
        let others: Vec<f64> = others.into_iter().map(f64::from).collect();
        let listened = near.samples.len() >= near.rate as usize / 10;
        listened.then(|| near.levels_among(said.tone.into(), &others, legs))
    }

    /// The level at which something is to be heard. Private speech has its own in every conference.
    fn level(&self, said: &Said) -> f64 {
        if said.heard_by.iter().any(|name| name == "*") { self.open_level } else { tones::LEVEL }
    }

    fn verdict(&self, legs: Legs, controls: &[Played]) -> Result<(), String> {
        let mut wrong = Vec::new();
        for (s, said) in self.said.iter().enumerate() {
            for (l, listener) in self.listeners.iter().enumerate().filter(|(_, listener)| listener.name != said.by) {
                let complaint = if said.is_for(listener) {
                    missed(said, listener, self.level(said))
                } else {
                    let without: Vec<Levels> = controls.iter().filter_map(|run| run.near(l, s, legs)).collect();
                    self.near(l, s, legs).and_then(|levels| levels.unheard(&without).err())
                };
                wrong.extend(complaint.map(|what| {
                    let Said { by, tone, from, until, .. } = said;
                    format!("{} of {by}'s {tone} Hz ({from:.1} to {until:.1} s): {what}", listener.name)
                }));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }
}

/// What is wrong with what somebody in the audience heard.
fn missed(said: &Said, listener: &Listener, level: f64) -> Option<String> {
    let (from, until) = (said.from.max(listener.there.start) + LATE, said.until.min(listener.there.end));
    if !said.played || said.murmured || until - from < BRIEF {
        return None;
    }
    let heard = listener.heard(from, until);
    if heard.samples.len() < heard.rate as usize / 10 {
        return Some("nothing was recorded".into());
    }
    let levels = heard.levels(f64::from(said.tone));
    if let Err(what) = levels.heard_at(level) {
        return Some(what);
    }
    let whole = levels.share_above(level - 3.0);
    (whole < 0.7).then(|| format!("heard for {:.0} % of the time only", 100.0 * whole))
}
