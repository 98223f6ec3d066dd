//! Engines at the boundary: made, destroyed, served, given the time, counted.

use super::{
    boundary::{config, fill, guarded, put, with_engine},
    checks::{flags, range},
    fork,
};
use crate::{
    audio::hook::slot::Kind,
    room::{
        engine::{Config, Engine},
        error::Error,
    },
    sys::{self, coach_engine_t, coach_status_t},
};

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
        // SAFETY: `config` is null or points to a struct of the size that it states, as coach.h asks.
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
        // SAFETY: `engine` is null or points to a handle's place, as coach.h asks.
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
        engine.serve_and_deliver();
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
