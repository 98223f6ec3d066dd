//! One call that Coach knows: its member of the engine, its settings, its media bugs, its membership in a conference.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{
    answering,
    app_stack::AppStack,
    fs,
    media_bug::{Installation, MediaBug, Side},
    membership::{Flags, Membership},
    names::{engine_name, uuid_for_core},
    rooms::JoinError,
    services::Services,
    session::{Session, log},
    settings::{Action, Settings, names_mode},
};
use crate::{
    host::client::Member,
    lock::{Mutex, MutexGuard},
    sys,
};

/// What changes.
#[derive(Default)]
pub struct State {
    pub settings: Settings,
    /// `conference` applications that run on it.
    pub conferences: AppStack,
    /// Conferences that have taken it in.
    pub taken: AppStack,
    /// The leg before it whose settings have had their effect.
    pub inherited: Option<String>,
    /// The engine bypasses its hooks: it is an ordinary call for now.
    bypassed: bool,
    pub membership: Option<Membership>,
    pub flags: Flags,
    /// Its phone has put the call on hold.
    pub on_hold: bool,
    /// `Event-Sequence` of the last conference event that counted, or of the moment in which it joined.
    pub sequence: u64,
    /// It has ended: a command that found it before keeps the module loaded for it no more.
    ended: bool,
}

/// `change` or `command`.
pub type How = fn(&Leg, &Services, &Session, &mut State, Action) -> Result<String, String>;

/// See the module.
pub struct Leg {
    pub uuid: String,
    /// The engine's name for it.
    pub call_id: String,
    /// Which session of that UUID: somebody may give the next one the same.
    pub session: usize,
    /// SIP's name for the call, by which another leg says that it replaces this one.
    pub sip_call_id: Option<String>,
    member: Member,
    /// What it says passes Coach, and what it hears.
    reads: MediaBug,
    writes: MediaBug,
    /// It speaks privately, and holds the module's lock for that: mod_coach is not unloaded.
    private: AtomicBool,
    /// Something removed one of its bugs: it cannot speak privately any more.
    pub lost_bugs: AtomicBool,
    /// It is in a conference that runs inside its endpoint's work: a media bug would make the call hang.
    pub allows_no_bugs: AtomicBool,
    state: Mutex<State>,
}

impl Leg {
    /// Makes its member: with no bugs, no tags, speaking openly, and in no conference.
    pub fn new(services: &Services, session: &Session) -> Result<Self, String> {
        let uuid = session.uuid();
        let call_id = engine_name(uuid_for_core(&uuid).to_bytes(), &format!("{:x}", session.raw().addr()));
        let member = services.engine.attach(&call_id, uuid_for_core(&uuid))?;
        Ok(Self {
            uuid,
            call_id,
            session: session.raw().addr(),
            sip_call_id: session.variable(c"sip_call_id"),
            member,
            reads: MediaBug::new(Side::Read),
            writes: MediaBug::new(Side::Write),
            private: AtomicBool::new(false),
            lost_bugs: AtomicBool::new(false),
            allows_no_bugs: AtomicBool::new(false),
            state: Mutex::default(),
        })
    }

    /// The right to do something to it.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Locks it to make it what `wanted` says, with its read bug installed if that is private.
    pub fn lock_with_read_bug(
        &self,
        session: &Session,
        wanted: impl Fn(&State) -> Settings,
    ) -> Result<(MutexGuard<'_, State>, Settings), String> {
        loop {
            let state = self.lock();
            // As it stands now: until it was locked, commands may have changed it.
            let wanted = wanted(&state);
            if wanted.speak_only_to.is_none() || self.reads.is_installed() {
                return Ok((state, wanted));
            }
            drop(state);
            self.install_read_bug(session)?;
        }
    }

    /// Whether it speaks privately.
    pub fn private(&self) -> bool {
        self.private.load(Ordering::Acquire)
    }

    /// Sees to it that what it says passes Coach, before it is made private. No lock of ours may be held.
    pub fn install_read_bug(&self, session: &Session) -> Result<(), String> {
        if self.allows_no_bugs.load(Ordering::Acquire) {
            return Err(answering::INSTEAD.into());
        }
        if self.reads.install_now(session, self.member.hooks()) {
            return Ok(());
        }
        Err("its media cannot be hooked; is it a call with audio, and up?".into())
    }

    /// Sees to it that it hears what is said to it privately. No lock of ours may be held.
    pub fn install_write_bug(&self, session: &Session) -> Installation {
        if self.allows_no_bugs.load(Ordering::Acquire) {
            return Installation::Failed;
        }
        let put = self.writes.install(session, self.member.hooks());
        if put == Installation::Failed {
            let line = "its media cannot be hooked: it does not hear what is said to it privately";
            log(fs::SWITCH_LOG_ERROR, Some(&self.uuid), line);
        }
        put
    }

    /// The same as `change`, and kept for the call's recovery after a crash. What closes an audience is kept first, what widens one last:
    /// whenever the switch ends, the call comes back no more open than it was.
    pub fn command(
        &self,
        services: &Services,
        session: &Session,
        state: &mut State,
        action: Action,
    ) -> Result<String, String> {
        let closes = matches!(action, Action::Coach(_) | Action::Untag | Action::Transferred);
        let prepared = closes.then(|| services.recovery.prepare(session, action));
        let reply = self.change(services, session, state, action);
        // For want of memory the reply may be an error, and the call private all the same.
        if reply.is_ok() || matches!(action, Action::Coach(to) if state.settings.speak_only_to.as_deref() == Some(to)) {
            services.recovery.keep(session, action, prepared);
        } else if let Some(prepared) = prepared {
            services.recovery.undo(session, &prepared);
        }
        reply
    }

    /// Carries out an action, and says what holds now. What makes the call private is refused unless its read bug is installed.
    pub fn change(
        &self,
        services: &Services,
        session: &Session,
        state: &mut State,
        action: Action,
    ) -> Result<String, String> {
        if matches!(action, Action::Coach(_)) {
            self.can_be_private()?;
        }
        if matches!(action, Action::Coach(_) | Action::Tag(_)) {
            self.can_be_hooked()?;
        }
        if let Action::Tag(tags) = action
            && names_mode(tags)
        {
            return Err(format!("speakOnlyTo in {tags} is no tag: it is a setting of its own"));
        }
        let was = state.settings.clone();
        match action {
            Action::Tag(tags) => state.settings.tags = Some(tags.into()),
            Action::Untag | Action::Transferred => state.settings.tags = None,
            Action::Coach(to) => state.settings.speak_only_to = Some(to.into()),
            Action::Uncoach => state.settings.speak_only_to = None,
        }
        self.keep(services, state).inspect_err(|_| state.settings.clone_from(&was))?;
        let (reply, done) = self.perform(state, action);
        if !done {
            state.settings = was;
            self.keep(services, state)?;
        }
        if matches!(action, Action::Tag(_) | Action::Coach(_)) {
            self.note_change(services); // by the others nobody hears somebody privately who did not before
        }
        // Not the other: somebody may have set it for the next conference.
        match action {
            Action::Tag(_) | Action::Untag | Action::Transferred => state.settings.write_tags(session),
            Action::Coach(_) | Action::Uncoach => state.settings.write_speak_only_to(session),
        }
        reply
    }

    /// Without a bug, a tagged call would hear nothing that is said to its tags, and a private one would be heard by everyone.
    fn can_be_hooked(&self) -> Result<(), String> {
        if self.allows_no_bugs.load(Ordering::Acquire) { Err(answering::INSTEAD.into()) } else { Ok(()) }
    }

    fn can_be_private(&self) -> Result<(), String> {
        if self.lost_bugs.load(Ordering::Acquire) {
            return Err("something took Coach's hooks off this call; it has to call again".into());
        }
        if self.reads.is_installed() { Ok(()) } else { Err("its media is not hooked".into()) }
    }

    /// Has the engine do it; whether it is done, since for want of memory the answer may be an error, and the call private all the same.
    fn perform(&self, state: &State, action: Action) -> (Result<String, String>, bool) {
        let member = &self.member;
        let answer = match (&state.membership, action) {
            (_, Action::Transferred) => member.transferred().map(|()| state.settings.to_string()),
            (Some(_), action) => member.command(&action.to_string()),
            (None, Action::Tag(tags)) => member.tag(tags).map(|()| state.settings.to_string()),
            (None, Action::Untag) => member.untag().map(|()| state.settings.to_string()),
            (None, Action::Coach(to)) => member.coach(to).map(|()| state.settings.to_string()),
            (None, Action::Uncoach) => member.uncoach().map(|()| state.settings.to_string()),
        };
        let done = answer.as_ref().map_or_else(|refused| refused.status == sys::COACH_ERR_MEMORY, |_| true);
        (answer.map_err(Into::into), done)
    }

    /// Who hears it and why, as the engine explains it.
    pub fn explain(&self, json: bool) -> Result<String, String> {
        Ok(self.member.command(if json { "explain as json" } else { "explain" })?)
    }

    /// Its number in its conference; none outside, and once it has ended.
    pub fn number(&self) -> Option<u32> {
        self.member.info().ok().filter(|info| info.room != 0).map(|info| info.number)
    }

    /// The engine's room that it is in, if its write bug has something to do there: it is spoken to privately, ignoring mute and deaf, since
    /// those end on the event thread, which must not wait for the core; or it hears the sounds of its mode.
    pub fn needs_write_bug_in(&self) -> Option<sys::coach_room_t> {
        let info = self.member.info().ok()?;
        (info.flags & sys::COACH_INFO_NEEDS_WRITE != 0).then_some(info.room)
    }

    /// Whether an opening guard of it runs, in a conference.
    pub fn is_guarded(&self) -> bool {
        self.member.info().is_ok_and(|info| info.room != 0 && info.opens_in_ms > 0)
    }

    /// Somebody in its conference may hear somebody privately from now on who did not before.
    fn note_change(&self, services: &Services) {
        if let Ok(info) = self.member.info()
            && info.room != 0
        {
            services.changed.note(info.room);
        }
    }

    /// The same for who cannot be asked again: what cannot be meant so is closed, private to nobody or without tags, and logged.
    pub fn set(
        &self,
        services: &Services,
        session: &Session,
        state: &mut State,
        action: Action,
        how: How,
    ) -> Result<(), String> {
        let done = how(self, services, session, state, action).or_else(|why| {
            let closed = match action {
                Action::Coach(_) => Action::Coach("-"),
                Action::Tag(_) => Action::Untag,
                Action::Uncoach | Action::Untag | Action::Transferred => return Err(why),
            };
            let instead = if matches!(closed, Action::Untag) { "has no tags" } else { "is private to nobody" };
            log(fs::SWITCH_LOG_WARNING, Some(&self.uuid), &format!("{why}. The call {instead}"));
            how(self, services, session, state, closed)
        });
        done.map(drop)
    }

    /// Makes it what its variables say.
    pub fn apply(
        &self,
        services: &Services,
        session: &Session,
        state: &mut State,
        wanted: &Settings,
    ) -> Result<(), String> {
        if wanted.speak_only_to.is_some() {
            self.can_be_private()?;
        }
        if wanted.speak_only_to != state.settings.speak_only_to {
            let action = wanted.speak_only_to.as_deref().map_or(Action::Uncoach, Action::Coach);
            self.set(services, session, state, action, Self::change)?;
        }
        if wanted.tags != state.settings.tags {
            let action = wanted.tags.as_deref().map_or(Action::Untag, Action::Tag);
            self.set(services, session, state, action, Self::change)?;
        }
        Ok(())
    }

    /// Whether the engine bypasses its hooks: `true` for an ordinary call, `false` in a conference or on the way into one.
    pub fn bypass(&self, services: &Services, state: &mut State, on: bool) -> Result<(), String> {
        if state.bypassed == on {
            return Ok(());
        }
        state.bypassed = on;
        let done = self.member.bypass(on);
        self.keep(services, state)?;
        Ok(done?)
    }

    /// Joins its conference, with what it may do there from the first moment on; events count that happened after `now`. Gives the membership back
    /// where another conference of that name has the room. `channels`: see [`mix::channels`](super::mix::channels).
    pub fn join(
        &self,
        services: &Services,
        state: &mut State,
        membership: Membership,
        flags: Flags,
        now: u64,
        channels: u32,
    ) -> Result<(), Membership> {
        state.sequence = now;
        self.follow(state, flags);
        match services.rooms.join(&services.engine, &self.member, &membership, channels) {
            Ok(()) => {
                self.note_change(services);
                state.membership = Some(membership);
            }
            Err(JoinError::Taken) => return Err(membership),
            Err(JoinError::Refused(why)) => {
                let line =
                    format!("{why}. The member is in no room of Coach's: what it says privately is heard by nobody");
                log(fs::SWITCH_LOG_ERROR, Some(&self.uuid), &line);
            }
        }
        Ok(())
    }

    /// Leaves its conference.
    pub fn leave(&self, services: &Services, state: &mut State) {
        if let Some(membership) = state.membership.take() {
            services.rooms.leave(&self.member, &membership);
        }
    }

    /// Follows what `mod_conference` lets it do.
    pub fn follow(&self, state: &mut State, flags: Flags) {
        let held = state.flags.held || state.on_hold;
        self.follow_from(Flags { held, ..state.flags }, Flags { held: flags.held || state.on_hold, ..flags });
        state.flags = flags;
    }

    /// Its phone puts the call on hold, or goes on.
    pub fn hold(&self, state: &mut State, on: bool) {
        let was = Flags { held: state.flags.held || state.on_hold, ..state.flags };
        self.follow_from(was, Flags { held: state.flags.held || on, ..was });
        state.on_hold = on;
    }

    fn follow_from(&self, was: Flags, flags: Flags) {
        // What is refused is refused since the member has ended.
        if was.muted != flags.muted {
            let _ = self.member.mute(flags.muted);
        }
        if was.deaf != flags.deaf {
            let _ = self.member.deaf(flags.deaf);
        }
        if was.held != flags.held {
            let _ = self.member.hold(flags.held);
        }
    }

    /// The end of it. Hooks that it has make silence of what was private from now on.
    pub fn end(&self, services: &Services) {
        let mut state = self.lock();
        self.leave(services, &mut state);
        // Refused where it has ended already.
        let _ = self.member.detach();
        services.departed.note(&self.uuid, self.sip_call_id.clone(), &state.settings);
        state.ended = true;
        if self.private.swap(false, Ordering::AcqRel) {
            services.unload_lock.release();
        }
    }

    /// Keeps the module loaded while the call speaks privately.
    fn keep(&self, services: &Services, state: &State) -> Result<(), String> {
        let private = state.settings.speak_only_to.is_some() && !state.bypassed && !state.ended;
        match (self.private(), private) {
            (false, true) if !services.unload_lock.hold() => {
                return Err("mod_coach is being unloaded".into());
            }
            (true, false) => {
                services.opening_guards.opened();
                // Outside, the unload itself waits for the length of a guard.
                if state.membership.is_some() {
                    services.opening_guards.begins(&self.uuid)
                } else {
                    services.unload_lock.release()
                }
            }
            _ => {}
        }
        self.private.store(private, Ordering::Release);
        Ok(())
    }
}
