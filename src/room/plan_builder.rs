//! From who hears whom to what the hooks act on: builds the plans of those whom a change affects, and publishes them.

use std::{collections::BTreeSet, mem, sync::Arc};

use super::{
    handles::HandleMap,
    pending::Listener,
    state::{Member, Room, RoomState},
};
use crate::{
    audio::{
        hook::{
            plan::{Hearing, MemberPlan, Speech, Subscriptions},
            subscription::Subscription,
        },
        host_mix::HostMix,
        lockfree::{opening_guard::Opening, private_stream::PrivateStream},
        mix::tick::{MixInput, MixPlan},
    },
    faults,
    route::{Facts, Speaks, hears},
};

impl MemberPlan {
    /// Of a member outside rooms: its private speech is heard by nobody, all else is left as it is.
    pub fn outside_rooms(
        number: u64,
        facts: &Facts,
        ended: bool,
        stream: Option<Arc<PrivateStream>>,
        opening: Opening,
        transferred: u64,
    ) -> Self {
        let open = facts.passing || !(ended || facts.speaks.privately());
        Self {
            number,
            entered: 0,
            speech: if open { Speech::Open } else { Speech::Silent },
            private: facts.speaks.privately(),
            host_mix: HostMix::Unknown,
            hearing: if ended && !facts.passing { Hearing::Silence } else { Hearing::Host },
            opening,
            stream,
            input: None,
            bus: None,
            since_withdrawn: 0,
            since_transferred: ago(number, transferred),
            subscriptions: Subscriptions::default(),
        }
    }
}

/// How many numbers ago a plan was.
fn ago(number: u64, plan: u64) -> u32 {
    u32::try_from(number - plan).unwrap_or(u32::MAX)
}

/// Links of one listener that are no more, and that are new.
#[derive(Default)]
struct Difference {
    gone: BTreeSet<*const Subscription>,
    new: Vec<triomphe::Arc<Subscription>>,
}

impl RoomState {
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
            self.mark_changed(handle);
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
        let Member { facts, ended, stream, opening, transferred, .. } = &**member;
        let plan = MemberPlan::outside_rooms(number, facts, *ended, stream.clone(), *opening, *transferred);
        self.publish_plan(handle, plan);
    }

    /// Publishes a plan, and keeps the old one until its hooks have left it.
    fn publish_plan(&mut self, handle: u64, plan: MemberPlan) {
        let Some(member) = self.members.get_mut(&handle) else {
            return;
        };
        let plan = Arc::new(plan);
        member.lease.get().publish(&plan);
        let (old, slot) = (mem::replace(&mut member.plan, plan), member.lease.slot());
        self.retirement.retire(old, [&slot.read, &slot.write.0].into_iter());
    }

    /// Publishes new plans for those in the room whom its changes affect, and what its ticks sum.
    pub fn publish(&mut self) {
        let number = self.next_number();
        let Some(room) = self.room.as_mut() else {
            return;
        };
        let mut pending = mem::take(&mut room.pending);
        if room.bus().is_some() {
            self.shared.needs_service();
        }
        self.update_pairs(&mut pending, number);
        faults::point(faults::Where::Change);
        let mut differences = HandleMap::<Difference>::default();
        for (listener, subscription) in &pending.broken {
            differences.entry(*listener).or_default().gone.insert(&raw const **subscription);
        }
        for (listener, subscription) in mem::take(&mut pending.made) {
            differences.entry(listener).or_default().new.push(subscription);
        }
        if pending.all {
            differences = self.all_links();
        }
        pending.dirty.extend(differences.keys().copied());
        let dirty = pending.dirty.in_order();
        let speakers = pending.speakers.in_order();
        self.ask_for_sounds(dirty.iter().chain(speakers).copied());
        if let Some(room) = &mut self.room {
            room.renewed.extend(dirty.iter().chain(speakers).copied());
        }
        // A number stands for one plan: who gets another plan has the number by that.
        for speaker in speakers.iter().filter(|speaker| dirty.binary_search(speaker).is_err()) {
            if let Some(member) = self.members.get(speaker).filter(|member| member.place.is_some()) {
                faults::point(faults::Where::Plan);
                member.lease.get().renumber(number);
            }
        }
        for member in dirty {
            let difference = differences.remove(member).unwrap_or_default();
            let (Some(member), Some(room)) = (self.members.get(member), &self.room) else {
                continue;
            };
            if member.place.is_none() {
                continue; // it has left, and has a plan outside
            }
            let subscriptions = match pending.all {
                true => Subscriptions::default().changed(&BTreeSet::new(), difference.new),
                false => member.plan.subscriptions.changed(&difference.gone, difference.new),
            };
            let mut plan = MemberPlan { subscriptions, ..plan_without_subscriptions(number, member, room) };
            if !pending.all && difference.gone.is_empty() {
                // It lacks none that was in the last.
                plan.since_withdrawn = u32::try_from(number - member.plan.withdrawn()).unwrap_or(u32::MAX);
            }
            pending.mix |= room.bus().is_some() && member.plan.heard_in_a_mix() != plan.heard_in_a_mix();
            let handle = member.lease.handle;
            faults::point(faults::Where::Plan);
            self.publish_plan(handle, plan);
        }
        self.publish_mix(pending.mix || pending.all);
    }

    /// Ends the pairs that the state does not grant, and takes what private members say out of their frames.
    pub fn make_private(&mut self) {
        let number = self.next_number();
        let Some(room) = &self.room else { return };
        let granted = |from: &Member, listener: &Listener| {
            let handle = room.members.get(&listener.number);
            // Who has the number by now may be another than the one for whom the pair was made.
            let listener = handle
                .and_then(|handle| self.members.get(handle))
                .filter(|member| member.entered <= listener.subscription.since());
            !room.waiting() && listener.is_some_and(|to| hears(&from.facts, &to.facts).hears())
        };
        for member in self.members.values() {
            let ended = member.listeners.iter().filter(|listener| !granted(member, listener));
            ended.for_each(|listener| listener.subscription.close(listener.subscription.since()));
        }
        for subscription in self.members.values().flat_map(|member| member.plan.subscriptions.iter()) {
            let stays = |listener: &Listener| triomphe::Arc::ptr_eq(&listener.subscription, subscription);
            let speaker = self.members.get(&subscription.speaker());
            if !speaker.is_some_and(|speaker| speaker.listeners.iter().any(stays)) {
                subscription.close(subscription.since());
            }
        }
        let private = room.members.values().filter_map(|handle| {
            let member = self.members.get(handle).filter(|member| member.facts.speaks.privately())?;
            let subscriptions = member.plan.subscriptions.changed(&BTreeSet::new(), Vec::new());
            Some((*handle, MemberPlan { subscriptions, ..plan_without_subscriptions(number, member, room) }))
        });
        let plans: Vec<_> = private.collect();
        plans.into_iter().for_each(|(handle, plan)| self.publish_plan(handle, plan));
    }

    /// All subscriptions, by their listeners.
    fn all_links(&self) -> HandleMap<Difference> {
        let mut all = HandleMap::<Difference>::default();
        let Some(room) = &self.room else { return all };
        for listener in self.inside().flat_map(|(.., member)| &member.listeners) {
            let handle = room.members.get(&listener.number);
            let entered = handle.and_then(|handle| self.members.get(handle)).map(|member| member.entered);
            if let Some(handle) =
                handle.filter(|_| entered.is_some_and(|entered| entered <= listener.subscription.since()))
            {
                all.entry(*handle).or_default().new.push(listener.subscription.clone());
            }
        }
        all
    }

    /// Publishes what the ticks of the room sum, if that has changed.
    fn publish_mix(&mut self, changed: bool) {
        let Self { room: Some(room), members, retirement, shared, .. } = self else {
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
            .filter_map(|member| Some(MixInput { input: member.input.clone()?, heard: member.plan.heard_in_a_mix() }));
        let leaving = room.leaving.iter().map(|leaver| leaver.input.clone()).collect();
        let plan = Arc::new(MixPlan { mixed: mixed.collect(), leaving });
        room.lease.get().publish(&plan);
        if room.lease.get().wakes() {
            shared.ticker.add(room.lease.handle, bus.tick_ms());
        }
        // Asked before how many ticks were made: rather one too many.
        let first = bus.ticks() + u64::from(room.lease.slot().read.occupant().is_some());
        plan.mixed.iter().for_each(|mixed| mixed.input.begin(first));
        let old = room.mix_plan.replace(plan);
        retirement.retire(old, [&room.lease.slot().read].into_iter());
    }
}

/// One member's plan in a room, without the private streams that it hears: as if it had heard some until now.
fn plan_without_subscriptions(number: u64, member: &Member, room: &Room) -> MemberPlan {
    let Facts { speaks, muted, deaf, held, passing, .. } = &member.facts;
    let mut plan = MemberPlan {
        number,
        entered: member.entered,
        speech: Speech::Open,
        private: speaks.privately(),
        hearing: Hearing::Host,
        host_mix: room.lease.get().host_mix(),
        opening: member.opening,
        stream: member.stream.clone(),
        input: None,
        bus: None,
        since_withdrawn: 0,
        since_transferred: ago(number, member.transferred),
        subscriptions: Subscriptions::default(),
    };
    if *passing {
        return MemberPlan { speech: Speech::Bypass, input: member.input.clone(), ..plan };
    }
    let silenced = *muted || *held || room.waiting();
    plan.speech = match speaks {
        // Where the host mixes, muting and holding open speech is its own affair.
        Speaks::Openly if room.bus().is_none() || !silenced => Speech::Open,
        Speaks::To(_) | Speaks::ToNobody if !silenced => Speech::Private,
        _ => Speech::Silent,
    };
    if let Some(bus) = room.bus() {
        plan.hearing = if room.waiting() || *deaf || *held { Hearing::Silence } else { Hearing::Bus };
        plan.input = member.input.clone();
        plan.bus = Some(bus.clone());
    }
    plan
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Weak};

    use super::super::{
        engine::{Config, Engine},
        engine_clock::EngineClock,
        shared::Shared,
        state::{Mixer, NewMember, RoomState},
    };
    use crate::{
        audio::{format::Format, hook::slot::ROOM},
        sys,
    };

    /// The plan that a hook is acting on is kept until it has left, also of a member outside rooms.
    #[test]
    fn a_plan_of_a_member_outside_rooms_is_kept_while_a_hook_is_inside() {
        let shared = Shared::new(200, false, Arc::new(EngineClock::new(true)), false);
        let mut state = RoomState::new(shared, None);
        let new = NewMember::for_tests("coach", None, Some("agent"));
        let handle = state.attach(&new, false).expect("is attached");
        let plan = |state: &RoomState| Arc::downgrade(&state.members[&handle].plan);
        for read in [true, false] {
            let slot = state.members[&handle].lease.slot();
            let gate = if read { &slot.read } else { &slot.write.0 };
            let (inside, old) = (gate.enter().expect("nobody is inside"), plan(&state));
            state.publish_alone(handle);
            state.retirement.sweep();
            assert!(Weak::upgrade(&old).is_some(), "the hook acts on it still");
            drop(inside);
            state.retirement.sweep();
            assert!(Weak::upgrade(&old).is_none(), "nobody acts on it any more");
        }
    }

    /// An engine-mixed room with two members that speak openly.
    fn mixed_room() -> (Arc<Engine>, u64, [u64; 2]) {
        let engine = Engine::create(Config::for_tests(0));
        let mixer = Mixer::Engine { format: Format::new(8_000, 1).expect("a format"), tick_ms: 20, own_clock: false };
        let room = engine.open_room("mixed", mixer, (std::ptr::null_mut(), None)).expect("is opened");
        let members = ["first", "second"].map(|call_id| {
            engine
                .attach(&NewMember { starts: true, ..NewMember::for_tests(call_id, None, None) })
                .expect("is attached")
        });
        for (number, member) in members.into_iter().enumerate() {
            engine.join(member, room, number as u32).expect("enters");
        }
        (engine, room, members)
    }

    fn tick(room: u64) {
        // SAFETY: a handle is a plain number.
        assert_eq!(unsafe { sys::coach_room_tick(room) }, sys::COACH_OK);
    }

    /// A tick that has begun when a member leaves acts on an earlier plan, and hears it still; so the one after that lets it fade.
    #[test]
    fn who_leaves_stays_in_the_mix_for_two_ticks_and_nothing_is_published_in_vain() {
        let (engine, room, [leaves, stays]) = mixed_room();
        let mixed = |tag: &str| {
            let change = |state: &mut RoomState| {
                state.tag(stays, tag)?;
                Ok(state.room.as_ref().and_then(|room| room.mix_plan.clone()).expect("the engine mixes"))
            };
            engine.act_on(stays, change).expect("is tagged")
        };
        tick(room);
        let before = mixed("a");
        assert!(Arc::ptr_eq(&before, &mixed("b")), "a tag changes nothing of the mix");
        engine.act_on(leaves, |state| state.leave(leaves)).expect("leaves");
        assert_eq!((mixed("c").leaving.len(), mixed("d").mixed.len()), (1, 1));
        tick(room);
        assert_eq!(mixed("e").leaving.len(), 1, "that tick may have acted on the plan before");
        tick(room);
        assert_eq!(mixed("f").leaving.len(), 0, "it has faded");
        engine.destroy().expect("it ends");
    }

    #[test]
    fn a_change_leaves_the_plans_of_those_whom_it_does_not_concern_as_they_are() {
        let (engine, room, [tagged, open]) = mixed_room();
        let private = engine.attach(&NewMember::for_tests("coach", None, Some("agent"))).expect("is attached");
        engine.join(private, room, 9).expect("enters");
        let plans = |tag: &str| {
            let change = |state: &mut RoomState| {
                state.tag(tagged, tag)?;
                Ok([open, private].map(|member| state.members[&member].plan.number))
            };
            engine.act_on(tagged, change).expect("is tagged")
        };
        assert_eq!(plans("a"), plans("b"));
        engine.destroy().expect("it ends");
    }

    /// It would take what it said before for what it says now.
    #[test]
    fn a_tick_that_goes_on_takes_nothing_from_who_comes_back_meanwhile() {
        let (engine, room, [comes_back, _]) = mixed_room();
        engine.act_on(comes_back, |state| state.leave(comes_back)).expect("leaves");
        (0..3).for_each(|_| tick(room));
        let (_, inside) = ROOM.enter_read(room).expect("nobody ticks it");
        engine.join(comes_back, room, 9).expect("enters");
        let taken = |state: &mut RoomState| {
            let input = state.members[&comes_back].input.as_ref().expect("the engine mixes");
            Ok([4, 5].map(|tick| input.taken_before(tick)))
        };
        assert_eq!(engine.act_on(comes_back, taken).expect("is there"), [false, true], "the fourth tick goes on");
        drop(inside);
        engine.destroy().expect("it ends");
    }
}
