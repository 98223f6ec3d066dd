//! Calls that were in a conference before Coach saw them: the module was loaded under them.

use super::{
    follow::{follow, refuse},
    leg::{Flags, Seat},
    module::Module,
    roster,
    settings::Settings,
    switch::Session,
};

/// The module has been loaded under calls: they are followed from now on, and those in conferences are members.
pub fn adopt_all(module: &Module) {
    for session in Session::all().iter().filter_map(|uuid| Session::locate(uuid)) {
        follow(module, &session);
    }
    for member in roster::all() {
        if let Some(session) = Session::locate(&member.uuid) {
            adopt(module, &session, member.seat, member.flags);
        }
    }
}

/// A call is in a conference, and Coach did not see it enter.
pub fn adopt(module: &Module, session: &Session, seat: Seat, flags: Flags) {
    let settings = Settings::of(session);
    let enter = || -> Result<(), String> {
        let leg = module.leg(session, &settings)?;
        let mut state = leg.lock();
        if state.conferences == 0 {
            leg.apply(module, session, &mut state, &settings)?;
            leg.pass(module, &mut state, false)?;
            state.conferences = 1;
            leg.sit(module, &mut state, seat, flags);
        }
        Ok(())
    };
    if let Err(why) = enter() {
        refuse(session, why);
    }
}
