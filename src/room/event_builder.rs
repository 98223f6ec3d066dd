//! Telling: events and whose audience has changed, in words and numbers.

use std::{fmt::Write, mem, sync::Arc};

use super::{
    event::{Event, EventKind, now_ns},
    state::{Member, Place, Room, RoomState},
};
use crate::{
    audio::format::{MAX_FRAME_MS, RATES, UNITS_PER_MS},
    route::{Facts, Speaks, hears},
};

impl RoomState {
    /// Tells of a member where it is now.
    pub fn record_event(&mut self, kind: EventKind, handle: u64, text: &str) {
        let place = self.members.get(&handle).and_then(|member| member.place);
        self.record_event_at(kind, handle, place, text);
    }

    /// Tells of a member at a place that it may have left; START is the room's own.
    pub fn record_event_at(&mut self, kind: EventKind, handle: u64, place: Option<Place>, text: &str) {
        if !self.shared.events_wanted {
            return;
        }
        let heard_by = numbers(&self.heard_by(handle)).into();
        self.record_heard_event(kind, handle, place, text, heard_by);
    }

    fn record_heard_event(
        &mut self,
        kind: EventKind,
        handle: u64,
        place: Option<Place>,
        text: &str,
        heard_by: Arc<str>,
    ) {
        let Some(member) = self.members.get(&handle) else {
            return;
        };
        let place = place.or(member.place);
        let mut event = Event {
            kind,
            sequence: 0,
            time_ns: now_ns(),
            room: place.map_or(0, |place| place.room),
            member: handle,
            number: place.map_or(0, |place| place.number),
            opens_in_ms: opens_in(member).unwrap_or(0),
            room_name: String::new(),
            call_id: member.call_id.to_string(),
            tags: member.facts.tags.to_string(),
            speak_only_to: speak_only_to(&member.facts),
            heard_by,
            text: String::new(),
            lost: 0,
            room_data: None,
            member_data: member.data.clone(),
        };
        if kind == EventKind::Start {
            event = Event { member: 0, number: 0, call_id: String::new(), tags: String::new(), ..event };
            (event.speak_only_to, event.heard_by, event.opens_in_ms) = (None, Arc::default(), 0);
            event.member_data = None;
        }
        if let Some(room) = self.room.as_mut().filter(|_| place.is_some()) {
            room.sequence += 1;
            event.sequence = room.sequence;
            event.room_name = room.name.clone();
            event.room_data = room.data.clone();
        }
        event.text = describe(&event, text);
        self.events.push(event);
    }

    /// Tells of every private speaker whose audience is another than was told last.
    pub fn record_audience_changes(&mut self) {
        let Some(mut renewed) = self.room.as_mut().map(|room| mem::take(&mut room.renewed)) else {
            return;
        };
        if !self.shared.events_wanted {
            return;
        }
        let private = renewed.in_order().iter().filter_map(|handle| {
            let member = self.members.get(handle).filter(|member| member.facts.speaks.privately())?;
            Some((member.place?.number, *handle))
        });
        let mut private: Vec<_> = private.collect();
        private.sort_unstable(); // by number
        // Those who speak to the same tags have the same audience: its text is made once.
        let mut last: (Vec<u32>, Arc<str>) = Default::default();
        for (_, handle) in private {
            let heard_by = self.heard_by(handle);
            let Some(member) = self.members.get_mut(&handle) else {
                continue;
            };
            if member.audience.as_ref() != Some(&heard_by) {
                if last.0 != heard_by {
                    last = (heard_by.clone(), numbers(&heard_by).into());
                }
                member.audience = Some(heard_by);
                let place = member.place;
                self.record_heard_event(EventKind::Audience, handle, place, "", last.1.clone());
            }
        }
    }

    /// Tells of members whose formats Coach does not handle any more, or handles again, and of whose audience that changes.
    pub fn record_format_changes(&mut self) {
        let changed = self.members.iter_mut().filter_map(|(handle, member)| {
            let now = member.refused();
            let refused = now.map(|frame| frame.is_some());
            // Frames of no format may be of another one each time: once is enough for a log.
            (std::mem::replace(&mut member.refused_before, refused) != refused).then_some((*handle, now))
        });
        let mut changed: Vec<_> = changed.collect();
        changed.sort_unstable_by_key(|(handle, _)| *handle);
        for (handle, refused) in changed {
            let what = match refused {
                [None, None] => "Coach handles the format of its frames again".into(),
                [Some(says), _] => {
                    format!("what it says comes as {says}, which Coach does not handle: nobody hears it privately")
                }
                [None, Some(hears)] => {
                    format!("what it hears goes as {hears}, which Coach does not handle: it hears nobody privately")
                }
            };
            let rates = RATES.map(|rate| rate.to_string()).join(", ");
            let text = format!("{what}; frames of up to {MAX_FRAME_MS} ms at {rates} Hz are right");
            self.record_event(EventKind::Warning, handle, &text);
            self.renew_audiences(handle);
            self.record_audience_changes();
        }
    }

    /// Whose audience is another where the formats of a member are: its own, and those of whom it hears.
    fn renew_audiences(&mut self, handle: u64) {
        let Some(member) = self.members.get(&handle) else {
            return;
        };
        let Some(room) = self.room.as_mut().filter(|_| member.place.is_some()) else {
            return;
        };
        room.renewed.insert(handle);
        room.renewed.extend(member.plan.subscriptions.iter().map(|subscription| subscription.speaker()));
    }

    /// Numbers of those that hear a member when it speaks, once every guard has opened.
    pub fn heard_by(&self, handle: u64) -> Vec<u32> {
        let Some(member) = self.members.get(&handle) else {
            return Vec::new();
        };
        let room = self.room.as_ref().filter(|room| member.place.is_some() && !room.waiting());
        let Some(room) = room else { return Vec::new() };
        if member.facts.speaks.privately() {
            // Most formats are such that Coach handles them: then nobody has to be asked.
            let all_served = !self.shared.work_flag.refused();
            let served = |other: &Member| unserved(room, member, other).is_none();
            let hearing = member.listeners.iter();
            let member_at = |number| self.members.get(room.members.get(number)?);
            let hearing =
                hearing.filter(|listener| all_served || member_at(&listener.number).is_some_and(|other| served(other)));
            return hearing.map(|listener| listener.number).collect();
        }
        if !self.is_heard_openly(member) {
            return Vec::new();
        }
        let mut hearing = self.hear_open();
        hearing.retain(|number| member.place.is_none_or(|place| place.number != *number));
        hearing
    }

    /// Numbers of those that hear open speech. They are the same for every open member, except for itself.
    pub fn hear_open(&self) -> Vec<u32> {
        let Some(room) = self.room.as_ref().filter(|room| !room.waiting()) else { return Vec::new() };
        let anybody = Facts::default();
        let hearing = self.inside().filter(|(.., member)| {
            hears(&anybody, &member.facts).hears() && (room.bus().is_none() || member.refused()[1].is_none())
        });
        hearing.map(|(number, ..)| number).collect()
    }

    /// Whether an open member is heard by those that hear open speech.
    pub fn is_heard_openly(&self, member: &Member) -> bool {
        let served = self.room.as_ref().is_some_and(|room| room.bus().is_none() || member.refused()[0].is_none());
        hears(&member.facts, &Facts::default()).hears() && served
    }
}

/// Why `listener` hears nothing of `speaker` although the rule lets it: formats that Coach does not handle. What a host mixes it hears in any
/// format.
pub fn unserved(room: &Room, speaker: &Member, listener: &Member) -> Option<&'static str> {
    if !speaker.facts.speaks.privately() && room.bus().is_none() {
        return None;
    }
    match (speaker.refused(), listener.refused()) {
        ([Some(_), _], _) => Some("Coach does not handle the format of the speaker's frames"),
        (_, [_, Some(_)]) => Some("Coach does not handle the format of the listener's frames"),
        _ => None,
    }
}

/// Milliseconds of its own audio until the audience of `member` is the wider one; `None` if it is.
pub fn opens_in(member: &Member) -> Option<u32> {
    let guard = member.lease.get().guarded.state();
    let left = if member.opening.plan > guard.seen { u64::from(member.opening.ms) * UNITS_PER_MS } else { guard.left };
    let ms = left.div_ceil(UNITS_PER_MS) as u32;
    (ms > 0).then_some(ms)
}

/// While a guard runs: the plan since which a listener must have heard `member` to hear it now.
pub fn guard_floor(member: &Member) -> Option<u64> {
    opens_in(member)?;
    let guard = member.lease.get().guarded.state();
    Some(if member.opening.plan > guard.seen { guard.floor.min(member.opening.floor) } else { guard.floor })
}

/// As text: absent, `-`, or tags.
pub fn speak_only_to(facts: &Facts) -> Option<String> {
    match &facts.speaks {
        Speaks::Openly => None,
        Speaks::ToNobody => Some("-".into()),
        Speaks::To(tags) => Some(tags.to_string()),
    }
}

/// `1,2,3`
pub fn numbers(numbers: &[u32]) -> String {
    let mut text = String::with_capacity(5 * numbers.len());
    for number in numbers {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{number}");
    }
    text
}

/// One line for a log.
fn describe(event: &Event, text: &str) -> String {
    let mut line = match (event.room_name.as_str(), event.call_id.as_str()) {
        ("", call) => format!("{}: call {call}", event.kind.name()),
        (room, "") => format!("{}: room {room}", event.kind.name()),
        (room, call) => format!("{}: {} ({call}) in {room}", event.kind.name(), event.number),
    };
    match event.kind {
        EventKind::Tag => line += &format!(", tags {}", event.tags),
        EventKind::Coach => line += &format!(", speaks only to {}", event.speak_only_to.as_deref().unwrap_or("")),
        _ => {}
    }
    match event.kind {
        EventKind::Tag
        | EventKind::Untag
        | EventKind::Warning
        | EventKind::Start
        | EventKind::End
        | EventKind::Leave => {}
        _ if event.heard_by.is_empty() => line += ", heard by nobody",
        _ => line.extend([", heard by ", &event.heard_by]),
    }
    if event.opens_in_ms > 0 {
        line += &format!(", opens in {} ms", event.opens_in_ms);
    }
    if !text.is_empty() {
        line += &format!(": {text}");
    }
    line
}
