//! One room.

use crate::sys;

/// An open room; it is closed when this is dropped.
pub struct Room(pub(super) sys::coach_room_t);

impl Drop for Room {
    fn drop(&mut self) {
        // SAFETY: a number; an engine that is gone has made it stale, which is refused.
        unsafe { sys::coach_room_close(self.0) };
    }
}
