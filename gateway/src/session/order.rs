//! What a request for a call says: read, weighed, and made into what a switch is given.
//!
//! Numbers, names and addresses become a part of what a switch dials and of its dialplan's extension. So each is made of characters
//! that no switch takes for anything else.

use crate::settings::{Application, Calls, Settings};
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

/// The longest destination: with what stands in front of it, an extension of Asterisk's has room for 79 bytes.
const MOST_DESTINATION: usize = 64;
/// Seconds that a call may ring: by default, and at most.
const RINGS: (u32, u32) = (60, 300);
/// What a request may have.
const KNOWN: &[&str] =
    &["from", "to", "application_sid", "call_hook", "call_status_hook", "tag", "timeout", "callerName"];
/// What jambonz asks for beside a call_hook: speech is the gateway's settings' business.
const SPEECH: &[&str] = &[
    "speech_synthesis_vendor",
    "speech_synthesis_language",
    "speech_synthesis_voice",
    "speech_recognizer_vendor",
    "speech_recognizer_language",
];

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A number.
    Phone(String),
    /// A user, whatever the domain.
    User(String),
    /// A SIP address.
    Sip(String),
}

impl Destination {
    /// The kind, by its name in requests.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Phone(_) => "phone",
            Self::User(_) => "user",
            Self::Sip(_) => "sip",
        }
    }

    /// As applications know it.
    pub fn text(&self) -> &str {
        let (Self::Phone(text) | Self::User(text) | Self::Sip(text)) = self;
        text
    }

    /// What a switch dials for it, if it dials this kind.
    pub fn dialled(&self, calls: &Calls) -> Option<String> {
        let (mark, template) = match self {
            Self::Phone(_) => ("{number}", &calls.phone),
            Self::User(_) => ("{name}", &calls.user),
            Self::Sip(_) => ("{uri}", &calls.sip),
        };
        Some(template.as_ref()?.replacen(mark, self.text(), 1))
    }
}

/// A call that somebody wants.
#[derive(Debug, Clone)]
pub struct Order {
    /// Where it goes.
    pub to: Destination,
    /// The caller's number.
    pub from: String,
    /// The caller's name.
    pub caller_name: String,
    /// How long it may ring.
    pub seconds: u32,
    /// Who says what it does.
    pub application: Application,
    /// What all payloads of its session carry along.
    pub customer_data: Option<Map<String, Value>>,
}

fn text<'a>(body: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, String> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(format!("createCall: {key} has to be a text that is not empty")),
    }
}

/// A text of these characters alone.
fn plain(what: &str, text: &str, most: usize, other: &str) -> Result<String, String> {
    if let Some(wrong) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !other.contains(*c)) {
        return Err(format!("createCall: {what} holds {wrong:?}; it may have letters, digits and any of {other}"));
    }
    if text.is_empty() || text.len() > most {
        return Err(format!("createCall: {what} has to have 1 to {most} characters"));
    }
    Ok(text.to_owned())
}

fn destination(value: Option<&Value>) -> Result<Destination, String> {
    let right = "give {\"type\": \"phone\", \"number\": ...}, {\"type\": \"user\", \"name\": ...} or {\"type\": \"sip\", \"sipUri\": ...}";
    let Some(Value::Object(to)) = value else { return Err(format!("createCall: missing to property: {right}")) };
    let kind = text(to, "type")?.unwrap_or_default();
    let key = match kind {
        "phone" => "number",
        "user" => "name",
        "sip" => "sipUri",
        other => return Err(format!("createCall: to.type {other:?} is not supported: {right}")),
    };
    if let Some(unknown) = to.keys().find(|own| *own != "type" && *own != key) {
        return Err(format!("createCall: to.{unknown} is not supported: {right}"));
    }
    let given = text(to, key)?.ok_or_else(|| format!("createCall: missing to.{key}: {right}"))?;
    Ok(match kind {
        "phone" => Destination::Phone(plain("to.number", given, MOST_DESTINATION, "+*#")?),
        // jambonz's users have the domain of their account; on a switch, what it dials says which.
        "user" => {
            let (name, domain) = given.split_once('@').unwrap_or((given, ""));
            if !domain.is_empty() {
                plain("to.name's domain", domain, 255, ".-")?;
            }
            Destination::User(plain("to.name", name, MOST_DESTINATION, "+._-")?)
        }
        _ => {
            let uri = plain("to.sipUri", given, MOST_DESTINATION, ":@.+*#_-")?;
            if !uri.strip_prefix("sip:").or(uri.strip_prefix("sips:")).is_some_and(|rest| rest.contains('@')) {
                return Err("createCall: to.sipUri has to be an address such as sip:alice@sip.example.com".into());
            }
            Destination::Sip(uri)
        }
    })
}

/// A hook: an address, or an object that has one.
fn hook(body: &Map<String, Value>, key: &str) -> Result<Option<Url>, String> {
    let given = match body.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => super::verbs::hook(value).filter(|hook| !hook.get),
    };
    let url = given.and_then(|hook| Url::parse(&hook.url).ok());
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https" | "ws" | "wss") && url.has_host());
    url.map(Some).ok_or_else(|| {
        format!(
            "createCall: {key} has to be an address that begins with http://, https://, ws:// or wss://, asked by POST"
        )
    })
}

/// The application that the request names, or the one whose settings allow its call_hook.
fn application(body: &Map<String, Value>, account: Uuid, settings: &Settings) -> Result<Application, String> {
    let named = text(body, "application_sid")?;
    let (call_hook, status_hook) = (hook(body, "call_hook")?, hook(body, "call_status_hook")?);
    let mut own = settings.applications.iter().filter(|application| application.account == account);
    let mut application = match (named, &call_hook) {
        (Some(named), _) => own
            .find(|application| application.sid.to_string() == named)
            .ok_or_else(|| format!("createCall: application_sid {named:?} is no application of this account"))?
            .clone(),
        (None, Some(hook)) => own
            .find(|application| application.reach.check(hook).is_ok())
            .ok_or_else(|| {
                format!("createCall: no application of this account may ask {hook}: name its host in allowed_hosts")
            })?
            .clone(),
        (None, None) => return Err("createCall: give application_sid or call_hook".into()),
    };
    for hook in call_hook.iter().chain(&status_hook) {
        application
            .reach
            .check(hook)
            .map_err(|why| format!("createCall: the application {}: {why}", application.name))?;
    }
    application.call_hook = call_hook.unwrap_or(application.call_hook);
    application.call_status_hook = status_hook.or(application.call_status_hook);
    Ok(application)
}

impl Order {
    /// Reads the body of a request. `Err`: what is wrong with it, and what would be right.
    pub fn parse(body: &Value, account: Uuid, settings: &Settings) -> Result<Self, String> {
        let Value::Object(body) = body else { return Err("the body is no JSON object".into()) };
        let unknown = |key: &&String| !KNOWN.contains(&key.as_str()) && !SPEECH.contains(&key.as_str());
        if let Some(unknown) = body.keys().find(unknown) {
            return Err(format!("createCall: {unknown} is not supported; these are: {}", KNOWN.join(", ")));
        }
        let from = text(body, "from")?.ok_or("createCall: missing from property")?;
        let caller_name = text(body, "callerName")?.unwrap_or_default();
        // What is between two quotes, or in a list with commas, on a switch.
        let in_name = |c: char| c.is_alphanumeric() || " .-_()".contains(c);
        if caller_name.len() > 80 || !caller_name.chars().all(in_name) {
            return Err("createCall: callerName may have 80 bytes of letters, digits, spaces and any of .-_()".into());
        }
        let seconds = match body.get("timeout") {
            None | Some(Value::Null) => RINGS.0,
            Some(given) => given
                .as_u64()
                .and_then(|seconds| u32::try_from(seconds).ok())
                .filter(|seconds| (1..=RINGS.1).contains(seconds))
                .ok_or_else(|| format!("createCall: timeout has to be 1 to {} seconds", RINGS.1))?,
        };
        let customer_data = match body.get("tag") {
            None | Some(Value::Null) => None,
            Some(Value::Object(data)) => Some(data.clone()),
            Some(_) => return Err("createCall: tag has to be an object".into()),
        };
        Ok(Self {
            to: destination(body.get("to"))?,
            from: plain("from", from, MOST_DESTINATION, "+*#._-")?,
            caller_name: caller_name.to_owned(),
            seconds,
            application: application(body, account, settings)?,
            customer_data,
        })
    }
}
