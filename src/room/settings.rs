//! What may change in mid-call: tags, speakOnlyTo, mute, deaf, hold, pass. A change that widens an audience passes an opening
//! guard (promise 3).

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use super::{
    error::{Error, Result},
    event::EventKind,
    pending::PendingChanges,
    state::{Member, RoomState},
    streams::new_stream,
};
use crate::{
    audio::lockfree::opening_guard::Opening,
    route::{Speaks, Tags, rule},
    sys,
};

/// A yes or no of a member that may change in mid-call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toggle {
    Mute,
    Deaf,
    Hold,
}

impl RoomState {
    pub fn tag(&mut self, handle: u64, tags: &str) -> Result<()> {
        let tags = Tags::parse(tags).map_err(|e| Error::tag("memberTag", &e))?;
        self.set_tags(handle, tags, EventKind::Tag)
    }

    pub fn untag(&mut self, handle: u64) -> Result<()> {
        self.set_tags(handle, Tags::default(), EventKind::Untag)
    }

    /// Somebody else is at the far end of the member's leg: the tags were given to the one before.
    pub fn transferred(&mut self, handle: u64) -> Result<()> {
        self.member(handle)?;
        let number = self.upcoming();
        let member = self.member_mut(handle)?;
        member.transferred = number;
        if member.facts.tags != Tags::default() {
            return self.untag(handle);
        }
        self.begin(handle);
        self.republish(handle);
        Ok(())
    }

    fn set_tags(&mut self, handle: u64, tags: Tags, kind: EventKind) -> Result<()> {
        let member = self.member(handle)?;
        let index = member.place.and(self.room.as_ref()).map(|room| &room.index);
        let wider = index.into_iter().flat_map(|index| index.speakers(&tags)).filter(|speaker| {
            let addressed = |speaker: &Member| rule::addressed(&speaker.facts, &member.facts);
            *speaker != handle && self.members.get(speaker).is_some_and(|speaker| !addressed(speaker))
        });
        let wider: BTreeSet<u64> = wider.collect();
        self.begin(handle);
        self.member_mut(handle)?.facts.tags = tags;
        wider.into_iter().for_each(|speaker| self.widen(speaker));
        self.republish(handle);
        self.record_event(kind, handle, "");
        self.record_audience_changes();
        Ok(())
    }

    /// Private from now on. What it says in `Err` with COACH_ERR_MEMORY is done: private to nobody.
    pub fn coach(&mut self, handle: u64, speak_only_to: &str) -> Result<()> {
        self.member(handle)?;
        let speaks = match speak_only_to {
            "-" => Speaks::ToNobody,
            tags => Speaks::To(Tags::parse(tags).map_err(|e| Error::tag("speakOnlyTo", &e))?),
        };
        let was_private = self.member(handle)?.facts.speaks.privately();
        let before = if was_private { self.addressees(handle) } else { Vec::new() };
        self.begin(handle);
        let host_mix = self.host_mix();
        let member = self.member_mut(handle)?;
        // Outside rooms there is nobody to compare: whoever has a new tag may be where it goes.
        let wider_outside = was_private && member.place.is_none() && !speaks.within(&member.facts.speaks);
        member.facts.speaks = speaks;
        let format = member.spoken_format(host_mix);
        let mut voiceless = false;
        if member.stream.is_none() {
            match new_stream(&mut member.facts, format) {
                Ok(stream) => member.stream = stream,
                Err(()) => voiceless = true,
            }
        }
        let mut after = was_private.then(|| self.addressees(handle)).into_iter().flatten();
        if wider_outside || after.any(|listener| before.binary_search(&listener).is_err()) {
            self.widen(handle);
        }
        if !was_private {
            self.expect_conversions_of_pairs(handle);
        }
        self.sound_again(handle);
        self.republish(handle);
        self.record_event(
            EventKind::Coach,
            handle,
            if voiceless { "no memory for its voice: private to nobody" } else { "" },
        );
        self.record_audience_changes();
        if voiceless {
            let message = "no memory for the member's voice: it is private to nobody; free some and coach it again";
            return Err(Error::new(sys::COACH_ERR_MEMORY, message));
        }
        Ok(())
    }

    pub fn uncoach(&mut self, handle: u64) -> Result<()> {
        self.begin(handle);
        let member = self.member_mut(handle)?;
        if member.facts.speaks.privately() {
            member.facts.speaks = Speaks::Openly;
            member.audience = None;
            self.widen(handle);
        }
        self.sound_again(handle);
        self.republish(handle);
        self.record_event(EventKind::Uncoach, handle, "");
        self.record_audience_changes();
        Ok(())
    }

    /// An ordinary call from now on, or no more.
    pub fn bypass(&mut self, handle: u64, on: bool) -> Result<()> {
        self.begin(handle);
        let member = self.member_mut(handle)?;
        if on && !member.facts.passing && member.facts.speaks.privately() {
            self.widen(handle);
        }
        let member = self.member_mut(handle)?;
        member.facts.passing = on;
        member.no_sound();
        self.republish(handle);
        self.record_event(if on { EventKind::Bypass } else { EventKind::Unbypass }, handle, "");
        self.record_audience_changes();
        Ok(())
    }

    pub fn set_toggle(&mut self, handle: u64, toggle: Toggle, on: bool) -> Result<()> {
        self.begin(handle);
        let facts = &mut self.member_mut(handle)?.facts;
        let (fact, kind) = match (toggle, on) {
            (Toggle::Mute, true) => (&mut facts.muted, EventKind::Mute),
            (Toggle::Mute, false) => (&mut facts.muted, EventKind::Unmute),
            (Toggle::Deaf, true) => (&mut facts.deaf, EventKind::Deaf),
            (Toggle::Deaf, false) => (&mut facts.deaf, EventKind::Undeaf),
            (Toggle::Hold, true) => (&mut facts.held, EventKind::Hold),
            (Toggle::Hold, false) => (&mut facts.held, EventKind::Unhold),
        };
        *fact = on;
        self.republish(handle);
        self.record_event(kind, handle, "");
        self.record_audience_changes();
        Ok(())
    }

    /// A change of this member begins; it is made once it is published. One that stops half-way is undone.
    fn begin(&mut self, handle: u64) {
        self.undo.clear();
        self.remember(handle);
    }

    fn remember(&mut self, handle: u64) {
        let member = self.members.get(&handle);
        self.undo.extend(member.map(|member| (handle, member.facts.clone(), member.opening)));
    }

    /// After a panic: undoes the change that stopped half-way, and makes every plan anew from the state. What has panicked
    /// once may do so again: so private speech is made private first of all, and if this stops half-way the next change makes every plan anew.
    pub fn rollback(&mut self) {
        self.claimed = None;
        let host_mix = self.host_mix();
        while let Some((handle, facts, opening)) = self.undo.pop() {
            if let Some(member) = self.members.get_mut(&handle) {
                (member.facts, member.opening) = (facts, opening);
                let format = member.spoken_format(host_mix);
                if member.stream.is_none()
                    && let Ok(stream) = new_stream(&mut member.facts, format)
                {
                    member.stream = stream;
                }
            }
        }
        self.make_private();
        let outside = self.members.iter().filter(|(_, member)| member.place.is_none()).map(|(handle, _)| *handle);
        let outside: Vec<u64> = outside.collect();
        outside.into_iter().for_each(|member| self.publish_alone(member));
        self.rebuild_all();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.publish())) {
            self.rebuild_all();
            resume_unwind(panic);
        }
    }

    /// The next plans are made of the state alone.
    fn rebuild_all(&mut self) {
        self.forget_pairs(PendingChanges { all: true, ..PendingChanges::default() });
    }

    /// Whom the member's rule lets hear it, of the others in its room. Handles, in order.
    pub fn addressees(&self, handle: u64) -> Vec<u64> {
        let member = self.members.get(&handle).filter(|member| member.place.is_some());
        let mut all = member.map_or_else(Vec::new, |member| self.spoken_to(&member.facts.speaks));
        all.retain(|other| *other != handle);
        all
    }

    /// Who in the room may hear somebody who speaks so. Handles, in order.
    pub fn spoken_to(&self, speaks: &Speaks) -> Vec<u64> {
        let Some(room) = &self.room else { return Vec::new() };
        let mut all: Vec<u64> = match speaks {
            Speaks::Openly => room.members.values().copied().collect(),
            Speaks::ToNobody => Vec::new(),
            Speaks::To(tags) => room.index.tagged(tags).collect(),
        };
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The plan that is published next widens the audience of `speaker`: it passes an opening guard (promise 3).
    ///
    /// Guards that the read hook has not met yet begin with the same frame as this one, so that the lowest floor of them is
    /// right for all of them.
    pub fn widen(&mut self, speaker: u64) {
        let (plan, ms) = (self.upcoming(), self.shared.guard_ms);
        self.shared.needs_service(); // the guard goes by the clock
        let now = self.shared.clock.now();
        self.remember(speaker);
        self.mark_for_new_plan(speaker);
        // Who passes everything through has no audience that could be widened.
        let Some(member) = self.members.get_mut(&speaker).filter(|member| !member.facts.passing) else {
            return;
        };
        let guard = member.lease.get().guarded.state();
        let floor = if member.opening.plan > guard.seen { member.opening.floor } else { plan - 1 };
        member.opening = Opening::new(plan, floor, ms, now);
    }
}
