//! Who hears whom in a conference, found in what its members have recorded.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    conference::{Conference, Member, seconds},
    line::{LOUD, SOFT},
};

/// From a change until everything said before has been heard, packets, jitter buffers and mixing, and the sound of a mode.
const SETTLE: f64 = 0.7;
/// For how long a state is listened to.
const LISTEN: f64 = 0.8;
/// By how much a line may be late with what it says.
const LATE: f64 = 0.1;
/// The longest that a packet is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

impl Conference<'_> {
    /// Listens to the present state for a while and checks that each of these members hears, of all of them, exactly those
    /// beside it. On a busy machine the lines can stand still for a second: then they are listened to again.
    pub fn hears(&mut self, who: &[(&Member, &[&Member])]) {
        let mut tries = 0;
        let from = loop {
            seconds(SETTLE);
            let from: Vec<f64> = who.iter().map(|(listener, _)| listener.line.clock()).collect();
            let said: Vec<f64> = who.iter().map(|(speaker, _)| speaker.line.said()).collect();
            seconds(LISTEN);
            tries += 1;
            let still = who.iter().zip(said).find(|((speaker, _), said)| speaker.line.said() < said + LISTEN - LATE);
            match still {
                None => break from,
                Some(((speaker, _), _)) => assert!(tries < 5, "{} stands still, again and again", speaker.id),
            }
        };
        let mut wrong = String::new();
        for ((listener, hears), &from) in who.iter().zip(&from) {
            for (speaker, _) in who.iter().filter(|(speaker, _)| speaker.id != listener.id) {
                let should = hears.iter().any(|heard| heard.id == speaker.id);
                if let Err(said) = self.judge(listener, from, speaker.tone, should) {
                    wrong += &format!("\n{} hears {}: {said}", listener.id, speaker.id);
                }
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

    /// Waits until each of these has heard so much more, in seconds: on a busy machine, or after a re-INVITE, that takes longer.
    pub fn listen(&mut self, members: &[&Member], seconds: f64) {
        let until: Vec<f64> = members.iter().map(|member| member.line.clock() + seconds).collect();
        let end = Instant::now() + PATIENCE;
        for (member, until) in members.iter().zip(until) {
            while member.line.clock() < until {
                assert!(Instant::now() < end, "{} hears no packet\n{}", member.id, self.state());
                sleep(Duration::from_millis(20));
            }
        }
    }

    /// Checks what a listener has heard of a tone since a moment of its clock: all of it at full level, or nothing. A packet that comes too
    /// late for the mix leaves a gap in somebody's voice, whose edges sound at every frequency: they are none of the tone.
    pub fn judge(&self, listener: &Member, since: f64, tone: f64, should: bool) -> Result<(), String> {
        let heard = listener.line.heard_since(since);
        if heard.samples.is_empty() {
            return Err(format!("nothing was recorded since {since:.2} s"));
        }
        if should {
            return heard.levels(tone).heard_at(if self.soft.contains(&tone) { SOFT } else { LOUD });
        }
        // A soft voice is no louder than the edges of loud ones.
        if self.soft.contains(&tone) { heard.levels(tone) } else { heard.tones(tone, &self.tones_but(tone)) }
            .unheard(&[])
    }

    /// The same, of a part that ends now. Who is not heard is listened to again, since its line can stand still on a busy machine.
    pub fn judge_last(&self, listener: &Member, seconds: f64, tone: f64, should: bool) -> Result<(), String> {
        let mut tries = 0;
        loop {
            let judged = self.judge(listener, listener.line.clock() - seconds, tone, should);
            tries += 1;
            if judged.is_ok() || !should || tries == 5 {
                return judged;
            }
            crate::conference::seconds(2.0 * seconds);
        }
    }

    /// Checks that a listener has never heard anything of a speaker. Before that one was called, others' voices may have had edges,
    /// which sound at every frequency.
    pub fn never_heard(&mut self, listener: &Member, speaker: &Member) {
        let since = listener.line.clock_at(speaker.called);
        if let Err(said) = self.judge(listener, since, speaker.tone, false) {
            self.keep(&[listener]);
            panic!("{} has heard {}: {said}\n{}", listener.id, speaker.id, self.state());
        }
    }
}
