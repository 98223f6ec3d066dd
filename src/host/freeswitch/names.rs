//! The engine's names for FreeSWITCH's conferences and calls. FreeSWITCH lets them hold any bytes; the engine takes text of a limited
//! length, with no white space and no control characters, because its commands are words.

use std::ffi::CString;

use crate::sys;

/// Stands between the beginning of a name that is too long and what tells it from others that begin alike.
const CUT: char = '~';

/// What the engine calls `name`: white space, control characters, `%` and what is no text are written as `%20` and the like. A name that is
/// too long then ends in `unique`, which no other has.
pub fn engine_name(name: &[u8], unique: &str) -> String {
    let mut written = String::new();
    let escape = |written: &mut String, bytes: &[u8]| bytes.iter().for_each(|b| *written += &format!("%{b:02X}"));
    for part in name.utf8_chunks() {
        for c in part.valid().chars() {
            match c {
                '%' => escape(&mut written, b"%"),
                _ if c.is_whitespace() || c.is_control() => escape(&mut written, c.encode_utf8(&mut [0; 4]).as_bytes()),
                _ => written.push(c),
            }
        }
        escape(&mut written, part.invalid());
    }
    let most = sys::COACH_MAX_NAME_BYTES as usize;
    if written.len() > most {
        let room = most.saturating_sub(unique.len() + CUT.len_utf8());
        written.truncate(written.floor_char_boundary(room));
        written.push(CUT);
        written += unique;
    }
    written
}

/// Whether a name may be another one for the engine.
pub fn is_plain(name: &str) -> bool {
    !name.contains(['%', CUT])
}

/// Whether it is FreeSWITCH's own name too, and can be one word, in quotes, of a command.
pub fn is_word(name: &str) -> bool {
    is_plain(name) && !name.contains(['\'', '"', '\\'])
}

/// Bytes of a UUID that are no text stand in a `String` as characters of this range, and so does what is of this range itself.
const NO_TEXT: u32 = 0xf700;

/// A UUID as text that `uuid_for_core` makes the same UUID of.
pub fn uuid_as_text(uuid: &[u8]) -> String {
    let mut text = String::new();
    let stand_in = |text: &mut String, bytes: &[u8]| {
        text.extend(bytes.iter().filter_map(|&b| char::from_u32(NO_TEXT + u32::from(b))));
    };
    for part in uuid.utf8_chunks() {
        for c in part.valid().chars() {
            match is_stand_in(c) {
                true => stand_in(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
                false => text.push(c),
            }
        }
        stand_in(&mut text, part.invalid());
    }
    text
}

/// See [`uuid_as_text`].
pub fn uuid_for_core(text: &str) -> CString {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match is_stand_in(c) {
            true => bytes.push((u32::from(c) - NO_TEXT) as u8),
            false => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes.retain(|&b| b != 0);
    CString::new(bytes).unwrap_or_default()
}

fn is_stand_in(c: char) -> bool {
    (NO_TEXT..NO_TEXT + 256).contains(&u32::from(c))
}
