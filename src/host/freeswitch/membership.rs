//! The membership of a call in a conference, as FreeSWITCH has it: room, number, and whether `mod_conference` has it muted, deaf or on hold.

use std::ffi::{CStr, CString};

use super::{names::engine_name, session::Session};

/// `mod_conference` sets these on a member's channel before it takes the member in.
const CONFERENCE_NAME: &CStr = c"conference_name";
/// See [`CONFERENCE_NAME`].
const CONFERENCE_ID: &CStr = c"conference_uuid";
/// See [`CONFERENCE_NAME`].
const MEMBER_ID: &CStr = c"conference_member_id";

/// Where it is in a conference.
#[derive(PartialEq, Eq)]
pub struct Membership {
    /// The engine's name for the conference.
    pub conference: String,
    /// FreeSWITCH's own.
    pub name: CString,
    pub unique_id: String,
    pub number: u32,
}

/// What `mod_conference` lets a member do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    pub muted: bool,
    pub deaf: bool,
    pub held: bool,
}

impl Membership {
    /// Where `mod_conference` says that it has put a session.
    pub fn of(session: &Session) -> Option<Self> {
        let (name, unique_id) = (session.variable_bytes(CONFERENCE_NAME)?, session.variable(CONFERENCE_ID)?);
        let conference = engine_name(name.to_bytes(), &unique_id);
        Some(Self { conference, name, unique_id, number: session.variable(MEMBER_ID)?.parse().ok()? })
    }
}
