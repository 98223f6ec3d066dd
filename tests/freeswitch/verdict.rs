//! Judges a call: who heard what, and who should have heard it.

use std::{ops::Range, path::Path};

use crate::judge::{Levels, Recording};

/// How late a word may be heard, in seconds: the way through the switch, the opening guard, a changed tone.
const LATE: f64 = 0.5;
/// A tone is looked for until so many seconds after it was said: longer than anything waits in a queue.
pub const AFTER: f64 = 3.0;
/// On coded legs, what is heard so many seconds before and after others speak may have something of theirs.
const SETTLES: f64 = 1.0;
/// For so many seconds at least somebody speaks privately while nobody else is heard.
const ALONE: f64 = 1.0;
/// Such times are counted in steps of so many seconds.
const MOMENT: f64 = 0.01;
/// Before and after a change of somebody's mode nobody else is heard for so many seconds.
const AROUND: f64 = 0.3;
/// With what a complaint begins if the machine was too slow for what was to be judged: the scenario has to be played again.
pub const TOO_SLOW: &str = "the machine was too slow to say something else while the opening guard was closed: ";
/// What is said so briefly is not asked for.
const BRIEF: f64 = 0.2;

/// What may be missing from a recording, in seconds, or be too much. What lacks something tells of the rest so much too early: a
/// tone is looked for from then on before it was said.
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
    /// The level at which something is to be heard, privately or openly: what the mixer makes of what is said.
    pub level: f64,
    pub listeners: Vec<Listener>,
    pub said: Vec<Said>,
    /// Whose mode has changed, and when.
    pub changes: Vec<(String, f64)>,
    /// Somebody said something else so late after a change that others heard what it said before.
    pub too_slow: bool,
}

impl Listener {
    /// Reads a recording of so much time; of a call that has ended, its end may have been `seen` late.
    pub fn read(name: String, path: &Path, recorded: Range<f64>, seen: f64, there: Range<f64>) -> Result<Self, String> {
        let heard = Recording::read(path).map_err(|e| format!("{name} recorded nothing: {}: {e}", path.display()))?;
        let length = heard.samples.len() as f64 / f64::from(heard.rate);
        let should = recorded.end - recorded.start;
        // Times in a recording with holes would mean nothing.
        if length > should + HOLES || length < should - seen - HOLES {
            return Err(format!("{name} recorded {length:.2} s of {should:.2} s"));
        }
        Ok(Self::new(name, heard, recorded.start, there))
    }

    /// A recording that somebody else has made.
    pub fn new(name: String, heard: Recording, started: f64, there: Range<f64>) -> Self {
        Self { name, heard, started, there }
    }

    /// From when on what is said then may be in the recording.
    fn earliest(&self, said: &Said) -> f64 {
        (said.from - HOLES).max(self.started)
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
        self.verdict(None)
    }

    /// Coded legs: nothing above what was heard without.
    pub fn judge_against(&self, controls: &[Played]) -> Result<(), String> {
        self.verdict(Some(controls))
    }

    /// What somebody heard, anywhere near the time when a tone was said, and all the other tones; none where nobody listened then.
    fn near(&self, listener: usize, said: usize) -> Option<(Recording, Vec<f64>)> {
        let (listener, said) = (&self.listeners[listener], &self.said[said]);
        // As long as the same tone is not said for something else.
        let near = listener.heard(listener.earliest(said), said.until + AFTER);
        let mut others: Vec<u32> = self.said.iter().map(|other| other.tone).filter(|&tone| tone != said.tone).collect();
        others.sort_unstable();
        others.dedup();
        let listened = near.samples.len() >= near.rate as usize / 10;
        listened.then(|| (near, others.into_iter().map(f64::from).collect()))
    }

    /// What is said while somebody is there has to be in what that one recorded, or its silence proves nothing.
    fn unrecorded(&self, listener: usize, said: usize) -> Option<String> {
        let (there, said) = (&self.listeners[listener].there, &self.said[said]);
        (said.until.min(there.end) - said.from.max(there.start) > LATE).then(|| "nothing was recorded".into())
    }

    /// When, near the time when a tone was said, a listener hears others, in seconds from where that begins.
    fn talk(&self, listener: usize, said: usize) -> Vec<Range<f64>> {
        let (listener, said) = (&self.listeners[listener], &self.said[said]);
        let begin = listener.earliest(said);
        let heard = self.said.iter().filter(|other| {
            other.played && other.tone != said.tone && other.by != listener.name && other.is_for(listener)
        });
        heard.map(|other| other.from - SETTLES - begin..other.until + SETTLES - begin).collect()
    }

    /// What is wrong with what somebody outside the audience heard on linear legs.
    fn overheard(&self, listener: usize, said: usize) -> Option<String> {
        let Some((heard, others)) = self.near(listener, said) else { return self.unrecorded(listener, said) };
        heard.tones(self.said[said].tone.into(), &others).unheard(&[]).err()
    }

    /// The same on coded legs. A codec makes noise of the gaps in others' voices, and where it loses its thread, that is not the same in every
    /// run: what is louder than in the runs without has to be a tone.
    fn overheard_in_noise(&self, listener: usize, said: usize, controls: &[Played]) -> Option<String> {
        let Some((heard, others)) = self.near(listener, said) else { return self.unrecorded(listener, said) };
        let tone = f64::from(self.said[said].tone);
        let split = |run: &Played, levels: Levels| levels.split(&run.talk(listener, said));
        let without = controls.iter().filter_map(|run| {
            let (heard, others) = run.near(listener, said)?;
            Some(split(run, heard.levels_among(tone, &others)))
        });
        let (talk, alone): (Vec<_>, Vec<_>) = without.map(|[talk, alone]| (talk, alone)).unzip();
        let judge = |levels: Levels| {
            let [heard_in_talk, heard_alone] = split(self, levels);
            let in_talk = heard_in_talk.unheard(&talk).map_err(|what| format!("while others speak, {what}"));
            heard_alone.unheard(&alone).and(in_talk)
        };
        judge(heard.levels_among(tone, &others)).or_else(|_| judge(heard.tones_among(tone, &others))).err()
    }

    /// For how many seconds something is said that a listener may not hear, while it hears nobody else; none if it may hear all.
    fn alone(&self, listener: usize) -> Option<f64> {
        let may_not = |said: &Said| said.by != self.listeners[listener].name && !said.is_for(&self.listeners[listener]);
        let said = self.said.iter().enumerate().filter(|(_, said)| may_not(said));
        said.map(|(s, said)| {
            let begin = self.listeners[listener].earliest(said);
            let talk = self.talk(listener, s);
            let moments = (0..).map(|n| said.from + f64::from(n) * MOMENT).take_while(|&at| at < said.until);
            moments.filter(|at| !talk.iter().any(|span| span.contains(&(at - begin)))).count() as f64 * MOMENT
        })
        .reduce(|sum, seconds| sum + seconds)
    }

    /// A change of a speaker's mode in which something of others is heard by who may not hear what it says before or after.
    fn crowded(&self, listener: usize) -> Option<f64> {
        let there = &self.listeners[listener];
        let heard = |by: &str, at: f64| {
            let (from, until) = (at - AROUND, at + AROUND);
            let said = self.said.iter().enumerate().filter(|(_, said)| {
                said.by == by && said.played && !said.is_for(there) && said.from < until && from < said.until
            });
            said.map(|(s, _)| s).any(|s| {
                let begin = there.earliest(&self.said[s]);
                self.talk(listener, s).iter().any(|span| span.start < until - begin && from - begin < span.end)
            })
        };
        self.changes.iter().find(|(by, at)| *by != there.name && heard(by, *at)).map(|(_, at)| *at)
    }

    fn verdict(&self, controls: Option<&[Played]>) -> Result<(), String> {
        let mut wrong = Vec::new();
        for (s, said) in self.said.iter().enumerate() {
            for (l, listener) in self.listeners.iter().enumerate().filter(|(_, listener)| listener.name != said.by) {
                let complaint = if said.is_for(listener) {
                    missed(said, listener, self.level)
                } else {
                    match controls {
                        None => self.overheard(l, s),
                        Some(controls) => self.overheard_in_noise(l, s, controls),
                    }
                };
                wrong.extend(complaint.map(|what| {
                    let Said { by, tone, from, until, .. } = said;
                    let (name, near) = (&listener.name, listener.earliest(said));
                    format!("{name} of {by}'s {tone} Hz ({from:.2} to {until:.2} s), from {near:.2} s on: {what}")
                }));
            }
        }
        if controls.is_some() {
            // Otherwise nothing was compared with silence.
            let hardly = |l: &usize| self.alone(*l).is_some_and(|seconds| seconds < ALONE);
            let never = (0..self.listeners.len()).filter(hardly);
            wrong.extend(never.map(|l| format!("{} hardly ever heard nobody else", self.listeners[l].name)));
            let crowded = |l: usize| Some((&self.listeners[l].name, self.crowded(l)?));
            let crowds = (0..self.listeners.len()).filter_map(crowded);
            wrong.extend(crowds.map(|(name, at)| format!("{name} heard others around the change at {at:.1} s")));
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(if self.too_slow { TOO_SLOW } else { "" }.to_owned() + &wrong.join("\n")),
        }
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
