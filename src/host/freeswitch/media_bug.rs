//! Media bugs on sessions: a read bug takes private speech out of what a member says, a write bug adds it to what a member hears.
//! All that audio threads run is in this file and in rtp_times.

use std::{
    ffi::c_void,
    mem::MaybeUninit,
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    fs, rtp_times,
    session::{Session, c},
};
use crate::{host::client::Hooks, sys};

/// Which direction of the call a bug is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What the member says.
    Read,
    /// What it hears.
    Write,
}

/// What is called where the core has taken the bugs off a session.
static ON_REMOVED: OnceLock<fn(&Session)> = OnceLock::new();

/// Has `removed` called wherever the core takes the bugs off a session, with a lock of the core's held. It stays so until the code is
/// unloaded.
pub fn when_removed(removed: fn(&Session)) {
    let _ = ON_REMOVED.set(removed);
}

/// How long a thread that needs a bug waits for another thread that is installing it.
const PATIENCE: Duration = Duration::from_secs(1);

/// A call's bug on one side. The first thread that needs it installs it, and it stays. While it is being installed the core takes locks,
/// the endpoint's for one, which other threads hold when they come here: so a caller holds no lock of ours, and a second thread waits
/// for the first, but not for ever.
pub struct MediaBug {
    side: Side,
    state: AtomicU8,
}

/// What has become of a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installation {
    Installed,
    /// Another thread is about to install it.
    Pending,
    Failed,
}

const NONE: u8 = 0;
const PENDING: u8 = 1;
const INSTALLED: u8 = 2;

impl MediaBug {
    pub fn new(side: Side) -> Self {
        Self { side, state: AtomicU8::new(NONE) }
    }

    pub fn is_installed(&self) -> bool {
        self.state.load(Ordering::Acquire) == INSTALLED
    }

    /// Installs it, unless it is installed or another thread is about to.
    pub fn install(&self, session: &Session, member: Hooks) -> Installation {
        match self.state.compare_exchange(NONE, PENDING, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                let attached = attach(session, member, self.side);
                self.state.store(if attached { INSTALLED } else { NONE }, Ordering::Release);
                if attached { Installation::Installed } else { Installation::Failed }
            }
            Err(INSTALLED) => Installation::Installed,
            Err(_) => Installation::Pending,
        }
    }

    /// Installs it, or waits until another thread has. False: it cannot be installed.
    pub fn install_now(&self, session: &Session, member: Hooks) -> bool {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            match self.install(session, member) {
                Installation::Installed => return true,
                Installation::Failed => return false,
                Installation::Pending => thread::sleep(Duration::from_millis(1)),
            }
        }
        false
    }
}

/// Adds a bug to a session for `member`; false if the core refuses it.
///
/// The bug carries the member's handle, a number: one that outlives its member makes silence of what was private, since the engine
/// refuses it. It is locked, so that `remove_bugs` passes it by; the core removes it with the session.
fn attach(session: &Session, member: Hooks, side: Side) -> bool {
    let mut bug = ptr::null_mut();
    let replace = match side {
        Side::Read => fs::SMBF_READ_REPLACE,
        Side::Write => fs::SMBF_WRITE_REPLACE,
    };
    // SAFETY: the session lives; the callback is this module's, which removes it before it goes.
    unsafe {
        let added = fs::switch_core_media_bug_add(
            session.raw(),
            c"coach".as_ptr(),
            c(&session.uuid()).as_ptr(),
            Some(on_media),
            member.into_raw() as usize as *mut c_void,
            0,
            replace | fs::SMBF_NO_PAUSE | fs::SMBF_LOCK,
            &raw mut bug,
        );
        if added != fs::SWITCH_STATUS_SUCCESS || bug.is_null() {
            return false;
        }
        // A call may ask its bugs to sleep until it is answered: this one would leak that long.
        fs::switch_core_media_bug_clear_flag(bug, fs::SMBF_ANSWER_REQ);
    }
    reevaluate_bugs(session);
    if side == Side::Read {
        rtp_times::note(session);
    }
    true
}

/// With only native_eavesdrop taps, the core skips other bugs; it re-checks before it counts the new one, so this adds a dummy and
/// removes it.
fn reevaluate_bugs(session: &Session) {
    let (name, mut bug) = (c"coach".as_ptr(), ptr::null_mut());
    // SAFETY: the session lives, the name ends in NUL, and the bug has no callback and is removed at once.
    unsafe {
        let added = fs::switch_core_media_bug_add(
            session.raw(),
            name,
            name,
            None,
            ptr::null_mut(),
            0,
            fs::SMBF_NO_PAUSE,
            &raw mut bug,
        );
        if added == fs::SWITCH_STATUS_SUCCESS && !bug.is_null() {
            fs::switch_core_media_bug_remove(session.raw(), &raw mut bug);
        }
    }
}

/// Removes the bugs.
pub fn detach(session: &Session) {
    // SAFETY: the session lives. When this returns, no thread is inside the callback.
    unsafe { fs::switch_core_media_bug_remove_callback(session.raw(), Some(on_media)) };
    rtp_times::unhook(session);
}

/// What the core calls for every frame, each direction on a thread of its own.
unsafe extern "C" fn on_media(
    bug: *mut fs::switch_media_bug_t,
    member: *mut c_void,
    what: fs::switch_abc_type_t,
) -> fs::switch_bool_t {
    let member = Hooks::from_raw(member as usize as u64);
    // SAFETY: the core keeps the bug and its session during the call, and a replaced frame is this thread's alone.
    unsafe {
        match what {
            fs::SWITCH_ABC_TYPE_READ_REPLACE => {
                let session = fs::switch_core_media_bug_get_session(bug);
                let mut codec = MaybeUninit::zeroed();
                fs::switch_core_session_get_real_read_impl(session, codec.as_mut_ptr());
                let time = rtp_times::of_frame(session);
                let read = |frame, rate, channels, samples, before| {
                    let time = time.map(|time| rtp_times::later(time, before, rate));
                    member.read(frame, rate, channels, samples, time.as_ref());
                };
                if let Some(frame) = fs::switch_core_media_bug_get_read_replace_frame(bug).as_mut() {
                    // The core has made the channels those of the conference, not of the codec.
                    hook(read, frame, codec.assume_init(), frame.channels);
                }
            }
            fs::SWITCH_ABC_TYPE_WRITE_REPLACE => {
                let session = fs::switch_core_media_bug_get_session(bug);
                let mut codec: MaybeUninit<fs::switch_codec_implementation_t> = MaybeUninit::zeroed();
                fs::switch_core_session_get_write_impl(session, codec.as_mut_ptr());
                let codec = codec.assume_init();
                let write = |frame, rate, channels, samples, _| member.write(frame, rate, channels, samples);
                if let Some(frame) = fs::switch_core_media_bug_get_write_replace_frame(bug).as_mut() {
                    hook(write, frame, codec, codec.number_of_channels.into());
                }
            }
            fs::SWITCH_ABC_TYPE_CLOSE => {
                if let Some(removed) = ON_REMOVED.get() {
                    removed(&Session::given(fs::switch_core_media_bug_get_session(bug)));
                }
            }
            _ => {}
        }
    }
    fs::SWITCH_TRUE
}

/// Runs one of the engine's hooks on a frame, in place. `run` gets the samples, rate, channels, samples a channel, and how
/// many samples of the frame came before.
///
/// # Safety
/// The frame's data are `datalen` bytes of this thread's.
unsafe fn hook(
    mut run: impl FnMut(*mut i16, u32, u32, u32, u32),
    frame: &mut fs::switch_frame_t,
    codec: fs::switch_codec_implementation_t,
    channels: u32,
) {
    let samples = frame.datalen / 2;
    // Whole groups of samples, so that nothing is left over: the engine makes silence of any format that it does not know.
    let channels = if (1..=8).contains(&channels) && samples.is_multiple_of(channels) { channels } else { 1 };
    let (rate, groups) = (codec.actual_samples_per_second, samples / channels);
    if groups == 0 || frame.data.is_null() {
        return;
    }
    // A packet that is longer than the engine takes is cut into parts of one length, less the rest of the last.
    let most = match u64::from(rate) * u64::from(sys::COACH_MAX_FRAME_MS) / 1_000 {
        0 => groups,
        most => most as u32,
    };
    let length = groups.div_ceil(groups.div_ceil(most));
    for before in (0..groups).step_by(length as usize) {
        let data = frame.data.cast::<i16>().wrapping_add((before * channels) as usize);
        run(data, rate, channels, length.min(groups - before), before);
    }
}
