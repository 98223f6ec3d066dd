//! Calls that were in a conference before Coach saw them: the module was loaded under them.

use serde::Deserialize;

use super::{
    api,
    follow::{follow, refuse},
    leg::{Flags, Seat},
    module::Module,
    settings::Settings,
    switch::Session,
};

/// What `conference json_list` says.
#[derive(Deserialize)]
struct Conference {
    conference_name: String,
    conference_uuid: String,
    #[serde(default)]
    members: Vec<Member>,
}

/// A recording is a member too, with neither id nor UUID.
#[derive(Deserialize)]
struct Member {
    id: Option<u32>,
    uuid: Option<String>,
    flags: Option<MemberFlags>,
}

#[derive(Deserialize)]
struct MemberFlags {
    can_hear: bool,
    can_speak: bool,
    hold: bool,
}

/// The module has been loaded under calls: they are followed from now on, and those in conferences are members.
pub fn adopt_all(module: &Module) {
    for session in Session::all().iter().filter_map(|uuid| Session::locate(uuid)) {
        follow(module, &session);
    }
    let list = api::execute(c"conference", c"json_list");
    // With no conference, or no mod_conference, the answer is no list.
    for conference in serde_json::from_str::<Vec<Conference>>(&list).unwrap_or_default() {
        for member in conference.members {
            let (Some(number), Some(session), Some(flags)) =
                (member.id, member.uuid.and_then(|uuid| Session::locate(&uuid)), member.flags)
            else {
                continue;
            };
            let seat = Seat {
                conference: conference.conference_name.clone(),
                unique_id: conference.conference_uuid.clone(),
                number,
            };
            // A member on hold is said to be mute and deaf; what it is besides, an event says when it is back.
            let held = flags.hold;
            adopt(
                module,
                &session,
                seat,
                Flags { muted: !held && !flags.can_speak, deaf: !held && !flags.can_hear, held },
            );
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
            leg.sit(module, &mut state, seat);
            leg.follow(module, &mut state, flags);
        }
        Ok(())
    };
    if let Err(why) = enter() {
        refuse(session, why);
    }
}
