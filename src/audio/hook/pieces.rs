//! Frames that the write hook does not fill as they are: with more samples than [`MAX_FRAME`], or with more than two channels. They are cut
//! up, and each of several channels gets the same.

use crate::audio::{
    format::{Format, MAX_FRAME, Shape},
    hook::{
        hook::{Known, Outcome},
        member::Member,
        plan::Hearing,
    },
    sum,
};

/// Samples a channel that are handled at a time: of two channels, [`MAX_FRAME`].
const PIECE: usize = MAX_FRAME / 2;

/// Whether each piece of it is a frame that the hook handles.
fn is_served(shape: Shape) -> bool {
    Format::new(shape.rate, shape.channels.min(2)).is_some() && shape.fits()
}

/// What becomes of a frame of which one piece had `one` outcome, and another `other`.
fn both(one: Outcome, other: Outcome) -> Outcome {
    if one == Outcome::Unchanged { other } else { one }
}

/// The write hook knows of how long a frame it is filling a part while this is there; a fault in it does not leave that to the next frames.
struct WholeFrame<'a>(&'a Member);

impl<'a> WholeFrame<'a> {
    /// # Safety
    /// The caller is inside the member's write gate, and has what this returns only while it is.
    unsafe fn new(member: &'a Member, units: u64) -> Self {
        // SAFETY: the caller is inside the write gate.
        unsafe { member.write.enter() }.1.cut_from = units;
        Self(member)
    }
}

impl Drop for WholeFrame<'_> {
    fn drop(&mut self) {
        // SAFETY: whoever made it is inside the write gate still, and nothing else has the hook's state any more.
        unsafe { self.0.write.enter() }.1.cut_from = 0;
    }
}

impl Member {
    /// [`Member::write`] for a frame of any size and number of channels.
    ///
    /// # Safety
    /// The caller is inside this member's write gate.
    #[inline(always)]
    pub unsafe fn write_all(&self, shape: Shape, known: Known, data: &mut [i16]) -> Outcome {
        if known == Known::Same || (shape.channels <= 2 && data.len() <= MAX_FRAME) {
            // SAFETY: the caller is inside the write gate.
            return unsafe { self.write(shape, known, data) };
        }
        // SAFETY: the caller is inside the write gate.
        unsafe { self.write_pieces(shape, data) }
    }

    /// # Safety
    /// The caller is inside this member's write gate.
    #[cold]
    #[inline(never)]
    unsafe fn write_pieces(&self, shape: Shape, data: &mut [i16]) -> Outcome {
        if data.is_empty() || !is_served(shape) {
            // SAFETY: the caller is inside the write gate.
            return unsafe { self.write(shape, Known::Nothing, data) };
        }
        // When a voice may start goes by what the host takes at a time.
        let format = Format::new(shape.rate, 1);
        let units = format.map_or(0, |format| format.units(shape.samples as usize));
        // SAFETY: the caller is inside the write gate.
        let _whole = unsafe { WholeFrame::new(self, units) };
        let mut outcome = Outcome::Unchanged;
        for piece in data.chunks_mut(PIECE * shape.channels as usize) {
            let samples = (piece.len() / shape.channels as usize) as u32;
            // SAFETY: the caller is inside the write gate.
            outcome = both(outcome, unsafe { self.write_piece(Shape { samples, ..shape }, piece) });
        }
        outcome
    }

    /// # Safety
    /// The caller is inside this member's write gate.
    unsafe fn write_part(&self, shape: Shape, part: &mut [i16]) -> Outcome {
        // SAFETY: the caller is inside the write gate.
        match unsafe { self.known_write(shape) } {
            Known::Left => Outcome::Unchanged,
            // SAFETY: as above.
            known => unsafe { self.write(shape, known, part) },
        }
    }

    /// # Safety
    /// The caller is inside this member's write gate.
    unsafe fn write_piece(&self, shape: Shape, piece: &mut [i16]) -> Outcome {
        if shape.channels <= 2 {
            // SAFETY: the caller is inside the write gate.
            return unsafe { self.write_part(shape, piece) };
        }
        let mut added = [0; PIECE];
        let added = &mut added[..shape.samples as usize];
        // SAFETY: the caller is inside the write gate.
        let keeps = unsafe { self.write.plan() }.1.hearing == Hearing::Host;
        // SAFETY: the caller is inside the write gate.
        let outcome = unsafe { self.write_part(Shape { channels: 1, ..shape }, added) };
        if outcome != Outcome::Unchanged {
            for (group, &added) in piece.chunks_exact_mut(shape.channels as usize).zip(&*added) {
                group.iter_mut().for_each(|sample| {
                    *sample = if keeps { sum::saturate(i32::from(*sample) + i32::from(added)) } else { added };
                });
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::Arc,
    };

    use super::*;
    use crate::{
        audio::{
            hook::plan::MemberPlan,
            lockfree::{handoff::WorkFlag, hook_clock::HookClock, opening_guard::Opening},
        },
        route::Facts,
    };

    #[test]
    fn a_fault_in_a_part_of_a_frame_leaves_nothing_of_its_length_to_the_next() {
        let plan = MemberPlan::outside_rooms(1, &Facts::default(), false, None, Opening::default(), 0);
        let member = Member::new(&plan, &WorkFlag::default(), &Arc::new(HookClock::default()), false);
        // SAFETY: nobody else has this member.
        let cut_from = || unsafe { member.write.enter() }.1.cut_from;
        let done = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: nobody else has this member.
            let _whole = unsafe { WholeFrame::new(&member, 7) };
            assert_eq!(cut_from(), 7);
            panic!("a fault");
        }));
        assert!(done.is_err());
        assert_eq!(cut_from(), 0);
    }
}
