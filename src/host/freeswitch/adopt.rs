//! Calls that were in a conference before Coach saw them: the module was loaded under them.

use super::{
    events,
    follow::{follow, left_out, not_followed, seat},
    mix,
    module::Module,
    nest::Nest,
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
    let listed = roster::all();
    for session in listed.iter().filter_map(|member| Session::locate(&member.uuid)) {
        adopt(module, &session, &listed, now);
    }
}

/// A call was in a conference, and Coach did not see it enter; or in one inside the other, each of which lists it.
fn adopt(module: &Module, session: &Session, listed: &[Member], now: u64) {
    let uuid = session.uuid();
    let members: Vec<&Member> = listed.iter().filter(|member| member.uuid == uuid).collect();
    let channels = seat(session).map_or(mix::USUAL, |seat| mix::channels(session, &seat));
    let enter = module.leg(session).and_then(|leg| {
        let (mut state, wanted) = leg.lock_hooked(session, |_| Settings::of(session))?;
        let state = &mut *state;
        // Asked once there is a leg: who leaves from now on finds it.
        if !state.conferences.is_empty() || module.has_left(&uuid) {
            return Ok(());
        }
        leg.apply(module, session, state, &wanted)?;
        leg.pass(module, state, false)?;
        (state.conferences, state.taken) = (Nest::unseen(members.len()), Nest::unseen(members.len()));
        if let Some(seat) = seat(session)
            && let Some(member) = members.iter().find(|member| member.number == seat.number)
        {
            leg.sit(module, state, seat, channels, (member.flags, now)).unwrap_or_else(|seat| left_out(&uuid, &seat));
        }
        Ok(())
    });
    if let Err(why) = enter {
        not_followed(module, session, &Settings::of(session), why);
    }
}
