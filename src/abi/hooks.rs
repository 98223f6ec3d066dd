//! The audio functions of the C boundary: the two hooks and the tick. They take no lock, allocate nothing and leave no message.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    slice,
    time::Instant,
};

use crate::{
    audio::{
        format::Shape,
        hook::{
            hook::{Hook, Known, Outcome},
            member::Member,
            slot::{MEMBER, ROOM, Refused},
        },
        lockfree::{gate::Inside, media_time::FrameTime},
    },
    faults::{self, Where},
    sys,
};

/// What can be a frame at all, however odd: up to here a failing hook makes it silent.
const MOST_CHANNELS: u32 = 8;
/// See [`MOST_CHANNELS`].
const MOST_SAMPLES: u32 = 65_536;

/// One hook call in so many is timed.
const TIMED: u64 = 1_024;

/// See `coach.h`.
///
/// # Safety
/// `frame` is null or points to `channels * samples` samples that nobody else touches during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_read(
    member: sys::coach_member_t,
    frame: *mut i16,
    rate: u32,
    channels: u32,
    samples: u32,
) -> sys::coach_status_t {
    // SAFETY: the frame is null or of that many samples, and nobody else touches it during the call, as coach.h asks.
    unsafe { read(member, frame, rate, channels, samples, FrameTime::Unknown) }
}

/// See `coach.h`.
///
/// # Safety
/// As [`coach_read`]; `time` is null or points to a struct of the size that it says first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_read_at(
    member: sys::coach_member_t,
    frame: *mut i16,
    rate: u32,
    channels: u32,
    samples: u32,
    time: *const sys::coach_media_time_t,
) -> sys::coach_status_t {
    // SAFETY: `time` is null or points to a struct of the size that it says first, as coach.h asks.
    match unsafe { frame_time(time) } {
        // SAFETY: the frame is null or of that many samples, and nobody else touches it during the call, as coach.h asks.
        Ok(time) => unsafe { read(member, frame, rate, channels, samples, time) },
        Err(status) => {
            // SAFETY: the frame is as coach.h asks; nobody enters, so that the frame becomes silence and the status stands.
            let silenced = unsafe {
                hook(
                    frame,
                    Shape { rate, channels, samples },
                    || Err(Refused::Stale),
                    |member| &member.read,
                    |_, _, _| Known::Nothing,
                    |_, _, _, _| Outcome::Unchanged,
                )
            };
            if silenced == sys::COACH_ERR_HANDLE { status } else { silenced }
        }
    }
}

/// What a host says of a frame's time.
///
/// # Safety
/// As [`coach_read_at`].
unsafe fn frame_time(time: *const sys::coach_media_time_t) -> Result<FrameTime, sys::coach_status_t> {
    if time.is_null() {
        return Ok(FrameTime::Unknown);
    }
    if !time.is_aligned() {
        return Err(sys::COACH_ERR_VALUE);
    }
    // SAFETY: coach.h asks for a struct that begins with its size, in memory that can be read.
    if unsafe { time.cast::<u32>().read() } as usize != size_of::<sys::coach_media_time_t>() {
        return Err(sys::COACH_ERR_SIZE);
    }
    // SAFETY: not null, aligned, and of that size.
    let sys::coach_media_time_t { flags, stamp, clock_rate, reserved, .. } = unsafe { *time };
    match (flags, stamp) {
        _ if flags & !sys::COACH_MEDIA_FILLER != 0 || reserved != 0 => Err(sys::COACH_ERR_VALUE),
        (sys::COACH_MEDIA_FILLER, _) => Ok(FrameTime::Filler),
        (_, 0) => Ok(FrameTime::Unknown),
        _ if clock_rate == 0 => Err(sys::COACH_ERR_VALUE),
        _ => Ok(FrameTime::Said((u128::from(stamp) * 1_000_000_000 / u128::from(clock_rate)) as u64)),
    }
}

/// The read hook.
///
/// # Safety
/// As [`coach_read`].
#[inline(always)]
unsafe fn read(
    member: sys::coach_member_t,
    frame: *mut i16,
    rate: u32,
    channels: u32,
    samples: u32,
    time: FrameTime,
) -> sys::coach_status_t {
    // SAFETY: the frame is as coach.h asks; `read` is called inside the read gate.
    unsafe {
        hook(
            frame,
            Shape { rate, channels, samples },
            || MEMBER.enter_read(member),
            |member| &member.read,
            |member, shape, data| {
                faults::point(Where::Read);
                member.known_read(shape, data)
            },
            |member, shape, known, data| member.read(shape, time, known, data),
        )
    }
}

/// See `coach.h`.
///
/// # Safety
/// As [`coach_read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_write(
    member: sys::coach_member_t,
    frame: *mut i16,
    rate: u32,
    channels: u32,
    samples: u32,
) -> sys::coach_status_t {
    // SAFETY: the frame is as coach.h asks; `write` is called inside the write gate.
    unsafe {
        hook(
            frame,
            Shape { rate, channels, samples },
            || MEMBER.enter_write(member),
            |member| &member.write,
            |member, shape, _| {
                faults::point(Where::Write);
                member.known_write(shape)
            },
            |member, shape, known, data| member.write_all(shape, known, data),
        )
    }
}

/// What both hooks go through.
///
/// # Safety
/// As [`coach_read`]; `know` and `run` are called inside the gate that `enter` entered.
#[inline(always)]
unsafe fn hook<T: 'static, B: 'static, const N: usize>(
    frame: *mut i16,
    shape: Shape,
    enter: impl FnOnce() -> Result<(&'static Member, Inside<'static>), Refused>,
    hook_of: impl Fn(&'static Member) -> &'static Hook<T, B, N>,
    know: impl Fn(&Member, Shape, &[i16]) -> Known,
    run: impl FnOnce(&Member, Shape, Known, &mut [i16]) -> Outcome,
) -> sys::coach_status_t {
    if frame.is_null() {
        return sys::COACH_ERR_NULL;
    }
    if !frame.is_aligned() {
        // SAFETY: the frame is as coach.h asks.
        return unsafe { refuse_unaligned(frame, shape) };
    }
    let (member, inside) = match enter() {
        Ok(entered) => entered,
        // SAFETY: the frame is as coach.h asks, and is aligned.
        Err(refused) => return unsafe { refuse(frame, shape, refused) },
    };
    let known = if cfg!(feature = "faults") || hook_of(member).timed {
        None // that is seen where it is timed, and where faults are met
    } else {
        // SAFETY: coach.h asks for a frame of that many samples, used by nobody else during the call.
        Some(know(member, shape, unsafe { slice::from_raw_parts(frame, length(shape)) }))
    };
    // Most frames of most calls, and nothing in there panics.
    if known == Some(Known::Left) {
        return sys::COACH_OK;
    }
    // SAFETY: the frame is as coach.h asks, and is aligned.
    unsafe { carry_out(frame, shape, (member, inside), known, hook_of, know, run) }
}

/// How many samples there are in a frame; none where it cannot be one.
#[inline(always)]
fn length(shape: Shape) -> usize {
    let Shape { channels, samples, .. } = shape;
    let can_be = (1..=MOST_CHANNELS).contains(&channels) && (1..=MOST_SAMPLES).contains(&samples);
    if can_be { channels as usize * samples as usize } else { 0 }
}

/// The hook where there may be something to do. On its own, so that the usual case keeps few registers.
///
/// # Safety
/// As [`hook`]; the frame is aligned and not null.
#[inline(never)]
unsafe fn carry_out<T: 'static, B: 'static, const N: usize>(
    frame: *mut i16,
    shape: Shape,
    (member, _inside): (&'static Member, Inside<'_>),
    known: Option<Known>,
    hook_of: impl Fn(&'static Member) -> &'static Hook<T, B, N>,
    know: impl Fn(&Member, Shape, &[i16]) -> Known,
    run: impl FnOnce(&Member, Shape, Known, &mut [i16]) -> Outcome,
) -> sys::coach_status_t {
    // SAFETY: coach.h asks for a frame of that many samples, used by nobody else during the call; a length of 0 is fine with any pointer that is
    // aligned and not null.
    let data = unsafe { slice::from_raw_parts_mut(frame, length(shape)) };
    let Hook { counts, timed, .. } = hook_of(member);
    let started = (*timed && counts.frames.get().is_multiple_of(TIMED)).then(Instant::now);
    let outcome = catch_unwind(AssertUnwindSafe(|| match known.unwrap_or_else(|| know(member, shape, data)) {
        Known::Left => Outcome::Unchanged,
        known => run(member, shape, known, data),
    }));
    if let (Some(started), Ok(_)) = (started, &outcome) {
        counts.time(started.elapsed());
    }
    let status = match outcome {
        Ok(Outcome::Unchanged) => return sys::COACH_OK,
        Ok(Outcome::Changed) => return sys::COACH_CHANGED,
        Ok(Outcome::Silenced) => return sys::COACH_SILENCED,
        Ok(Outcome::UnsupportedUnchanged) => {
            counts.refused.add(1);
            return sys::COACH_ERR_FORMAT; // what it holds is nobody's secret
        }
        Ok(Outcome::UnsupportedSilenced) => {
            counts.refused.add(1);
            sys::COACH_ERR_FORMAT
        }
        Err(_) => sys::COACH_ERR_PANIC,
    };
    data.fill(0);
    status
}

/// # Safety
/// As [`coach_read`].
#[cold]
#[inline(never)]
unsafe fn refuse_unaligned(frame: *mut i16, shape: Shape) -> sys::coach_status_t {
    // SAFETY: coach.h asks for a frame of `samples` times `channels` samples of two bytes each; bytes need no alignment.
    unsafe { frame.cast::<u8>().write_bytes(0, 2 * length(shape)) };
    sys::COACH_ERR_VALUE
}

/// # Safety
/// As [`coach_read`]; the frame is aligned and not null.
#[cold]
#[inline(never)]
unsafe fn refuse(frame: *mut i16, shape: Shape, refused: Refused) -> sys::coach_status_t {
    // SAFETY: coach.h asks for a frame of that many samples, used by nobody else during the call.
    unsafe { slice::from_raw_parts_mut(frame, length(shape)) }.fill(0);
    match refused {
        Refused::Stale => sys::COACH_ERR_HANDLE,
        Refused::Overlap => sys::COACH_ERR_OVERLAP,
    }
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_room_tick(room: sys::coach_room_t) -> sys::coach_status_t {
    catch_unwind(|| {
        let (room, _inside) = match ROOM.enter_read(room) {
            Ok(entered) => entered,
            Err(Refused::Stale) => return sys::COACH_ERR_HANDLE,
            Err(Refused::Overlap) => return sys::COACH_ERR_OVERLAP,
        };
        if !room.ticked_by_host() {
            return sys::COACH_ERR_MIXER;
        }
        faults::point(Where::Tick);
        // SAFETY: inside the room's tick gate.
        unsafe { room.tick() };
        sys::COACH_OK
    })
    .unwrap_or(sys::COACH_ERR_PANIC)
}
