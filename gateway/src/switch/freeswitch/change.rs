//! Changes to a member, each confirmed by what FreeSWITCH shows afterwards, and to a whole conference: mute, play.

use super::{FreeSwitch, esl::quoted};
use crate::switch::{Call, Change, Member, SwitchError, connection::wait_until};
use std::path::Path;

/// Between the parts of a line: names of callers have no control characters.
const DELIMITER: char = '\u{1f}';

impl FreeSwitch {
    pub(super) async fn make_change(&self, call: &Call, change: &Change) -> Result<(), SwitchError> {
        let id = &call.id;
        let member = call.member.as_ref().ok_or(SwitchError::NotInConference)?;
        match change {
            Change::Tag(tags) => self.act(&format!("uuid_coach {id} tag {tags}")).await?,
            Change::Untag => self.act(&format!("uuid_coach {id} untag")).await?,
            Change::Coach(tags) => self.act(&format!("uuid_coach {id} coach {tags}")).await?,
            Change::Uncoach => self.act(&format!("uuid_coach {id} uncoach")).await?,
            Change::Mute => self.command(member, "mute").await?,
            Change::Unmute => self.command(member, "unmute").await?,
            Change::Hold => self.hold(id, member).await?,
            Change::Unhold => self.unhold(id, member).await?,
            Change::Kick => return self.kick_member(id, member).await,
        };
        wait_until(&self.name, || self.shows(call, change)).await
    }

    /// A command of mod_conference about a member: mute and hold of it the module takes over for private speech.
    pub(super) async fn command(&self, member: &Member, word: &str) -> Result<String, SwitchError> {
        self.act(&format!("conference {} {word} {}", quoted(&member.conference)?, member.number)).await
    }

    /// Whether the module shows a change.
    async fn shows(&self, call: &Call, change: &Change) -> Result<bool, SwitchError> {
        let member = self.member_at(&call.id).await?.ok_or(SwitchError::NotInConference)?;
        Ok(match change {
            Change::Tag(tags) => tags.same_as(&member.tags),
            Change::Untag => member.tags.is_empty(),
            Change::Coach(tags) => member.speak_only_to.is_some_and(|to| tags.same_as(&to)),
            Change::Uncoach => member.speak_only_to.is_none(),
            Change::Mute => member.muted,
            Change::Unmute => !member.muted,
            Change::Hold => member.held && self.is_deaf(&call.id, &member.conference).await?,
            Change::Unhold => !member.held,
            Change::Kick => false,
        })
    }

    pub(super) async fn mute_others(&self, call: &Call, muted: bool) -> Result<(), SwitchError> {
        let member = call.member.as_ref().ok_or(SwitchError::NotInConference)?;
        let conference = quoted(&member.conference)?;
        let listed = self.act(&format!("conference {conference} list delim {DELIMITER}")).await?;
        let others: Vec<String> = listed.lines().filter_map(not_moderating).collect();
        let word = if muted { "mute" } else { "unmute" };
        self.act(&format!("conference {conference} {word} non_moderator")).await?;
        wait_until(&self.name, || async {
            let members = self.members(&member.conference).await?;
            Ok(members.iter().all(|(id, member)| !others.contains(id) || member.muted == muted))
        })
        .await
    }

    /// Plays a file to a whole conference.
    pub(super) async fn play_to_all(&self, conference: &str, file: &Path) -> Result<(), SwitchError> {
        self.play(conference, file, "").await
    }

    /// Plays a file to one member.
    pub(super) async fn play_to(&self, id: &str, file: &Path) -> Result<(), SwitchError> {
        let member = self.member_at(id).await?.ok_or(SwitchError::NotInConference)?;
        self.play(&member.conference, file, &format!(" {}", member.number)).await
    }

    async fn play(&self, conference: &str, file: &Path, to: &str) -> Result<(), SwitchError> {
        let path = quoted(&file.to_string_lossy())?;
        let said = self.act(&format!("conference {} play {path}{to}", quoted(conference)?)).await?;
        if said.contains("not found") { Err(SwitchError::Refused(said)) } else { Ok(()) }
    }

    /// Ends what is played to one member.
    pub(super) async fn stop_playing_to(&self, id: &str) -> Result<(), SwitchError> {
        let member = self.member_at(id).await?.ok_or(SwitchError::NotInConference)?;
        self.act(&format!("conference {} stop all {}", quoted(&member.conference)?, member.number)).await.map(drop)
    }

    /// Out of its conference, which it has left when this returns.
    pub(super) async fn kick_member(&self, id: &str, member: &Member) -> Result<(), SwitchError> {
        self.command(member, "kick").await?;
        wait_until(&self.name, || async {
            let now = self.member_at(id).await?;
            Ok(now.is_none_or(|now| now.conference != member.conference || now.number != member.number))
        })
        .await
    }
}

/// The call's id, of a line of `conference ... list`, where it does not moderate.
fn not_moderating(line: &str) -> Option<String> {
    let parts: Vec<&str> = line.split(DELIMITER).collect();
    let [_, _, id, .., flags, _, _, _] = parts[..] else { return None };
    (!flags.split('|').any(|flag| flag == "moderator")).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::not_moderating;

    #[test]
    fn moderators_are_told_apart() {
        let line = |flags: &str| ["1", "sofia/x", "u-1", "Name", "100", flags, "0", "0", "100"].join("\u{1f}");
        assert_eq!(not_moderating(&line("hear|speak")).as_deref(), Some("u-1"));
        assert_eq!(not_moderating(&line("hear|speak|moderator")), None);
        assert_eq!(not_moderating("+OK"), None);
    }
}
