//! Who is in which conference and who hears whom, as applications and consoles are told it.

use crate::{node::Found, switch::Direction};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// A conference.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conference {
    /// The switch, and its own name of the conference.
    pub id: String,
    /// The account's name of it.
    pub name: String,
    /// Its members, by their numbers.
    pub participants: Vec<Participant>,
}

/// A member of a conference.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Participant {
    /// The call.
    pub call_sid: Uuid,
    /// The caller's name, or the number.
    label: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    number: String,
    direction: &'static str,
    /// Its tags, with commas; empty: none.
    #[serde(rename = "memberTag")]
    pub member_tag: String,
    /// Whether it has the tag `agent`.
    #[serde(rename = "isAgent")]
    is_agent: bool,
    /// Whom it speaks to; null: everyone. Empty: nobody.
    #[serde(rename = "speakOnlyTo")]
    pub speak_only_to: Option<String>,
    /// Nobody hears it.
    pub muted: bool,
    /// Nobody hears it, and it hears nobody.
    pub held: bool,
    /// `"all"` while it speaks openly; else the call_sids of those who hear it when it speaks.
    #[serde(rename = "heardBy")]
    #[schema(value_type = Value)]
    pub heard_by: HeardBy,
    /// Milliseconds of its own audio until a wider audience hears it.
    #[serde(rename = "opensInMs", skip_serializing_if = "is_zero")]
    pub opens_in_ms: u32,
    /// For each other member, whether it hears this one, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<serde_json::Value>,
}

/// Who hears a member.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum HeardBy {
    /// `all`
    All(&'static str),
    /// These calls.
    These(Vec<Uuid>),
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// `inbound` or `outbound`
pub fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}

/// The members of each conference, by switch and the switch's own name of it.
pub type Members<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a Found>>;

/// Calls, by the conference that each is in.
pub fn by_conference(calls: &[Found]) -> Members<'_> {
    let mut conferences = Members::new();
    for found in calls {
        if let Some(member) = &found.call.member {
            conferences.entry((found.node.switch.name(), &member.conference)).or_default().push(found);
        }
    }
    conferences
}

/// A call as a member.
pub fn participant(found: &Found, members: &[&Found]) -> Option<Participant> {
    let (call, member) = (&found.call, found.call.member.as_ref()?);
    let sid_of = |number: &u32| {
        members
            .iter()
            .find(|other| other.call.member.as_ref().is_some_and(|m| m.number == *number))
            .map(|other| other.call.sid)
    };
    let number = match call.direction {
        Direction::Inbound => &call.from,
        Direction::Outbound => &call.to,
    };
    Some(Participant {
        call_sid: call.sid,
        label: if call.caller_name.is_empty() { number.clone() } else { call.caller_name.clone() },
        number: number.clone(),
        direction: direction(call.direction),
        member_tag: member.tags.join(","),
        is_agent: member.tags.iter().any(|tag| tag == "agent"),
        speak_only_to: member.speak_only_to.as_ref().map(|tags| tags.join(",")),
        muted: member.muted,
        held: member.held,
        heard_by: match member.speak_only_to {
            None => HeardBy::All("all"),
            Some(_) => HeardBy::These(member.heard_by.iter().filter_map(sid_of).collect()),
        },
        opens_in_ms: member.opens_in_ms,
        explain: None,
    })
}

/// A conference and its members.
pub fn conference((switch, room): (&str, &str), members: &[&Found]) -> Conference {
    let name = members.iter().find_map(|found| found.conference.clone());
    let mut participants: Vec<(u32, Participant)> = members
        .iter()
        .filter_map(|found| Some((found.call.member.as_ref()?.number, participant(found, members)?)))
        .collect();
    participants.sort_by_key(|(number, _)| *number);
    Conference {
        id: format!("{switch}/{room}"),
        name: name.unwrap_or_else(|| room.to_owned()),
        participants: participants.into_iter().map(|(_, participant)| participant).collect(),
    }
}
