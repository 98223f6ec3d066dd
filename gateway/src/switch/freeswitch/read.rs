//! What FreeSWITCH knows: calls and members, from its module in one go; and whether a call exists, by its id.

use super::{FreeSwitch, MODULE, hold::DEAF_BY_HOLD};
use crate::{
    names::call_sid,
    switch::{Call, Direction, Health, Member, OUTBOUND, Progress, Snapshot, SwitchError, variables},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use uuid::Uuid;

/// What is asked of each call beside what the module tells of every one. It is short, as [`super::esl`] says why.
const VARIABLES: [&str; 3] = [variables::ACCOUNT, variables::APPLICATION, variables::DIRECTION];

/// `coach state ... as json`
#[derive(Deserialize)]
struct State {
    calls: Vec<StateCall>,
    rooms: Vec<Room>,
}

#[derive(Deserialize)]
struct StateCall {
    uuid: String,
    variables: Map<String, Value>,
}

#[derive(Deserialize)]
struct Room {
    name: String,
    hear_open: Vec<u32>,
    members: Vec<RoomMember>,
}

#[derive(Deserialize)]
struct RoomMember {
    number: u32,
    call_id: String,
    tags: Vec<String>,
    speak_only_to: Option<Vec<String>>,
    muted: bool,
    deaf: bool,
    held: bool,
    heard_by: HeardBy,
    opens_in_ms: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum HeardBy {
    /// Those in `hear_open`, except for itself.
    All,
    #[serde(untagged)]
    These(Vec<u32>),
}

impl RoomMember {
    fn into_member(self, conference: &str, hear_open: &[u32]) -> (String, Member) {
        let Self { number, call_id, tags, speak_only_to, muted, held, heard_by, opens_in_ms, .. } = self;
        let heard_by = match heard_by {
            HeardBy::All => hear_open.iter().copied().filter(|other| *other != number).collect(),
            HeardBy::These(listeners) => listeners,
        };
        let conference = conference.to_owned();
        (call_id, Member { conference, number, tags, speak_only_to, heard_by, muted, held, opens_in_ms })
    }
}

/// Everybody in these conferences, by the call's id.
fn members_of(rooms: impl IntoIterator<Item = Room>) -> impl Iterator<Item = (String, Member)> {
    rooms.into_iter().flat_map(|room| {
        let Room { name, hear_open, members } = room;
        members.into_iter().map(move |member| member.into_member(&name, &hear_open))
    })
}

impl FreeSwitch {
    fn read<T: for<'a> Deserialize<'a>>(&self, command: &str, answer: &str) -> Result<T, SwitchError> {
        serde_json::from_str(answer).map_err(|error| {
            SwitchError::Refused(format!("FreeSWITCH's answer to `{command}` cannot be read: {error}"))
        })
    }

    pub(super) async fn read_calls(&self) -> Result<Snapshot, SwitchError> {
        let command = format!("coach state {} as json", VARIABLES.join(","));
        let state: State = match self.act(&command).await {
            Ok(answer) => self.read(&command, &answer)?,
            // Without the module the calls are there all the same.
            Err(SwitchError::NoModule { .. }) => {
                return Ok(Snapshot { calls: self.list_calls().await?, has_module: false });
            }
            Err(error) => return Err(error),
        };
        let mut members: HashMap<String, Member> = members_of(state.rooms).collect();
        let calls = state.calls.into_iter().map(|call| {
            let member = members.remove(&call.uuid);
            let value = |name: &str| call.variables.get(name).and_then(Value::as_str).unwrap_or_default();
            self.call(&call.uuid, &value, member)
        });
        Ok(Snapshot { calls: calls.collect(), has_module: true })
    }

    /// The members that a hold has made deaf.
    pub(super) async fn deaf_by_hold(&self) -> Result<Vec<(String, Member)>, SwitchError> {
        let command = format!("coach state {DEAF_BY_HOLD} as json");
        let state: State = self.read(&command, &self.act(&command).await?)?;
        let number = |call: &StateCall| call.variables.get(DEAF_BY_HOLD)?.as_str()?.parse().ok();
        let numbers: HashMap<String, u32> =
            state.calls.iter().filter_map(|call| Some((call.uuid.clone(), number(call)?))).collect();
        Ok(members_of(state.rooms).filter(|(id, member)| numbers.get(id) == Some(&member.number)).collect())
    }

    /// The calls as the core lists them: it knows no members, and learns late of what begins and ends.
    async fn list_calls(&self) -> Result<Vec<Call>, SwitchError> {
        let command = "show channels as json";
        let listed: Value = self.read(command, &self.act(command).await?)?;
        let mut calls = Vec::new();
        for row in listed["rows"].as_array().into_iter().flatten() {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            let id = text("uuid");
            if !is_id(&id) || !self.exists(&id).await? {
                continue;
            }
            let mut known = HashMap::from([
                ("direction", text("direction")),
                ("caller_id_number", text("cid_num")),
                ("caller_id_name", text("cid_name")),
                ("destination_number", text("dest")),
                ("created_time", text("created_epoch") + "000000"),
            ]);
            match text("callstate").as_str() {
                "ACTIVE" | "HELD" => known.insert("answered_time", "1".into()),
                "RINGING" | "EARLY" => known.insert("progress_time", "1".into()),
                _ => None,
            };
            for name in VARIABLES.into_iter().chain(["sip_call_id"]) {
                let value = self.ask(&format!("uuid_getvar {id} {name}")).await?;
                if value != "_undef_" && !value.starts_with("-ERR") {
                    known.insert(name, value);
                }
            }
            let value = |name: &str| known.get(name).map(String::as_str).unwrap_or_default();
            calls.push(self.call(&id, &value, None));
        }
        Ok(calls)
    }

    fn call<'a>(&self, id: &str, value: &dyn Fn(&str) -> &'a str, member: Option<Member>) -> Call {
        let sid = |name| Uuid::try_parse(value(name)).ok();
        let number = |name| value(name).parse::<i64>().unwrap_or(0);
        let outbound = value(variables::DIRECTION) == "outbound"
            || value(variables::DIRECTION).is_empty() && value("direction") == "outbound";
        let progress = if number("answered_time") > 0 {
            Progress::InProgress
        } else if number("progress_time") > 0 || number("progress_media_time") > 0 {
            Progress::Ringing
        } else {
            Progress::Trying
        };
        let now = jiff::Timestamp::now().as_microsecond();
        let to = value("destination_number");
        Call {
            sid: call_sid(&self.name, id),
            id: id.to_owned(),
            channel: id.to_owned(),
            direction: if outbound { Direction::Outbound } else { Direction::Inbound },
            from: value("caller_id_number").to_owned(),
            caller_name: value("caller_id_name").to_owned(),
            to: to.strip_prefix(OUTBOUND).unwrap_or(to).to_owned(),
            progress,
            seconds: (now.saturating_sub(number("created_time")) / 1_000_000).try_into().unwrap_or(0),
            account: sid(variables::ACCOUNT),
            application: sid(variables::APPLICATION),
            call_id: Some(value("sip_call_id").to_owned()).filter(|id| !id.is_empty()),
            member,
        }
    }

    /// The members of a conference; none where there is no such.
    pub(super) async fn members(&self, conference: &str) -> Result<Vec<(String, Member)>, SwitchError> {
        let room = self.room(conference).await?;
        Ok(members_of(room).collect())
    }

    /// Whether a member hears nobody.
    pub(super) async fn is_deaf(&self, id: &str, conference: &str) -> Result<bool, SwitchError> {
        let members = self.room(conference).await?.map(|room| room.members).unwrap_or_default();
        members.iter().find(|member| member.call_id == id).map(|member| member.deaf).ok_or(SwitchError::NotInConference)
    }

    async fn room(&self, conference: &str) -> Result<Option<Room>, SwitchError> {
        let command = format!("coach show {conference} as json");
        match self.act(&command).await {
            Ok(answer) => Ok(Some(self.read(&command, &answer)?)),
            Err(SwitchError::NotInConference) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The conference that a call is in.
    pub(super) async fn room_of(&self, id: &str) -> Result<Option<String>, SwitchError> {
        #[derive(Deserialize)]
        struct Shown {
            room: Option<String>,
        }
        let command = format!("uuid_coach {id} show as json");
        match self.act(&command).await {
            Ok(answer) => Ok(self.read::<Shown>(&command, &answer)?.room),
            Err(SwitchError::NotInConference | SwitchError::Ended) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The call's member now, without the other calls.
    pub(super) async fn member_at(&self, id: &str) -> Result<Option<Member>, SwitchError> {
        let Some(room) = self.room_of(id).await? else { return Ok(None) };
        Ok(self.members(&room).await?.into_iter().find(|(call, _)| call == id).map(|(_, member)| member))
    }

    pub(super) async fn read_health(&self) -> Result<Health, SwitchError> {
        let version = format!("FreeSWITCH {}", self.esl.link().borrow().version(&self.name)?);
        let mut problems = Vec::new();
        let module = match self.act("coach version").await {
            Ok(said) => format!("{MODULE} {}", said.trim_start_matches("+OK ")),
            Err(SwitchError::NoModule { .. }) => {
                problems.push(
                    "mod_coach is not loaded: `fs_cli -x 'load mod_coach'`, and <load module=\"mod_coach\"/> in modules.conf.xml"
                        .into(),
                );
                String::new()
            }
            Err(error) => return Err(error),
        };
        if !module.is_empty() && self.ask("coach state as json").await?.starts_with("-ERR") {
            problems
                .push("this mod_coach has no command `coach state`: install the one of the gateway's release".into());
        }
        for (module, why) in [
            ("mod_conference", "there are no conferences"),
            ("mod_dptools", "no call can be answered"),
            ("mod_sndfile", "no text can be spoken"),
        ] {
            if self.ask(&format!("module_exists {module}")).await? != "true" {
                problems.push(format!("{module} is not loaded, so {why}: add it to modules.conf.xml"));
            }
        }
        problems.extend(self.profile_problems().await?);
        Ok(Health { version, module, problems })
    }
}

/// Whether this can be a call's id: it becomes a part of commands.
pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 256 && id.chars().all(|c| c.is_ascii_graphic() && !"\"'\\|;,${}()[]^".contains(c))
}
