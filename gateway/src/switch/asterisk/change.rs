//! Changes to a member, each confirmed by what Asterisk shows afterwards, and to a whole conference: mute.

use super::{Asterisk, Message, names::bridge_name};
use crate::switch::{Call, Change, Member, SwitchError, connection::wait_until};

impl Asterisk {
    pub(super) async fn make_change(&self, call: &Call, change: &Change) -> Result<(), SwitchError> {
        let channel = ("Channel", call.id.as_str());
        match change {
            Change::Tag(tags) => {
                self.act("CoachTag", &[channel, ("MemberTag", &tags.to_string())]).await?;
            }
            Change::Untag => {
                self.act("CoachUntag", &[channel]).await?;
            }
            Change::Coach(tags) => {
                self.act("Coach", &[channel, ("SpeakOnlyTo", &tags.to_string())]).await?;
            }
            Change::Uncoach => {
                self.act("Uncoach", &[channel]).await?;
            }
            Change::Mute | Change::Unmute => return self.mute(call, *change == Change::Mute).await,
            Change::Hold => {
                self.act("CoachHold", &[channel]).await?;
            }
            Change::Unhold => {
                self.act("CoachUnhold", &[channel]).await?;
            }
            Change::Kick => return self.kick(call).await,
        }
        wait_until(&self.name, || self.shows(call, change)).await
    }

    /// Whether the module shows a change.
    async fn shows(&self, call: &Call, change: &Change) -> Result<bool, SwitchError> {
        let member = self.member_of(call).await?.ok_or(SwitchError::NotInConference)?;
        Ok(match change {
            Change::Tag(tags) => tags.same_as(&member.tags),
            Change::Untag => member.tags.is_empty(),
            Change::Coach(tags) => member.speak_only_to.is_some_and(|to| tags.same_as(&to)),
            Change::Uncoach => member.speak_only_to.is_none(),
            Change::Mute | Change::Hold => {
                if *change == Change::Mute {
                    member.muted
                } else {
                    member.held
                }
            }
            Change::Unmute => !member.muted,
            Change::Unhold => !member.held,
            Change::Kick => false,
        })
    }

    /// ConfBridge mutes open speech, and with it what the module takes for private speech.
    async fn mute(&self, call: &Call, muted: bool) -> Result<(), SwitchError> {
        let member = call.member.as_ref().ok_or(SwitchError::NotInConference)?;
        let conference = bridge_name(&member.conference);
        let action = if muted { "ConfbridgeMute" } else { "ConfbridgeUnmute" };
        self.act(action, &[("Conference", &conference), ("Channel", &call.channel)]).await.map_err(not_there)?;
        let change = if muted { Change::Mute } else { Change::Unmute };
        wait_until(&self.name, || async {
            let open = self.bridge_mutes(&conference, &call.id).await?.ok_or(SwitchError::NotInConference)?;
            Ok(open == muted && self.shows(call, &change).await?)
        })
        .await
    }

    pub(super) async fn mute_others(&self, call: &Call, muted: bool) -> Result<(), SwitchError> {
        let member = call.member.as_ref().ok_or(SwitchError::NotInConference)?;
        let conference = bridge_name(&member.conference);
        let members = self.bridge_members(&conference).await?;
        let calls = self.read_calls().await?.calls;
        for one in members.iter().filter(|one| one.get("Admin") != "Yes") {
            let Some(call) = calls.iter().find(|call| call.id == one.get("Uniqueid")) else { continue };
            match self.mute(call, muted).await {
                // One that has left meanwhile.
                Err(SwitchError::NotInConference | SwitchError::Ended) => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// Out of its conference, which it has left when this returns.
    async fn kick(&self, call: &Call) -> Result<(), SwitchError> {
        self.kick_member(call, call.member.as_ref().ok_or(SwitchError::NotInConference)?).await
    }

    /// The same, from where it is now.
    pub(super) async fn kick_member(&self, call: &Call, member: &Member) -> Result<(), SwitchError> {
        let conference = bridge_name(&member.conference);
        let channel = self.channel_of(call).await?;
        self.act("ConfbridgeKick", &[("Conference", &conference), ("Channel", &channel)]).await.map_err(not_there)?;
        wait_until(&self.name, || async {
            let now = self.member_of(call).await?;
            Ok(now.is_none_or(|now| now.conference != member.conference || now.number != member.number))
        })
        .await
    }

    async fn bridge_members(&self, conference: &str) -> Result<Vec<Message>, SwitchError> {
        Ok(self.act("ConfbridgeList", &[("Conference", conference)]).await.map_err(not_there)?.list)
    }

    /// Whether ConfBridge mutes a member; `None`: it is not there.
    async fn bridge_mutes(&self, conference: &str, id: &str) -> Result<Option<bool>, SwitchError> {
        let members = self.bridge_members(conference).await?;
        let member = members.iter().find(|member| member.get("Uniqueid") == id);
        Ok(member.map(|member| member.get("Muted").eq_ignore_ascii_case("yes")))
    }
}

/// What ConfBridge says when the conference, or the member in it, has gone.
fn not_there(error: SwitchError) -> SwitchError {
    match error {
        SwitchError::Refused(said)
            if said.contains("No Conference") || said.contains("not found") || said.contains("No active") =>
        {
            SwitchError::NotInConference
        }
        other => other,
    }
}
