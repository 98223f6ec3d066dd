//! From who hears whom to what the hooks act on: builds the seats of those whom a change affects, and publishes them.

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    sync::Arc,
};

use super::state::{Control, Member, Room};
use crate::{
    audio::{
        hook::{
            plan::{Hearing, Seat, Speech, Voices},
            subscription::Link,
        },
        host_mix::HostMix,
        lockfree::{opening_guard::Opening, private_stream::Voice},
        mix::tick::{Mixed, Plan},
    },
    faults,
    route::{Facts, Speaks, hears},
};

impl Seat {
    /// Of a member outside rooms: its private speech is heard by nobody, all else is left as it is.
    pub fn alone(number: u64, facts: &Facts, ended: bool, voice: Option<Arc<Voice>>, opening: Opening) -> Self {
        let open = facts.passing || !(ended || facts.speaks.privately());
        Self {
            number,
            entered: 0,
            speech: if open { Speech::Open } else { Speech::Silent },
            private: facts.speaks.privately(),
            host_mix: HostMix::Unknown,
            hearing: if ended && !facts.passing { Hearing::Silence } else { Hearing::Host },
            opening,
            voice,
            input: None,
            bus: None,
            voices: Voices::default(),
        }
    }
}

/// Links of one listener that are no more, and that are new.
#[derive(Default)]
struct Difference {
    gone: BTreeSet<*const Link>,
    new: Vec<Arc<Link>>,
}

impl Control {
    /// The number that the next plan will have.
    pub fn upcoming(&mut self) -> u64 {
        *self.claimed.get_or_insert_with(|| self.shared.next_number())
    }

    /// It has it now.
    pub fn next_number(&mut self) -> u64 {
        let number = self.upcoming();
        self.claimed = None;
        number
    }

    /// Publishes what has changed around a member.
    pub fn republish(&mut self, handle: u64) {
        if self.members.get(&handle).is_some_and(|member| member.place.is_some()) {
            self.changes(handle);
            self.publish();
        } else {
            self.publish_alone(handle);
        }
        self.undo.clear();
    }

    /// Publishes the plan of a member outside rooms.
    pub fn publish_alone(&mut self, handle: u64) {
        let number = self.next_number();
        let Some(member) = self.members.get(&handle) else {
            return;
        };
        let seat = Seat::alone(number, &member.facts, member.ended, member.voice.clone(), member.opening);
        self.seat(handle, seat);
    }

    /// Publishes a seat, and keeps the old one until its hooks have left it.
    fn seat(&mut self, handle: u64, seat: Seat) {
        let Some(member) = self.members.get_mut(&handle) else {
            return;
        };
        let seat = Arc::new(seat);
        member.lease.get().publish(&seat);
        let (old, slot) = (mem::replace(&mut member.seat, seat), member.lease.slot());
        self.retirement.retire(old, [&slot.read, &slot.write.0].into_iter());
    }

    /// Publishes new seats for those in the room whom its changes affect, and what its ticks sum.
    pub fn publish(&mut self) {
        let number = self.next_number();
        let Some(room) = self.room.as_mut() else {
            return;
        };
        let mut pending = mem::take(&mut room.pending);
        if room.bus().is_some() {
            self.shared.needs_service();
        }
        self.pair(&mut pending, number);
        faults::point(faults::Where::Change);
        let mut differences: HashMap<u64, Difference> = HashMap::new();
        for (listener, link) in &pending.broken {
            differences.entry(*listener).or_default().gone.insert(Arc::as_ptr(link));
        }
        for (listener, link) in mem::take(&mut pending.made) {
            differences.entry(listener).or_default().new.push(link);
        }
        if pending.all {
            differences = self.all_links();
        }
        pending.dirty.extend(differences.keys());
        self.ask_for_sounds(pending.dirty.iter().copied());
        if let Some(room) = &mut self.room {
            room.renewed.extend(&pending.dirty);
        }
        for member in &pending.dirty {
            let difference = differences.remove(member).unwrap_or_default();
            let (Some(member), Some(room)) = (self.members.get(member), &self.room) else {
                continue;
            };
            if member.place.is_none() {
                continue; // it has left, and has a seat outside
            }
            let voices = match pending.all {
                true => Voices::default().changed(|_| false, difference.new),
                false => member
                    .seat
                    .voices
                    .changed(|link| difference.gone.contains(&std::ptr::from_ref(link)), difference.new),
            };
            let seat = Seat { voices, ..seat(number, member, room) };
            pending.mix |= room.bus().is_some() && member.seat.heard_in_a_mix() != seat.heard_in_a_mix();
            let handle = member.lease.handle;
            faults::point(faults::Where::Seat);
            self.seat(handle, seat);
        }
        self.publish_mix(pending.mix || pending.all);
    }

    /// Ends the pairs that the books do not grant, and takes what private members say out of their frames.
    pub fn make_private(&mut self) {
        let number = self.next_number();
        let Some(room) = &self.room else { return };
        let granted = |from: &Member, listener| {
            let listener = self.members.get(&listener).filter(|listener| listener.place.is_some());
            !room.waiting() && listener.is_some_and(|to| hears(&from.facts, &to.facts).hears())
        };
        for member in self.members.values() {
            let ended = member.links.iter().filter(|heard| !granted(member, heard.listener));
            ended.for_each(|heard| heard.link.close(number));
        }
        let private = room.members.values().filter_map(|handle| {
            let member = self.members.get(handle).filter(|member| member.facts.speaks.privately())?;
            let voices = member.seat.voices.changed(|_| false, Vec::new());
            Some((*handle, Seat { voices, ..seat(number, member, room) }))
        });
        let seats: Vec<_> = private.collect();
        seats.into_iter().for_each(|(handle, seat)| self.seat(handle, seat));
    }

    /// All links, by their listeners.
    fn all_links(&self) -> HashMap<u64, Difference> {
        let mut all: HashMap<u64, Difference> = HashMap::new();
        for heard in self.inside().flat_map(|(.., member)| &member.links) {
            all.entry(heard.listener).or_default().new.push(heard.link.clone());
        }
        all
    }

    /// Publishes what the ticks of the room sum, if that has changed.
    fn publish_mix(&mut self, changed: bool) {
        let Self { room: Some(room), members, retirement, .. } = self else {
            return;
        };
        let Some(bus) = room.lease.get().bus() else {
            return;
        };
        let (ticks, leaving) = (bus.ticks(), room.leaving.len());
        room.leaving.retain(|leaver| ticks <= leaver.next + 1); // the next tick may be acting on an earlier plan by now
        if !changed && room.leaving.len() == leaving {
            return;
        }
        let inside = room.members.values().filter_map(|handle| members.get(handle));
        let mixed = inside
            .filter_map(|member| Some(Mixed { input: member.input.clone()?, heard: member.seat.heard_in_a_mix() }));
        let leaving = room.leaving.iter().map(|leaver| leaver.input.clone()).collect();
        let plan = Arc::new(Plan { mixed: mixed.collect(), leaving });
        room.lease.get().publish(&plan);
        // Asked before how many ticks were made: rather one too many.
        let first = bus.ticks() + u64::from(room.lease.slot().read.occupant().is_some());
        plan.mixed.iter().for_each(|mixed| mixed.input.begin(first));
        let old = room.plan.replace(plan);
        retirement.retire(old, [&room.lease.slot().read].into_iter());
    }
}

/// One member's seat in a room, without the private voices that it hears.
fn seat(number: u64, member: &Member, room: &Room) -> Seat {
    let Facts { speaks, muted, deaf, held, passing, .. } = &member.facts;
    let mut seat = Seat {
        number,
        entered: member.entered,
        speech: Speech::Open,
        private: speaks.privately(),
        hearing: Hearing::Host,
        host_mix: room.lease.get().host_mix(),
        opening: member.opening,
        voice: member.voice.clone(),
        input: None,
        bus: None,
        voices: Voices::default(),
    };
    if *passing {
        return Seat { speech: Speech::Bypass, input: member.input.clone(), ..seat };
    }
    let silenced = *muted || *held || room.waiting();
    seat.speech = match speaks {
        // Where the host mixes, muting and holding open speech is its own affair.
        Speaks::Openly if room.bus().is_none() || !silenced => Speech::Open,
        Speaks::To(_) | Speaks::ToNobody if !silenced => Speech::Private,
        _ => Speech::Silent,
    };
    if let Some(bus) = room.bus() {
        seat.hearing = if room.waiting() || *deaf || *held { Hearing::Silence } else { Hearing::Bus };
        seat.input = member.input.clone();
        seat.bus = Some(bus.clone());
    }
    seat
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Weak};

    use super::super::{
        engine_clock::EngineClock,
        shared::Shared,
        state::{Control, NewMember},
    };

    /// The plan that a hook is acting on is kept until it has left, also of a member outside rooms.
    #[test]
    fn a_plan_of_a_member_outside_rooms_is_kept_while_a_hook_is_inside() {
        let shared = Shared::new(200, false, Arc::new(EngineClock::new(true)), false);
        let mut control = Control::new(shared, None);
        let new = NewMember {
            call_id: "coach",
            tags: None,
            speak_only_to: Some("agent"),
            malformed: false,
            starts: true,
            ends: false,
            muted: false,
            deaf: false,
            data: (std::ptr::null_mut(), None),
        };
        let handle = control.attach(&new, false).expect("is attached");
        let plan = |control: &Control| Arc::downgrade(&control.members[&handle].seat);
        for read in [true, false] {
            let slot = control.members[&handle].lease.slot();
            let gate = if read { &slot.read } else { &slot.write.0 };
            let (inside, old) = (gate.enter().expect("nobody is inside"), plan(&control));
            control.publish_alone(handle);
            control.retirement.sweep();
            assert!(Weak::upgrade(&old).is_some(), "the hook acts on it still");
            drop(inside);
            control.retirement.sweep();
            assert!(Weak::upgrade(&old).is_none(), "nobody acts on it any more");
        }
    }
}
