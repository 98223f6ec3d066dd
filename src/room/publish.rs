//! From who hears whom to what the hooks act on: builds plans, publishes them, and tells whose audience has changed.

use std::{sync::Arc, time::SystemTime};

use smallvec::SmallVec;

use super::{
    control::{Control, Member, Place, Room},
    event::{Event, What},
};
use crate::{
    audio::{
        link::Link,
        plan::{Hearing, Opening, Plan, Seat, Speech},
        voice::Voice,
    },
    faults,
    route::{Facts, Speaks, hears},
};

impl Plan {
    /// Of a member outside rooms: its private speech is heard by nobody, all else is left as it is.
    pub fn alone(
        number: u64,
        facts: &Facts,
        ended: bool,
        voice: Option<Arc<Voice>>,
        opening: Opening,
        slot: Option<&'static crate::audio::slot::Slot<crate::audio::member::Member>>,
    ) -> Self {
        let open = facts.passing || !(ended || facts.speaks.privately());
        let seat = Seat {
            number,
            speech: if open { Speech::Open } else { Speech::Silent },
            hearing: if ended && !facts.passing { Hearing::Silence } else { Hearing::Host },
            opening,
            voice,
            input: None,
            bus: None,
            voices: SmallVec::new(),
        };
        Self { seats: Box::new([seat]), slots: slot.into_iter().collect() }
    }
}

impl Control {
    /// Publishes what has changed around a member.
    pub fn republish(&mut self, handle: u64) {
        match self.members.get(&handle).and_then(|member| member.place) {
            Some(place) => self.publish(place.room),
            None => self.publish_alone(handle),
        }
    }

    /// Publishes the plan of a member outside rooms.
    pub fn publish_alone(&mut self, handle: u64) {
        self.number += 1;
        let Some(member) = self.members.get_mut(&handle) else { return };
        let slot = member.lease.slot();
        let (voice, opening) = (member.voice.clone(), member.opening);
        let plan = Arc::new(Plan::alone(self.number, &member.facts, member.ended, voice, opening, Some(slot)));
        member.lease.get().publish(&plan.seats[0]);
        let old = member.alone.replace(plan);
        self.retire_alone(handle, old);
    }

    /// Keeps a plan of one member until its hooks have left it.
    pub fn retire_alone(&mut self, handle: u64, old: Option<Arc<Plan>>) {
        if let Some(member) = self.members.get(&handle) {
            let slot = member.lease.slot();
            self.retirement.retire(old, [&slot.read, &slot.write.0].into_iter());
        }
    }

    /// Publishes a new plan for a room and all who are in it.
    pub fn publish(&mut self, handle: u64) {
        self.number += 1;
        let number = self.number;
        let Self { rooms, members, retirement, bell, busy, .. } = self;
        let Some(room) = rooms.get_mut(&handle) else { return };
        let inside: Vec<(u64, &Member)> =
            room.members.values().filter_map(|handle| Some((*handle, members.get(handle)?))).collect();
        let mut seats: Vec<Seat> = inside.iter().map(|(_, member)| seat(number, member, room)).collect();
        *busy |= room.bus().is_some();
        let mut spent = Vec::new();
        for (index, (speaker, member)) in inside.iter().enumerate() {
            let Some(voice) = &member.voice else { continue };
            *busy = true;
            let private = seats[index].speech == Speech::Private;
            let settled = !private && !member.facts.speaks.privately() && opens_in(member).is_none();
            let mut linked = false;
            for (place, (listener, other)) in inside.iter().enumerate() {
                if listener == speaker {
                    continue;
                }
                let pair = (*listener, *speaker);
                if room.waiting() || !hears(&member.facts, &other.facts).hears() {
                    room.links.remove(&pair);
                    continue;
                }
                let old = room.links.get(&pair).filter(|link| Arc::ptr_eq(link.voice(), voice));
                let link = match old {
                    // What it said privately was heard to the end: nothing can come from there any more.
                    Some(link) if settled && link.drained() => {
                        room.links.remove(&pair);
                        continue;
                    }
                    Some(link) => link.clone(),
                    None if !private => continue,
                    None => {
                        let link = Arc::new(Link::new(voice.clone(), number, bell.clone()));
                        link.expect(member.lease.get().formats().0, other.lease.get().formats().1);
                        room.links.insert(pair, link.clone());
                        link
                    }
                };
                linked = true;
                seats[place].voices.push(link);
            }
            if settled && !linked {
                spent.push((index, *speaker));
            }
        }
        for (index, _) in &spent {
            seats[*index].voice = None;
        }
        faults::point(faults::Where::Change);
        let slots = inside.iter().map(|(_, member)| member.lease.slot()).collect();
        let plan = Arc::new(Plan { seats: seats.into_boxed_slice(), slots });
        for ((_, member), seat) in inside.iter().zip(&plan.seats) {
            member.lease.get().publish(seat);
        }
        room.lease.get().publish(&plan);
        if let Some(old) = room.plan.replace(plan) {
            let slots = old.slots.to_vec();
            let gates = slots.iter().flat_map(|slot| [&slot.read, &slot.write.0]);
            retirement.retire(old, gates.chain([&room.lease.slot().read]));
        }
        for (_, speaker) in spent {
            if let Some(member) = members.get_mut(&speaker) {
                member.voice = None; // the old plan keeps it for hooks that are still inside
            }
        }
    }

    // ---- telling

    /// Tells of a member where it is now.
    pub fn tell(&mut self, what: What, handle: u64, text: &str) {
        let place = self.members.get(&handle).and_then(|member| member.place);
        self.tell_at(what, handle, place, text);
    }

    /// Tells of a member at a place that it may have left; START is the room's own.
    pub fn tell_at(&mut self, what: What, handle: u64, place: Option<Place>, text: &str) {
        if !self.tell {
            return;
        }
        let Some(member) = self.members.get(&handle) else { return };
        let place = place.or(member.place);
        let heard_by = numbers(&self.heard_by(handle));
        let mut event = Event {
            what,
            sequence: 0,
            time_ns: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64),
            room: place.map_or(0, |place| place.room),
            member: handle,
            number: place.map_or(0, |place| place.number),
            opens_in_ms: opens_in(member).unwrap_or(0),
            room_name: String::new(),
            call_id: member.call_id.clone(),
            tags: member.facts.tags.to_string(),
            speak_only_to: speak_only_to(&member.facts),
            heard_by,
            text: String::new(),
        };
        if what == What::Start {
            event = Event { member: 0, number: 0, call_id: String::new(), tags: String::new(), ..event };
            (event.speak_only_to, event.heard_by, event.opens_in_ms) = (None, String::new(), 0);
        }
        if let Some(room) = place.and_then(|place| self.rooms.get_mut(&place.room)) {
            room.sequence += 1;
            event.sequence = room.sequence;
            event.room_name = room.name.clone();
        }
        event.text = describe(&event, text);
        self.events.push_back(event);
    }

    /// Tells of every private speaker around a member whose audience is another than it was told last.
    pub fn tell_audiences_around(&mut self, handle: u64) {
        if let Some(place) = self.members.get(&handle).and_then(|member| member.place) {
            self.tell_audiences(place.room);
        }
    }

    /// The same for a room.
    pub fn tell_audiences(&mut self, room: u64) {
        let private: Vec<u64> =
            self.inside(room).filter(|(.., m)| m.facts.speaks.privately()).map(|(_, handle, _)| handle).collect();
        for handle in private {
            let heard_by = self.heard_by(handle);
            let Some(member) = self.members.get_mut(&handle) else { continue };
            if member.audience != heard_by {
                member.audience = heard_by;
                self.tell(What::Audience, handle, "");
            }
        }
    }

    /// Numbers of those that hear a member when it speaks, once every guard has opened.
    pub fn heard_by(&self, handle: u64) -> Vec<u32> {
        let Some(member) = self.members.get(&handle) else { return Vec::new() };
        let Some(room) = member.place.and_then(|place| self.rooms.get(&place.room)).filter(|room| !room.waiting())
        else {
            return Vec::new();
        };
        let others = room.members.iter().filter(|(_, other)| **other != handle);
        let hearing = others.filter(|(_, other)| {
            self.members.get(other).is_some_and(|other| hears(&member.facts, &other.facts).hears())
        });
        hearing.map(|(number, _)| *number).collect()
    }
}

/// One member's seat in a room, without the private voices that it hears.
fn seat(number: u64, member: &Member, room: &Room) -> Seat {
    let Facts { speaks, muted, deaf, held, passing, voiceless, .. } = &member.facts;
    let mut seat = Seat {
        number,
        speech: Speech::Open,
        hearing: Hearing::Host,
        opening: member.opening,
        voice: member.voice.clone(),
        input: None,
        bus: None,
        voices: SmallVec::new(),
    };
    if *passing {
        return seat;
    }
    let silenced = *muted || *held || room.waiting();
    seat.speech = match speaks {
        // Where the host mixes, muting and holding open speech is its own affair.
        Speaks::Openly if room.bus().is_none() || !silenced => Speech::Open,
        Speaks::To(_) if !silenced && !voiceless => Speech::Private,
        _ => Speech::Silent,
    };
    if let Some(bus) = room.bus() {
        seat.hearing = if room.waiting() || *deaf || *held { Hearing::Silence } else { Hearing::Bus };
        seat.input = member.input.clone();
        seat.bus = Some(bus.clone());
    }
    seat
}

/// Milliseconds of its own audio until the audience of `member` is the wider one; `None` if it is.
pub fn opens_in(member: &Member) -> Option<u32> {
    let (seen, left) = member.lease.get().guard();
    let left = if member.opening.plan > seen { member.opening.ticks } else { left };
    let ms = left.div_ceil(crate::audio::format::TICKS_PER_MS) as u32;
    (ms > 0).then_some(ms)
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
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// One line for a log.
fn describe(event: &Event, text: &str) -> String {
    let mut line = match (event.room_name.as_str(), event.call_id.as_str()) {
        ("", call) => format!("{}: call {call}", event.what.name()),
        (room, "") => format!("{}: room {room}", event.what.name()),
        (room, call) => format!("{}: {} ({call}) in {room}", event.what.name(), event.number),
    };
    match event.what {
        What::Tag => line += &format!(", tags {}", event.tags),
        What::Coach => line += &format!(", speaks only to {}", event.speak_only_to.as_deref().unwrap_or("")),
        _ => {}
    }
    match event.what {
        What::Tag | What::Untag | What::Warning | What::Start | What::End | What::Leave => {}
        _ if event.heard_by.is_empty() => line += ", heard by nobody",
        _ => line += &format!(", heard by {}", event.heard_by),
    }
    if event.opens_in_ms > 0 {
        line += &format!(", opens in {} ms", event.opens_in_ms);
    }
    if !text.is_empty() {
        line += &format!(": {text}");
    }
    line
}
