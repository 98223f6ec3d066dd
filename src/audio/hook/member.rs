//! One member on the audio plane.

use std::sync::Arc;

use crate::audio::{
    hook::{
        hook::Hook,
        hook_state::{Reading, Writing},
        mode_sound::Asked,
        plan::Seat,
    },
    lockfree::{handoff::Bell, hook_clock::HookClock, opening_guard::Guarded},
};

/// A member. Made by the control plane, found by its hooks through its slot.
pub struct Member {
    /// For each frame read from it.
    pub read: Hook<Reading>,
    /// For each frame written to it.
    pub write: Hook<Writing>,
    /// How the read hook's opening guards stand.
    pub guarded: Guarded,
    /// The sounds that its write hook is to play.
    pub sounds: Asked,
    /// The engine's.
    pub clock: Arc<HookClock>,
}

impl Member {
    /// With its first seat; the caller keeps the plan that it is of.
    pub fn new(seat: &Seat, bell: &Bell, clock: &Arc<HookClock>, timed: bool) -> Self {
        Self {
            read: Hook::new(seat, bell, timed),
            write: Hook::new(seat, bell, timed),
            guarded: Guarded::default(),
            sounds: Asked::default(),
            clock: clock.clone(),
        }
    }

    /// [control] Hooks that begin from now on act on `seat`. The caller keeps the old plan until those inside have left.
    pub fn publish(&self, seat: &Seat) {
        self.read.publish(seat);
        self.write.publish(seat);
    }
}
