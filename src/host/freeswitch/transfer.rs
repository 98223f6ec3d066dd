//! Transfers: a leg that takes the place of another (transfer, Replaces, pick-up) inherits what makes it private, and not the tags, which
//! let it hear.

use std::ffi::CStr;

use percent_encoding::percent_decode_str;

use super::{
    departed::Left,
    fs::SWITCH_LOG_NOTICE,
    leg::Leg,
    module::Module,
    session::{Session, log},
    settings::Settings,
};

/// On a leg whose phone sent a REFER with Replaces: the SIP call that this names, a second call of that phone's. Whoever is on the
/// other end of that one takes the leg's place.
const HANDED_OVER_TO: &CStr = c"_sofia_replaces_";

/// On one of the two calls of an attended transfer: the other's UUID. All that Verto leaves, besides ...
const PARTNER: &CStr = c"refer_uuid";
/// ... on who takes a place: whom it was bridged with last, one of the two.
const BRIDGED_WITH: &CStr = c"last_bridge_to";

/// A leg hangs up. If its phone has handed it over to another call of its own, that call's name stands for it.
pub fn hand_over(module: &Module, leg: &Leg, session: &Session) {
    if let Some(call) = session.variable(HANDED_OVER_TO) {
        module.services.departed.note(&leg.uuid, Some(call), &leg.lock().settings);
    }
}

/// Any call hangs up.
pub fn hang_up(module: &Module, session: &Session) {
    if let Some(partner) = session.variable(PARTNER) {
        module.services.departed.note_partners([session.uuid(), partner]);
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
        if module.services.tags_pass {
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
    let is_meant = |left: &Left| left.uuid != session.uuid() && meant(&left.uuid, &left.sip_call_id);
    module.services.departed.find(is_meant).map(|left| Inherited { from: left.uuid, settings: left.settings })
}

/// The other call of an attended transfer.
fn partner(module: &Module, uuid: &str) -> Option<String> {
    let lives = Session::locate_to_its_end(uuid).and_then(|session| session.variable(PARTNER));
    lives.or_else(|| module.services.departed.partner(uuid))
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
