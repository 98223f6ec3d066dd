//! One member on the audio plane.

use std::{mem::offset_of, sync::Arc};

use once_cell::race::OnceBox;

use crate::audio::{
    hook::{
        hook::Hook,
        hook_state::{ReadState, WriteState},
        mode_sound::SoundRequests,
        plan::MemberPlan,
        subscription::SparePlayouts,
    },
    lockfree::{handoff::WorkFlag, hook_clock::HookClock, opening_guard::Guarded},
    playout::{playout::WANTED_MIXES, rate_mix::RateMix, resample::Converter},
};

/// A member. Made by the control plane, found by its hooks through its slot. The two hooks run on two threads, so each has cache lines of
/// its own.
#[repr(C, align(64))]
pub struct Member {
    /// For each frame read from it.
    pub read: Hook<ReadState, Converter, 1>,
    /// How the read hook's opening guards stand.
    pub guarded: Guarded,
    /// For each frame written to it.
    pub write: Hook<WriteState, RateMix, WANTED_MIXES>,
    /// For the private streams that it hears, once there is one.
    pub spares: OnceBox<SparePlayouts>,
    /// The sounds that its write hook is to play.
    pub sounds: SoundRequests,
    /// The engine's.
    pub clock: Arc<HookClock>,
}

/// Where the part of a member begins that each call of its read hook uses in an engine-mixed room, and its length: a hook's first cache line
/// has counts that are seldom added to.
pub const USED_BY_READ: (usize, usize) = (offset_of!(Member, read) + 64, 128);
/// The same for its write hook.
pub const USED_BY_WRITE: (usize, usize) = (offset_of!(Member, write) + 64, 320);

const _: () = assert!(offset_of!(Member, write).is_multiple_of(64), "the hooks share no cache line");

impl Member {
    /// With its first plan; the caller keeps the plan that it is of.
    pub fn new(plan: &MemberPlan, work_flag: &WorkFlag, clock: &Arc<HookClock>, timed: bool) -> Self {
        Self {
            read: Hook::new(plan, work_flag, timed),
            guarded: Guarded::default(),
            write: Hook::new(plan, work_flag, timed),
            spares: OnceBox::new(),
            sounds: SoundRequests::default(),
            clock: clock.clone(),
        }
    }

    /// [control] See [`Hook::is_in`].
    pub fn is_in(&self, slot: u32) {
        self.read.is_in(slot);
        self.write.is_in(slot);
    }

    /// [control] It is going to hear another private stream. One thread at a time.
    pub fn expect_stream(&self, work_flag: &WorkFlag) {
        self.spares.get_or_init(|| Box::new(SparePlayouts::new(work_flag.clone()))).fill(Box::default);
    }

    /// [control] Hooks that begin from now on act on `plan`. The caller keeps the old plan until those inside have left.
    pub fn publish(&self, plan: &MemberPlan) {
        self.read.publish(plan);
        self.write.publish(plan);
    }

    /// [control] Hooks that begin from now on act on the same plan under a later number: what is said is of that number, and what was asked
    /// of the write hook before ([`Member::sounds`]) is looked for.
    pub fn renumber(&self, number: u64) {
        self.read.renumber(number);
        self.write.renumber(number);
    }
}
