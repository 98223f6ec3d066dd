//! Asterisk with res_coach, over its manager interface. In this file: what it offers as any switch does.
//!
//! | | |
//! |---|---|
//! | `ami` | the connection to it |
//! | `read`, `names` | which calls and members there are; how conferences are called |
//! | `change` | what is done to members, and whether Asterisk shows that it was |
//! | `agi`, `prelude` | a call that it hands over; what is said of that first |
//! | `dialplan` | what `check` looks for |

pub mod agi;
pub mod ami;
mod change;
mod dialplan;
mod names;
pub mod prelude;
mod read;

use super::{
    Call, Change, Health, NewCall, OUTBOUND, Snapshot, Switch, SwitchError,
    connection::{Link, changes, wait_until},
    variables,
};
use crate::names::MaxName;
use ami::{Ami, Answer, Login, Message};
use async_trait::async_trait;
use names::bridge_name;
use std::{path::Path, sync::Arc};
use tokio::sync::{broadcast, watch};

/// A switch of this kind.
pub struct Asterisk {
    name: String,
    ami: Ami,
    login: watch::Sender<Login>,
}

impl Asterisk {
    /// Connects, and goes on trying until this value is dropped.
    pub fn start(name: &str, login: Login) -> Self {
        let (login, at) = watch::channel(login);
        Self { name: name.to_owned(), ami: Ami::start(at), login }
    }

    /// From now on it is reached in this way.
    pub fn connect_as(&self, login: Login) {
        self.login.send_if_modified(|now| std::mem::replace(now, login) != *now);
    }

    /// Its events from now on.
    pub fn events(&self) -> broadcast::Receiver<Arc<Message>> {
        self.ami.events()
    }

    /// Carries an action out. `Err` where there is no answer; the answer may say no.
    async fn ask(&self, name: &str, headers: &[(&str, &str)]) -> Result<Answer, SwitchError> {
        self.ami.action(name, headers).await.map_err(|failure| failure.of(&self.name))
    }

    /// The same; an answer that says no is an error.
    async fn act(&self, name: &str, headers: &[(&str, &str)]) -> Result<Answer, SwitchError> {
        let answer = self.ask(name, headers).await?;
        if answer.head.get("Response") == "Success" { Ok(answer) } else { Err(self.refusal(name, &answer.head)) }
    }

    /// Asks for a call's end. Of its own action `Hangup`, Asterisk raises no event.
    async fn request_hangup(&self, call: &Call, cause: u8) -> Result<(), SwitchError> {
        let cause = cause.to_string();
        self.act("Hangup", &[("Channel", &call.channel), ("Cause", &cause)]).await?;
        self.ami.raise(&[("Event", "SoftHangupRequest"), ("Uniqueid", &call.id)]);
        Ok(())
    }

    fn refusal(&self, action: &str, answer: &Message) -> SwitchError {
        let said = answer.get("Message");
        match said {
            "No such channel" | "No such channel." | "Channel not specified" => SwitchError::Ended,
            _ if said.starts_with("Invalid/unknown command") && action.contains("oach") => {
                SwitchError::NoModule { switch: self.name.clone(), module: "res_coach" }
            }
            _ if said.starts_with("Invalid/unknown command") => {
                let module = if action == "PlayDTMF" { "app_senddtmf" } else { "app_confbridge" };
                SwitchError::Refused(format!("Asterisk has no action {action}: is {module} loaded?"))
            }
            "Permission denied" => SwitchError::Unreachable {
                switch: self.name.clone(),
                why: format!(
                    "its manager user may not use {action}: give it `call`, `reporting` and `command` in manager.conf"
                ),
            },
            _ if said.starts_with("No channel ") => SwitchError::NotInConference,
            _ => SwitchError::Refused(format!("Asterisk refuses {action}: {said}")),
        }
    }
}

#[async_trait]
impl Switch for Asterisk {
    fn name(&self) -> &str {
        &self.name
    }

    fn max_name(&self) -> MaxName {
        MaxName::ASTERISK
    }

    fn module(&self) -> &'static str {
        "res_coach"
    }

    async fn connected(&self) -> bool {
        self.ami.link().wait_for(|link| matches!(link, Link::Up(_))).await.is_ok()
    }

    fn changes(&self) -> watch::Receiver<()> {
        changes(self.ami.events(), |event| {
            let name = event.get("Event");
            name.starts_with("Coach")
                || name.starts_with("Confbridge") && name != "ConfbridgeTalking"
                || name == "Hangup"
        })
    }

    async fn snapshot(&self) -> Result<Snapshot, SwitchError> {
        self.read_calls().await
    }

    async fn change(&self, call: &Call, change: &Change) -> Result<(), SwitchError> {
        self.make_change(call, change).await
    }

    async fn mute_conference(&self, call: &Call, muted: bool) -> Result<(), SwitchError> {
        self.mute_others(call, muted).await
    }

    async fn conference_size(&self, conference: &str) -> Result<usize, SwitchError> {
        Ok(self.act("CoachList", &[("Conference", conference)]).await?.list.len())
    }

    async fn conference_of(&self, call: &str) -> Result<Option<String>, SwitchError> {
        Ok(self.member_at(call).await?.map(|member| member.conference))
    }

    async fn conference_id(&self, conference: &str) -> Result<Option<String>, SwitchError> {
        let members = self.act("CoachList", &[("Conference", conference)]).await?.list;
        Ok(members.first().map(|member| member.get("BridgeUniqueid").to_owned()))
    }

    async fn record(&self, conference: &str, file: &Path) -> Result<bool, SwitchError> {
        let (name, file) = (bridge_name(conference), file.to_string_lossy());
        let headers = [("Conference", name.as_str()), ("RecordFile", &file)];
        match self.act("ConfbridgeStartRecord", &headers).await {
            Ok(_) => Ok(true),
            Err(SwitchError::Refused(said)) if said.contains("already being recorded") => Ok(false),
            Err(SwitchError::Refused(said)) if said.contains("Internal error") => {
                Err(SwitchError::Refused("Asterisk cannot record it: is app_mixmonitor loaded?".into()))
            }
            Err(error) => Err(error),
        }
    }

    async fn end_conference(&self, conference: &str) -> Result<(), SwitchError> {
        let name = bridge_name(conference);
        self.act("ConfbridgeKick", &[("Conference", &name), ("Channel", "all")]).await.map(drop)
    }

    async fn place(&self, call: &NewCall) -> Result<(), SwitchError> {
        let (id, extension) = (call.id.to_string(), format!("{OUTBOUND}{}", call.to));
        let (caller, milliseconds) =
            (format!("\"{}\" <{}>", call.caller_name, call.from), (call.seconds * 1000).to_string());
        let account = format!("{}={}", variables::ACCOUNT, call.account);
        let application = format!("{}={}", variables::APPLICATION, call.application);
        let direction = format!("{}=outbound", variables::DIRECTION);
        let headers = [
            ("Channel", call.dial.as_str()),
            ("ChannelId", &id),
            ("Context", &call.context),
            ("Exten", &extension),
            ("Priority", "1"),
            ("CallerID", &caller),
            ("Timeout", &milliseconds),
            ("Async", "true"),
            ("Variable", &account),
            ("Variable", &application),
            ("Variable", &direction),
        ];
        self.act("Originate", &headers).await.map(drop)
    }

    async fn hang_up(&self, call: &Call, cause: u8) -> Result<(), SwitchError> {
        self.request_hangup(call, cause).await?;
        wait_until(&self.name, || async { Ok(!self.exists(call).await?) }).await
    }

    async fn send_digits(&self, call: &Call, digits: &str, milliseconds: Option<u32>) -> Result<(), SwitchError> {
        let duration = milliseconds.map(|ms| ms.to_string());
        for digit in digits.chars() {
            let digit = digit.to_string();
            let mut headers = vec![("Channel", call.channel.as_str()), ("Digit", &digit)];
            headers.extend(duration.as_deref().map(|duration| ("Duration", duration)));
            self.act("PlayDTMF", &headers).await?;
        }
        Ok(())
    }

    async fn dialplan(&self, port: u16) -> Result<Vec<String>, SwitchError> {
        self.read_dialplan(port).await
    }

    async fn explain(&self, call: &Call) -> Result<serde_json::Value, SwitchError> {
        let member = call.member.as_ref().ok_or(SwitchError::NotInConference)?;
        // The room's name has no white space as the module tells it, and a member's number no syntax.
        let command = format!("coach explain {} {} as json", member.conference, member.number);
        let answer = self.ask("Command", &[("Command", &command)]).await?;
        let said = answer.head.all("Output").collect::<Vec<_>>().join("\n");
        serde_json::from_str(&said)
            .map_err(|_| SwitchError::Refused(format!("Asterisk answers {said:?} to `{command}`")))
    }

    async fn health(&self) -> Result<Health, SwitchError> {
        self.read_health().await
    }
}
