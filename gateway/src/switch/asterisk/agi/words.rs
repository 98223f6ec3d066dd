//! What Asterisk is told, and tells, in words of its own.

use super::Message;
use crate::switch::leg::LegError;
use std::path::Path;

/// A value as an argument of a command.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A file as Asterisk wants it named: without the extension.
pub fn played_as(file: &Path) -> Result<String, LegError> {
    let path = file.with_extension("");
    let path = path.to_str().ok_or_else(|| LegError::Refused("the path of the file is no text".into()))?;
    Ok(path.to_owned())
}

/// A flag as Asterisk writes it.
pub fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

/// Why a call has ended; 0: not known.
pub fn cause(event: &Message) -> u8 {
    event.get("Cause").parse().unwrap_or(0)
}

/// The cause for which chan_pjsip sends this status, or the nearest.
pub fn cause_of(status: u16) -> u8 {
    match status {
        404 | 604 => 1,
        408 => 18,
        410 => 22,
        480 => 19,
        484 => 28,
        486 | 600 => 17,
        488 | 606 => 58,
        501 => 29,
        500 | 503 => 34,
        _ => 21,
    }
}
