//! Promises 1 and 2: private, closed when in doubt, gated twice. Shown by non-interference: a random schedule is played
//! twice, and the only difference is what one speaker says while it speaks privately. Whatever is outside its audience,
//! and whatever is left to the host's mixer, must not differ in a single bit.
//!
//! `COACH_FRAMES` says how many frames to play, `COACH_SEED` which schedules; a failure prints the seed and the
//! smallest schedule found that shows it.

use crate::support::{
    play::{Heard, Hook, Judge, Stage, play},
    rule::Rule,
    schedule::{Draw, Schedule, Step},
    settings,
    signal::Noise,
};

/// The speaker whose private samples differ between the two plays.
const SPY: usize = 0;

/// After so many slots of 10 ms nothing may be on the way any more.
const ON_THE_WAY: u32 = 100;

/// A second engine in lockstep with the first, and who may notice a difference.
struct TwoWorlds<'a> {
    tally: &'a mut Tally,
    voices: Vec<Noise>,
    secret: Noise,
    ears: Vec<Ear>,
    mistrust: Mistrust,
}

/// What is known of one listener.
#[derive(Debug, Clone, Default)]
struct Ear {
    /// The slot of the last private frame that it may hear, since it may hear it without a break.
    due: Option<u32>,
    /// A difference was heard since then.
    heard: bool,
    /// It no longer may hear: the voice decays, for 4 ms, from the last value delivered.
    fading: bool,
}

/// How many frames were what.
#[derive(Debug, Default)]
struct Tally {
    frames: u64,
    private: u64,
    outside: u64,
    inside: u64,
}

/// How the check is made wrong on purpose, to see that it notices.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mistrust {
    Nobody,
    /// Takes one more for an outsider.
    Listener(usize),
    /// Takes the opening guard to be so much longer.
    Guard(u32),
    /// Takes a fade for a leak.
    Fades,
}

impl<'a> TwoWorlds<'a> {
    fn new(schedule: &Schedule, mistrust: Mistrust, tally: &'a mut Tally) -> Self {
        let members = schedule.parties.len();
        Self {
            tally,
            voices: (0..members).map(|member| Noise::new(member as u64, 9000)).collect(),
            secret: Noise::new(1000, 9000),
            ears: vec![Ear::default(); members],
            mistrust,
        }
    }

    fn compare(&self, what: &str, hook: &Hook, from: usize, heard: &[Heard]) -> Result<(), String> {
        let (one, other) = (&heard[0].after[from..], &heard[1].after[from..]);
        if let Some(at) = (0..one.len()).find(|&at| one[at] != other[at]) {
            return Err(format!(
                "slot {}: the {what} hook of member {} should give the same in both worlds, but sample {} of {} is {} or {}",
                hook.slot,
                hook.member,
                from + at,
                heard[0].after.len(),
                one[at],
                other[at],
            ));
        }
        if heard[0].status != heard[1].status {
            return Err(format!(
                "slot {}: the {what} hook of member {} returns {} or {}: private samples should not change a status",
                hook.slot, hook.member, heard[0].status, heard[1].status,
            ));
        }
        Ok(())
    }
}

impl Judge for TwoWorlds<'_> {
    fn guard_ms(&self, schedule: &Schedule) -> u32 {
        match self.mistrust {
            Mistrust::Guard(more) => schedule.guard_ms + more,
            _ => schedule.guard_ms,
        }
    }

    fn says(&mut self, hook: &Hook) -> Vec<Vec<i16>> {
        let open = self.voices[hook.member].frame(hook.format, hook.ms);
        let secret = self.secret.frame(hook.format, hook.ms);
        let differs = hook.member == SPY && hook.rule.private(SPY);
        vec![open.clone(), if differs { secret } else { open }]
    }

    fn read(&mut self, hook: &Hook, heard: &[Heard]) -> Result<(), String> {
        self.tally.frames += 1;
        self.compare("read", hook, 0, heard)?;
        if hook.member == SPY && hook.rule.private(SPY) {
            self.tally.private += 1;
            for (listener, ear) in self.ears.iter_mut().enumerate() {
                let trusted = self.mistrust != Mistrust::Listener(listener);
                if trusted && hook.rule.due(listener, SPY) {
                    ear.due = Some(hook.slot);
                }
            }
        }
        Ok(())
    }

    fn written(&mut self, hook: &Hook, heard: &[Heard]) -> Result<(), String> {
        self.tally.frames += 1;
        let ear = &mut self.ears[hook.member];
        if ear.due.is_some_and(|slot| hook.slot < slot + ON_THE_WAY) {
            let differs = heard[0].after != heard[1].after;
            ear.heard |= differs;
            self.tally.inside += u64::from(differs);
            return Ok(());
        }
        let mut from = 0;
        if ear.fading && hook.sound {
            ear.fading = false;
            from = hook.format.fade() * hook.format.channels as usize;
        }
        self.tally.outside += 1;
        self.compare("write", hook, from, heard)
    }

    fn stepped(&mut self, rule: &Rule, _step: &Step, _stages: &[Stage]) -> Result<(), String> {
        for (listener, ear) in self.ears.iter_mut().enumerate() {
            if ear.due.is_some() && !rule.hears(listener, SPY) {
                // A fade that is still to come is not over because of another break.
                let fading = (ear.heard || ear.fading) && self.mistrust != Mistrust::Fades;
                *ear = Ear { fading, ..Ear::default() };
            }
        }
        Ok(())
    }
}

/// Plays schedules until so many frames have been played.
fn play_twice(frames: u64, seed: u64, mistrust: Mistrust) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let mut round = seed;
    while tally.frames < frames {
        settings::run(round, 16, &Draw::every_format().schedules(), |schedule| {
            play(schedule, 2, &mut TwoWorlds::new(schedule, mistrust, &mut tally))
        })?;
        round += 1;
    }
    Ok(tally)
}

#[test]
fn private_speech_makes_no_difference_outside_its_audience() {
    let frames = settings::frames(400_000);
    let tally = play_twice(frames, settings::seed(), Mistrust::Nobody).unwrap_or_else(|leak| panic!("{leak}"));
    println!("{tally:?}");
    assert!(tally.private * 20 > tally.frames, "one frame in 20 should be private speech: {tally:?}");
    assert!(tally.inside * 100 > tally.frames, "private speech should often be heard by somebody: {tally:?}");
    assert!(tally.outside * 4 > tally.frames, "most listeners should be outside: {tally:?}");
}

#[test]
fn the_check_notices_speech_that_reaches_somebody_it_takes_for_an_outsider() {
    let leak = play_twice(100_000, settings::seed(), Mistrust::Listener(1));
    assert!(
        leak.is_err_and(|leak| leak.contains("write hook of member 1")),
        "member 1 hears, and it should be noticed"
    );
}

#[test]
fn the_check_notices_a_guard_that_ends_one_frame_early() {
    let leak = play_twice(100_000, settings::seed(), Mistrust::Guard(10));
    assert!(leak.is_err(), "a guard 10 ms shorter than the rule says should be noticed");
}

#[test]
fn the_check_notices_a_few_samples() {
    let leak = play_twice(100_000, settings::seed(), Mistrust::Fades);
    assert!(
        leak.is_err(),
        "the decay of a voice that is closed lasts 4 ms, and should be noticed where it is not allowed"
    );
}
