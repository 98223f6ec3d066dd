//! The floors: the least that any implementation has to do with a frame, compiled with the same flags as the library.

use crate::{
    cases::{Case, FRAMES, speech},
    host::{Frame, SAMPLES},
};
use std::{hint::black_box, ptr};

/// Copies a frame.
pub struct Memcpy {
    frames: Vec<Frame>,
    out: Frame,
}

impl Memcpy {
    pub fn new() -> Self {
        Self { frames: vec![speech(1); FRAMES], out: [0; SAMPLES] }
    }
}

impl Case for Memcpy {
    fn units(&self) -> usize {
        FRAMES
    }

    fn run(&mut self) {
        for frame in &self.frames {
            // A host learns the length at run time, and so does this copy.
            let samples = black_box(SAMPLES);
            // SAFETY: both are frames of that many samples, and not the same one.
            unsafe { ptr::copy_nonoverlapping(frame.as_ptr(), black_box(self.out.as_mut_ptr()), samples) };
        }
    }

    fn check(&mut self) {
        assert!(self.out == speech(1), "the copy should equal the frame");
    }
}

/// Adds the frames to a wide total, and then has each be that total less itself, saturated.
pub struct AddAndLessOwn {
    frames: Vec<Frame>,
    total: [i32; SAMPLES],
}

impl AddAndLessOwn {
    /// A room of that many members: what a frame costs depends on how many there are, since they all pass through the cache.
    pub fn new(members: usize) -> Self {
        Self { frames: vec![[0; SAMPLES]; members], total: [0; SAMPLES] }
    }
}

impl Case for AddAndLessOwn {
    fn units(&self) -> usize {
        self.frames.len()
    }

    fn prepare(&mut self) {
        self.total = [0; SAMPLES];
        self.frames.fill(speech(1));
    }

    fn run(&mut self) {
        for frame in &self.frames {
            add(&mut self.total, frame);
        }
        for frame in &mut self.frames {
            less_own(frame, &self.total);
        }
    }

    fn check(&mut self) {
        let others = self.frames.len() as i32 - 1;
        let due = speech(1).map(|s| (i32::from(s) * others).clamp(-32_768, 32_767) as i16);
        assert!(self.frames.iter().all(|f| *f == due), "every frame should hold all the others, saturated");
    }
}

#[inline(never)]
fn add(total: &mut [i32; SAMPLES], frame: &Frame) {
    for (t, s) in total.iter_mut().zip(frame) {
        *t += i32::from(*s);
    }
}

#[inline(never)]
fn less_own(frame: &mut Frame, total: &[i32; SAMPLES]) {
    for (s, t) in frame.iter_mut().zip(total) {
        *s = (t - i32::from(*s)).clamp(-32_768, 32_767) as i16;
    }
}

/// Nothing: what the clock and the loop around a case cost themselves.
pub struct Nothing;

impl Case for Nothing {
    fn units(&self) -> usize {
        1
    }

    fn run(&mut self) {}

    fn check(&mut self) {}
}
