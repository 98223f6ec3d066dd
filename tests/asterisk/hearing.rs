//! Who hears whom in a conference, found in what its members have recorded.

use crate::{
    conference::{Conference, Member, seconds},
    line::LEVEL,
};

/// A tone at this level, in dB, is not heard: what conversions between rates and the rounding to 16 bits leave is below.
const UNHEARD: f64 = -80.0;
/// From a change until everything said before has been heard: packets, jitter buffers and mixing.
const SETTLE: f64 = 0.4;
/// For how long a state is listened to.
const LISTEN: f64 = 0.8;

/// What a recording says of a tone.
enum Verdict {
    Right,
    Wrong(String),
    /// Other voices break off too often for a judgement.
    Unclear(String),
}

impl Conference<'_> {
    /// Listens to the present state for a while and checks that each of these members hears, of all of them, exactly those
    /// beside it.
    pub fn hears(&mut self, who: &[(&Member, &[&Member])]) {
        seconds(SETTLE);
        let from: Vec<f64> = who.iter().map(|(listener, _)| listener.line.clock()).collect();
        let mut wrong = String::new();
        // A busy machine breaks voices off; then it takes longer to tell.
        for _ in 0..5 {
            seconds(LISTEN);
            wrong.clear();
            let mut unclear = false;
            for ((listener, hears), &from) in who.iter().zip(&from) {
                for (speaker, _) in who.iter().filter(|(speaker, _)| speaker.id != listener.id) {
                    let should = hears.iter().any(|heard| heard.id == speaker.id);
                    let verdict = self.verdict(listener, from, speaker.tone, should);
                    unclear |= matches!(verdict, Verdict::Unclear(_));
                    if let Verdict::Wrong(said) | Verdict::Unclear(said) = verdict {
                        wrong += &format!("\n{} hears {}: {said}", listener.id, speaker.id);
                    }
                }
            }
            if !unclear {
                break;
            }
        }
        if !wrong.is_empty() {
            self.keep(&who.iter().map(|(member, _)| *member).collect::<Vec<_>>());
            panic!("{wrong}\n{}", self.state());
        }
    }

    /// Writes what these have heard beside the instance's log.
    fn keep(&self, members: &[&Member]) {
        for member in members {
            member
                .line
                .heard()
                .write(self.pbx.folder().join(format!("{}.wav", member.id)))
                .expect("a file can be written");
        }
    }

    /// Checks what a listener has heard of a tone since a moment of its clock: all of it at full level, or nothing.
    pub fn judge(&self, listener: &Member, since: f64, tone: f64, should: bool) -> Result<(), String> {
        match self.verdict(listener, since, tone, should) {
            Verdict::Right => Ok(()),
            Verdict::Wrong(said) | Verdict::Unclear(said) => Err(said),
        }
    }

    fn verdict(&self, listener: &Member, since: f64, tone: f64, should: bool) -> Verdict {
        let heard = listener.line.heard_since(since);
        let all = heard.levels(tone);
        if should {
            let median = all.median();
            let right = (median - LEVEL).abs() <= 1.0;
            let said = format!("{median:.1} dB in the median, not {LEVEL:.1}");
            return if right { Verdict::Right } else { Verdict::Wrong(said) };
        }
        if all.worst() <= UNHEARD {
            return Verdict::Right;
        }
        let others: Vec<f64> = self.tones.iter().copied().filter(|&other| other != tone).collect();
        let quiet = heard.levels_beside(tone, &others, LEVEL, 0.7);
        if quiet.count() * 2 < all.count() {
            return Verdict::Unclear(format!("{:.1} dB, but other voices break off all the time", all.worst()));
        }
        let worst = quiet.worst();
        let said = format!("{worst:.1} dB in the worst window, not below {UNHEARD}");
        if worst <= UNHEARD { Verdict::Right } else { Verdict::Wrong(said) }
    }

    /// The same, of a part that ends now.
    pub fn judge_last(&self, listener: &Member, seconds: f64, tone: f64, should: bool) -> Result<(), String> {
        self.judge(listener, listener.line.clock() - seconds, tone, should)
    }

    /// Checks that a listener has heard nothing of a speaker since that one was called.
    pub fn never_heard(&mut self, listener: &Member, speaker: &Member) {
        let since = listener.line.clock_at(speaker.called);
        if let Err(said) = self.judge(listener, since, speaker.tone, false) {
            self.keep(&[listener]);
            panic!("{} has heard {}: {said}\n{}", listener.id, speaker.id, self.state());
        }
    }
}
