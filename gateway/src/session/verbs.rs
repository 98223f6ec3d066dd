//! The verbs of applications: read strictly, as jambonz reads them, and each refused by name that is not done here.

use crate::names::Tags;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;

/// A hook as a verb names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Absolute, or relative to the application's own.
    pub url: String,
    /// By GET; else by POST.
    pub get: bool,
}

/// A verb.
#[derive(Debug, Clone, PartialEq)]
pub enum Verb {
    /// Answers the call.
    Answer,
    /// Speaks texts.
    Say {
        /// One after the other.
        texts: Vec<String>,
        /// How often; `None`: until something else comes.
        times: Option<u32>,
        /// The language, where the verb says it.
        language: Option<String>,
    },
    /// Plays files.
    Play {
        /// One after the other.
        urls: Vec<String>,
        /// How often; `None`: until something else comes.
        times: Option<u32>,
        /// Told of the end.
        action_hook: Option<Hook>,
    },
    /// Waits.
    Pause {
        /// Seconds.
        seconds: f64,
    },
    /// Hangs an answered call up.
    Hangup,
    /// Other verbs, in place of those that follow.
    Redirect {
        /// Who gives them.
        action_hook: Hook,
    },
    /// Refuses a call that is not answered.
    Decline {
        /// With this SIP status.
        status: u16,
        /// For this reason.
        reason: Option<String>,
    },
    /// Customer data of all later payloads; nothing to do with `memberTag`.
    Tag {
        /// The data.
        data: Map<String, Value>,
    },
    /// Settings of the session.
    Config {
        /// Whether verbs are told of.
        notify_events: bool,
    },
    /// Into a conference.
    Conference(Box<Conference>),
}

/// The `conference` verb.
#[derive(Debug, Clone, PartialEq)]
pub struct Conference {
    /// By the account's name for it.
    pub name: String,
    /// Given back in the actionHook.
    pub id: Option<String>,
    /// `Some(false)`: it waits for somebody who starts it. `Some(true)`: it moderates.
    pub start_on_enter: Option<bool>,
    /// When it leaves, the conference ends.
    pub end_on_exit: bool,
    /// A tone tells of its coming.
    pub beep: bool,
    /// The digits that it presses go to those who hear it.
    pub distribute_dtmf: bool,
    /// Muted from the first frame on.
    pub join_muted: bool,
    /// Its tags.
    pub member_tag: Option<Tags>,
    /// Whom it speaks to.
    pub speak_only_to: Option<Tags>,
    /// The conference is recorded, once this member has joined.
    pub record: bool,
    /// The conference ends at the latest so long after this member has joined.
    pub ends_after: Option<Duration>,
    /// The most members, if this one starts it.
    pub max_participants: Option<u32>,
    /// Told when it is over for this call.
    pub action_hook: Option<Hook>,
    /// Says what a waiting call hears.
    pub wait_hook: Option<Hook>,
    /// Says what the call hears before it joins.
    pub enter_hook: Option<Hook>,
    /// Told of events.
    pub status_hook: Option<Hook>,
    /// Which.
    pub status_events: Vec<String>,
}

/// What jambonz knows of each verb's properties.
enum Kind {
    Text,
    Number,
    Flag,
    Texts,
    TextOrTexts,
    NumberOrText,
    Object,
    Hook,
}

impl Kind {
    fn fits(&self, value: &Value) -> bool {
        let texts = |value: &Value| value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
        match self {
            Self::Text => value.is_string(),
            Self::Number => value.is_number(),
            Self::Flag => value.is_boolean(),
            Self::Texts => texts(value),
            Self::TextOrTexts => value.is_string() || texts(value),
            Self::NumberOrText => value.is_number() || value.is_string(),
            Self::Object => value.is_object(),
            Self::Hook => value.is_string() || value.is_object(),
        }
    }
}

type Property = (&'static str, Kind);

/// The verbs that are done here: name, properties, and which of these a verb must have.
const VERBS: &[(&str, &[Property], &[&str])] = &[
    ("answer", &[("id", Kind::Text)], &[]),
    (
        "say",
        &[
            ("id", Kind::Text),
            ("text", Kind::TextOrTexts),
            ("loop", Kind::NumberOrText),
            ("synthesizer", Kind::Object),
            ("earlyMedia", Kind::Flag),
        ],
        &["text"],
    ),
    (
        "play",
        &[
            ("id", Kind::Text),
            ("url", Kind::TextOrTexts),
            ("loop", Kind::NumberOrText),
            ("earlyMedia", Kind::Flag),
            ("actionHook", Kind::Hook),
        ],
        &["url"],
    ),
    ("pause", &[("id", Kind::Text), ("length", Kind::Number)], &["length"]),
    ("hangup", &[("id", Kind::Text), ("headers", Kind::Object)], &[]),
    ("redirect", &[("id", Kind::Text), ("actionHook", Kind::Hook)], &["actionHook"]),
    (
        "sip:decline",
        &[("id", Kind::Text), ("status", Kind::Number), ("reason", Kind::Text), ("headers", Kind::Object)],
        &["status"],
    ),
    ("tag", &[("id", Kind::Text), ("data", Kind::Object)], &["data"]),
    ("config", &[("id", Kind::Text), ("notifyEvents", Kind::Flag)], &[]),
    (
        "conference",
        &[
            ("id", Kind::Text),
            ("name", Kind::Text),
            ("beep", Kind::Flag),
            ("startConferenceOnEnter", Kind::Flag),
            ("endConferenceOnExit", Kind::Flag),
            ("endConferenceDuration", Kind::Number),
            ("joinMuted", Kind::Flag),
            ("memberTag", Kind::Text),
            ("speakOnlyTo", Kind::Text),
            ("maxParticipants", Kind::Number),
            ("distributeDtmf", Kind::Flag),
            ("actionHook", Kind::Hook),
            ("waitHook", Kind::Hook),
            ("enterHook", Kind::Hook),
            ("statusHook", Kind::Hook),
            ("endHook", Kind::Hook),
            ("statusEvents", Kind::Texts),
            ("record", Kind::Object),
            ("listen", Kind::Object),
        ],
        &["name"],
    ),
];

/// What a session's settings hold, in jambonz, besides `notifyEvents`: accepted, and without effect here.
const CONFIG_WITHOUT_EFFECT: &[&str] = &[
    "synthesizer",
    "recognizer",
    "bargeIn",
    "record",
    "listen",
    "transcribe",
    "amd",
    "onHoldMusic",
    "actionHookDelayAction",
    "sipRequestWithinDialogHook",
    "boostAudioSignal",
    "vad",
    "ttsStream",
    "autoStreamTts",
    "disableTtsCache",
    "fillerNoise",
    "reset",
    "referHook",
    "earlyMedia",
];

/// Seconds until a conference ends: a week.
const LONGEST_CONFERENCE: f64 = 604_800.0;

/// Events of a conference that exist.
const STATUS_EVENTS: &[&str] =
    &["start", "end", "join", "leave", "start-talking", "stop-talking", "tag", "coach", "audience"];

/// What a verb leads to.
pub enum Outcome {
    /// The next verb.
    Next,
    /// These, in place of those that follow.
    Replace(Vec<Value>),
}

/// A list of verbs as an application gives it. `Err`: what is wrong, in jambonz's words where it has some.
pub fn list(value: &Value) -> Result<Vec<Value>, String> {
    let Value::Array(items) = value else { return Err("the application gave no list of verbs".into()) };
    let mut verbs = Vec::new();
    for item in items {
        let verb = normalized(item)?;
        Verb::parse(&verb)?;
        verbs.push(verb);
    }
    Ok(verbs)
}

/// `{"verb": "name", ...}`, from that or from `{"name": {...}}`.
fn normalized(item: &Value) -> Result<Value, String> {
    let Value::Object(item) = item else { return Err("malformed jambonz payload: a verb is no object".into()) };
    if item.contains_key("verb") {
        return Ok(Value::Object(item.clone()));
    }
    let mut entries = item.iter();
    match (entries.next(), entries.next()) {
        (Some((name, Value::Object(properties))), None) => {
            let mut verb = Map::from_iter([("verb".to_owned(), Value::String(name.clone()))]);
            verb.extend(properties.clone());
            Ok(Value::Object(verb))
        }
        _ => Err("malformed jambonz payload: missing verb property".into()),
    }
}

impl Verb {
    /// Reads one verb.
    pub fn parse(value: &Value) -> Result<Self, String> {
        let given = value.as_object().ok_or("a verb is no object")?;
        let named =
            given.get("verb").and_then(Value::as_str).ok_or("malformed jambonz payload: missing verb property")?;
        // Newer schemas have both names.
        let name = if named == "room" { "conference" } else { named };
        let Some((name, properties, required)) = VERBS.iter().find(|(own, ..)| *own == name) else {
            return Err(format!("invalid instruction: {named}"));
        };
        check(name, properties, required, given)?;
        let verb = Properties { name, given };
        Ok(match *name {
            "answer" => Self::Answer,
            "say" => Self::Say { texts: verb.texts("text"), times: verb.times()?, language: verb.language() },
            "play" => {
                Self::Play { urls: verb.texts("url"), times: verb.times()?, action_hook: verb.hook("actionHook")? }
            }
            "pause" => Self::Pause { seconds: verb.number("length", 0.0, 86_400.0)? },
            "hangup" => Self::Hangup,
            "redirect" => Self::Redirect {
                action_hook: verb.hook("actionHook")?.ok_or("redirect: missing value for actionHook")?,
            },
            "sip:decline" => {
                let status = verb.number("status", 400.0, 699.0)? as u16;
                Self::Decline { status, reason: verb.text("reason") }
            }
            "tag" => Self::Tag { data: given["data"].as_object().cloned().unwrap_or_default() },
            "config" => Self::Config { notify_events: verb.flag("notifyEvents").unwrap_or(false) },
            _ => Self::Conference(Box::new(verb.conference()?)),
        })
    }
}

fn check(name: &str, properties: &[Property], required: &[&str], given: &Map<String, Value>) -> Result<(), String> {
    for (key, value) in given.iter().filter(|(key, _)| *key != "verb" && *key != "_") {
        match properties.iter().find(|(own, _)| own == key) {
            Some((_, kind)) if kind.fits(value) => {}
            Some(_) => return Err(format!("{name}: property {key} has invalid data type")),
            None if name == "config" && CONFIG_WITHOUT_EFFECT.contains(&key.as_str()) => {}
            None => return Err(format!("{name}: unknown property {key}")),
        }
    }
    // A list with nothing in it is no value either: played for ever, it would keep its thread for ever.
    let is_given = |key: &str| given.get(key).is_some_and(|value| value.as_array().is_none_or(|list| !list.is_empty()));
    match required.iter().find(|key| !is_given(key)) {
        Some(missing) => Err(format!("{name}: missing value for {missing}")),
        None => Ok(()),
    }
}

struct Properties<'a> {
    name: &'a str,
    given: &'a Map<String, Value>,
}

impl Properties<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.given.get(key).and_then(Value::as_str).map(str::to_owned)
    }

    fn texts(&self, key: &str) -> Vec<String> {
        match self.given.get(key) {
            Some(Value::Array(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => self.text(key).into_iter().collect(),
        }
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.given.get(key).and_then(Value::as_bool)
    }

    fn number(&self, key: &str, least: f64, most: f64) -> Result<f64, String> {
        let number = self.given.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN);
        if (least..=most).contains(&number) {
            return Ok(number);
        }
        Err(format!("{}: {key} has to be from {least} to {most}", self.name))
    }

    fn times(&self) -> Result<Option<u32>, String> {
        match self.given.get("loop") {
            None => Ok(Some(1)),
            Some(Value::String(text)) if text == "forever" => Ok(None),
            Some(value) => {
                let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
                let times = number.and_then(|number| u32::try_from(number).ok()).filter(|times| *times > 0);
                times.map(Some).ok_or_else(|| format!("{}: loop has to be a number from 1, or \"forever\"", self.name))
            }
        }
    }

    fn language(&self) -> Option<String> {
        let language = self.given.get("synthesizer")?.get("language")?.as_str()?;
        // It becomes an argument of a command.
        let is_one =
            !language.starts_with('-') && language.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        is_one.then(|| language.to_owned())
    }

    fn hook(&self, key: &str) -> Result<Option<Hook>, String> {
        self.given
            .get(key)
            .map(|value| hook(value).ok_or_else(|| format!("{}: property {key} has invalid data type", self.name)))
            .transpose()
    }

    fn tags(&self, key: &str) -> Result<Option<Tags>, String> {
        let text = self.text(key);
        text.map(|text| Tags::parse(&text).map_err(|error| format!("{}: {key}: {error}", self.name))).transpose()
    }

    /// What the switches that there are cannot do is refused by name.
    fn conference(&self) -> Result<Conference, String> {
        if self.given.contains_key("listen") {
            return Err("conference: listen is not supported: `record` has the conversation in a file".into());
        }
        let record = self.given.get("record").and_then(Value::as_object);
        // The path is jambonz's: recordings have names of the gateway's own.
        let unknown = record.and_then(|record| record.iter().find(|(key, path)| *key != "path" || !path.is_string()));
        if let Some((unknown, _)) = unknown {
            return Err(format!("conference: record: {unknown} is not known: give {{}}, or a path, which is a text"));
        }
        // JavaScript's 0 says that there is none.
        let ends_after = match self.given.get("endConferenceDuration") {
            None => None,
            Some(none) if none.as_f64() == Some(0.0) => None,
            Some(_) => Some(Duration::from_secs_f64(self.number("endConferenceDuration", 1.0, LONGEST_CONFERENCE)?)),
        };
        let status_events = self.texts("statusEvents");
        if let Some(unknown) = status_events.iter().find(|event| !STATUS_EVENTS.contains(&event.as_str())) {
            tracing::debug!(unknown, "there is no such event of a conference");
        }
        let max_participants = match self.given.get("maxParticipants") {
            None => None,
            Some(_) => Some(self.number("maxParticipants", 2.0, 10_000.0)? as u32),
        };
        Ok(Conference {
            name: self.text("name").unwrap_or_default(),
            id: self.text("id"),
            start_on_enter: self.flag("startConferenceOnEnter"),
            end_on_exit: self.flag("endConferenceOnExit").unwrap_or(false),
            beep: self.flag("beep").unwrap_or(false),
            distribute_dtmf: self.flag("distributeDtmf").unwrap_or(false),
            join_muted: self.flag("joinMuted").unwrap_or(false),
            member_tag: self.tags("memberTag")?,
            speak_only_to: self.tags("speakOnlyTo")?,
            record: record.is_some(),
            ends_after,
            max_participants,
            action_hook: self.hook("actionHook")?,
            wait_hook: self.hook("waitHook")?,
            enter_hook: self.hook("enterHook")?,
            status_hook: self.hook("statusHook")?,
            status_events,
        })
    }
}

/// A hook: an address, or an object that has one.
pub fn hook(value: &Value) -> Option<Hook> {
    match value {
        Value::String(url) => Some(Hook { url: url.clone(), get: false }),
        Value::Object(hook) => {
            let get =
                hook.get("method").and_then(Value::as_str).is_some_and(|method| method.eq_ignore_ascii_case("get"));
            Some(Hook { url: hook.get("url")?.as_str()?.to_owned(), get })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
