//! Checks of arguments that several functions of the boundary have in common.

use crate::room::error::{Error, Result};

/// Refuses bits that no flag has.
pub fn flags(given: u32, known: u32, name: &str) -> Result<()> {
    if given & !known == 0 {
        return Ok(());
    }
    Err(Error::value(format!("{name} has bits {:#x} that mean nothing; leave them 0", given & !known)))
}

/// Refuses a number out of its range.
pub fn range(given: u32, right: std::ops::RangeInclusive<u32>, name: &str) -> Result<()> {
    if right.contains(&given) {
        return Ok(());
    }
    Err(Error::value(format!("{name} is {given}; it is {} to {}", right.start(), right.end())))
}

/// What a host gives for on and off.
pub fn switch(on: i32) -> Result<bool> {
    match on {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Error::value(format!("on is {other}; it is 1 or 0"))),
    }
}
