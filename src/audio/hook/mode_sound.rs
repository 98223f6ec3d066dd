//! The sound of a mode: notes in a member's own ear that say how it is heard from now on, so that nobody believes to be private who
//! is not. The control plane asks for one; the write hook plays it.

use crate::{
    audio::{
        format::{Format, UNITS_PER_MS, UNITS_PER_SECOND},
        sum,
    },
    sync::{AtomicU64, Ordering},
};

/// How a member is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// By everyone.
    Open = 1,
    /// Privately, by somebody.
    Private = 2,
    /// Privately, and there is nobody who hears it.
    Unheard = 3,
}

/// A note: Hz, and when it begins and ends.
struct Note {
    hz: f32,
    begins_ms: u64,
    ends_ms: u64,
}

const fn note(hz: f32, begins_ms: u64, ends_ms: u64) -> Note {
    Note { hz, begins_ms, ends_ms }
}

impl Mode {
    /// Two notes that rise for everyone, one for an audience, two that fall for nobody; in order, with no two at once.
    fn notes(code: u64) -> &'static [Note] {
        const OPEN: [Note; 2] = [note(880.0, 0, 120), note(1_320.0, 120, 300)];
        const PRIVATE: [Note; 1] = [note(587.0, 0, 180)];
        const UNHEARD: [Note; 2] = [note(587.0, 0, 120), note(370.0, 120, 300)];
        match code & 3 {
            1 => &OPEN,
            2 => &PRIVATE,
            3 => &UNHEARD,
            _ => &[],
        }
    }
}

/// Each note's amplitude: a tenth of full scale, 20 dB below it.
const AMPLITUDE: f32 = 3_277.0;

/// Each note rises and falls in this time, so that it does not click.
const RAMP: f32 = (5 * UNITS_PER_MS) as f32;

/// What the control plane has asked for: how many times, and which sound last.
#[derive(Default)]
pub struct SoundRequests(AtomicU64);

impl SoundRequests {
    /// [control] Asks for the sound of a mode. Calls of this are not made at once for one member.
    pub fn ask(&self, mode: Mode) {
        self.request(mode as u64);
    }

    /// [control] Asks for silence. As [`ask`](Self::ask).
    pub fn stop(&self) {
        self.request(0);
    }

    fn request(&self, code: u64) {
        let times = self.0.load(Ordering::Relaxed) >> 2;
        self.0.store((times + 1) << 2 | code, Ordering::Release);
    }
}

/// What is being played. The write hook's own.
#[derive(Default)]
pub struct SoundPlayback {
    /// The last request that was met.
    met: u64,
    /// How far it has come, in units.
    at: u32,
    playing: bool,
}

impl SoundPlayback {
    /// Begins what was asked for since the last call; whether anything is to be played now.
    pub fn begin(&mut self, asked: &SoundRequests) -> bool {
        let now = asked.0.load(Ordering::Acquire);
        if now != self.met {
            *self = Self { met: now, at: 0, playing: now & 3 != 0 };
        }
        self.playing
    }

    /// Adds what is next of it to a frame.
    pub fn play(&mut self, frame: &mut [i16], format: Format) {
        let channels = format.channels();
        let samples = frame.len() / channels;
        let step = UNITS_PER_SECOND / u64::from(format.rate());
        let notes = Mode::notes(self.met);
        let now = u64::from(self.at);
        for note in notes {
            let (begins, ends) = (note.begins_ms * UNITS_PER_MS, note.ends_ms * UNITS_PER_MS);
            let from = begins.saturating_sub(now).div_ceil(step).min(samples as u64) as usize;
            let to = ends.saturating_sub(now).div_ceil(step).min(samples as u64) as usize;
            if from >= to {
                continue;
            }
            let angle = std::f32::consts::TAU * note.hz / UNITS_PER_SECOND as f32;
            let mut at = now + from as u64 * step - begins;
            let (mut sine, mut cosine) = (angle * at as f32).sin_cos();
            let (turn_sine, turn_cosine) = (angle * step as f32).sin_cos();
            for group in frame[from * channels..to * channels].chunks_exact_mut(channels) {
                let ramp = (at as f32 / RAMP).min((ends - begins - at) as f32 / RAMP).min(1.0);
                let sample = (AMPLITUDE * ramp * sine) as i32;
                group.iter_mut().for_each(|heard| *heard = sum::saturate(i32::from(*heard) + sample));
                (sine, cosine) = (sine * turn_cosine + cosine * turn_sine, cosine * turn_cosine - sine * turn_sine);
                at += step;
            }
        }
        let now = now + samples as u64 * step;
        self.at = now as u32; // a second and a half at most: nothing is played after the last note
        self.playing = notes.last().is_some_and(|last| now < last.ends_ms * UNITS_PER_MS);
    }
}
