//! Who hears whose private voice: the links between the members of a room. A change looks at the pairs alone that it may make or
//! break.

use std::{mem, sync::Arc};

use super::{
    event_builder::opens_in,
    pending::{Heard, Pending},
    state::{Control, Member, Room},
    tag_index::Index,
};
use crate::{
    audio::hook::subscription::Link,
    faults::{self, Where},
    route::{Speaks, hears},
};

impl Control {
    /// Pairs of this member, and what its hooks do, may be others by the next plan.
    pub fn changes(&mut self, handle: u64) {
        if let Some(room) = self.room_of(handle) {
            room.pending.changed.insert(handle);
            room.pending.dirty.insert(handle);
        }
    }

    /// This member's hooks are to act on another plan.
    pub fn renews(&mut self, handle: u64) {
        if let Some(room) = self.room_of(handle) {
            room.pending.dirty.insert(handle);
        }
    }

    fn room_of(&mut self, handle: u64) -> Option<&mut Room> {
        self.members.get(&handle)?.place?;
        self.room.as_mut()
    }

    /// Breaks all pairs of a member that leaves its room.
    pub fn part(&mut self, handle: u64) {
        let number = self.upcoming();
        let Some(member) = self.members.get_mut(&handle) else {
            return;
        };
        let Some(room) = self.room.as_mut().filter(|_| member.place.is_some()) else {
            return;
        };
        room.index.remove(handle);
        for heard in mem::take(&mut member.links) {
            room.pending.part(number, heard);
        }
        let seat = member.seat.clone();
        for link in seat.voices.iter() {
            let Some(speaker) = self.members.get_mut(&link.speaker()) else {
                continue;
            };
            // A link that was broken before is in no list any more.
            if let Some(at) = speaker.links.iter().position(|heard| Arc::ptr_eq(&heard.link, link)) {
                room.pending.part(number, speaker.links.remove(at));
            }
        }
        room.pending.dirty.remove(&handle);
        room.pending.changed.remove(&handle);
    }

    /// Breaks all pairs of the room, which everybody leaves.
    pub fn part_all(&mut self) {
        let number = self.upcoming();
        for member in self.members.values_mut() {
            mem::take(&mut member.links).into_iter().for_each(|heard| heard.link.close(number));
        }
        if let Some(room) = &mut self.room {
            (room.index, room.pending) = (Index::default(), Pending { mix: true, ..Pending::default() });
        }
    }

    /// Brings the index and the links up to what the books say of those that have changed, for plan `number`.
    pub fn pair(&mut self, pending: &mut Pending, number: u64) {
        let Self { room: Some(room), members, shared, .. } = self else {
            return;
        };
        if pending.all {
            pending.changed = room.members.values().copied().collect();
            pending.dirty = pending.changed.clone();
        }
        for handle in &pending.changed {
            let Some(member) = members.get(handle) else {
                continue;
            };
            room.index.put(*handle, &member.facts.tags, &member.facts.speaks, member.voice.is_some());
        }
        let mut candidates = Vec::new();
        for handle in &pending.changed {
            let Some(member) = members.get(handle) else {
                continue;
            };
            if !pending.all {
                let heard = member.seat.voices.iter().map(|link| link.speaker());
                let speakers = heard.chain(room.index.speakers(&member.facts.tags));
                candidates.extend(speakers.map(|speaker| (speaker, *handle)));
            }
            if member.voice.is_some() {
                shared.needs_service();
                candidates.extend(member.links.iter().map(|heard| (*handle, heard.listener)));
                if let Speaks::To(tags) = &member.facts.speaks {
                    candidates.extend(room.index.mixers(tags).map(|listener| (*handle, listener)));
                }
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        let waiting = room.waiting();
        for (speaker, listener) in candidates {
            let (Some(from), Some(to)) = (members.get(&speaker), members.get(&listener)) else {
                continue;
            };
            let Some(place) = to.place.filter(|_| from.place.is_some()) else {
                continue;
            };
            let due = speaker != listener && !waiting && hears(&from.facts, &to.facts).hears();
            let link = match (from.linked(place.number), due) {
                (Ok(at), false) => Err(at),
                (Err(at), true) if from.facts.speaks.privately() => {
                    let Some(voice) = &from.voice else { continue };
                    let open = from.input.clone();
                    let link = Arc::new(Link::new(speaker, voice.clone(), number, shared.bell.clone(), open));
                    let mix = room.lease.get().host_mix();
                    link.expect(
                        from.lease.get().read.format().map(|format| mix.keeps(format)),
                        to.lease.get().write.format(),
                    );
                    Ok((at, link))
                }
                _ => continue,
            };
            let Some(from) = members.get_mut(&speaker) else {
                continue;
            };
            match link {
                Err(at) => pending.part(number, from.links.remove(at)),
                Ok((at, link)) => {
                    from.links.insert(at, Heard { number: place.number, listener, link: link.clone() });
                    pending.dirty.insert(speaker); // what it says from now on is of the plan that grants this
                    pending.made.push((listener, link));
                }
            }
            faults::point(Where::Pair);
        }
        let reopened: Vec<u64> = room.index.reopened().collect();
        for speaker in reopened {
            let Some(member) = members.get_mut(&speaker).filter(|member| member.settled()) else {
                continue;
            };
            // And it was heard to the end.
            member.links.extract_if(.., |heard| heard.link.idle()).for_each(|heard| pending.part(number, heard));
            if member.links.is_empty() {
                member.voice = None; // its old seat keeps it for hooks that are still inside
                member.links = Vec::new();
                room.index.put(speaker, &member.facts.tags, &member.facts.speaks, false);
                pending.dirty.insert(speaker);
            }
        }
    }
}

impl Member {
    /// Where the link to listener `number` is, or would be.
    pub fn linked(&self, number: u32) -> std::result::Result<usize, usize> {
        self.links.binary_search_by_key(&number, |heard| heard.number)
    }

    /// Nothing more can come from its time of private speech: its read hook has met what opened it, and is past the guard.
    fn settled(&self) -> bool {
        !self.facts.speaks.privately()
            && self.opening.plan <= self.lease.get().guarded.state().seen
            && opens_in(self).is_none()
            && self.lease.slot().read.occupant().is_none()
    }
}
