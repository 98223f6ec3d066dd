//! What Asterisk knows: channels from `Status`, members from `CoachList`, in one go each.

use super::{Answer, Asterisk, Message};
use crate::{
    names::call_sid,
    switch::{Call, Direction, Health, Member, OUTBOUND, Progress, Snapshot, SwitchError, variables},
};
use std::collections::HashMap;
use uuid::Uuid;

/// Asterisk's own channels, which are no calls.
const INTERNAL: &[&str] =
    &["Announcer/", "AsyncGoto/", "Bridge/", "CBAnn/", "CBRec/", "Message/", "Recorder/", "Snoop/", "Surrogate/"];

impl Asterisk {
    pub(super) async fn read_calls(&self) -> Result<Snapshot, SwitchError> {
        let names = [variables::ACCOUNT, variables::APPLICATION, variables::DIRECTION, variables::CALL_ID].join(",");
        let status = [("Variables", names.as_str())];
        let (channels, members) = tokio::join!(self.act("Status", &status), self.act("CoachList", &[]));
        let (members, has_module) = match members {
            Ok(answer) => (by_channel(&answer), true),
            // Without the module the calls are there all the same.
            Err(SwitchError::NoModule { .. }) => (HashMap::new(), false),
            Err(error) => return Err(error),
        };
        let call = |message: &Message| self.call(message, &members);
        Ok(Snapshot { calls: channels?.list.iter().filter_map(call).collect(), has_module })
    }

    fn call(&self, status: &Message, members: &HashMap<String, Member>) -> Option<Call> {
        let channel = status.get("Channel");
        let id = status.get("Uniqueid");
        if id.is_empty() || INTERNAL.iter().any(|kind| channel.starts_with(kind)) {
            return None;
        }
        // Of a variable that is not set, Asterisk writes "(null)".
        let set = |name: &str| {
            let value = |variable| str::strip_prefix(variable, name)?.strip_prefix('=');
            status.all("Variable").find_map(value).filter(|value| !matches!(*value, "" | "(null)"))
        };
        let sid = |name| set(name).and_then(|value| Uuid::try_parse(value).ok());
        let outbound = set(variables::DIRECTION) == Some("outbound") || status.get("Linkedid") != id;
        let to = [status.get("DNID"), status.get("Exten")].into_iter().find(|to| !to.is_empty()).unwrap_or_default();
        Some(Call {
            sid: call_sid(&self.name, id),
            id: id.to_owned(),
            channel: channel.to_owned(),
            direction: if outbound { Direction::Outbound } else { Direction::Inbound },
            from: unknown(status.get("CallerIDNum")),
            caller_name: unknown(status.get("CallerIDName")),
            to: to.strip_prefix(OUTBOUND).unwrap_or(to).to_owned(),
            progress: match status.get("ChannelState") {
                "6" => Progress::InProgress,
                "5" => Progress::Ringing,
                _ => Progress::Trying,
            },
            seconds: status.get("Seconds").parse().unwrap_or(0),
            account: sid(variables::ACCOUNT),
            application: sid(variables::APPLICATION),
            call_id: set(variables::CALL_ID).map(str::to_owned),
            member: members.get(id).cloned(),
        })
    }

    /// The call's member now, without the other calls.
    pub(super) async fn member_of(&self, call: &Call) -> Result<Option<Member>, SwitchError> {
        self.member_at(&call.id).await
    }

    /// The same, by the call's id.
    pub(super) async fn member_at(&self, id: &str) -> Result<Option<Member>, SwitchError> {
        let answer = self.act("CoachList", &[("Channel", id)]).await?;
        Ok(by_channel(&answer).remove(id))
    }

    /// The name of a call's channel: of one that the gateway has placed, Asterisk has made it up since.
    pub(super) async fn channel_of(&self, call: &Call) -> Result<String, SwitchError> {
        if call.channel != call.id {
            return Ok(call.channel.clone());
        }
        let answer = self.act("Status", &[("Channel", &call.id)]).await?;
        let own = answer.list.iter().find(|channel| channel.get("Uniqueid") == call.id);
        own.map(|channel| channel.get("Channel").to_owned()).ok_or(SwitchError::Ended)
    }

    /// Whether the call is still there.
    pub(super) async fn exists(&self, call: &Call) -> Result<bool, SwitchError> {
        match self.act("Status", &[("Channel", &call.channel)]).await {
            // One that cannot be read has not said that the call has ended.
            Ok(answer) => {
                Ok(answer.left_out > 0 || answer.list.iter().any(|channel| channel.get("Uniqueid") == call.id))
            }
            Err(SwitchError::Ended) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn read_health(&self) -> Result<Health, SwitchError> {
        let version = format!("Asterisk {}", self.ami.link().borrow().version(&self.name)?);
        let mut problems = Vec::new();
        let said = self.console("coach version").await?;
        let module = match said.strip_prefix("+OK ") {
            Some(version) => format!("res_coach {version}"),
            None => {
                problems.push(if said.contains("No such command") {
                    "res_coach is not loaded: `asterisk -rx 'module load res_coach'`, and `load = res_coach.so` in modules.conf".into()
                } else {
                    format!("the manager user may not run `coach version`: give it `command` in manager.conf ({said})")
                });
                String::new()
            }
        };
        for (module, why) in
            [("app_confbridge", "there are no conferences"), ("res_agi", "no call can be handed over by AGI")]
        {
            let loaded = self.act("ModuleCheck", &[("Module", module)]).await;
            if matches!(loaded, Err(SwitchError::Refused(_))) {
                problems.push(format!("{module} is not loaded, so {why}: add `load = {module}.so` to modules.conf"));
            }
        }
        for action in ["CoachList", "Status", "ConfbridgeKick", "ConfbridgeMute", "Hangup", "ControlPlayback"] {
            let listed = self.act("ListCommands", &[]).await?;
            if listed.head.get(action).is_empty() && action != "CoachList" {
                problems.push(format!(
                    "the manager user may not use {action}: give it `call` and `reporting` in manager.conf"
                ));
            }
        }
        problems.extend(self.why_no_digits().await?);
        Ok(Health { version, module, problems })
    }

    /// Why nobody tells the gateway which digits members press.
    pub(super) async fn why_no_digits(&self) -> Result<Option<String>, SwitchError> {
        let user = self.login.borrow().user.clone();
        let said = self.console(&format!("manager show user {user}")).await?;
        let may = said.lines().filter_map(|line| line.trim().strip_prefix("read perm:")).next();
        let told = may.is_some_and(|may| may.split(',').any(|word| matches!(word.trim(), "dtmf" | "all")));
        Ok((!told).then(|| {
            format!("the manager user {user} is not told of digits, so distributeDtmf passes none on: add `dtmf` to its `read` in manager.conf")
        }))
    }

    /// What the console says to a command.
    pub(super) async fn console(&self, command: &str) -> Result<String, SwitchError> {
        let answer = self.ask("Command", &[("Command", command)]).await?;
        let said = answer.head.all("Output").collect::<Vec<_>>().join("\n");
        Ok(if said.is_empty() { answer.head.get("Message").to_owned() } else { said })
    }
}

/// What Asterisk writes where it knows nothing.
fn unknown(text: &str) -> String {
    if text == "<unknown>" { String::new() } else { text.to_owned() }
}

/// The members of a `CoachList`, by their channels' unique ids.
fn by_channel(answer: &Answer) -> HashMap<String, Member> {
    let member = |entry: &Message| (entry.get("Uniqueid").to_owned(), member(entry));
    answer.list.iter().map(member).collect()
}

fn member(entry: &Message) -> Member {
    let list = |key: &str| -> Vec<String> {
        entry.get(key).split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    };
    let private = entry.get("Mode") == "private";
    Member {
        conference: entry.get("Conference").to_owned(),
        number: entry.get("Number").parse().unwrap_or(0),
        tags: list("MemberTag"),
        speak_only_to: private.then(|| if entry.get("SpeakOnlyTo") == "-" { Vec::new() } else { list("SpeakOnlyTo") }),
        heard_by: list("HeardBy").iter().filter_map(|number| number.parse().ok()).collect(),
        muted: entry.get("Muted") == "yes",
        held: entry.get("Held") == "yes",
        opens_in_ms: entry.get("OpensInMs").parse().unwrap_or(0),
    }
}
