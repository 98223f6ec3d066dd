//! Events: what is told, owned, until it has been told.

use std::{sync::Arc, time::SystemTime};

use super::host_data::HostData;
use crate::sys;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum EventKind {
    Join = sys::COACH_EVENT_JOIN,
    Leave = sys::COACH_EVENT_LEAVE,
    Tag = sys::COACH_EVENT_TAG,
    Untag = sys::COACH_EVENT_UNTAG,
    Coach = sys::COACH_EVENT_COACH,
    Uncoach = sys::COACH_EVENT_UNCOACH,
    Mute = sys::COACH_EVENT_MUTE,
    Unmute = sys::COACH_EVENT_UNMUTE,
    Deaf = sys::COACH_EVENT_DEAF,
    Undeaf = sys::COACH_EVENT_UNDEAF,
    Hold = sys::COACH_EVENT_HOLD,
    Unhold = sys::COACH_EVENT_UNHOLD,
    Audience = sys::COACH_EVENT_AUDIENCE,
    Bypass = sys::COACH_EVENT_BYPASS,
    Unbypass = sys::COACH_EVENT_UNBYPASS,
    Start = sys::COACH_EVENT_START,
    End = sys::COACH_EVENT_END,
    Warning = sys::COACH_EVENT_WARNING,
    Lost = sys::COACH_EVENT_LOST,
}

impl EventKind {
    /// The action's name, the same on every interface.
    pub fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Leave => "leave",
            Self::Tag => "tag",
            Self::Untag => "untag",
            Self::Coach => "coach",
            Self::Uncoach => "uncoach",
            Self::Mute => "mute",
            Self::Unmute => "unmute",
            Self::Deaf => "deaf",
            Self::Undeaf => "undeaf",
            Self::Hold => "hold",
            Self::Unhold => "unhold",
            Self::Audience => "audience",
            Self::Bypass => "bypass",
            Self::Unbypass => "unbypass",
            Self::Start => "start",
            Self::End => "end",
            Self::Warning => "warning",
            Self::Lost => "lost",
        }
    }
}

/// One event.
pub struct Event {
    pub kind: EventKind,
    pub sequence: u64,
    pub time_ns: u64,
    pub room: u64,
    pub member: u64,
    pub number: u32,
    pub opens_in_ms: u32,
    pub room_name: String,
    pub call_id: String,
    pub tags: String,
    pub speak_only_to: Option<String>,
    /// Events of members with the same audience share it.
    pub heard_by: Arc<str>,
    pub text: String,
    /// How many events were not told.
    pub lost: u64,
    /// The host's own about the room.
    pub room_data: Option<Arc<HostData>>,
    /// The host's own about the member.
    pub member_data: Option<Arc<HostData>>,
}

impl Event {
    /// Stands for so many events that found no place to wait in.
    pub fn lost(count: u64) -> Self {
        Self {
            kind: EventKind::Lost,
            sequence: 0,
            time_ns: now_ns(),
            room: 0,
            member: 0,
            number: 0,
            opens_in_ms: 0,
            room_name: String::new(),
            call_id: String::new(),
            tags: String::new(),
            speak_only_to: None,
            heard_by: Arc::default(),
            text: format!(
                "{}: {count} events were not told, since the event callback is too slow; read the state anew",
                EventKind::Lost.name()
            ),
            lost: count,
            room_data: None,
            member_data: None,
        }
    }

    /// How much memory it takes.
    pub fn bytes(&self) -> usize {
        let Self { room_name, call_id, tags, speak_only_to, heard_by, text, .. } = self;
        let texts = [room_name, call_id, tags, text].into_iter().chain(speak_only_to);
        size_of::<Self>() + heard_by.len() + texts.map(String::capacity).sum::<usize>()
    }
}

/// Nanoseconds since 1970.
pub fn now_ns() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}
