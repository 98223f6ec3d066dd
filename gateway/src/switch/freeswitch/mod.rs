//! FreeSWITCH with mod_coach, over its event socket. In this file: what it offers as any switch does.
//!
//! | | |
//! |---|---|
//! | `esl` | the connection to it |
//! | `read` | which calls and members there are, and whether one is |
//! | `change`, `hold`, `record` | what is done to members and conferences |
//! | `socket` | a call that it hands over |
//! | `dialplan`, `profile` | what `check` looks for |

mod change;
mod dialplan;
pub mod esl;
mod hold;
mod profile;
mod read;
mod record;
pub mod socket;

use super::{
    Call, Change, Health, NewCall, OUTBOUND, Snapshot, Switch, SwitchError,
    connection::{Link, changes, wait_until},
    variables,
};
use crate::names::MaxName;
use async_trait::async_trait;
use esl::{Esl, Login, Told, quoted};
use freeswitch_esl_tokio::EslEventType;
use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::sync::{Mutex, broadcast, watch};

/// How long after the start of the switch a call that it had before may still come back: `sofia recover` makes it anew.
const RECOVERS: Duration = Duration::from_secs(60);
/// Its module.
const MODULE: &str = "mod_coach";

/// A switch of this kind.
pub struct FreeSwitch {
    name: String,
    /// The profile of conferences that sessions begin.
    profile: RwLock<String>,
    esl: Esl,
    login: watch::Sender<Login>,
    /// One hold at a time, or its end: each takes several commands.
    holds: Mutex<()>,
}

impl FreeSwitch {
    /// Connects, and goes on trying until this value is dropped.
    pub fn start(name: &str, profile: &str, login: Login) -> Arc<Self> {
        let (login, at) = watch::channel(login);
        let (name, profile, esl) = (name.to_owned(), RwLock::new(profile.to_owned()), Esl::start(at));
        let switch = Arc::new(Self { name, profile, esl, login, holds: Mutex::default() });
        switch.mend_holds_whenever_connected();
        switch
    }

    /// From now on it is reached in this way, and its conferences have this profile.
    pub fn connect_as(&self, login: Login, profile: String) {
        *self.profile.write().unwrap_or_else(PoisonError::into_inner) = profile;
        self.login.send_if_modified(|now| std::mem::replace(now, login) != *now);
    }

    fn profile(&self) -> String {
        self.profile.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its events from now on.
    pub fn events(&self) -> broadcast::Receiver<Told> {
        self.esl.events()
    }

    /// The answer to a command, whatever it says.
    async fn ask(&self, command: &str) -> Result<String, SwitchError> {
        let answer = self.esl.api(command).await.map_err(|failure| failure.of(&self.name))?;
        Ok(answer.trim().to_owned())
    }

    /// The answer to a command that may be refused: a refusal is an error.
    async fn act(&self, command: &str) -> Result<String, SwitchError> {
        let answer = self.ask(command).await?;
        if answer.starts_with("-ERR") || answer.starts_with("-USAGE") {
            return Err(self.refusal(command, &answer));
        }
        Ok(answer)
    }

    fn refusal(&self, command: &str, said: &str) -> SwitchError {
        let name = command.split(' ').next().unwrap_or_default();
        let unknown = said.contains("command not found") || said.contains("not found!") && said.contains(name);
        if said.contains("mod_coach is being unloaded") || unknown && matches!(name, "coach" | "uuid_coach") {
            return SwitchError::NoModule { switch: self.name.clone(), module: MODULE };
        }
        if unknown {
            return SwitchError::Refused(format!("FreeSWITCH has no command {name}: is its module loaded?"));
        }
        if said.contains("no call ") || said.contains("No such channel") {
            return SwitchError::Ended;
        }
        if ["in no conference", "no room called", "no member", "just coming to", "Non-Existant ID"]
            .iter()
            .any(|gone| said.contains(gone))
            || name == "conference" && said.contains("not found")
        {
            return SwitchError::NotInConference;
        }
        SwitchError::Refused(format!("FreeSWITCH refuses {name}: {said}"))
    }

    /// Whether its module is loaded.
    async fn has_module(&self) -> Result<bool, SwitchError> {
        Ok(self.ask("module_exists mod_coach").await? == "true")
    }

    /// Its run that it was connected to last.
    fn instance(&self) -> Option<String> {
        self.esl.instance().map(|instance| instance.id).filter(|id| !id.is_empty())
    }

    /// Whether a call of this run of it may yet come back: it has crashed since, and has not been up for long.
    pub fn may_recover_calls_of(&self, instance: &str) -> bool {
        let now = self.esl.instance();
        now.is_some_and(|now| now.id != instance && now.began.is_some_and(|began| began.elapsed() < RECOVERS))
    }

    /// Whether the call is up.
    async fn exists(&self, id: &str) -> Result<bool, SwitchError> {
        Ok(self.ask(&format!("uuid_exists {id}")).await? == "true")
    }
}

#[async_trait]
impl Switch for FreeSwitch {
    fn name(&self) -> &str {
        &self.name
    }

    fn max_name(&self) -> MaxName {
        MaxName::FREESWITCH
    }

    fn module(&self) -> &'static str {
        MODULE
    }

    async fn connected(&self) -> bool {
        self.esl.link().wait_for(|link| matches!(link, Link::Up(_))).await.is_ok()
    }

    fn changes(&self) -> watch::Receiver<()> {
        changes(self.esl.events(), |told| match told {
            Told::Event(event) => {
                !matches!(event.header_str("Action"), Some("start-talking" | "stop-talking"))
                    && !event.is_event_type(EslEventType::Dtmf)
            }
            Told::Missed => true,
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
        Ok(self.members(conference).await?.len())
    }

    async fn conference_of(&self, call: &str) -> Result<Option<String>, SwitchError> {
        self.room_of(call).await
    }

    async fn conference_id(&self, conference: &str) -> Result<Option<String>, SwitchError> {
        match self.act(&format!("conference {} get uuid", quoted(conference)?)).await {
            Ok(id) => Ok(Some(id)),
            Err(SwitchError::NotInConference) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn record(&self, conference: &str, file: &Path) -> Result<bool, SwitchError> {
        self.record_to(conference, &file.to_string_lossy()).await
    }

    async fn end_conference(&self, conference: &str) -> Result<(), SwitchError> {
        self.act(&format!("conference {} kick all", quoted(conference)?)).await.map(drop)
    }

    async fn place(&self, call: &NewCall) -> Result<(), SwitchError> {
        let set = [
            ("origination_uuid", call.id.to_string()),
            ("origination_caller_id_number", call.from.clone()),
            ("origination_caller_id_name", format!("'{}'", call.caller_name)),
            // When it is answered, FreeSWITCH has caller and callee change places; who calls shall still be the caller then.
            ("origination_callee_id_number", call.from.clone()),
            ("origination_callee_id_name", format!("'{}'", call.caller_name)),
            ("ignore_display_updates", "true".into()),
            ("originate_timeout", call.seconds.to_string()),
            // Early media is no answer.
            ("ignore_early_media", "true".into()),
            (variables::ACCOUNT, call.account.to_string()),
            (variables::APPLICATION, call.application.to_string()),
            (variables::DIRECTION, "outbound".into()),
        ];
        let set: Vec<String> = set.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let NewCall { dial, to, context, .. } = call;
        let command = format!("bgapi originate {{{}}}{dial} {OUTBOUND}{to} XML {context}", set.join(","));
        self.act(&command).await.map(drop)
    }

    async fn hang_up(&self, call: &Call, cause: u8) -> Result<(), SwitchError> {
        self.act(&format!("uuid_kill {} {cause}", call.id)).await?;
        wait_until(&self.name, || async { Ok(!self.exists(&call.id).await?) }).await
    }

    async fn send_digits(&self, call: &Call, digits: &str, milliseconds: Option<u32>) -> Result<(), SwitchError> {
        let duration = milliseconds.map(|ms| format!("@{ms}")).unwrap_or_default();
        self.act(&format!("uuid_send_dtmf {} {digits}{duration}", call.id)).await.map(drop)
    }

    async fn dialplan(&self, port: u16) -> Result<Vec<String>, SwitchError> {
        self.read_dialplan(port).await
    }

    async fn explain(&self, call: &Call) -> Result<serde_json::Value, SwitchError> {
        let command = format!("uuid_coach {} show as json", call.id);
        let said = self.act(&command).await?;
        serde_json::from_str(&said)
            .map_err(|_| SwitchError::Refused(format!("FreeSWITCH answers {said:?} to `{command}`")))
    }

    async fn health(&self) -> Result<Health, SwitchError> {
        self.read_health().await
    }
}
