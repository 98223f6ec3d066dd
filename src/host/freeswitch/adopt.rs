//! Calls that were in a conference before Coach saw them: the module was loaded under them.

use super::{
    events,
    follow::{follow, refuse},
    module::Module,
    roster::{self, Member},
    settings::Settings,
    switch::Session,
};

/// The module has been loaded under calls: they are followed from now on, and those in conferences are members.
pub fn adopt_all(module: &Module) {
    for session in Session::all().iter().filter_map(|uuid| Session::locate(uuid)) {
        follow(module, &session);
    }
    let now = events::now();
    for member in roster::all() {
        if let Some(session) = Session::locate(&member.uuid) {
            adopt(module, &session, member, now);
        }
    }
}

/// A call was in a conference, and Coach did not see it enter.
fn adopt(module: &Module, session: &Session, member: Member, now: u64) {
    let settings = Settings::of(session);
    let enter = || -> Result<(), String> {
        let leg = module.leg(session, &settings)?;
        let mut state = leg.lock();
        // Asked once there is a leg: who leaves from now on finds it.
        if state.conferences == 0 && !module.has_left(&leg.uuid) {
            leg.apply(module, session, &mut state, &settings)?;
            leg.pass(module, &mut state, false)?;
            state.conferences = 1;
            leg.sit(module, &mut state, member.seat, member.flags, now);
        }
        Ok(())
    };
    if let Err(why) = enter() {
        refuse(session, why);
    }
}
