//! Rooms at the boundary: opened, found, closed.

use std::ffi::c_char;

use super::{
    boundary::{config, put, with_engine},
    checks::range,
    text::required,
};
use crate::{
    audio::{format::Format, hook::slot::Kind, host_mix::HostMix},
    room::{
        error::{Error, Result},
        state::Mixer,
    },
    sys::{self, coach_engine_t, coach_room_t, coach_status_t},
};

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
        // SAFETY: `name` is null or a string, `config` null or a struct of the size that it states, as coach.h asks.
        let (name, config) = unsafe { (required(name, "name")?, config(config_in, "config", Some(default))?) };
        let mixer = mixer(&config)?;
        // SAFETY: `room` is null or points to a handle's place, as coach.h asks.
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
        // SAFETY: `name` is null or a string that stays as it is during the call, as coach.h asks.
        let name = unsafe { required(name, "name") }?;
        // SAFETY: `room` is null or points to a handle's place, as coach.h asks.
        unsafe { put(room, "room", || engine.find_room(name)) }
    })
}

/// See `coach.h`.
#[unsafe(no_mangle)]
pub extern "C" fn coach_room_close(room: coach_room_t) -> coach_status_t {
    with_engine(room, Kind::Room, |engine| engine.close_room(room))
}
