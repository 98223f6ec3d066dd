//! What calls that spoke privately leave behind: settings for the legs that replace them, and speech that is still on its way.

use std::{
    collections::VecDeque,
    ffi::CStr,
    thread,
    time::{Duration, Instant},
};

use percent_encoding::percent_decode_str;

use super::{leg::Leg, module::Module, switch::Session};
use crate::lock::Mutex;

/// How long after its end a leg can be replaced by one that is still on its way to the conference.
const REPLACED_WITHIN: Duration = Duration::from_secs(60);

/// On a leg whose phone sent a REFER with Replaces: the SIP call that this names, a second call of that phone's. Whoever is on the
/// other end of that one takes the leg's place.
const HANDED_OVER_TO: &CStr = c"_sofia_replaces_";

/// On one of the two calls of an attended transfer: the other's UUID. All that Verto leaves, besides ...
const PARTNER: &CStr = c"refer_uuid";
/// ... on who takes a place: whom it was bridged with last, one of the two.
const BRIDGED_WITH: &CStr = c"last_bridge_to";

/// What is worth knowing for some time.
struct Recent<T>(Mutex<VecDeque<(Instant, T)>>);

impl<T> Recent<T> {
    fn note(&self, what: T) {
        let now = Instant::now();
        let mut all = self.0.lock();
        all.retain(|(when, _)| now.duration_since(*when) < REPLACED_WITHIN);
        all.push_back((now, what));
    }

    /// What the latest says to which `look` finds an answer.
    fn find<R>(&self, look: impl FnMut(&T) -> Option<R>) -> Option<R> {
        let mut look = look;
        self.0.lock().iter().rev().find_map(|(_, what)| look(what))
    }
}

/// A private leg that has ended.
struct Left {
    uuid: String,
    sip_call_id: Option<String>,
    speak_only_to: String,
}

/// See the module.
pub struct Legacy {
    left: Recent<Left>,
    /// UUIDs of calls that have ended as one of the two of an attended transfer, each with the other's.
    partners: Recent<[String; 2]>,
    guard: Duration,
    opened: Mutex<Option<Instant>>,
}

impl Legacy {
    pub fn new(guard: Duration) -> Self {
        Self { left: Recent(Mutex::default()), partners: Recent(Mutex::default()), guard, opened: Mutex::default() }
    }

    /// A private leg ends.
    pub fn leave(&self, leg: &Leg, speak_only_to: &str) {
        self.note(leg, leg.sip_call_id.clone(), speak_only_to);
    }

    /// A private leg hangs up. If its phone has handed it over to another call of its own, that call's name stands for it.
    pub fn hand_over(&self, leg: &Leg, session: &Session) {
        if let (Some(call), Some(to)) = (session.variable(HANDED_OVER_TO), &leg.lock().settings.speak_only_to) {
            self.note(leg, Some(call), to);
        }
    }

    /// Any call hangs up.
    pub fn hang_up(&self, session: &Session) {
        if let Some(partner) = session.variable(PARTNER) {
            self.partners.note([session.uuid(), partner]);
        }
    }

    fn note(&self, leg: &Leg, sip_call_id: Option<String>, speak_only_to: &str) {
        self.left.note(Left { uuid: leg.uuid.clone(), sip_call_id, speak_only_to: speak_only_to.into() });
    }

    /// Somebody speaks openly from now on; what it said privately may still be on its way to the hooks.
    pub fn opened(&self) {
        *self.opened.lock() = Some(Instant::now());
    }

    /// Returns once the opening guards have passed that run now.
    pub fn wait_for_guards(&self) {
        if let Some(opened) = *self.opened.lock() {
            thread::sleep(self.guard.saturating_sub(opened.elapsed()));
        }
    }
}

/// What a leg has of the private one that it replaces.
pub struct Inherited {
    /// That one's UUID.
    pub from: String,
    pub speak_only_to: String,
}

/// `speakOnlyTo` of the private leg that this one replaces, if it does.
///
/// An INVITE with Replaces and an attended transfer run the new leg into the same `conference`, without the old leg's variables. What
/// they leave is a name: the old leg's, or that of the call to which the old leg's phone handed it over.
pub fn inherited(module: &Module, session: &Session) -> Option<Inherited> {
    let bridged_with = session.variable(BRIDGED_WITH);
    let mut names = referred(&session.variable(c"sip_refer_to").unwrap_or_default());
    names.extend(session.variable(c"sip_replaces_call_id"));
    names.extend(bridged_with.as_deref().and_then(|uuid| partner(module, uuid)));
    if names.is_empty() && bridged_with.is_none() {
        return None;
    }
    let meant = |uuid: &str, sip: &Option<String>| names.iter().any(|name| name == uuid || Some(name) == sip.as_ref());
    for leg in module.all() {
        let Some(to) = leg.lock().settings.speak_only_to.clone() else { continue };
        // Also of one that is being hung up: until that is done with, it is here.
        let session = Session::locate_to_its_end(&leg.uuid);
        let variable = |name| session.as_ref().and_then(|session| session.variable(name));
        if meant(&leg.uuid, &leg.sip_call_id)
            || meant(&leg.uuid, &variable(HANDED_OVER_TO))
            || (bridged_with.is_some() && bridged_with == variable(PARTNER))
        {
            return Some(Inherited { from: leg.uuid.clone(), speak_only_to: to });
        }
    }
    module.legacy.left.find(|left| {
        let inherited = || Inherited { from: left.uuid.clone(), speak_only_to: left.speak_only_to.clone() };
        meant(&left.uuid, &left.sip_call_id).then(inherited)
    })
}

/// The other call of an attended transfer.
fn partner(module: &Module, uuid: &str) -> Option<String> {
    let lives = Session::locate_to_its_end(uuid).and_then(|session| session.variable(PARTNER));
    lives.or_else(|| {
        module.legacy.partners.find(|pair| {
            let at = pair.iter().position(|one| one == uuid)?;
            Some(pair[1 - at].clone())
        })
    })
}

/// What a Refer-To says is replaced; it is read as mod_sofia does, whatever the case of letters, and more than once if need be.
fn referred(refer_to: &str) -> Vec<String> {
    const REPLACES: &str = "replaces=";
    let call_id = |(at, _)| {
        let value = refer_to[at + REPLACES.len()..].split(['>', '&']).next().unwrap_or_default();
        let value = percent_decode_str(value).decode_utf8_lossy();
        value.split(';').next().filter(|id| !id.is_empty()).map(Into::into)
    };
    refer_to.to_ascii_lowercase().match_indices(REPLACES).filter_map(call_id).collect()
}
