//! Reads from `mod_conference` who is in a conference, and who is muted or deaf, where nothing else says so reliably. It uses `list`, since
//! up to 1.10.10 two threads that ask for `json_list` at the same time can crash the switch.

use std::ffi::CStr;

use super::{
    membership::{Flags, Membership},
    names::{is_word, uuid_as_text},
    session::{self, c},
};

/// Between the parts of a line; names of channels and callers have no control characters.
const DELIMITER: char = '\u{1f}';

/// A call in a conference.
pub struct Member {
    pub uuid: String,
    pub number: u32,
    pub flags: Flags,
}

/// Everybody who is in a conference.
pub fn all() -> Vec<Member> {
    listed(&c(&format!("list delim {DELIMITER}")))
}

/// What a member may do, by the call's UUID.
pub fn flags(membership: &Membership, uuid: &str) -> Option<Flags> {
    // Of a name that cannot be written as one word of a command, everybody is asked for: no number is given twice.
    let one = || listed(&c(&format!("'{}' list delim {DELIMITER}", membership.conference)));
    let here = if is_word(&membership.conference) { one() } else { all() };
    here.into_iter().find(|member| member.uuid == uuid && member.number == membership.number).map(|member| member.flags)
}

fn listed(command: &CStr) -> Vec<Member> {
    // With no conference, or no mod_conference, the answer is no list.
    session::execute(c"conference", command).split(|&b| b == b'\n').filter_map(member).collect()
}

/// Number, channel, UUID, the caller's name and number, what it may do and does, two volumes, energy.
/// Names in it are what callers have made of them: not always text.
fn member(line: &[u8]) -> Option<Member> {
    let parts: Vec<&[u8]> = line.split(|&b| char::from(b) == DELIMITER).collect();
    let [number, _, uuid, .., flags, _, _, _] = parts[..] else { return None };
    let (number, flags) = (str::from_utf8(number).ok()?, str::from_utf8(flags).ok()?);
    let has = |word| flags.split('|').any(|flag| flag == word);
    // Of a member on hold nothing else is said; what it is besides, an event says when it is back.
    let held = has("hold");
    let flags = Flags { muted: !held && !has("speak"), deaf: !held && !has("hear"), held };
    Some(Member { uuid: uuid_as_text(uuid), number: number.parse().ok()?, flags })
}
