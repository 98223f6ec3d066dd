//! Who is in a conference, and what they may do, as `mod_conference` lists it: asked for where nothing else is sure to say it.

use std::ffi::CStr;

use serde::Deserialize;

use super::{
    api,
    leg::{Flags, Seat},
    switch::c,
};

/// What `conference json_list` says.
#[derive(Deserialize)]
struct Conference {
    conference_name: String,
    conference_uuid: String,
    #[serde(default)]
    members: Vec<Listed>,
}

/// A recording is a member too, with neither id nor UUID.
#[derive(Deserialize)]
struct Listed {
    id: Option<u32>,
    uuid: Option<String>,
    flags: Option<ListedFlags>,
}

#[derive(Deserialize)]
struct ListedFlags {
    can_hear: bool,
    can_speak: bool,
    hold: bool,
}

/// A call in a conference.
pub struct Member {
    pub uuid: String,
    pub seat: Seat,
    pub flags: Flags,
}

/// Everybody who is in a conference.
pub fn all() -> Vec<Member> {
    listed(c"json_list")
}

/// What a member may do, by the call's UUID.
pub fn flags(seat: &Seat, uuid: &str) -> Option<Flags> {
    let here = listed(&c(&format!("'{}' json_list compact", seat.conference)));
    here.into_iter().find(|member| member.uuid == uuid && member.seat.number == seat.number).map(|member| member.flags)
}

fn listed(command: &CStr) -> Vec<Member> {
    // With no conference, or no mod_conference, the answer is no list.
    let list: Vec<Conference> = serde_json::from_str(&api::execute(c"conference", command)).unwrap_or_default();
    let members = list.into_iter().flat_map(|conference| {
        let Conference { conference_name, conference_uuid, members } = conference;
        members.into_iter().filter_map(move |Listed { id, uuid, flags }| {
            let ListedFlags { can_hear, can_speak, hold: held } = flags?;
            Some(Member {
                uuid: uuid?,
                seat: Seat { conference: conference_name.clone(), unique_id: conference_uuid.clone(), number: id? },
                // A member on hold is said to be mute and deaf; what it is besides, an event says when it is back.
                flags: Flags { muted: !held && !can_speak, deaf: !held && !can_hear, held },
            })
        })
    });
    members.collect()
}
