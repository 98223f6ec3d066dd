//! From who hears whom to what the hooks act on: builds plans and publishes them.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{
    control::{Control, Member, Room},
    tell::opens_in,
};
use crate::{
    audio::{
        guard::Opening,
        link::Link,
        plan::{Hearing, Plan, Seat, Speech},
        voice::Voice,
    },
    faults,
    route::{Facts, Speaks, hears},
};

impl Plan {
    /// Of a member outside rooms: its private speech is heard by nobody, all else is left as it is.
    pub fn alone(number: u64, facts: &Facts, ended: bool, voice: Option<Arc<Voice>>, opening: Opening) -> Self {
        let open = facts.passing || !(ended || facts.speaks.privately());
        let seat = Seat {
            number,
            entered: 0,
            speech: if open { Speech::Open } else { Speech::Silent },
            private: facts.speaks.privately(),
            hearing: if ended && !facts.passing { Hearing::Silence } else { Hearing::Host },
            opening,
            voice,
            input: None,
            bus: None,
            voices: SmallVec::new(),
        };
        Self { seats: Box::new([seat]), leaving: Vec::new(), slots: Box::new([]) }
    }
}

impl Control {
    /// Publishes what has changed around a member.
    pub fn republish(&mut self, handle: u64) {
        match self.members.get(&handle).and_then(|member| member.place) {
            Some(place) => self.publish(place.room),
            None => self.publish_alone(handle),
        }
        self.undo.clear();
    }

    /// Publishes the plan of a member outside rooms.
    pub fn publish_alone(&mut self, handle: u64) {
        self.number += 1;
        let Some(member) = self.members.get_mut(&handle) else { return };
        let (voice, opening) = (member.voice.clone(), member.opening);
        let plan = Arc::new(Plan::alone(self.number, &member.facts, member.ended, voice, opening));
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
        self.ask_for_sounds(handle);
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
            // Nothing more can come from its time of private speech: its read hook has met what opened it, and is past the guard.
            let settled = !private
                && !member.facts.speaks.privately()
                && member.opening.plan <= member.lease.get().guarded.state().seen
                && opens_in(member).is_none()
                && member.lease.slot().read.occupant().is_none();
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
                    // And it was heard to the end.
                    Some(link) if settled && link.idle() => {
                        room.links.remove(&pair);
                        continue;
                    }
                    Some(link) => link.clone(),
                    None if !private => continue,
                    None => {
                        let link = Arc::new(Link::new(voice.clone(), number, bell.clone()));
                        link.expect(member.lease.get().read.format(), other.lease.get().write.format());
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
        let ticks = room.bus().map_or(0, |bus| bus.ticks());
        room.leaving.retain(|leaver| ticks <= leaver.next + 1); // the next tick may be acting on an earlier plan by now
        let leaving = room.leaving.iter().map(|leaver| leaver.input.clone()).collect();
        let plan = Arc::new(Plan { seats: seats.into_boxed_slice(), leaving, slots });
        for ((_, member), seat) in inside.iter().zip(&plan.seats) {
            member.lease.get().publish(seat);
        }
        room.lease.get().publish(&plan);
        if let Some(bus) = room.bus() {
            // Asked before how many ticks were made: rather one too many.
            let ticking = u64::from(room.ticking());
            let first = bus.ticks() + ticking;
            inside.iter().filter_map(|(_, member)| member.input.as_ref()).for_each(|input| input.begin(first));
        }
        if let Some(old) = room.plan.replace(plan) {
            debug_assert!(
                members.values().all(|member| !member.lease.get().acts_on(&old.seats)),
                "who was taken out of a room should have another plan before the room has",
            );
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
        opening: member.opening,
        voice: member.voice.clone(),
        input: None,
        bus: None,
        voices: SmallVec::new(),
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
        control::{Control, NewMember},
        engine_clock::EngineClock,
    };

    /// The plan that a hook is acting on is kept until it has left, also of a member outside rooms.
    #[test]
    fn a_plan_of_a_member_outside_rooms_is_kept_while_a_hook_is_inside() {
        let mut control = Control::new(200, false, Arc::new(EngineClock::new(true)), false);
        let new = NewMember {
            call_id: "coach",
            tags: None,
            speak_only_to: Some("agent"),
            malformed: false,
            starts: true,
            ends: false,
            muted: false,
            deaf: false,
        };
        let handle = control.attach(&new, false).expect("is attached");
        let plan = |control: &Control| control.members[&handle].alone.as_ref().map(Arc::downgrade).expect("a plan");
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
