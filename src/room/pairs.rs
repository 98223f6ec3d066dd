//! Who hears whose private stream: the subscriptions between the members of a room. A change looks at the pairs alone that it may make or
//! break.

use std::mem;

use triomphe::Arc;

use super::{
    event_builder::opens_in,
    pending::{Listener, PendingChanges},
    state::{Member, Place, Room, RoomState},
    tag_index::{Indexed, TagIndex},
};
use crate::{
    audio::{
        hook::subscription::{Subscription, Voice},
        playout::resample::Conversion,
    },
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
        let Some(place) = member.place else { return };
        room.index.remove(handle, &mut member.indexed);
        room.pending.break_pairs(number, &room.members, mem::take(&mut member.listeners));
        let heard = member.plan.subscriptions.iter().map(|subscription| subscription.speaker());
        let mut speakers: Vec<u64> = heard.collect();
        if room.pending.all {
            // A change was stopped half-way: others may have made pairs that are in no plan.
            speakers = room.members.values().copied().collect();
        }
        for handle_of_speaker in speakers {
            let Some(speaker) = self.members.get_mut(&handle_of_speaker) else {
                continue;
            };
            if let Ok(at) = speaker.linked(place.number) {
                room.pending.break_pair(number, handle, speaker.listeners.remove(at).subscription);
            }
        }
        room.pending.dirty.remove(handle);
        room.pending.speakers.remove(handle);
        room.pending.changed.remove(handle);
    }

    /// Breaks all pairs of the room, which everybody leaves. There may be a hundred thousand, which the service frees.
    pub fn break_all_pairs(&mut self) {
        let number = self.upcoming();
        let plans: Vec<_> = self.inside().map(|(.., member)| member.plan.clone()).collect();
        let speakers = self.members.iter_mut().filter(|(_, member)| !member.listeners.is_empty());
        let mut audiences: Vec<_> =
            speakers.map(|(handle, member)| (*handle, mem::take(&mut member.listeners))).collect();
        // In the order in which they were made, mostly, and so lie in memory: listener by listener, speakers by their handles.
        audiences.sort_unstable_by_key(|(handle, _)| *handle);
        let mut open: Vec<_> = audiences.iter().map(|(_, audience)| audience.as_slice()).collect();
        for place in self.room.iter().flat_map(|room| room.members.keys()) {
            for audience in &mut open {
                while let Some((listener, rest)) = audience.split_first()
                    && listener.number <= *place
                {
                    listener.subscription.close(number);
                    *audience = rest;
                }
            }
        }
        open.into_iter().flatten().for_each(|listener| listener.subscription.close(number));
        // Without pairs there may be no service.
        if !audiences.is_empty() {
            self.shared.discard((audiences, plans));
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

    /// A member turns private, maybe with pairs of the last time: what either spoke or heard in then was not known yet, or another format.
    pub fn expect_conversions_of_pairs(&self, speaker: u64) {
        let (Some(room), Some(from)) = (&self.room, self.members.get(&speaker)) else {
            return;
        };
        let listeners =
            from.listeners.iter().filter_map(|listener| self.members.get(room.members.get(&listener.number)?));
        listeners.for_each(|to| expect_conversion(from, to, room));
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
                let listeners = member.listeners.iter().filter_map(|listener| room.members.get(&listener.number));
                candidates.extend(listeners.map(|listener| (*handle, *listener)));
                if let Speaks::To(tags) = &member.facts.speaks {
                    candidates.extend(room.index.tagged(tags).map(|listener| (*handle, listener)));
                }
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        let waiting = room.waiting();
        let (mut broken, mut made) = (Vec::new(), Vec::new());
        for pairs in candidates.chunk_by(|one, next| one.0 == next.0) {
            let speaker = pairs[0].0;
            let Some(from) = members.get(&speaker).filter(|from| from.place.is_some()) else {
                continue;
            };
            broken.clear();
            made.clear();
            for (_, listener) in pairs {
                let Some(to) = members.get(listener) else { continue };
                let Some(Place { number, .. }) = to.place else { continue };
                let due = speaker != *listener && !waiting && hears(&from.facts, &to.facts).hears();
                match from.linked(number) {
                    Ok(at) if !due => broken.push((at, *listener)),
                    Err(_) if due && from.facts.speaks.privately() && from.stream.is_some() => {
                        made.push((number, *listener));
                        to.lease.get().expect_stream(&shared.work_flag);
                        expect_conversion(from, to, room);
                    }
                    _ => {}
                }
            }
            if broken.is_empty() && made.is_empty() {
                continue;
            }
            let voice = from.voice(speaker);
            let Some(from) = members.get_mut(&speaker) else {
                continue;
            };
            from.remove_listeners(&mut broken, |listener, subscription| {
                pending.break_pair(number, listener, subscription);
                faults::point(Where::Pair);
            });
            if let Some(voice) = voice.filter(|_| !made.is_empty()) {
                pending.speakers.insert(speaker);
                made.sort_unstable();
                for (place, listener) in made.drain(..) {
                    let subscription = Arc::new(Subscription::new(voice.clone(), number));
                    from.add_listener(Listener { number: place, subscription: subscription.clone() });
                    pending.made.push((listener, subscription));
                    faults::point(Where::Pair);
                }
            }
        }
        let reopened: Vec<u64> = room.index.reopened().collect();
        for speaker in reopened {
            let Some(member) = members.get_mut(&speaker).filter(|member| member.settled()) else {
                continue;
            };
            // And it was heard to the end.
            for listener in member.listeners.extract_if(.., |listener| listener.subscription.idle()) {
                let handle = room.members.get(&listener.number).copied().unwrap_or_default();
                pending.break_pair(number, handle, listener.subscription);
            }
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
    let write = &listener.lease.get().write;
    if let Some(to) = write.format()
        && let Some(spoken) = speaker.lease.get().read.format()
        && let Some(conversion) = Conversion::between(room.lease.get().host_mix().keeps(spoken).kept(), to)
    {
        write.handoff.expect(conversion.code());
    }
}

impl Member {
    /// Where the subscription to listener `number` is, or would be.
    pub fn linked(&self, number: u32) -> std::result::Result<usize, usize> {
        match self.listeners.last() {
            // Who has just come into the room has mostly the highest number.
            Some(last) if last.number >= number => {
                self.listeners.binary_search_by_key(&number, |listener| listener.number)
            }
            _ => Err(self.listeners.len()),
        }
    }

    fn add_listener(&mut self, listener: Listener) {
        if let Err(at) = self.linked(listener.number) {
            if self.listeners.len() == self.listeners.capacity() {
                self.listeners.reserve_exact((self.listeners.len() / 4).max(4)); // a large room has as many lists as coaches
            }
            self.listeners.insert(at, listener);
        }
    }

    /// Takes out those at some places, each with its handle, one after the other.
    fn remove_listeners(&mut self, broken: &mut [(usize, u64)], mut each: impl FnMut(u64, Arc<Subscription>)) {
        broken.sort_unstable();
        let (Some((first, _)), Some((last, _))) = (broken.first(), broken.last()) else { return };
        let (range, mut at) = (*first..=*last, *first);
        let mut next = broken.iter().peekable();
        let mut handles = broken.iter().map(|(_, handle)| *handle);
        let removed = self.listeners.extract_if(range, |_| {
            at += 1;
            next.next_if(|(broken, _)| *broken + 1 == at).is_some()
        });
        removed.zip(&mut handles).for_each(|(listener, handle)| each(handle, listener.subscription));
    }

    /// What it says privately in this room, as those have it who hear it already; `None` if it has no stream.
    fn voice(&self, handle: u64) -> Option<Arc<Voice>> {
        let known = self.listeners.last().map(|listener| listener.subscription.voice().clone());
        let new = || Some(Arc::new(Voice::new(handle, self.stream.clone()?, self.input.clone())));
        known.or_else(new)
    }

    /// Nothing more can come from its time of private speech: its read hook has met what opened it, and is past the guard.
    fn settled(&self) -> bool {
        !self.facts.speaks.privately()
            && self.opening.plan <= self.lease.get().guarded.state().seen
            && opens_in(self).is_none()
            && self.lease.slot().read.occupant().is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{
        engine::{Config, Engine},
        state::{Mixer, NewMember, RoomState},
    };
    use crate::{
        audio::{hook::slot::MEMBER, host_mix::HostMix},
        sys,
    };

    /// Something may come into the stream of a member that speaks openly again until its read hook has met that, has returned, and is past
    /// the guard.
    #[test]
    fn a_stream_is_kept_until_nothing_more_can_come_into_it() {
        for guard_ms in [0, 20] {
            let engine = Engine::create(Config::for_tests(guard_ms));
            let nothing = (std::ptr::null_mut(), None);
            let room = engine.open_room("host", Mixer::Host(HostMix::Unknown), nothing).expect("is opened");
            let coach = engine.attach(&NewMember::for_tests("coach", None, Some("agent"))).expect("is attached");
            engine.join(coach, room, 1).expect("enters");
            let read = || {
                let mut frame = [1; 160];
                // SAFETY: the frame is of that many samples.
                assert!(unsafe { sys::coach_read(coach, frame.as_mut_ptr(), 8_000, 1, 160) } >= 0);
            };
            let kept = || {
                let change = |state: &mut RoomState| {
                    state.publish();
                    Ok(state.members[&coach].stream.is_some())
                };
                engine.act_on(coach, change).expect("is published")
            };
            read();
            engine.act_on(coach, |state| state.uncoach(coach)).expect("speaks openly");
            assert!(kept(), "after {guard_ms} ms: the hook has not met it");
            read();
            if guard_ms > 0 {
                assert!(kept(), "it is guarded");
                engine.shared.clock.set(1_000_000_000);
                read();
            }
            let (_, inside) = MEMBER.enter_read(coach).expect("nobody is inside");
            assert!(kept(), "after {guard_ms} ms: a hook is inside");
            drop(inside);
            assert!(!kept(), "after {guard_ms} ms: nothing more can come");
            engine.destroy().expect("it ends");
        }
    }

    /// Where nobody was ever private there is perhaps no service that would free anything.
    #[test]
    fn a_room_without_pairs_leaves_nothing_to_the_service() {
        let engine = Engine::create(Config::for_tests(0));
        let nothing = (std::ptr::null_mut(), None);
        let room = engine.open_room("host", Mixer::Host(HostMix::Unknown), nothing).expect("is opened");
        let member = engine.attach(&NewMember::for_tests("agent", Some("agent"), None)).expect("is attached");
        engine.join(member, room, 1).expect("enters");
        engine.close_room(room).expect("is closed");
        assert!(!engine.shared.free_discarded(), "something was left");
        engine.destroy().expect("it ends");
    }

    /// There may be a hundred thousand, and whoever closes the room does not wait for that.
    #[test]
    fn pairs_of_a_closed_room_are_freed_by_the_service_once_the_hooks_have_left_them() {
        for served in [true, false] {
            let engine = Engine::create(Config::for_tests(0));
            let nothing = (std::ptr::null_mut(), None);
            let room = engine.open_room("host", Mixer::Host(HostMix::Unknown), nothing).expect("is opened");
            let coach = engine.attach(&NewMember::for_tests("coach", None, Some("agent"))).expect("is attached");
            let agent = engine.attach(&NewMember::for_tests("agent", Some("agent"), None)).expect("is attached");
            engine.join(coach, room, 1).expect("enters");
            engine.join(agent, room, 2).expect("enters");
            let pair = |state: &mut RoomState| {
                let pair = state.members[&coach].listeners.first().expect("it is heard").subscription.clone();
                Ok((Arc::downgrade(&pair.voice().stream), state.members[&agent].lease.slot()))
            };
            let (stream, slot) = engine.act_on(coach, pair).expect("is there");
            let inside = slot.write.0.enter().expect("nobody is inside");
            engine.close_room(room).expect("is closed");
            engine.detach(coach).expect("is detached");
            if served {
                engine.serve();
                assert!(stream.upgrade().is_some(), "a hook may be playing it");
            }
            drop(inside);
            engine.detach(agent).expect("is detached");
            if served {
                engine.serve();
            }
            assert_eq!(stream.upgrade().is_none(), served, "nobody plays it any more");
            engine.destroy().expect("it ends");
            assert!(stream.upgrade().is_none(), "an end gives everything back");
        }
    }

    /// A large room has as many lists as coaches: each is little longer than it has to be, and is seldom copied.
    #[test]
    fn a_list_of_listeners_grows_by_a_quarter() {
        let engine = Engine::create(Config::for_tests(0));
        let nothing = (std::ptr::null_mut(), None);
        let room = engine.open_room("host", Mixer::Host(HostMix::Unknown), nothing).expect("is opened");
        let coach = engine.attach(&NewMember::for_tests("coach", None, Some("agent"))).expect("is attached");
        engine.join(coach, room, 0).expect("enters");
        let mut capacities = std::collections::BTreeSet::new();
        for number in 1..=100 {
            let call_id = format!("agent-{number}");
            let agent = engine.attach(&NewMember::for_tests(&call_id, Some("agent"), None)).expect("is attached");
            engine.join(agent, room, number).expect("enters");
            let list = |state: &mut RoomState| {
                let listeners = &state.members[&coach].listeners;
                Ok((listeners.len(), listeners.capacity()))
            };
            let (length, capacity) = engine.act_on(coach, list).expect("is there");
            assert_eq!(length, number as usize);
            assert!(capacity <= length + (length / 4).max(4), "{capacity} places for {length}");
            capacities.insert(capacity);
        }
        assert!(capacities.len() <= 15, "it was copied {} times", capacities.len());
        engine.destroy().expect("it ends");
    }
}
