//! What Asterisk is told, and tells, in words of its own.

use crate::switch::{
    asterisk::ami::Message,
    leg::{Join, LegError},
};
use std::path::Path;

/// A value as an argument of a command.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A value as one argument of an application: Asterisk takes a comma for the beginning of the next.
pub fn argument(text: &str) -> String {
    let escaped = |c: char| if "\\,\"()".contains(c) { vec!['\\', c] } else { vec![c] };
    text.chars().flat_map(escaped).collect()
}

/// A file as Asterisk wants it named: without the extension.
pub fn played_as(file: &Path) -> Result<String, LegError> {
    let path = file.with_extension("");
    let path = path.to_str().ok_or_else(|| LegError::Refused("the path of the file is no text".into()))?;
    Ok(path.to_owned())
}

/// The mode in one application: what fails in it ends the call, which then does not join.
pub fn mode_of(join: &Join) -> String {
    let mut words = Vec::new();
    // What takes something away comes first, since every word after tags is one of them.
    if join.tags.is_none() {
        words.push("untag".to_owned());
    }
    if join.speak_only_to.is_none() {
        words.push("uncoach".to_owned());
    }
    words.extend(join.tags.as_ref().map(|tags| format!("memberTag={tags}")));
    words.extend(join.speak_only_to.as_ref().map(|tags| format!("speakOnlyTo={tags}")));
    words.join(",")
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
        500 => 38,
        502 => 27,
        503 | 504 => 34,
        _ => 21,
    }
}
