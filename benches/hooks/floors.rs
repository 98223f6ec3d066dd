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

    fn run(&mut self, _: usize) {
        for frame in &self.frames {
            // A host learns the length at run time, and so does this copy.
            let samples = black_box(SAMPLES);
            // SAFETY: both are frames of that many samples, and not the same one.
            unsafe { ptr::copy_nonoverlapping(frame.as_ptr(), black_box(self.out.as_mut_ptr()), samples) };
        }
    }

    fn check(&mut self, _: usize) {
        assert!(self.out == speech(1), "the copy should equal the frame");
    }
}

/// Adds a frame to a wide total, and then takes it off again into a frame, saturated.
pub struct AddAndLessOwn {
    frames: Vec<Frame>,
    total: [i32; SAMPLES],
    out: Frame,
}

impl AddAndLessOwn {
    pub fn new() -> Self {
        Self { frames: vec![speech(1); FRAMES], total: [0; SAMPLES], out: [0; SAMPLES] }
    }
}

impl Case for AddAndLessOwn {
    fn units(&self) -> usize {
        FRAMES
    }

    fn prepare(&mut self, _: usize) {
        self.total = [0; SAMPLES];
    }

    fn run(&mut self, _: usize) {
        for frame in &self.frames {
            add(&mut self.total, frame);
        }
        for frame in &self.frames {
            less_own(&mut self.out, &self.total, frame);
            black_box(&mut self.out);
        }
    }

    fn check(&mut self, _: usize) {
        let due = speech(1).map(|s| (i32::from(s) * (FRAMES as i32 - 1)).clamp(-32_768, 32_767) as i16);
        assert!(self.out == due, "the last frame should hear all the others, saturated");
    }
}

#[inline(never)]
fn add(total: &mut [i32; SAMPLES], frame: &Frame) {
    for (t, s) in total.iter_mut().zip(frame) {
        *t += i32::from(*s);
    }
}

#[inline(never)]
fn less_own(out: &mut Frame, total: &[i32; SAMPLES], own: &Frame) {
    for ((o, t), s) in out.iter_mut().zip(total).zip(own) {
        *o = (t - i32::from(*s)).clamp(-32_768, 32_767) as i16;
    }
}

/// Nothing: what the clock and the loop around a case cost themselves.
pub struct Nothing;

impl Case for Nothing {
    fn units(&self) -> usize {
        1
    }

    fn run(&mut self, _: usize) {}

    fn check(&mut self, _: usize) {}
}
