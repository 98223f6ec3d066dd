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

/// A private leg that has ended.
struct Left {
    when: Instant,
    uuid: String,
    sip_call_id: Option<String>,
    speak_only_to: String,
}

/// See the module.
pub struct Legacy {
    left: Mutex<VecDeque<Left>>,
    guard: Duration,
    opened: Mutex<Option<Instant>>,
}

impl Legacy {
    pub fn new(guard: Duration) -> Self {
        Self { left: Mutex::default(), guard, opened: Mutex::default() }
    }

    /// A private leg ends.
    pub fn leave(&self, leg: &Leg, speak_only_to: &str) {
        self.note(leg, leg.sip_call_id.clone(), speak_only_to);
    }

    /// A leg hangs up. If it is private, and its phone has handed it over to another call of its own, that call's name stands for it.
    pub fn hang_up(&self, leg: &Leg, session: &Session) {
        if let (Some(call), Some(to)) = (session.variable(HANDED_OVER_TO), &leg.lock().settings.speak_only_to) {
            self.note(leg, Some(call), to);
        }
    }

    fn note(&self, leg: &Leg, sip_call_id: Option<String>, speak_only_to: &str) {
        let now = Instant::now();
        let mut left = self.left.lock();
        left.retain(|left| now.duration_since(left.when) < REPLACED_WITHIN);
        left.push_back(Left { when: now, uuid: leg.uuid.clone(), sip_call_id, speak_only_to: speak_only_to.into() });
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

/// `speakOnlyTo` of the private leg that this one replaces, if it does.
///
/// An INVITE with Replaces and an attended transfer run the new leg into the same `conference`, without the old leg's variables. What
/// they leave is a name in these two: the old leg's, or that of the call to which the old leg's phone handed it over.
pub fn inherited(module: &Module, session: &Session) -> Option<String> {
    let replaces = session.variable(c"sip_replaces_call_id").unwrap_or_default();
    let refer_to = session.variable(c"sip_refer_to").unwrap_or_default();
    let refer_to = percent_decode_str(&refer_to).decode_utf8_lossy();
    let (_, referred) = refer_to.split_once("Replaces=").unwrap_or_default();
    let referred = referred.split([';', '>', '&']).next().unwrap_or_default();
    let meant = |uuid: &str, sip: &Option<String>| {
        [replaces.as_str(), referred]
            .iter()
            .any(|name| !name.is_empty() && (*name == uuid || Some(*name) == sip.as_deref()))
    };
    if replaces.is_empty() && referred.is_empty() {
        return None;
    }
    for leg in module.all() {
        // Also of one that is being hung up: until that is done with, it is here.
        let session = Session::locate_to_its_end(&leg.uuid);
        let hands_over = session.and_then(|session| session.variable(HANDED_OVER_TO));
        if meant(&leg.uuid, &leg.sip_call_id) || meant(&leg.uuid, &hands_over) {
            let to = leg.lock().settings.speak_only_to.clone();
            if to.is_some() {
                return to;
            }
        }
    }
    let left = module.legacy.left.lock();
    left.iter().rev().find(|left| meant(&left.uuid, &left.sip_call_id)).map(|left| left.speak_only_to.clone())
}
