//! Promise 4 as a model, for members of one rate with steady clocks: what each listener must hear, to the sample.
//!
//! It keeps a queue of due audio for each pair, starts a voice when the queue holds `n + p - gcd(n, p)`, and adds up. Where a
//! voice starts or ends, 4 ms are a declared fade, and are not compared.

use super::{
    abi::{COACH_CHANGED, COACH_OK, COACH_SILENCED},
    play::{Heard, Hook, Judge, Stage},
    rule::Rule,
    schedule::{RoomPlan, Schedule, Step},
    signal::{Format, Noise},
};
use std::collections::VecDeque;

/// One sample of up to two channels; mono has the same twice.
type Pair = [i32; 2];

/// More samples than any fade has: as long as it is.
const ALL: usize = usize::MAX;

/// A private voice at one listener: stretches of speech, each of which starts and ends.
#[derive(Debug, Clone, Default)]
struct Voice {
    stretches: VecDeque<Stretch>,
    playing: bool,
    /// It may have started anew, or not: until the pair breaks, nothing is compared.
    unsure: bool,
}

#[derive(Debug, Clone, Default)]
struct Stretch {
    queue: VecDeque<Pair>,
    /// The speaker has said something openly since: no more will come.
    over: bool,
    /// The speaker was to speak openly since, but may have said nothing meanwhile.
    cut: bool,
}

/// A member's open speech in an engine-mixed room.
#[derive(Debug, Clone, Default)]
struct Open {
    /// What it said since the last tick.
    said: Option<Vec<Pair>>,
    /// What the last tick took of it.
    mixed: Option<Vec<Pair>>,
}

/// The model, and how much of it has been compared.
pub struct Oracle {
    says: Vec<Noise>,
    /// By listener and speaker.
    voices: Vec<Vec<Voice>>,
    open: Vec<Open>,
    /// Samples a channel that a listener's next frames begin with and that are a declared fade.
    fading: Vec<usize>,
    /// Samples a channel in the last frame that each said.
    packet: Vec<usize>,
    /// Whether the last frame that it said was left for the host's mixer.
    passed: Vec<Option<bool>>,
    /// Who was listening to a mix, and who was where, before the last step.
    listening: Vec<bool>,
    place: Vec<Option<usize>>,
    /// Channels of each room that the engine mixes.
    channels: Vec<u32>,
    pub compared: u64,
    pub masked: u64,
    /// Frames with at least one private voice in them.
    pub with_voice: u64,
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn pairs(format: Format, frame: &[i16]) -> Vec<Pair> {
    let channels = format.channels as usize;
    frame.chunks_exact(channels).map(|group| [group[0].into(), group[channels - 1].into()]).collect()
}

/// What a listener of `channels` channels gets of a sample.
fn as_heard(pair: Pair, channels: u32) -> Pair {
    if channels == 1 { [(pair[0] + pair[1]) / 2; 2] } else { pair }
}

impl Oracle {
    pub fn new(schedule: &Schedule, peak: i16) -> Self {
        let members = schedule.parties.len();
        let channels = |room: &RoomPlan| match room {
            RoomPlan::Host => 0,
            RoomPlan::Engine { format, .. } => format.channels,
        };
        Self {
            says: (0..members).map(|member| Noise::new(member as u64, peak)).collect(),
            voices: vec![vec![Voice::default(); members]; members],
            open: vec![Open::default(); members],
            fading: vec![0; members],
            packet: vec![0; members],
            passed: vec![None; members],
            listening: vec![false; members],
            place: vec![None; members],
            channels: schedule.rooms.iter().map(channels).collect(),
            compared: 0,
            masked: 0,
            with_voice: 0,
        }
    }

    fn members(&self) -> usize {
        self.says.len()
    }

    /// The room that the engine mixes for this member, if it is in one.
    fn mixed_room(rule: &Rule, member: usize) -> Option<usize> {
        rule.legs[member].room.filter(|&room| rule.engine_mixed[room])
    }

    fn listens_to_mix(rule: &Rule, member: usize) -> bool {
        let leg = &rule.legs[member];
        Self::mixed_room(rule, member).is_some() && !leg.deaf && !leg.held
    }

    /// Plays what is due of one voice into `sum`, and says which samples are a fade.
    fn play(voice: &mut Voice, packet: usize, channels: u32, sum: &mut [Pair], masked: &mut Mask) -> bool {
        let frame = sum.len();
        if voice.stretches.front().is_some_and(|stretch| stretch.over && stretch.queue.is_empty()) {
            voice.stretches.pop_front();
            if std::mem::take(&mut voice.playing) {
                masked.from(0);
            }
        }
        let Some(stretch) = voice.stretches.front_mut() else { return false };
        if !voice.playing {
            let enough = frame + packet - gcd(frame, packet);
            if stretch.queue.len() < enough && !stretch.over {
                return false;
            }
            voice.playing = true;
            masked.from(0);
        }
        let now = frame.min(stretch.queue.len());
        for (sum, sample) in sum.iter_mut().zip(stretch.queue.drain(..now)) {
            let sample = as_heard(sample, channels);
            *sum = [sum[0] + sample[0], sum[1] + sample[1]];
        }
        if now < frame {
            masked.from(now);
            voice.playing = false;
            if stretch.over {
                voice.stretches.pop_front();
            }
        }
        true
    }

    /// Everyone else's open speech in the last tick, in the room's format, as the listener gets it.
    fn mix(&self, rule: &Rule, room: usize, listener: usize, channels: u32, samples: usize) -> Vec<Pair> {
        let mut sum = vec![[0, 0]; samples];
        for speaker in (0..self.members()).filter(|&speaker| speaker != listener) {
            if rule.legs[speaker].room == Some(room)
                && let Some(mixed) = &self.open[speaker].mixed
            {
                for (sum, sample) in sum.iter_mut().zip(mixed) {
                    *sum = [sum[0] + sample[0], sum[1] + sample[1]];
                }
            }
        }
        sum.into_iter().map(|pair| as_heard(pair, channels)).collect()
    }
}

/// Samples of a frame that are a declared fade, and of the next one.
struct Mask {
    fade: usize,
    samples: Vec<bool>,
    left: usize,
}

impl Mask {
    fn new(fade: usize, samples: usize, carried: usize) -> Self {
        let mut mask = Self { fade, samples: vec![false; samples], left: 0 };
        mask.cover(0, carried);
        mask
    }

    /// A fade begins here.
    fn from(&mut self, begin: usize) {
        self.cover(begin, begin + self.fade);
    }

    fn cover(&mut self, begin: usize, end: usize) {
        let length = self.samples.len();
        self.samples[begin.min(length)..end.min(length)].fill(true);
        self.left = self.left.max(end.saturating_sub(length));
    }
}

fn limit(sum: i32) -> i16 {
    sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

impl Judge for Oracle {
    fn says(&mut self, hook: &Hook) -> Vec<Vec<i16>> {
        vec![self.says[hook.member].frame(hook.format, hook.ms)]
    }

    fn read(&mut self, hook: &Hook, heard: &[Heard]) -> Result<(), String> {
        let (rule, speaker) = (hook.rule, hook.member);
        let Heard { before, after, status } = &heard[0];
        let frame = pairs(hook.format, before);
        self.packet[speaker] = frame.len();
        let open = !rule.private(speaker);
        let mixed = Self::mixed_room(rule, speaker).is_some();
        for listener in 0..self.members() {
            let voice = &mut self.voices[listener][speaker];
            if open {
                voice.stretches.iter_mut().for_each(|stretch| stretch.over = true);
            } else if rule.due(listener, speaker) {
                if voice.stretches.back().is_none_or(|stretch| stretch.over) {
                    voice.stretches.push_back(Stretch::default());
                }
                let stretch = voice.stretches.back_mut().expect("just made");
                voice.unsure |= std::mem::take(&mut stretch.cut) && stretch.queue.is_empty();
                stretch.queue.extend(&frame);
            }
        }
        let leg = &rule.legs[speaker];
        self.open[speaker].said = (open && mixed && !leg.muted && !leg.held).then_some(frame);

        // What it leaves for the host's mixer: open speech as it is, of private speech nothing.
        let passes = open && !mixed;
        let turned = self.passed[speaker].replace(passes).is_some_and(|before| before != passes);
        let fade = if turned { hook.format.fade() * hook.format.channels as usize } else { 0 };
        let left = if passes { before.clone() } else { vec![0; before.len()] };
        let statuses: &[i32] = match (open, mixed, turned) {
            (false, ..) => &[COACH_SILENCED],
            (true, true, _) => &[COACH_CHANGED],
            (true, false, true) => &[COACH_CHANGED, COACH_OK],
            (true, false, false) => &[COACH_OK],
        };
        if after[fade..] != left[fade..] || !statuses.contains(status) {
            let what = if open { "open" } else { "private" };
            return Err(format!(
                "slot {}: the read hook of member {speaker}, which speaks {what}, should return one of {statuses:?} and leave \
                 {:?}..., but it returned {status} and left {:?}...",
                hook.slot,
                &left[fade..fade + 4],
                &after[fade..fade + 4],
            ));
        }
        Ok(())
    }

    fn ticked(&mut self, rule: &Rule, room: usize) {
        for speaker in 0..self.members() {
            if rule.legs[speaker].room != Some(room) {
                continue;
            }
            let Open { said, mixed } = &mut self.open[speaker];
            let channels = self.channels[room];
            let now = said.take().map(|said| said.into_iter().map(|pair| as_heard(pair, channels)).collect());
            if mixed.is_some() != now.is_some() {
                // It starts or stops: everyone else hears it fade.
                for listener in (0..self.fading.len()).filter(|&listener| listener != speaker) {
                    if rule.legs[listener].room == Some(room) {
                        self.fading[listener] = ALL;
                    }
                }
            }
            *mixed = now;
        }
    }

    fn written(&mut self, hook: &Hook, heard: &[Heard]) -> Result<(), String> {
        let (rule, listener) = (hook.rule, hook.member);
        let Heard { before, after, status } = &heard[0];
        let (channels, samples) = (hook.format.channels, hook.format.samples(hook.ms));
        let room = Self::mixed_room(rule, listener);
        let fade = hook.format.fade();
        let carried = std::mem::take(&mut self.fading[listener]).min(fade);
        let mut mask = Mask::new(fade, samples, carried);
        let mut sum = match room {
            None => pairs(hook.format, before),
            Some(room) if Self::listens_to_mix(rule, listener) => self.mix(rule, room, listener, channels, samples),
            Some(_) => vec![[0, 0]; samples],
        };
        let mut voices = false;
        for speaker in 0..self.members() {
            let packet = self.packet[speaker];
            let voice = &mut self.voices[listener][speaker];
            if voice.unsure {
                mask.cover(0, samples + fade);
            }
            voices |= Self::play(voice, packet, channels, &mut sum, &mut mask);
        }
        self.fading[listener] = mask.left;
        self.with_voice += u64::from(voices);
        for (index, (pair, masked)) in sum.iter().zip(&mask.samples).enumerate() {
            self.compared += u64::from(!masked);
            self.masked += u64::from(*masked);
            for (channel, sum) in pair.iter().take(channels as usize).enumerate() {
                let at = index * channels as usize + channel;
                if !masked && after[at] != limit(*sum) {
                    return Err(format!(
                        "slot {}: member {listener} should hear {} in sample {index} of {samples}, channel {channel}, but hears \
                         {} (the host's mixer gave {})",
                        hook.slot,
                        limit(*sum),
                        after[at],
                        before[at],
                    ));
                }
            }
        }
        // A frame may be called changed and be the same, not the other way round.
        if *status != COACH_CHANGED && (*status != COACH_OK || before != after) {
            return Err(format!("slot {}: the write hook of member {listener} should not return {status}", hook.slot));
        }
        Ok(())
    }

    fn stepped(&mut self, rule: &Rule, _step: &Step, _stages: &[Stage]) -> Result<(), String> {
        for listener in 0..self.members() {
            for speaker in 0..self.members() {
                let voice = &mut self.voices[listener][speaker];
                if !rule.private(speaker) {
                    voice.stretches.iter_mut().for_each(|stretch| stretch.cut = true);
                }
                if !rule.hears(listener, speaker) {
                    if voice.playing || self.fading[listener] > 0 {
                        self.fading[listener] = ALL;
                    }
                    *voice = Voice::default();
                }
            }
            let listening = Self::listens_to_mix(rule, listener);
            if std::mem::replace(&mut self.listening[listener], listening) != listening {
                self.fading[listener] = ALL;
            }
        }
        for member in 0..self.members() {
            let place = rule.legs[member].room;
            let before = std::mem::replace(&mut self.place[member], place);
            if before != place && self.open[member].mixed.take().is_some() {
                // Those that it leaves behind hear it fade.
                let left = (0..self.members()).filter(|&other| rule.legs[other].room == before);
                left.for_each(|listener| self.fading[listener] = ALL);
            }
        }
        Ok(())
    }

    fn finished(&mut self, _rule: &Rule, stages: &[Stage]) -> Result<(), String> {
        let stats = stages[0].engine.stats();
        let losses = [stats.underruns, stats.skips, stats.skipped_ms, stats.conversions_waited, stats.refused];
        if losses == [0; 5] { Ok(()) } else { Err(format!("with steady clocks nothing is lost: {stats:?}")) }
    }
}
