//! Takes in the calls that were in a conference before the module was loaded.

use super::{
    app_stack::AppStack,
    conference_events,
    conference_list::{self, Member},
    membership::Membership,
    mix,
    module::Module,
    session::Session,
    session_hooks::{left_out, not_tracked, track},
    settings::Settings,
};

/// The module has been loaded under calls: they are tracked from now on, and those in conferences are members.
pub fn adopt_all(module: &Module) {
    for session in Session::all().iter().filter_map(|uuid| Session::locate(uuid)) {
        track(module, &session);
    }
    let now = conference_events::now();
    let listed = conference_list::all();
    for session in listed.iter().filter_map(|member| Session::locate(&member.uuid)) {
        adopt(module, &session, &listed, now);
    }
}

/// A call was in a conference, and Coach did not see it enter; or in one inside the other, each of which lists it.
fn adopt(module: &Module, session: &Session, listed: &[Member], now: u64) {
    let uuid = session.uuid();
    let members: Vec<&Member> = listed.iter().filter(|member| member.uuid == uuid).collect();
    let channels = Membership::of(session).map_or(mix::USUAL, |membership| mix::channels(session, &membership));
    let enter = module.leg(session).and_then(|leg| {
        let (mut state, wanted) = leg.lock_with_read_bug(session, |_| Settings::of(session))?;
        let state = &mut *state;
        // Asked once there is a leg: who leaves from now on finds it.
        if !state.conferences.is_empty() || module.has_left(&uuid) {
            return Ok(());
        }
        leg.apply(&module.services, session, state, &wanted)?;
        leg.bypass(&module.services, state, false)?;
        (state.conferences, state.taken) = (AppStack::unseen(members.len()), AppStack::unseen(members.len()));
        if let Some(membership) = Membership::of(session)
            && let Some(member) = members.iter().find(|member| member.number == membership.number)
        {
            module
                .join(&leg, state, membership, member.flags, now, channels)
                .unwrap_or_else(|membership| left_out(&uuid, &membership));
        }
        Ok(())
    });
    if let Err(why) = enter {
        not_tracked(module, session, &Settings::of(session), why);
    }
}
