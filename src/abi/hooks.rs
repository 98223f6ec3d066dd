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
            hook::{Hook, Outcome},
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
                    |_, _, _| false,
                    |_, _, _| Outcome::Unchanged,
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
            |member, shape, data| member.leaves_read(shape, data),
            |member, shape, data| {
                faults::point(Where::Read);
                member.read(shape, time, data)
            },
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
            |member, shape, _| member.leaves_written(shape),
            |member, shape, data| {
                faults::point(Where::Write);
                member.write_all(shape, data)
            },
        )
    }
}

/// What both hooks go through.
///
/// # Safety
/// As [`coach_read`]; `leaves` and `run` are called inside the gate that `enter` entered.
#[inline(always)]
unsafe fn hook<T: 'static, B: 'static, const N: usize>(
    frame: *mut i16,
    shape: Shape,
    enter: impl FnOnce() -> Result<(&'static Member, Inside<'static>), Refused>,
    hook_of: impl FnOnce(&Member) -> &Hook<T, B, N>,
    leaves: impl FnOnce(&Member, Shape, &[i16]) -> bool,
    run: impl FnOnce(&Member, Shape, &mut [i16]) -> Outcome,
) -> sys::coach_status_t {
    if frame.is_null() {
        return sys::COACH_ERR_NULL;
    }
    let Shape { channels, samples, .. } = shape;
    let can_be = (1..=MOST_CHANNELS).contains(&channels) && (1..=MOST_SAMPLES).contains(&samples);
    let length = if can_be { channels as usize * samples as usize } else { 0 };
    if !frame.is_aligned() {
        // SAFETY: coach.h asks for a frame of `samples` times `channels` samples of two bytes each; bytes need no alignment.
        unsafe { frame.cast::<u8>().write_bytes(0, 2 * length) };
        return sys::COACH_ERR_VALUE;
    }
    // SAFETY: coach.h asks for a frame of that many samples, used by nobody else during the call; a length of 0 is fine with any pointer that is
    // aligned and not null.
    let data = unsafe { slice::from_raw_parts_mut(frame, length) };
    let (member, _inside) = match enter() {
        Ok(entered) => entered,
        Err(refused) => {
            data.fill(0);
            return match refused {
                Refused::Stale => sys::COACH_ERR_HANDLE,
                Refused::Overlap => sys::COACH_ERR_OVERLAP,
            };
        }
    };
    let Hook { counts, timed, .. } = hook_of(member);
    // Most frames of most calls. Nothing in there panics; where tests make faults, all frames take the long way.
    if !cfg!(feature = "faults") && !*timed && leaves(member, shape, data) {
        return sys::COACH_OK;
    }
    let status = catch_unwind(AssertUnwindSafe(|| {
        let started = (*timed && counts.frames.get().is_multiple_of(TIMED)).then(Instant::now);
        let outcome = run(member, shape, &mut *data);
        if let Some(started) = started {
            counts.time(started.elapsed());
        }
        match outcome {
            Outcome::Unchanged => sys::COACH_OK,
            Outcome::Changed => sys::COACH_CHANGED,
            Outcome::Silenced => sys::COACH_SILENCED,
            Outcome::UnsupportedUnchanged => {
                counts.refused.add(1);
                UNKNOWN_LEFT
            }
            Outcome::UnsupportedSilenced => {
                counts.refused.add(1);
                sys::COACH_ERR_FORMAT
            }
        }
    }))
    .unwrap_or(sys::COACH_ERR_PANIC);
    if status >= 0 {
        return status;
    }
    if status == UNKNOWN_LEFT {
        return sys::COACH_ERR_FORMAT;
    }
    data.fill(0);
    status
}

/// COACH_ERR_FORMAT for a frame that is nobody's secret; not a status of its own.
const UNKNOWN_LEFT: i32 = i32::MIN;

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
