//! What there is while the module is loaded: the calls that Coach knows, and the sessions whose messages come to it.

use std::{collections::HashMap, sync::Arc};

use super::{
    leg::{Leg, State},
    membership::{Flags, Membership},
    pending_flags::PendingFlags,
    rtp_times,
    services::Services,
    session::Session,
};
use crate::lock::Mutex;

/// The module while it is loaded. It may be loaded again into the same memory, so nothing else outlives an unload.
static MODULE: Mutex<Option<Arc<Module>>> = Mutex::new(None);

/// What there is while the module is loaded.
pub struct Module {
    pub services: Services,
    /// The calls that Coach knows, by UUID.
    legs: Mutex<HashMap<String, Arc<Leg>>>,
    /// Held while one is made: two threads may meet a call first, one that loads the module and the call's own.
    making: Mutex<()>,
    /// Sessions that have our message hook, by UUID.
    pub tracked: Mutex<HashMap<String, TrackedSession>>,
    pub pending_flags: PendingFlags,
    /// What this version's numbers for messages about applications are short of those declared.
    pub message_shift: u32,
}

/// A session whose messages come to us.
pub struct TrackedSession {
    /// Which one of that UUID.
    pub session: usize,
    /// It has left a conference since.
    pub has_left: bool,
    /// It was recovered after a crash, and runs its extension again.
    pub recovered: bool,
    /// Its phone has put it on hold.
    pub on_hold: bool,
    /// The call that it is bridged with, or was last.
    pub bridged_with: Option<String>,
}

impl Module {
    pub fn new(services: Services, message_shift: u32) -> Self {
        Self {
            services,
            legs: Mutex::default(),
            making: Mutex::default(),
            tracked: Mutex::default(),
            pending_flags: PendingFlags::default(),
            message_shift,
        }
    }

    /// The call with that UUID.
    pub fn find(&self, uuid: &str) -> Option<Arc<Leg>> {
        self.legs.lock().get(uuid).cloned()
    }

    /// The call that the engine calls so.
    pub fn called(&self, call_id: &str) -> Option<Arc<Leg>> {
        let legs = self.legs.lock();
        let same = |leg: &&Arc<Leg>| leg.call_id == call_id;
        legs.get(call_id).filter(same).or_else(|| legs.values().find(same)).cloned()
    }

    /// The member with that number: FreeSWITCH gives each once.
    pub fn numbered(&self, number: u32) -> Option<Arc<Leg>> {
        self.all().into_iter().find(|leg| leg.number() == Some(number))
    }

    /// The call with that UUID, made if Coach has not known it.
    pub fn leg(&self, session: &Session) -> Result<Arc<Leg>, String> {
        let _one = self.making.lock();
        if let Some(leg) = self.find(&session.uuid()) {
            return Ok(leg);
        }
        let leg = Arc::new(Leg::new(&self.services, session)?);
        self.legs.lock().insert(leg.uuid.clone(), leg.clone());
        Ok(leg)
    }

    /// Whether a session has left a conference since it is tracked.
    pub fn has_left(&self, uuid: &str) -> bool {
        self.tracked.lock().get(uuid).is_some_and(|tracked| tracked.has_left)
    }

    /// Whether a call's phone has put it on hold.
    pub fn is_on_hold(&self, uuid: &str) -> bool {
        self.tracked.lock().get(uuid).is_some_and(|tracked| tracked.on_hold)
    }

    /// Has a leg join its conference: see [`Leg::join`].
    pub fn join(
        &self,
        leg: &Leg,
        state: &mut State,
        membership: Membership,
        flags: Flags,
        now: u64,
        channels: u32,
    ) -> Result<(), Membership> {
        leg.hold(state, self.is_on_hold(&leg.uuid));
        leg.join(&self.services, state, membership, flags, now, channels)
    }

    /// Forgets a call.
    pub fn end(&self, leg: &Leg) {
        // In this order: whoever replaces it finds it among the calls or among those that have left.
        leg.end(&self.services);
        self.services.opening_guards.ends(&leg.uuid, &self.services.unload_lock);
        self.services.recovery.remove(&leg.uuid);
        rtp_times::forget(leg.session);
        self.legs.lock().remove(&leg.uuid);
    }

    /// Every call.
    pub fn all(&self) -> Vec<Arc<Leg>> {
        self.legs.lock().values().cloned().collect()
    }
}

/// The module, unless it is being unloaded.
pub fn current() -> Option<Arc<Module>> {
    MODULE.lock().clone()
}

/// From now on this is the module that callbacks find.
pub fn set_current(module: Arc<Module>) {
    *MODULE.lock() = Some(module);
}

/// The module is being unloaded: from now on callbacks find none, and nobody keeps it loaded.
pub fn take_current() -> Option<Arc<Module>> {
    let module = &mut *MODULE.lock();
    module.iter().for_each(|module| module.services.unload_lock.close());
    module.take()
}
