//! One member on the audio plane.

use super::{guard::Guarded, hook::Hook, mailbox::Bell, plan::Seat, read::Reading, write::Writing};

/// A member. Made by the control plane, found by its hooks through its slot.
pub struct Member {
    /// For each frame read from it.
    pub read: Hook<Reading>,
    /// For each frame written to it.
    pub write: Hook<Writing>,
    /// How the read hook's opening guards stand.
    pub guarded: Guarded,
}

impl Member {
    /// With its first seat; the caller keeps the plan that it is of.
    pub fn new(seat: *const Seat, bell: &Bell, timed: bool) -> Self {
        Self { read: Hook::new(seat, bell, timed), write: Hook::new(seat, bell, timed), guarded: Guarded::default() }
    }

    /// [control] Hooks that begin from now on act on `seat`. The caller keeps the old plan until those inside have left.
    pub fn publish(&self, seat: &Seat) {
        self.read.publish(seat);
        self.write.publish(seat);
    }
}
