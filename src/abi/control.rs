//! The control functions of the C boundary: engines, rooms, members, commands.

use std::ffi::c_char;

use super::{
    boundary::{config, fill, guarded, put, with_engine},
    fork,
    text::{optional, required},
};
use crate::{
    audio::{format::Format, host_mix::HostMix, slot::Kind},
    room::{
        change::Switch,
        control::{Control, Mixer, NewMember},
        engine::{Config, Engine},
        error::{Error, Result},
    },
    sys::{self, coach_engine_t, coach_member_t, coach_room_t, coach_status_t},
};

// ---- engines

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_engine_create(
    abi_version: u32,
    config_in: *const sys::coach_engine_config_t,
    engine: *mut coach_engine_t,
) -> coach_status_t {
    guarded(|| {
        let ours = sys::COACH_ABI_VERSION;
        if abi_version >> 16 != ours >> 16 || abi_version & 0xffff > ours & 0xffff {
            let (host, library) = ((abi_version >> 16, abi_version & 0xffff), (ours >> 16, ours & 0xffff));
            let message = format!(
                "the host is built for ABI {}.{}, and this library has ABI {}.{}: build the host against this library's \
                 coach.h, or load the library that it was built for",
                host.0, host.1, library.0, library.1
            );
            return Err(Error::new(sys::COACH_ERR_VERSION, message));
        }
        let default = sys::coach_engine_config_t {
            size: size_of::<sys::coach_engine_config_t>() as u32,
            flags: 0,
            guard_ms: 200,
            reserved: 0,
            on_event: None,
            user: std::ptr::null_mut(),
        };
        // SAFETY: the caller's promise.
        let config = unsafe { config(config_in, "config", Some(default)) }?;
        let known = sys::COACH_ENGINE_HOST_SERVICE
            | sys::COACH_ENGINE_TIME_HOOKS
            | sys::COACH_ENGINE_MODE_SOUNDS
            | sys::COACH_ENGINE_HOST_CLOCK;
        flags(config.flags, known, "config.flags")?;
        range(config.guard_ms, 0..=sys::COACH_MAX_GUARD_MS, "config.guard_ms")?;
        range(config.reserved, 0..=0, "config.reserved")?;
        let config = Config {
            guard_ms: config.guard_ms,
            host_service: config.flags & sys::COACH_ENGINE_HOST_SERVICE != 0,
            host_clock: config.flags & sys::COACH_ENGINE_HOST_CLOCK != 0,
            mode_sounds: config.flags & sys::COACH_ENGINE_MODE_SOUNDS != 0,
            time_hooks: config.flags & sys::COACH_ENGINE_TIME_HOOKS != 0,
            on_event: config.on_event,
            user: config.user as usize,
        };
        fork::watch()?;
        // SAFETY: the caller's promise.
        unsafe { put(engine, "engine", || Ok(Engine::create(config).handle)) }
    })
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_engine_destroy(engine: coach_engine_t) -> coach_status_t {
    with_engine(engine, Kind::Engine, Engine::destroy)
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_engine_service(engine: coach_engine_t) -> coach_status_t {
    with_engine(engine, Kind::Engine, |engine| {
        engine.serve_and_tell();
        Ok(())
    })
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_engine_clock(engine: coach_engine_t, now_ns: u64) -> coach_status_t {
    with_engine(engine, Kind::Engine, |engine| {
        if i64::try_from(now_ns).is_err() {
            return Err(Error::new(
                sys::COACH_ERR_VALUE,
                "now_ns is 2^63 or more; give nanoseconds from a moment of yours",
            ));
        }
        if engine.shared.clock.set(now_ns) {
            return Ok(());
        }
        let message = "the engine goes by its own clock; make it with COACH_ENGINE_HOST_CLOCK to give it yours";
        Err(Error::new(sys::COACH_ERR_CLOCK, message))
    })
}

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_engine_stats(engine: coach_engine_t, stats: *mut sys::coach_stats_t) -> coach_status_t {
    with_engine(engine, Kind::Engine, |engine| {
        let read = || {
            let now = engine.stats()?;
            Ok(sys::coach_stats_t {
                size: size_of::<sys::coach_stats_t>() as u32,
                members: now.members as u32,
                frames_read: now.frames_read,
                frames_written: now.frames_written,
                private_captured: now.private_captured,
                private_delivered: now.private_delivered,
                underruns: now.underruns,
                skips: now.skips,
                skipped_ms: now.skipped_ms,
                conversions_waited: now.conversions_waited,
                refused: now.refused,
                hook_ns_mean: now.hook_ns_mean,
                hook_ns_max: now.hook_ns_max,
            })
        };
        // SAFETY: `stats` is null or points to a size at least.
        unsafe { fill(stats, "stats", read) }
    })
}

// ---- rooms

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_room_open(
    engine: coach_engine_t,
    name: *const c_char,
    config_in: *const sys::coach_room_config_t,
    room: *mut coach_room_t,
) -> coach_status_t {
    with_engine(engine, Kind::Engine, |engine| {
        let default = sys::coach_room_config_t {
            size: size_of::<sys::coach_room_config_t>() as u32,
            mixer: sys::COACH_MIXER_HOST,
            rate: 0,
            channels: 0,
            tick_ms: 0,
            clock: sys::COACH_CLOCK_HOST,
            ..Default::default()
        };
        // SAFETY: the caller's promise.
        let (name, config) = unsafe { (required(name, "name")?, config(config_in, "config", Some(default))?) };
        let mixer = mixer(&config)?;
        // SAFETY: the caller's promise.
        unsafe { put(room, "room", || engine.open_room(name, mixer, (config.user_data, config.release))) }
    })
}

fn mixer(config: &sys::coach_room_config_t) -> Result<Mixer> {
    range(config.clock, sys::COACH_CLOCK_HOST..=sys::COACH_CLOCK_ENGINE, "config.clock")?;
    match config.mixer {
        sys::COACH_MIXER_HOST => {
            for (value, name) in
                [(config.rate, "config.rate"), (config.tick_ms, "config.tick_ms"), (config.clock, "config.clock")]
            {
                if value != 0 {
                    return Err(Error::value(format!("{name} is {value}; a host-mixed room has 0 there")));
                }
            }
            match config.channels {
                0 => Ok(Mixer::Host(HostMix::Unknown)),
                1 => Ok(Mixer::Host(HostMix::Mono)),
                2 => Ok(Mixer::Host(HostMix::Stereo)),
                other => {
                    let message = format!(
                        "config.channels is {other}; the host's mix has 1 or 2, or 0 where channels are not added up"
                    );
                    Err(Error::value(message))
                }
            }
        }
        sys::COACH_MIXER_ENGINE => {
            let format = Format::new(config.rate, config.channels).filter(|format| format.fits_a_room());
            let format = format.ok_or_else(|| {
                Error::value(format!(
                    "config.rate is {}, config.channels {}; an engine-mixed room has one of {} Hz, and 1 or 2 channels",
                    config.rate,
                    config.channels,
                    crate::audio::format::ROOM_RATES.map(|rate| rate.to_string()).join(", ")
                ))
            })?;
            if config.tick_ms == 0 || config.tick_ms > 60 || !config.tick_ms.is_multiple_of(10) {
                return Err(Error::value(format!(
                    "config.tick_ms is {}; it is 10, 20, 30, 40, 50 or 60",
                    config.tick_ms
                )));
            }
            let own_clock = config.clock == sys::COACH_CLOCK_ENGINE;
            Ok(Mixer::Engine { format, tick_ms: config.tick_ms, own_clock })
        }
        other => {
            Err(Error::value(format!("config.mixer is {other}; it is COACH_MIXER_HOST (1) or COACH_MIXER_ENGINE (2)")))
        }
    }
}

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_room_find(
    engine: coach_engine_t,
    name: *const c_char,
    room: *mut coach_room_t,
) -> coach_status_t {
    with_engine(engine, Kind::Engine, |engine| {
        // SAFETY: the caller's promise.
        let name = unsafe { required(name, "name") }?;
        // SAFETY: the caller's promise.
        unsafe { put(room, "room", || engine.find_room(name)) }
    })
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_room_close(room: coach_room_t) -> coach_status_t {
    with_engine(room, Kind::Room, |engine| engine.close_room(room))
}

// ---- members

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_member_attach(
    engine: coach_engine_t,
    config_in: *const sys::coach_member_config_t,
    member: *mut coach_member_t,
) -> coach_status_t {
    with_engine(engine, Kind::Engine, |engine| {
        // SAFETY: the caller's promise.
        let config = unsafe { config(config_in, "config", None) }?;
        let known =
            sys::COACH_MEMBER_STARTS | sys::COACH_MEMBER_ENDS | sys::COACH_MEMBER_MUTED | sys::COACH_MEMBER_DEAF;
        flags(config.flags, known, "config.flags")?;
        // SAFETY: the caller's promise.
        let speak_only_to = unsafe { optional(config.speak_only_to, "config.speak_only_to") };
        let has = |flag| config.flags & flag != 0;
        // SAFETY: the caller's promise.
        let new = unsafe {
            NewMember {
                call_id: required(config.call_id, "config.call_id")?,
                tags: optional(config.tags, "config.tags")?,
                speak_only_to: speak_only_to.as_ref().copied().unwrap_or_default(),
                malformed: speak_only_to.is_err(),
                starts: has(sys::COACH_MEMBER_STARTS),
                ends: has(sys::COACH_MEMBER_ENDS),
                muted: has(sys::COACH_MEMBER_MUTED),
                deaf: has(sys::COACH_MEMBER_DEAF),
                data: (config.user_data, config.release),
            }
        };
        // SAFETY: the caller's promise.
        unsafe { put(member, "member", || engine.attach(&new)) }
    })
}

/// Does something to a member.
fn with_member(member: coach_member_t, action: impl FnOnce(&mut Control) -> Result<()>) -> coach_status_t {
    with_engine(member, Kind::Member, |engine| engine.act_on(member, action))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_join(member: coach_member_t, room: coach_room_t, number: u32) -> coach_status_t {
    with_engine(member, Kind::Member, |engine| engine.join(member, room, number))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_leave(member: coach_member_t) -> coach_status_t {
    with_member(member, |control| control.leave(member))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_detach(member: coach_member_t) -> coach_status_t {
    with_engine(member, Kind::Member, |engine| engine.detach(member))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_bypass(member: coach_member_t, on: i32) -> coach_status_t {
    with_member(member, |control| control.bypass(member, switch(on)?))
}

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_tag(member: coach_member_t, tags: *const c_char) -> coach_status_t {
    // SAFETY: the caller's promise.
    with_member(member, |control| control.tag(member, unsafe { required(tags, "tags") }?))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_untag(member: coach_member_t) -> coach_status_t {
    with_member(member, |control| control.untag(member))
}

/// See `coach.h`.
///
/// # Safety
/// Pointers are null or as `coach.h` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn coach_coach(member: coach_member_t, speak_only_to: *const c_char) -> coach_status_t {
    // SAFETY: the caller's promise.
    with_member(member, |control| control.coach(member, unsafe { required(speak_only_to, "speak_only_to") }?))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_uncoach(member: coach_member_t) -> coach_status_t {
    with_member(member, |control| control.uncoach(member))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_mute(member: coach_member_t, on: i32) -> coach_status_t {
    with_member(member, |control| control.switch(member, Switch::Mute, switch(on)?))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_deaf(member: coach_member_t, on: i32) -> coach_status_t {
    with_member(member, |control| control.switch(member, Switch::Deaf, switch(on)?))
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_member_hold(member: coach_member_t, on: i32) -> coach_status_t {
    with_member(member, |control| control.switch(member, Switch::Hold, switch(on)?))
}

// ---- small checks

fn flags(given: u32, known: u32, name: &str) -> Result<()> {
    if given & !known == 0 {
        return Ok(());
    }
    Err(Error::value(format!("{name} has bits {:#x} that mean nothing; leave them 0", given & !known)))
}

fn range(given: u32, right: std::ops::RangeInclusive<u32>, name: &str) -> Result<()> {
    if right.contains(&given) {
        return Ok(());
    }
    Err(Error::value(format!("{name} is {given}; it is {} to {}", right.start(), right.end())))
}

fn switch(on: i32) -> Result<bool> {
    match on {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Error::value(format!("on is {other}; it is 1 or 0"))),
    }
}
