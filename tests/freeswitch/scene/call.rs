//! How somebody comes into a call.

use super::{EVERYONE, HUSH, Leg, Outcome, Party, Scene};

/// Somebody about to be called.
pub struct Call<'a> {
    scene: &'a Scene<'a>,
    name: &'a str,
    room: &'a str,
    codec: Option<&'a str>,
    before: Vec<&'a str>,
    variables: String,
    originated: Option<&'a str>,
    bare: bool,
    silent: bool,
    says: &'a [&'a str],
}

impl<'a> Call<'a> {
    /// An incoming call on a linear leg, by somebody who speaks openly.
    pub(super) fn new(scene: &'a Scene<'a>, name: &'a str) -> Self {
        Self {
            scene,
            name,
            room: &scene.room,
            codec: None,
            before: Vec::new(),
            variables: String::new(),
            originated: None,
            bare: false,
            silent: false,
            says: EVERYONE,
        }
    }

    /// Into another conference than the scene's.
    pub fn to(self, room: &'a str) -> Self {
        Self { room, ..self }
    }

    /// Over SIP and RTP with this codec, such as `PCMU@8000h@10i`; otherwise linear, 8 kHz, within the switch.
    pub fn over(self, codec: &'a str) -> Self {
        Self { codec: Some(codec), ..self }
    }

    /// Over one codec or another, or linear.
    pub fn over_any(self, codec: Option<&'a str>) -> Self {
        Self { codec, ..self }
    }

    /// What the dialplan does before `conference`: applications with their data, `coach:memberTag=agent`.
    pub fn with(mut self, application: &'a str) -> Self {
        self.before.push(application);
        self
    }

    /// Called by the switch, with these channel variables.
    pub fn originated(self, variables: &'a str) -> Self {
        Self { originated: Some(variables), ..self }
    }

    /// On a loopback leg that runs the conference by itself, with no dialplan before: `loopback/app=conference:...`.
    pub fn bare(self) -> Self {
        Self { bare: true, ..self }
    }

    /// With these channel variables on its telephone's leg, each with a `!` in front: headers of its call, say.
    pub fn variables(self, variables: &str) -> Self {
        Self { variables: variables.into(), ..self }
    }

    /// Says nothing from the first moment on.
    pub fn silently(self) -> Self {
        Self { silent: true, ..self }
    }

    /// Who may hear what is said from the first moment on. Without: everyone.
    pub fn saying(self, heard_by: &'a [&'a str]) -> Self {
        Self { says: heard_by, ..self }
    }

    /// Calls, and waits until the member is in the conference.
    pub fn joins(self) -> Outcome<Party<'a>> {
        let scene = self.scene;
        let room = self.room;
        let party = self.answers(&format!("conference:{room}@{}", scene.profile))?;
        party.comes_to(room)?;
        scene.legs.borrow_mut()[party.leg].joined = scene.now();
        scene.changes(party.name);
        Ok(party)
    }

    /// Calls; the near leg does something else than joining.
    pub fn answers(self, does: &str) -> Outcome<Party<'a>> {
        let (scene, name) = (self.scene, self.name);
        let id = format!("{}-{name}", scene.room);
        let recording = scene.switch.folder.join(format!("{id}.wav"));
        let speech = if self.silent { HUSH.into() } else { scene.speech(name, self.says, None, false)? };
        // Each word is a transfer, and FreeSWITCH hangs up at the 70th.
        let before = "set:max_session_transfers=1000^set:RECORD_READ_ONLY=true";
        let plays = format!("{before}^record_session:{}^{speech}", recording.display());
        let (far, near) = match self.originated {
            None => self.calls_in(&id, does, &plays)?,
            Some(variables) => self.rings(&id, variables, does, &plays)?,
        };
        let stop = format!("uuid_record {far} stop {}", recording.display());
        let mut legs = scene.legs.borrow_mut();
        legs.push(Leg { far, near, ..Leg::recorded(name, recording, stop, scene.now()) });
        Ok(Party { scene, name, leg: legs.len() - 1 })
    }

    /// The near leg is an incoming call. It waits a little before it does anything, so that the caller speaks by then.
    fn calls_in(self, id: &str, does: &str, plays: &str) -> Outcome<(String, String)> {
        let (scene, near) = (self.scene, format!("{id}-near"));
        let plan = ["answer", "sleep:400"].into_iter().chain(self.before).chain([does]).collect::<Vec<_>>().join("^");
        // The other leg of a loopback has the variables of the first. A plan has commas: variables are separated by something else.
        let mut variables = format!("^^!origination_uuid={id}!sip_h_X-Does=m:^:{plan}{}", self.variables);
        let to = match self.codec {
            None if self.bare => format!("loopback/app={does}"),
            None => "loopback/member/callers".into(),
            Some(codec) => {
                scene.added_up.set(scene.added_up.get() || codec.ends_with("@2c"));
                variables += &format!("!absolute_codec_string={codec}!sip_invite_call_id={near}");
                format!("sofia/test/member@127.0.0.1:{}", scene.switch.sip_port)
            }
        };
        scene.api(&format!("originate {{{variables}}}{to} 'm:^:{plays}' inline"))?;
        let near = match self.codec {
            None => scene.api(&format!("uuid_getvar {id} other_loopback_leg_uuid"))?.trim().into(),
            Some(_) => near,
        };
        Ok((id.into(), near))
    }

    /// The near leg is an outgoing call of the switch's.
    fn rings(self, id: &str, variables: &str, does: &str, plays: &str) -> Outcome<(String, String)> {
        let (scene, near) = (self.scene, format!("{id}-near"));
        let to = "loopback/m:^:answer^park/callers/inline";
        scene.api(&format!("originate {{origination_uuid={near},{variables}}}{to} 'm:^:sleep:600^{does}' inline"))?;
        let far: String = scene.api(&format!("uuid_getvar {near} other_loopback_leg_uuid"))?.trim().into();
        scene.api(&format!("uuid_transfer {far} m:^:{plays} inline"))?;
        Ok((far, near))
    }
}
