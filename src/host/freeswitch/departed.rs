//! What calls leave behind: settings that matter to the legs that take their places, and private speech that is still on its way.

use std::{
    collections::VecDeque,
    ffi::CStr,
    thread,
    time::{Duration, Instant},
};

use percent_encoding::percent_decode_str;

use super::{
    fs::SWITCH_LOG_NOTICE,
    leg::Leg,
    module::Module,
    session::{Session, log},
    settings::Settings,
};
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

/// A leg with settings that has ended.
struct Left {
    uuid: String,
    sip_call_id: Option<String>,
    settings: Settings,
}

/// See the module.
pub struct Departed {
    left: Recent<Left>,
    /// UUIDs of calls that have ended as one of the two of an attended transfer, each with the other's.
    partners: Recent<[String; 2]>,
    guard: Duration,
    opened: Mutex<Option<Instant>>,
}

impl Departed {
    pub fn new(guard: Duration) -> Self {
        Self { left: Recent(Mutex::default()), partners: Recent(Mutex::default()), guard, opened: Mutex::default() }
    }

    /// A leg ends.
    pub fn leave(&self, leg: &Leg, settings: &Settings) {
        self.note(leg, leg.sip_call_id.clone(), settings);
    }

    /// A leg hangs up. If its phone has handed it over to another call of its own, that call's name stands for it.
    pub fn hand_over(&self, leg: &Leg, session: &Session) {
        if let Some(call) = session.variable(HANDED_OVER_TO) {
            self.note(leg, Some(call), &leg.lock().settings);
        }
    }

    /// Any call hangs up.
    pub fn hang_up(&self, session: &Session) {
        if let Some(partner) = session.variable(PARTNER) {
            self.partners.note([session.uuid(), partner]);
        }
    }

    fn note(&self, leg: &Leg, sip_call_id: Option<String>, settings: &Settings) {
        if *settings != Settings::default() {
            self.left.note(Left { uuid: leg.uuid.clone(), sip_call_id, settings: settings.clone() });
        }
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

/// What matters to a leg that takes the place of another.
pub struct Inherited {
    /// That one's UUID.
    pub from: String,
    /// What that one was set to.
    settings: Settings,
}

impl Inherited {
    /// The mode makes private, and passes. Tags let a leg hear, and do not: not even those that the new leg has got by running the
    /// extension of the one before, unless `tags-pass` says so.
    pub fn apply(&self, module: &Module, wanted: &mut Settings) {
        if wanted.speak_only_to.is_none() {
            wanted.speak_only_to.clone_from(&self.settings.speak_only_to);
        }
        let Some(old) = &self.settings.tags else { return };
        if module.tags_pass {
            wanted.tags.get_or_insert_with(|| old.clone());
        } else if let Some(tags) = &wanted.tags {
            let kept: Vec<&str> = tags.split(',').filter(|tag| !old.split(',').any(|of| of == *tag)).collect();
            wanted.tags = (!kept.is_empty()).then(|| kept.join(","));
        }
    }

    /// Says in the log what came of it.
    pub fn tell(&self, uuid: &str, own: &Settings, wanted: &Settings) {
        let mut line = format!("this leg takes the place of {}", self.from);
        if own.speak_only_to != wanted.speak_only_to {
            line += ", and speaks privately as that one did";
        }
        if self.settings.tags.is_some() && wanted.tags != self.settings.tags {
            line += "; its tags do not pass: who wants them to sets them now, or tags-pass in coach.conf.xml";
        }
        log(SWITCH_LOG_NOTICE, Some(uuid), &line);
    }
}

/// On a leg that has got all the variables of another, as `att_xfer` does it when its caller hangs up first: whose they are.
const VARIABLES_OF: &CStr = c"uuid";

/// A loopback that steps out of the way gives its variables to the leg that it stood for: they are that one's own.
const STOOD_FOR: &CStr = c"loopback_bowout_other_uuid";

/// What matters of the leg whose place this one takes, if it takes one.
///
/// An INVITE with Replaces and an attended transfer run the new leg into the same `conference`, without the old leg's variables. What
/// they leave is a name: the old leg's, or that of the call to which the old leg's phone handed it over.
pub fn inherited(module: &Module, session: &Session) -> Option<Inherited> {
    if let Some(of) = session.variable(VARIABLES_OF).filter(|of| *of != session.uuid())
        && session.variable(STOOD_FOR).is_none_or(|stood_for| stood_for != session.uuid())
    {
        return Some(Inherited { from: of, settings: Settings::of(session) });
    }
    let bridged_with = session.variable(BRIDGED_WITH);
    let mut names = referred(&session.variable(c"sip_refer_to").unwrap_or_default());
    names.extend(session.variable(c"sip_replaces_call_id"));
    names.extend(bridged_with.as_deref().and_then(|uuid| partner(module, uuid)));
    if names.is_empty() && bridged_with.is_none() {
        return None;
    }
    let meant = |uuid: &str, sip: &Option<String>| names.iter().any(|name| name == uuid || Some(name) == sip.as_ref());
    for leg in module.all().into_iter().filter(|leg| leg.uuid != session.uuid()) {
        let settings = leg.lock().settings.clone();
        if settings == Settings::default() {
            continue;
        }
        // Also of one that is being hung up: until that is done with, it is here.
        let session = Session::locate_to_its_end(&leg.uuid);
        let variable = |name| session.as_ref().and_then(|session| session.variable(name));
        if meant(&leg.uuid, &leg.sip_call_id)
            || meant(&leg.uuid, &variable(HANDED_OVER_TO))
            || (bridged_with.is_some() && bridged_with == variable(PARTNER))
        {
            return Some(Inherited { from: leg.uuid.clone(), settings });
        }
    }
    module.departed.left.find(|left| {
        let inherited = || Inherited { from: left.uuid.clone(), settings: left.settings.clone() };
        (left.uuid != session.uuid() && meant(&left.uuid, &left.sip_call_id)).then(inherited)
    })
}

/// The other call of an attended transfer.
fn partner(module: &Module, uuid: &str) -> Option<String> {
    let lives = Session::locate_to_its_end(uuid).and_then(|session| session.variable(PARTNER));
    lives.or_else(|| {
        module.departed.partners.find(|pair| {
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
