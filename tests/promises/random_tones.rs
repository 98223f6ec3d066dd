//! Promise 4 across rates, in random schedules: everyone says a tone of its own, and hears at full level whom it may hear, and nobody else.

use crate::{
    rates::LEVEL_DB,
    support::{
        Format,
        play::{Heard, Hook, Judge, Stage, play},
        rule::Rule,
        schedule::{Draw, Schedule, Step},
        settings,
        signal::{db, measure, tones},
    },
};

/// A random schedule in which everyone says a tone of its own. Whatever a listener may hear for a while it hears at full
/// level, and of whatever it may not, nothing.
struct TonesOfTheirOwn {
    said: Vec<u64>,
    ears: Vec<Ear>,
    now: u32,
    /// Frames are lost or late until this slot.
    unsettled: u32,
    present: u64,
    absent: u64,
}

/// What a listener is due, since when, and what it has heard meanwhile.
#[derive(Default)]
struct Ear {
    due: Vec<Option<Way>>,
    since: u32,
    format: Option<Format>,
    heard: Vec<i16>,
}

/// By which way speech comes: a change of it is a fade out and a fade in.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Mix,
    Voice,
}

/// Slots of 10 ms after which every voice has started, found its conversion, and left its fades behind.
const SETTLED: u32 = 40;

const AMPLITUDE: f64 = 1500.0;

fn frequency(member: usize) -> f64 {
    400.0 + 200.0 * member as f64
}

impl TonesOfTheirOwn {
    fn new(schedule: &Schedule) -> Self {
        let members = schedule.parties.len();
        Self {
            said: vec![0; members],
            ears: (0..members).map(|_| Ear::default()).collect(),
            now: 0,
            unsettled: 0,
            present: 0,
            absent: 0,
        }
    }

    /// Whose speech `listener` hears through Coach.
    fn due(rule: &Rule, listener: usize) -> Vec<Option<Way>> {
        let mixed = rule.legs[listener].room.is_some_and(|room| rule.engine_mixed[room]);
        let way = |speaker| match rule.private(speaker) {
            true => rule.due(listener, speaker).then_some(Way::Voice),
            false => (mixed && rule.hears(listener, speaker)).then_some(Way::Mix),
        };
        (0..rule.legs.len()).map(way).collect()
    }
}

impl Judge for TonesOfTheirOwn {
    fn says(&mut self, hook: &Hook) -> Vec<Vec<i16>> {
        self.now = hook.slot;
        let said = &mut self.said[hook.member];
        let samples = hook.format.samples(hook.ms);
        // Time goes on in seconds when the rate changes: 80 divides every rate's samples in 10 ms.
        let start = *said * u64::from(hook.format.rate) / 100;
        *said += u64::from(hook.ms / 10);
        vec![tones(&[frequency(hook.member)], AMPLITUDE, hook.format, start, samples)]
    }

    fn read(&mut self, _hook: &Hook, _heard: &[Heard]) -> Result<(), String> {
        Ok(())
    }

    fn written(&mut self, hook: &Hook, heard: &[Heard]) -> Result<(), String> {
        self.now = hook.slot;
        let due = Self::due(hook.rule, hook.member);
        let mixed = hook.rule.legs[hook.member].room.is_some_and(|room| hook.rule.engine_mixed[room]);
        let ear = &mut self.ears[hook.member];
        if ear.due != due || ear.format != Some(hook.format) || !hook.sound {
            *ear = Ear { due, since: hook.slot, format: Some(hook.format), heard: Vec::new() };
        }
        if hook.slot < ear.since.max(self.unsettled) + SETTLED {
            ear.heard.clear();
            return Ok(());
        }
        let Heard { before, after, .. } = &heard[0];
        let channels = hook.format.channels as usize;
        let added = after.iter().zip(before).map(|(after, before)| if mixed { *after } else { *after - *before });
        ear.heard.extend(added.step_by(channels));
        let window = hook.format.samples(50);
        while ear.heard.len() >= window {
            let signal: Vec<i16> = ear.heard.drain(..window).collect();
            for (speaker, way) in ear.due.iter().enumerate() {
                let due = way.is_some();
                let level = db(measure(&signal, hook.format.rate, frequency(speaker)).amplitude / AMPLITUDE);
                let right = if due { level.abs() < LEVEL_DB } else { level < -60.0 };
                *if due { &mut self.present } else { &mut self.absent } += 1;
                if !right {
                    let word = if due { "should" } else { "should not" };
                    return Err(format!(
                        "slot {}: member {} {word} hear member {speaker}, whose tone is at {level:.2} dB",
                        hook.slot, hook.member
                    ));
                }
            }
        }
        Ok(())
    }

    fn stepped(&mut self, _rule: &Rule, step: &Step, _stages: &[Stage]) -> Result<(), String> {
        self.unsettled = self.unsettled.max(match *step {
            // Frames of up to 60 ms.
            Step::Lose { frames, .. } => self.now + 6 * frames + 12,
            // The delay that late ones leave is skipped within eleven seconds.
            Step::Late { frames, .. } => self.now + 6 * frames + 1_112,
            // Anything else may start, end or move a voice.
            _ => self.now,
        });
        Ok(())
    }
}

#[test]
fn in_random_schedules_everyone_hears_whom_it_may_and_nobody_else() {
    let (mut present, mut absent, mut round) = (0, 0, settings::seed());
    // One window of 50 ms is two to five frames.
    let windows = settings::frames(300_000) / 3;
    while present + absent < windows {
        // Not those who pass everything or whose conference ended: what they hear is not Coach's. And steps are further
        // apart, so that voices settle.
        let calm = |mut schedule: Schedule| {
            schedule.steps.retain(|timed| !matches!(timed.step, Step::Bypass { .. } | Step::Reopen { .. }));
            schedule.parties.iter_mut().for_each(|party| party.ends = false);
            schedule.steps.iter_mut().for_each(|timed| timed.after *= 4);
            // Nor senders that catch up for so long that nothing else is seen.
            for timed in &mut schedule.steps {
                if let Step::Late { at_once, .. } = &mut timed.step {
                    *at_once = 1_000;
                }
            }
            schedule
        };
        let schedules = proptest::strategy::Strategy::prop_map(Draw::everything().schedules(), calm);
        settings::run(round, 8, &schedules, |schedule| {
            let mut judge = TonesOfTheirOwn::new(schedule);
            let played = play(schedule, 1, &mut judge);
            present += judge.present;
            absent += judge.absent;
            played
        })
        .unwrap_or_else(|wrong| panic!("{wrong}"));
        round += 1;
    }
    println!("{present} tones heard, {absent} not heard");
    assert!(present * 50 > windows, "tones should be heard often: {present} of {windows}");
}
