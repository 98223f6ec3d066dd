//! What every control function goes through: panics stop, errors become a status and a message.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{fork, text::remember};
use crate::{
    audio::hook::slot::Kind,
    room::{
        engine::Engine,
        error::{Error, Result},
        registry,
    },
    sys,
};

/// Runs `call`.
pub fn guarded(call: impl FnOnce() -> Result<()>) -> sys::coach_status_t {
    if fork::happened() {
        remember(fork::MESSAGE);
        return sys::COACH_ERR_FORKED;
    }
    let result = catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        Err(Error::new(sys::COACH_ERR_PANIC, "a fault inside Coach was contained: please report it"))
    });
    match result {
        Ok(()) => sys::COACH_OK,
        Err(error) => {
            remember(&error.message);
            error.status
        }
    }
}

/// Runs `call` with the engine that `handle`, of kind `kind`, belongs to.
pub fn with_engine(handle: u64, kind: Kind, call: impl FnOnce(&Arc<Engine>) -> Result<()>) -> sys::coach_status_t {
    guarded(|| call(&registry::find(handle, kind)?))
}

/// Writes an output, on success alone.
///
/// # Safety
/// `out` is null or may be written.
pub unsafe fn put<T>(out: *mut T, name: &str, make: impl FnOnce() -> Result<T>) -> Result<()> {
    if out.is_null() {
        return Err(super::text::null(name));
    }
    let value = make()?;
    // SAFETY: `out` is not null, so it may be written.
    unsafe { out.write(value) };
    Ok(())
}

/// A config struct that starts with its size; null is `default`.
///
/// # Safety
/// `config` is null, or points to a `u32` size and, if that is right, to a whole `T`.
pub unsafe fn config<T: Copy>(config: *const T, name: &str, default: Option<T>) -> Result<T> {
    if config.is_null() {
        return default.ok_or_else(|| super::text::null(name));
    }
    // SAFETY: `config` is not null, so it points to a size at least.
    check_size::<T>(unsafe { config.cast::<u32>().read() }, name)?;
    // SAFETY: the size is right, so the whole struct is there.
    Ok(unsafe { config.read() })
}

/// Fills in a struct that starts with its size, on success alone.
///
/// # Safety
/// `out` is null, or points to a `u32` size and, if that is right, to a whole `T`.
pub unsafe fn fill<T>(out: *mut T, name: &str, make: impl FnOnce() -> Result<T>) -> Result<()> {
    if out.is_null() {
        return Err(super::text::null(name));
    }
    // SAFETY: `out` is not null, so it points to a size at least.
    check_size::<T>(unsafe { out.cast::<u32>().read() }, name)?;
    let made = make()?;
    // SAFETY: the size is right, so the whole struct may be written.
    unsafe { out.write(made) };
    Ok(())
}

/// Refuses a wrong size field.
fn check_size<T>(size: u32, name: &str) -> Result<()> {
    let right = size_of::<T>();
    if size as usize == right {
        return Ok(());
    }
    Err(Error::new(sys::COACH_ERR_SIZE, format!("{name}.size is {size}; set it to sizeof, which is {right}")))
}
