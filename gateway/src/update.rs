//! What a `PUT` on a call, or a command of an application, asks for: read, weighed, done.

use crate::{
    keys::Need,
    names::Tags,
    node::Found,
    switch::{Change, Progress, SwitchError},
};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Why an update was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// It is none.
    #[error("{0}")]
    Wrong(String),
    /// The call is not so that it can be made.
    #[error("{0}")]
    Conflict(String),
    /// The call's session, which asks its application, has not answered within so many seconds.
    #[error("the session of the call {0} has not answered in {1} s: whether it was done is not known")]
    Unknown(Uuid, u64),
    /// The switch did not make it.
    #[error(transparent)]
    Switch(#[from] SwitchError),
}

/// One update of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// A change to it as a member of its conference.
    Member(Change),
    /// Held, and hearing what this hook says meanwhile: the call's session asks it.
    Hold(Value),
    /// Everybody in its conference who does not moderate it.
    MuteConference(bool),
    /// Hang it up, whatever state it is in.
    Complete,
    /// Hang it up, unless it is answered.
    NoAnswer,
    /// Other verbs, from this hook: the call's session asks it.
    CallHook(Value),
    /// Customer data of all later payloads of the call's session.
    CustomerData(Value),
    /// Send it a digit.
    Dtmf {
        /// 0 to 9, `*`, `#`, A to D.
        digit: String,
        /// How long.
        milliseconds: Option<u32>,
    },
}

/// What jambonz takes, one at a time.
const OPTIONS: &[&str] = &[
    "call_hook",
    "child_call_hook",
    "call_status",
    "listen_status",
    "transcribe_status",
    "conf_hold_status",
    "conf_mute_status",
    "mute_status",
    "sip_request",
    "record",
    "tag",
    "dtmf",
    "conferenceParticipantAction",
    "dub",
    "boostAudioSignal",
    "media_path",
    "whisper",
];

/// What of these is taken here.
const TAKEN: &str =
    "conferenceParticipantAction, mute_status, conf_mute_status, conf_hold_status, call_status, call_hook, tag, dtmf";

fn bad<T>(msg: impl Into<String>) -> Result<T, UpdateError> {
    Err(UpdateError::Wrong(msg.into()))
}

/// What JavaScript takes for nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        _ => false,
    }
}

impl Update {
    /// Reads the body of a request.
    pub fn parse(body: &Value) -> Result<Self, UpdateError> {
        let Value::Object(body) = body else { return bad("the body is no JSON object") };
        let given: Vec<&str> =
            OPTIONS.iter().copied().filter(|key| body.get(*key).is_some_and(|v| !is_nothing(v))).collect();
        let option = match given[..] {
            [] => return bad("no valid options supplied to updateCall"),
            [option] => option,
            _ => return bad("multiple options are not allowed in updateCall"),
        };
        let beside: &[&str] = match option {
            "conf_mute_status" => &["conf_mute_scope"],
            "conf_hold_status" => &["wait_hook"],
            _ => &[],
        };
        let unknown = |key: &&String| !OPTIONS.contains(&key.as_str()) && !beside.contains(&key.as_str());
        if let Some(unknown) = body.keys().find(unknown) {
            return bad(format!("{unknown} is not known beside {option}"));
        }
        let value = &body[option];
        match option {
            "conferenceParticipantAction" => participant_action(value),
            "mute_status" => {
                mute(value, option).map(|mute| Self::Member(if mute { Change::Mute } else { Change::Unmute }))
            }
            "conf_mute_status" => mute_conference(value, body.get("conf_mute_scope")),
            "conf_hold_status" => match value.as_str() {
                Some("hold") => hold(body.get("wait_hook")),
                Some("unhold") => Ok(Self::Member(Change::Unhold)),
                _ => bad("invalid conf_hold_status"),
            },
            "call_status" => match value.as_str() {
                Some("completed") => Ok(Self::Complete),
                Some("no-answer") => Ok(Self::NoAnswer),
                _ => bad("invalid call_status"),
            },
            "call_hook" if value.is_string() || value.is_object() => Ok(Self::CallHook(value.clone())),
            "call_hook" => bad("invalid call_hook"),
            "tag" if value.is_object() => Ok(Self::CustomerData(value.clone())),
            "tag" => bad("invalid tag data"),
            "dtmf" => dtmf(value),
            other => bad(format!("{other} is not supported; these are: {TAKEN}")),
        }
    }

    /// What its key has to be allowed.
    pub fn needs(&self) -> Vec<Need<'_>> {
        if let Self::Hold(_) = self {
            return vec![Need::Moderate, Need::Call];
        }
        vec![match self {
            Self::Member(Change::Tag(_) | Change::Untag) => Need::Tag,
            Self::Member(Change::Coach(tags)) => Need::Coach(tags),
            Self::Member(Change::Uncoach) => Need::Barge,
            Self::Member(_) | Self::MuteConference(_) | Self::Complete | Self::NoAnswer => Need::Moderate,
            Self::Dtmf { .. } | Self::CallHook(_) | Self::CustomerData(_) | Self::Hold(_) => Need::Call,
        }]
    }
}

/// `conferenceParticipantAction`, in a request and as a command of an application.
pub fn participant_action(value: &Value) -> Result<Update, UpdateError> {
    let Value::Object(value) = value else { return bad("conferenceParticipantAction is no object") };
    let action = value.get("action");
    let Some(action) = action.and_then(Value::as_str) else {
        return bad(format!("conferenceParticipantAction invalid action property {}", action.unwrap_or(&Value::Null)));
    };
    let known: &[&str] = if action == "hold" { &["action", "tag", "wait_hook"] } else { &["action", "tag"] };
    if let Some(unknown) = value.keys().find(|key| !known.contains(&key.as_str())) {
        return bad(format!("conferenceParticipantAction: {unknown} is not supported with the action {action}"));
    }
    Ok(Update::Member(match action {
        "tag" => Change::Tag(tags(value, action)?),
        "coach" => Change::Coach(tags(value, action)?),
        "untag" => Change::Untag,
        "uncoach" => Change::Uncoach,
        "mute" => Change::Mute,
        "unmute" => Change::Unmute,
        "hold" => return hold(value.get("wait_hook")),
        "unhold" => Change::Unhold,
        "kick" => Change::Kick,
        other => return bad(format!("conferenceParticipantAction invalid action property {other}")),
    }))
}

fn hold(wait_hook: Option<&Value>) -> Result<Update, UpdateError> {
    match wait_hook.filter(|hook| !is_nothing(hook)) {
        None => Ok(Update::Member(Change::Hold)),
        Some(hook) if hook.is_string() || hook.is_object() => Ok(Update::Hold(hook.clone())),
        Some(_) => bad("wait_hook is neither an address nor an object with a url"),
    }
}

fn tags(value: &Map<String, Value>, action: &str) -> Result<Tags, UpdateError> {
    match value.get("tag") {
        Some(Value::String(text)) if !text.is_empty() => Tags::parse(text).or_else(|error| bad(error.to_string())),
        Some(Value::String(_) | Value::Null) | None => {
            bad(format!("conferenceParticipantAction requires tag property when action is '{action}'"))
        }
        Some(_) => bad("conferenceParticipantAction: tag is no text"),
    }
}

fn mute(value: &Value, option: &str) -> Result<bool, UpdateError> {
    match value.as_str() {
        Some("mute") => Ok(true),
        Some("unmute") => Ok(false),
        _ => bad(format!("invalid {option}")),
    }
}

fn mute_conference(value: &Value, scope: Option<&Value>) -> Result<Update, UpdateError> {
    let muted = mute(value, "conf_mute_status")?;
    match scope.map(|scope| scope.as_str().unwrap_or_default()) {
        None | Some("call") => Ok(Update::Member(if muted { Change::Mute } else { Change::Unmute })),
        Some("room") => Ok(Update::MuteConference(muted)),
        Some(_) => bad("invalid conf_mute_scope: give \"call\", or \"room\" for everybody who does not moderate it"),
    }
}

fn dtmf(value: &Value) -> Result<Update, UpdateError> {
    let digit = value.get("digit").and_then(Value::as_str).unwrap_or_default();
    if digit.is_empty() || digit.len() > 32 || !digit.chars().all(|c| "0123456789*#ABCD".contains(c)) {
        return bad("invalid dtmf");
    }
    let milliseconds = match value.get("duration") {
        None | Some(Value::Null) => None,
        Some(duration) => match duration.as_u64().filter(|ms| (40..=10_000).contains(ms)) {
            Some(ms) => Some(ms as u32),
            None => return bad("invalid dtmf: its duration is 40 to 10,000 milliseconds"),
        },
    };
    Ok(Update::Dtmf { digit: digit.to_owned(), milliseconds })
}

/// Does it. It is so when this returns.
pub async fn apply(found: &Found, update: &Update) -> Result<(), UpdateError> {
    let (switch, call) = (&found.node.switch, &found.call);
    match update {
        Update::Member(change) => {
            found.member()?;
            switch.change(call, change).await?;
        }
        Update::MuteConference(muted) => {
            found.member()?;
            switch.mute_conference(call, *muted).await?;
        }
        // The call's session does these: see `session::command`.
        Update::CallHook(_) | Update::CustomerData(_) | Update::Hold(_) => {
            return Err(UpdateError::Conflict(format!("call session is gone for call_sid {}", call.sid)));
        }
        Update::Complete => switch.hang_up(call, 16).await?,
        Update::NoAnswer if call.progress == Progress::InProgress => {
            let sid = call.sid;
            return Err(UpdateError::Conflict(format!(
                "current call state is incompatible with requested action for call_sid {sid}"
            )));
        }
        Update::NoAnswer => switch.hang_up(call, 19).await?,
        Update::Dtmf { digit, milliseconds } => switch.send_digits(call, digit, *milliseconds).await?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(body: Value) -> Result<Update, String> {
        Update::parse(&body).map_err(|error| error.to_string())
    }

    #[test]
    fn what_jambonz_takes_is_taken() {
        let agent = Tags::parse("agent").expect("a tag");
        for (body, update) in [
            (
                json!({"conferenceParticipantAction": {"action": "coach", "tag": "agent"}}),
                Update::Member(Change::Coach(agent.clone())),
            ),
            (
                json!({"conferenceParticipantAction": {"action": "tag", "tag": "agent"}}),
                Update::Member(Change::Tag(agent)),
            ),
            // The dialer in the browser always sends a tag.
            (json!({"conferenceParticipantAction": {"action": "untag", "tag": ""}}), Update::Member(Change::Untag)),
            (json!({"conferenceParticipantAction": {"action": "kick"}}), Update::Member(Change::Kick)),
            (json!({"mute_status": "mute"}), Update::Member(Change::Mute)),
            (json!({"conf_mute_status": "unmute"}), Update::Member(Change::Unmute)),
            (json!({"conf_mute_status": "mute", "conf_mute_scope": "room"}), Update::MuteConference(true)),
            (json!({"conf_hold_status": "hold", "call_hook": null, "record": ""}), Update::Member(Change::Hold)),
            (json!({"conf_hold_status": "hold", "wait_hook": "/w"}), Update::Hold(json!("/w"))),
            (
                json!({"conferenceParticipantAction": {"action": "hold", "wait_hook": {"url": "/w"}}}),
                Update::Hold(json!({"url": "/w"})),
            ),
            (json!({"call_status": "completed"}), Update::Complete),
            (
                json!({"dtmf": {"digit": "5", "duration": 250}}),
                Update::Dtmf { digit: "5".into(), milliseconds: Some(250) },
            ),
        ] {
            assert_eq!(parse(body.clone()), Ok(update), "{body}");
        }
    }

    #[test]
    fn a_hook_takes_a_key_that_may_give_verbs() {
        let needs = |update: Update| update.needs().iter().map(|need| format!("{need:?}")).collect::<Vec<_>>();
        assert_eq!(needs(Update::Hold(json!("/w"))), ["Moderate", "Call"]);
        assert_eq!(needs(Update::Member(Change::Hold)), ["Moderate"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (body, msg) in [
            (json!([]), "no JSON object"),
            (json!({}), "no valid options supplied to updateCall"),
            (json!({"conferenceParticipantState": {}}), "no valid options supplied to updateCall"),
            (
                json!({"mute_status": "mute", "call_status": "completed"}),
                "multiple options are not allowed in updateCall",
            ),
            (json!({"mute_status": "mute", "other": 1}), "other is not known beside mute_status"),
            (json!({"mute_status": "off"}), "invalid mute_status"),
            (json!({"sip_request": {"method": "INFO"}}), "sip_request is not supported"),
            (
                json!({"conferenceParticipantAction": {"action": "sing"}}),
                "conferenceParticipantAction invalid action property sing",
            ),
            (json!({"conferenceParticipantAction": {}}), "conferenceParticipantAction invalid action property null"),
            (
                json!({"conferenceParticipantAction": {"action": "coach"}}),
                "conferenceParticipantAction requires tag property when action is 'coach'",
            ),
            (json!({"conferenceParticipantAction": {"action": "coach", "tag": 7}}), "tag is no text"),
            (json!({"conferenceParticipantAction": {"action": "coach", "tag": "a b"}}), "white space"),
            (
                json!({"conferenceParticipantAction": {"action": "mute", "wait_hook": "/w"}}),
                "wait_hook is not supported with the action mute",
            ),
            (json!({"conf_hold_status": "hold", "wait_hook": 7}), "wait_hook is neither"),
            (json!({"dtmf": {"digit": "x"}}), "invalid dtmf"),
            (json!({"call_status": "busy"}), "invalid call_status"),
        ] {
            let said = parse(body.clone()).expect_err("it is refused");
            assert!(said.contains(msg), "{body}: {said}");
        }
    }
}
