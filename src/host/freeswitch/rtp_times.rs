//! When frames were said, by the clock of the phone that sent them. The frame that a media bug gets has no time stamp where
//! packet and conference do not have the same number of samples. So the stamp is noted earlier, when the packet comes from the endpoint: on
//! the same thread, in the same read.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::{fs, session::Session};
use crate::sys;

/// So many sessions can have their stamps noted; of others, it is not known when something was said.
const PLACES: usize = 4096;

/// A session's place is one of so many.
const TRIES: usize = 16;

/// What the last packet of a session was. Written and read by the session's reading thread alone; claimed and given up by others.
struct Place {
    session: AtomicUsize,
    stamp: AtomicU64,
    clock_rate: AtomicU32,
    flags: AtomicU32,
}

static PLACES_OF_SESSIONS: [Place; PLACES] = [const {
    Place {
        session: AtomicUsize::new(0),
        stamp: AtomicU64::new(0),
        clock_rate: AtomicU32::new(0),
        flags: AtomicU32::new(0),
    }
}; PLACES];

fn places(session: usize) -> impl Iterator<Item = &'static Place> {
    // Sessions lie in memory of their own: the low bits are the same in all.
    let first = (session >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    (0..TRIES).map(move |step| &PLACES_OF_SESSIONS[first.wrapping_add(step) % PLACES])
}

fn place(session: usize) -> Option<&'static Place> {
    places(session).find(|place| place.session.load(Ordering::Relaxed) == session)
}

/// From now on the session's stamps are noted, if there is a place for it.
pub fn note(session: &Session) {
    let address = session.raw().addr();
    let claim =
        |place: &Place| place.session.compare_exchange(0, address, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    if place(address).is_some() {
        return;
    }
    if let Some(place) = places(address).find(|place| claim(place)) {
        place.stamp.store(0, Ordering::Relaxed);
        place.flags.store(0, Ordering::Relaxed);
        place.clock_rate.store(0, Ordering::Relaxed);
        // SAFETY: the session lives; the function stays until `unhook` or the session's end.
        unsafe { fs::switch_core_event_hook_add_read_frame(session.raw(), Some(on_frame)) };
    }
}

/// No longer; its place is another's.
pub fn forget(session: usize) {
    if let Some(place) = place(session) {
        place.session.store(0, Ordering::Relaxed);
    }
}

/// The same, of a session that lives on.
pub fn unhook(session: &Session) {
    // SAFETY: the session lives; who is not hooked stays so.
    unsafe { fs::switch_core_event_hook_remove_read_frame(session.raw(), Some(on_frame)) };
    forget(session.raw().addr());
}

/// What is known of the frame that is being read.
pub fn of_frame(session: *mut fs::switch_core_session_t) -> Option<sys::coach_media_time_t> {
    let place = place(session.addr())?;
    // Of this frame alone: one that no packet brought has none.
    let stamp = place.stamp.swap(0, Ordering::Relaxed);
    Some(sys::coach_media_time_t {
        size: size_of::<sys::coach_media_time_t>() as u32,
        flags: place.flags.swap(0, Ordering::Relaxed),
        stamp,
        clock_rate: place.clock_rate.load(Ordering::Relaxed),
        reserved: 0,
    })
}

/// The same for what comes so many samples at `rate` later in the frame.
pub fn later(time: sys::coach_media_time_t, samples: u32, rate: u32) -> sys::coach_media_time_t {
    let units = u64::from(samples) * u64::from(time.clock_rate) / u64::from(rate.max(1));
    // 0 says that it is not known.
    let stamp = if time.stamp == 0 { 0 } else { time.stamp + units };
    sys::coach_media_time_t { stamp, ..time }
}

/// What the core calls for every frame that an endpoint has read, before it is decoded.
unsafe extern "C" fn on_frame(
    session: *mut fs::switch_core_session_t,
    frame: *mut *mut fs::switch_frame_t,
    _: fs::switch_io_flag_t,
    _: i32,
) -> fs::switch_status_t {
    // SAFETY: the core gives a place for a frame, which may be empty; a frame in it is this thread's.
    let frame = unsafe { frame.as_ref().and_then(|frame| frame.as_ref()) };
    if let (Some(frame), Some(place)) = (frame, place(session.addr())) {
        let made = frame.flags & (fs::SFF_CNG | fs::SFF_PLC) != 0;
        // Endpoints other than RTP's have stamps of their own making, if any.
        let known = !made && !frame.packet.is_null() && frame.rate > 0;
        place.stamp.store(if known { frame.timestamp.into() } else { 0 }, Ordering::Relaxed);
        if known {
            place.clock_rate.store(frame.rate, Ordering::Relaxed);
        }
        // A loopback makes comfort noise of its own wherever nothing is said: there it is the only measure of time.
        let filler = made && place.clock_rate.load(Ordering::Relaxed) != 0;
        place.flags.store(if filler { sys::COACH_MEDIA_FILLER } else { 0 }, Ordering::Relaxed);
    }
    fs::SWITCH_STATUS_SUCCESS
}
