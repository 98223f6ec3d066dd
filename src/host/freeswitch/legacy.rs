//! What calls that spoke privately leave behind: settings for the legs that replace them, and speech that is still on its way.

use std::{
    collections::VecDeque,
    thread,
    time::{Duration, Instant},
};

use percent_encoding::percent_decode_str;

use super::{leg::Leg, module::Module, switch::Session};
use crate::lock::Mutex;

/// How long after its end a leg can be replaced by one that is still on its way to the conference.
const REPLACED_WITHIN: Duration = Duration::from_secs(60);

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
        let now = Instant::now();
        let mut left = self.left.lock();
        left.retain(|left| now.duration_since(left.when) < REPLACED_WITHIN);
        left.push_back(Left {
            when: now,
            uuid: leg.uuid.clone(),
            sip_call_id: leg.sip_call_id.clone(),
            speak_only_to: speak_only_to.into(),
        });
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
/// they leave is the old leg's name, in these two.
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
    let alive = module.all().into_iter().find(|leg| meant(&leg.uuid, &leg.sip_call_id));
    if let Some(leg) = alive {
        return leg.lock().settings.speak_only_to.clone();
    }
    let left = module.legacy.left.lock();
    left.iter().rev().find(|left| meant(&left.uuid, &left.sip_call_id)).map(|left| left.speak_only_to.clone())
}
