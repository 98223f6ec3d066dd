//! Who hears whose private stream: the subscriptions between the members of a room. A change looks at the pairs alone that it may make or
//! break.

use std::{mem, sync::Arc};

use super::{
    event_builder::opens_in,
    pending::{Listener, PendingChanges},
    state::{Member, Room, RoomState},
    tag_index::{Indexed, TagIndex},
};
use crate::{
    audio::{hook::subscription::Subscription, playout::resample::Conversion},
    faults::{self, Where},
    route::{Speaks, hears},
};

impl RoomState {
    /// Pairs of this member, and what its hooks do, may be others by the next plan.
    pub fn mark_changed(&mut self, handle: u64) {
        if let Some(room) = self.room_of(handle) {
            room.pending.changed.insert(handle);
            room.pending.dirty.insert(handle);
        }
    }

    /// This member's hooks are to act on another plan.
    pub fn mark_for_new_plan(&mut self, handle: u64) {
        if let Some(room) = self.room_of(handle) {
            room.pending.dirty.insert(handle);
        }
    }

    fn room_of(&mut self, handle: u64) -> Option<&mut Room> {
        self.members.get(&handle)?.place?;
        self.room.as_mut()
    }

    /// Breaks all pairs of a member that leaves its room.
    pub fn break_pairs(&mut self, handle: u64) {
        let number = self.upcoming();
        let Some(member) = self.members.get_mut(&handle) else {
            return;
        };
        let Some(room) = self.room.as_mut().filter(|_| member.place.is_some()) else {
            return;
        };
        room.index.remove(handle, &mut member.indexed);
        for listener in mem::take(&mut member.listeners) {
            room.pending.break_pair(number, listener);
        }
        let plan = member.plan.clone();
        for subscription in plan.subscriptions.iter() {
            let Some(speaker) = self.members.get_mut(&subscription.speaker()) else {
                continue;
            };
            // A subscription that was broken before is in no list any more.
            if let Some(at) =
                speaker.listeners.iter().position(|listener| Arc::ptr_eq(&listener.subscription, subscription))
            {
                room.pending.break_pair(number, speaker.listeners.remove(at));
            }
        }
        room.pending.dirty.remove(handle);
        room.pending.changed.remove(handle);
    }

    /// Breaks all pairs of the room, which everybody leaves.
    pub fn break_all_pairs(&mut self) {
        let number = self.upcoming();
        for member in self.members.values_mut() {
            mem::take(&mut member.listeners).into_iter().for_each(|listener| listener.subscription.close(number));
        }
        self.forget_pairs(PendingChanges { mix: true, ..PendingChanges::default() });
    }

    /// Forgets who carries which tag, and what has changed but for `pending`.
    pub fn forget_pairs(&mut self, pending: PendingChanges) {
        self.members.values_mut().for_each(|member| member.indexed = Indexed::default());
        if let Some(room) = &mut self.room {
            (room.index, room.pending) = (TagIndex::default(), pending);
        }
    }

    /// Brings the index and the subscriptions up to what the state says of those that have changed, for plan `number`.
    pub fn update_pairs(&mut self, pending: &mut PendingChanges, number: u64) {
        let Self { room: Some(room), members, shared, .. } = self else {
            return;
        };
        if pending.all {
            pending.changed = room.members.values().copied().collect();
            pending.dirty = pending.changed.clone();
        }
        let changed = pending.changed.in_order();
        for handle in changed {
            let Some(member) = members.get_mut(handle) else {
                continue;
            };
            let Member { facts, indexed, stream, .. } = &mut **member;
            room.index.put(*handle, indexed, (&facts.tags, &facts.speaks), stream.is_some());
        }
        let mut candidates = Vec::new();
        for handle in changed {
            let Some(member) = members.get(handle) else {
                continue;
            };
            if !pending.all {
                let heard = member.plan.subscriptions.iter().map(|subscription| subscription.speaker());
                let speakers = heard.chain(room.index.speakers(&member.facts.tags));
                candidates.extend(speakers.map(|speaker| (speaker, *handle)));
            }
            if member.stream.is_some() {
                shared.needs_service();
                candidates.extend(member.listeners.iter().map(|listener| (*handle, listener.handle)));
                if let Speaks::To(tags) = &member.facts.speaks {
                    candidates.extend(room.index.tagged(tags).map(|listener| (*handle, listener)));
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
            let subscription = match (from.linked(place.number), due) {
                (Ok(at), false) => Err(at),
                (Err(at), true) if from.facts.speaks.privately() => {
                    let Some(stream) = &from.stream else { continue };
                    let open = from.input.clone();
                    expect_conversion(from, to, room);
                    Ok((at, Arc::new(Subscription::new(speaker, stream.clone(), number, open))))
                }
                _ => continue,
            };
            let Some(from) = members.get_mut(&speaker) else {
                continue;
            };
            match subscription {
                Err(at) => pending.break_pair(number, from.listeners.remove(at)),
                Ok((at, subscription)) => {
                    from.listeners.insert(
                        at,
                        Listener { number: place.number, handle: listener, subscription: subscription.clone() },
                    );
                    pending.dirty.insert(speaker); // what it says from now on is of the plan that grants this
                    pending.made.push((listener, subscription));
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
            member
                .listeners
                .extract_if(.., |listener| listener.subscription.idle())
                .for_each(|listener| pending.break_pair(number, listener));
            if member.listeners.is_empty() {
                member.stream = None; // its old plan keeps it for hooks that are still inside
                member.listeners = Vec::new();
                let Member { facts, indexed, .. } = &mut **member;
                room.index.put(speaker, indexed, (&facts.tags, &facts.speaks), false);
                pending.dirty.insert(speaker);
            }
        }
    }
}

/// Has the conversion prepared between what the two last spoke and heard in, so that it is there when it is needed.
fn expect_conversion(speaker: &Member, listener: &Member, room: &Room) {
    let spoken = speaker.lease.get().read.format().map(|format| room.lease.get().host_mix().keeps(format).kept());
    let write = &listener.lease.get().write;
    if let (Some(from), Some(to)) = (spoken, write.format())
        && let Some(conversion) = Conversion::between(from, to)
    {
        write.handoff.expect(conversion.code());
    }
}

impl Member {
    /// Where the subscription to listener `number` is, or would be.
    pub fn linked(&self, number: u32) -> std::result::Result<usize, usize> {
        self.listeners.binary_search_by_key(&number, |listener| listener.number)
    }

    /// Nothing more can come from its time of private speech: its read hook has met what opened it, and is past the guard.
    fn settled(&self) -> bool {
        !self.facts.speaks.privately()
            && self.opening.plan <= self.lease.get().guarded.state().seen
            && opens_in(self).is_none()
            && self.lease.slot().read.occupant().is_none()
    }
}
