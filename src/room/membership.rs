//! Rooms that open and close, members that attach, join, leave and detach. Nothing changes where it fails.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    error::{Error, Result},
    event::EventKind,
    handles::HandleSet,
    host_data::HostData,
    pending::PendingChanges,
    shared::Shared,
    state::{LeavingMember, Member, Mixer, NewMember, Place, Room, RoomState},
    streams::new_stream,
    tag_index::{Indexed, TagIndex},
};
use crate::{
    audio::{
        self,
        hook::{
            plan::MemberPlan,
            slot::{MEMBER, ROOM},
        },
        host_mix::HostMix,
        lockfree::opening_guard::Opening,
        mix::bus::Bus,
    },
    route::{Facts, Speaks, Tags},
    sys,
};

impl RoomState {
    /// A room of that name, which nobody has yet.
    pub fn open_room(shared: &Arc<Shared>, name: &str, mixer: Mixer) -> Result<Self> {
        let (bus, own_clock, host_mix) = match mixer {
            Mixer::Host(mix) => (None, false, mix),
            Mixer::Engine { format, tick_ms, own_clock } => {
                let bus = Bus::new(format, tick_ms).ok_or_else(|| Error::memory("the room's mix"))?;
                (Some(Arc::new(bus)), own_clock, HostMix::Unknown)
            }
        };
        let lease = ROOM.lease(Box::new(audio::mix::tick::Room::new(bus, own_clock, host_mix))).ok_or_else(|| {
            Error::new(sys::COACH_ERR_TOO_MANY, format!("{} rooms are open; close one first", audio::hook::slot::ROOMS))
        })?;
        let room = Room {
            lease,
            name: name.into(),
            members: BTreeMap::new(),
            sequence: 0,
            started: false,
            mix_plan: None,
            leaving: Vec::new(),
            index: TagIndex::default(),
            pending: PendingChanges::default(),
            renewed: HandleSet::default(),
            data: None,
        };
        Ok(Self::new(shared.clone(), Some(room)))
    }

    pub fn close_room(&mut self) -> Result<()> {
        self.room()?;
        self.remove_everyone();
        let Some(room) = self.room.take() else {
            return Err(Error::handle("room"));
        };
        let revoked = room.lease.revoke();
        let slot = revoked.slot();
        self.retirement.retire((revoked, room.mix_plan), [&slot.read].into_iter());
        Ok(())
    }

    /// The room ends for everyone inside.
    fn remove_everyone(&mut self) {
        let inside: Vec<_> = self.inside().map(|(number, handle, _)| (number, handle)).collect();
        let Some((room, engine_mixed)) = self.room.as_ref().map(|room| (room.lease.handle, room.bus().is_some()))
        else {
            return;
        };
        self.note_audiences(&inside.iter().map(|(_, handle)| *handle).collect::<Vec<_>>()); // while all are there
        self.break_all_pairs();
        for (_, handle) in &inside {
            self.take_out(*handle);
            if let Some(member) = self.members.get_mut(handle) {
                member.ended = engine_mixed;
            }
        }
        if let Some(room) = &mut self.room {
            room.started = false;
        }
        inside.iter().for_each(|(_, handle)| self.publish_alone(*handle));
        self.publish();
        for (number, handle) in inside {
            self.record_event_at(EventKind::End, handle, Some(Place { room, number }), "the room ended");
        }
    }

    // ---- members

    pub fn attach(&mut self, new: &NewMember, timed: bool) -> Result<u64> {
        name_rules(new.call_id, "a call id", sys::COACH_ERR_CALL_ID)?;
        if self.calls.contains_key(new.call_id) {
            let message = format!("a member has the call id {}; detach it first", new.call_id);
            return Err(Error::new(sys::COACH_ERR_CALL_IN_USE, message));
        }
        let tags = match new.tags {
            None | Some("") => Tags::default(),
            Some(tags) => Tags::parse(tags).map_err(|e| Error::tag("memberTag", &e))?,
        };
        let mut warning = None;
        let speaks = match new.speak_only_to {
            _ if new.malformed => {
                warning = Some("speakOnlyTo is not UTF-8. The member is private to nobody".into());
                Speaks::ToNobody
            }
            None => Speaks::Openly,
            Some("-") => Speaks::ToNobody,
            Some(to) => Tags::parse(to).map_or_else(
                |e| {
                    warning = Some(format!("speakOnlyTo: {e}. The member is private to nobody"));
                    Speaks::ToNobody
                },
                Speaks::To,
            ),
        };
        let mut facts = Facts { tags, speaks, muted: new.muted, deaf: new.deaf, ..Facts::default() };
        let stream = new_stream(&mut facts, None).unwrap_or_else(|()| {
            warning = Some("no memory for the member's voice. The member is private to nobody; coach it again".into());
            None
        });
        let number = self.next_number();
        let plan = Arc::new(MemberPlan::outside_rooms(number, &facts, false, None, Opening::default(), 0));
        let audio = audio::hook::member::Member::new(&plan, &self.shared.work_flag, &self.shared.clock.hooks, timed);
        let lease = MEMBER.lease(Box::new(audio)).ok_or_else(|| {
            Error::new(
                sys::COACH_ERR_TOO_MANY,
                format!("{} members are attached; detach one first", audio::hook::slot::MEMBERS),
            )
        })?;
        let (handle, call_id) = (lease.handle, Arc::<str>::from(new.call_id));
        let member = Member {
            lease,
            call_id: call_id.clone(),
            facts,
            indexed: Indexed::default(),
            starts: new.starts,
            ends: new.ends,
            place: None,
            entered: 0,
            transferred: 0,
            ended: false,
            stream,
            opening: Opening::default(),
            input: None,
            plan,
            listeners: Vec::new(),
            audience: None,
            sounded: None,
            refused_before: [false; 2],
            spoke_to: None,
            sound_due: false,
            data: Some(HostData::new(new.data)),
        };
        if member.facts.speaks.privately() {
            self.shared.needs_service();
        }
        self.members.insert(handle, Box::new(member));
        self.calls.insert(call_id, handle);
        if let Some(warning) = warning {
            self.record_event(EventKind::Warning, handle, &warning);
        }
        Ok(handle)
    }

    /// A member that is outside, and here already.
    pub fn join(&mut self, handle: u64, number: u32) -> Result<()> {
        let member = self.member(handle)?;
        if let Some(place) = member.place {
            let name = self.room().map_or("", |room| room.name.as_str());
            let message = format!("the member is in the room {name} as {}; leave it first", place.number);
            return Err(Error::new(sys::COACH_ERR_STATE, message));
        }
        let starts = member.starts;
        let here = self.room()?;
        let room = here.lease.handle;
        if here.members.contains_key(&number) {
            let message = format!("number {number} is in use in {}; give one that is not", here.name);
            return Err(Error::new(sys::COACH_ERR_NUMBER_IN_USE, message));
        }
        let input = match here.bus() {
            None => None,
            Some(bus) => {
                let input = bus.input(here.members.len());
                Some(Arc::new(input.ok_or_else(|| Error::memory("the member's part of the mix"))?))
            }
        };
        let large = input.is_some() && here.members.len() >= LARGE;
        let here = self.room_mut()?;
        here.members.insert(number, handle);
        here.leaving.retain(|leaver| leaver.member != handle); // it would hear itself fade
        let starting = starts && !here.started;
        here.started |= starts;
        here.pending.mix = true;
        here.pending.all |= starting && here.bus().is_some(); // all who have waited hear each other now
        let (entered, host_mix) = (self.upcoming(), self.host_mix());
        let member = self.member_mut(handle)?;
        if let (0, Some(input)) = (member.entered, &input) {
            input.begin(0); // no mix has had its speech before
        }
        let lease = &member.lease;
        lease.get().is_in(if large { lease.index() } else { u32::MAX });
        member.place = Some(Place { room, number });
        member.entered = entered;
        member.input = input;
        member.ended = false;
        member.expect_conversions();
        member.fit_stream(host_mix);
        let private = member.facts.speaks.privately();
        if let Some(before) = member.spoke_to.take().filter(|_| private)
            && self.addressees(handle).iter().any(|listener| before.binary_search(listener).is_err())
        {
            self.widen(handle);
            self.undo.clear(); // joining is not undone
        }
        self.mark_changed(handle);
        self.publish();
        if starting {
            self.record_event_at(EventKind::Start, handle, None, "the conference starts");
        }
        self.record_event(EventKind::Join, handle, "");
        self.record_audience_changes();
        Ok(())
    }

    pub fn leave(&mut self, handle: u64) -> Result<()> {
        let Some(place) = self.member(handle)?.place else {
            return Err(Error::new(sys::COACH_ERR_STATE, "the member is in no room; join one first"));
        };
        let ends = self.member(handle)?.ends;
        self.note_audiences(&[handle]);
        self.break_pairs(handle);
        self.take_out(handle);
        self.publish_alone(handle);
        let room = self.room_mut()?;
        let engine_mixed = room.bus().is_some();
        if room.members.is_empty() {
            room.started = false;
        }
        if !(ends && engine_mixed) {
            self.publish();
        }
        self.record_event_at(EventKind::Leave, handle, Some(place), "");
        if ends && engine_mixed {
            self.remove_everyone();
        } else {
            self.record_audience_changes();
        }
        Ok(())
    }

    /// Before it leaves its room: what it said there in private may still be on its way when it joins the next.
    fn note_audiences(&mut self, handles: &[u64]) {
        let mut last: Option<(Speaks, Arc<[u64]>)> = None;
        for handle in handles {
            let member = self.members.get(handle).filter(|member| member.facts.speaks.privately());
            let Some(speaks) = member.map(|member| &member.facts.speaks) else { continue };
            let audience = match last.take().filter(|(other, _)| other == speaks) {
                Some(known) => known, // those who leave together mostly speak to the same tags
                None => (speaks.clone(), self.spoken_to(speaks).into()),
            };
            if let Some(member) = self.members.get_mut(handle) {
                member.spoke_to = Some(audience.1.clone());
            }
            last = Some(audience);
        }
    }

    /// Out of its room's state, without its pairs; publishing is the caller's.
    fn take_out(&mut self, handle: u64) {
        let Some(member) = self.members.get_mut(&handle) else {
            return;
        };
        member.audience = None;
        member.no_sound();
        let input = member.input.take();
        if let Some(input) = &input {
            self.shared.departed.lock().input.add(&input.counts);
        }
        if let Some(place) = member.place.take()
            && let Some(room) = &mut self.room
        {
            if let (Some(bus), Some(input)) = (room.bus(), input) {
                let next = bus.ticks();
                input.leave(next + u64::from(room.ticking()));
                if input.taken_before(next) {
                    room.leaving.push(LeavingMember { member: handle, next, input });
                }
            }
            room.members.remove(&place.number);
            room.pending.mix = true;
        }
    }

    /// A member that is outside.
    pub fn detach(&mut self, handle: u64) -> Result<()> {
        let Some(member) = self.members.remove(&handle) else {
            return Err(Error::handle("member"));
        };
        self.calls.remove(&member.call_id);
        let audio = member.lease.get();
        let mut departed = self.shared.departed.lock();
        departed.read.add(&audio.read.counts);
        departed.write.add(&audio.write.counts);
        departed.slowest = departed.slowest.max(audio.read.counts.slowest.get()).max(audio.write.counts.slowest.get());
        drop(departed);
        let revoked = member.lease.revoke();
        let slot = revoked.slot();
        self.retirement.retire((revoked, member.plan), [&slot.read, &slot.write.0].into_iter());
        Ok(())
    }

    /// The end of everything: nobody who begins now finds anything, and what there was goes once the hooks have left it.
    pub fn dissolve(&mut self) {
        let members = std::mem::take(&mut self.members).into_values().map(|member| {
            let revoked = member.lease.revoke();
            let slot = revoked.slot();
            (slot, (revoked, member.plan))
        });
        let members: Vec<_> = members.collect();
        let rooms = self.room.take().into_iter().map(|room| {
            let revoked = room.lease.revoke();
            (revoked.slot(), (revoked, room.mix_plan))
        });
        let rooms: Vec<_> = rooms.collect();
        let gates: Vec<_> = members.iter().flat_map(|(slot, _)| [&slot.read, &slot.write.0]).collect();
        let gates: Vec<_> = gates.into_iter().chain(rooms.iter().map(|(slot, _)| &slot.read)).collect();
        self.retirement.retire((members, rooms), gates.into_iter());
    }
}

/// The hooks of a member that comes into a room with so many members ask for what those of the next slot's member need. In a smaller room the
/// members stay in the cache, and where hooks run on several threads, one would only take the lines from another.
const LARGE: usize = 32;

/// The rule for room names and call ids.
pub fn name_rules(name: &str, what: &str, status: i32) -> Result<()> {
    let most = sys::COACH_MAX_NAME_BYTES as usize;
    let wrong = match name {
        "" => "it is empty".into(),
        _ if name.len() > most => format!("it has {} bytes", name.len()),
        _ => match name.chars().find(|c| c.is_whitespace() || c.is_control()) {
            Some(c) => format!("it holds {c:?}"),
            None => return Ok(()),
        },
    };
    Err(Error::new(status, format!("{what} has 1 to {most} bytes, no white space and no control characters; {wrong}")))
}
