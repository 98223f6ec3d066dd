//! What a host has said is its own about a member or a room, for as long as an event can give it back.

use std::{ffi::c_void, ptr, sync::Arc};

use crate::sys;

/// The host's pointer, as an address: Coach never follows it. Shared by the member or room and its events; with the last of them it is the
/// host's again.
pub struct HostData {
    address: usize,
    release: sys::coach_release_fn,
}

impl HostData {
    pub fn new((user_data, release): RawHostData) -> Arc<Self> {
        Arc::new(Self { address: user_data as usize, release })
    }

    /// As a host gets it back: null where there is none.
    pub fn pointer(data: Option<&Arc<Self>>) -> *mut c_void {
        data.map_or(ptr::null_mut(), |data| data.address as *mut c_void)
    }
}

impl Drop for HostData {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the host's function with the host's pointer, called once, as coach.h says of coach_release_fn.
            unsafe { release(self.address as *mut c_void) };
        }
    }
}

/// `user_data` and `release` of a configuration. Nothing is released before there is a [`HostData`] of it.
pub type RawHostData = (*mut c_void, sys::coach_release_fn);
