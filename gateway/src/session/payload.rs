//! What applications are told of a call: field by field as jambonz has it. What a switch cannot tell is absent.

use crate::{
    names::call_sid,
    settings::Application,
    switch::{Call, Direction},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// What is known of a call, as payloads tell it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallInfo {
    /// Its name on the wire.
    pub call_sid: Uuid,
    /// Whose it is.
    pub account_sid: Uuid,
    /// Who answers it.
    pub application_sid: Uuid,
    /// The same in everything that an application is told of one call.
    pub trace_id: String,
    /// `inbound` or `outbound`
    pub direction: String,
    /// The caller's number.
    pub from: String,
    /// The called number.
    pub to: String,
    /// The caller's name.
    pub caller_name: String,
    /// The SIP Call-ID.
    pub call_id: Option<String>,
    /// Its state, as SIP tells it.
    pub sip_status: u16,
    /// The same in words.
    pub sip_reason: String,
    /// Its state, as applications are told it.
    pub call_status: String,
    /// Seconds, once it has ended.
    pub duration: Option<u64>,
    /// `caller` or `jambonz`, once it has ended.
    pub call_termination_by: Option<String>,
    /// What the application has told it to carry along.
    pub customer_data: Option<Map<String, Value>>,
    /// Headers of the request that began it.
    pub sip_headers: Vec<(String, String)>,
    /// When it was answered: seconds since 1970.
    pub answered: Option<i64>,
}

impl CallInfo {
    /// Of a call that has come in, or that the gateway places.
    pub fn new(call: &Call, switch: &str, application: &Application, headers: Vec<(String, String)>) -> Self {
        let header = |name: &str| headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
        Self {
            call_sid: call_sid(switch, &call.id),
            account_sid: application.account,
            application_sid: application.sid,
            trace_id: Uuid::new_v4().simple().to_string(),
            direction: match call.direction {
                Direction::Inbound => "inbound".into(),
                Direction::Outbound => "outbound".into(),
            },
            from: call.from.clone(),
            to: call.to.clone(),
            caller_name: call.caller_name.clone(),
            call_id: header("call-id").or_else(|| call.call_id.clone()),
            sip_status: 100,
            sip_reason: "Trying".into(),
            call_status: "trying".into(),
            duration: None,
            call_termination_by: None,
            customer_data: None,
            sip_headers: headers,
            answered: None,
        }
    }

    /// The fields that every hook carries.
    pub fn base(&self) -> Map<String, Value> {
        let mut base = self.common();
        if let Some(duration) = self.duration {
            base.insert("duration".into(), duration.into());
        }
        if let Some(by) = &self.call_termination_by {
            base.insert("call_termination_by".into(), by.as_str().into());
        }
        if let Some(data) = &self.customer_data {
            base.insert("customerData".into(), Value::Object(data.clone()));
        }
        base
    }

    fn common(&self) -> Map<String, Value> {
        let Value::Object(mut common) = json!({
            "call_sid": self.call_sid,
            "direction": self.direction,
            "from": self.from,
            "to": self.to,
            "call_id": self.call_id,
            "sip_status": self.sip_status,
            "sip_reason": self.sip_reason,
            "call_status": self.call_status,
            "account_sid": self.account_sid,
            "trace_id": self.trace_id,
            "application_sid": self.application_sid,
        }) else {
            unreachable!("it is an object")
        };
        common.retain(|_, value| !value.is_null());
        common
    }

    /// The fields of the first request, and of waitHook and enterHook, which carry the raw set in jambonz.
    pub fn raw(&self) -> Map<String, Value> {
        let mut raw = self.common();
        raw.insert("caller_name".into(), self.caller_name.as_str().into());
        raw.insert("has_recording".into(), false.into());
        if let Some(data) = &self.customer_data {
            raw.insert("customerdata".into(), Value::Object(data.clone()));
        }
        raw
    }

    /// The first request.
    pub fn session_new(&self, application: &Application) -> Map<String, Value> {
        let mut new = Map::new();
        if self.direction == "inbound" {
            let headers: Map<String, Value> =
                self.sip_headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
            new.insert("sip".into(), json!({"headers": headers, "method": "INVITE"}));
        }
        // Of a call that was placed, jambonz sends what every hook carries.
        new.extend(if self.direction == "inbound" { self.raw() } else { self.base() });
        new.insert(
            "defaults".into(),
            json!({"synthesizer": {"vendor": "default", "language": "en-US", "voice": "default"},
                "recognizer": {"vendor": "default", "language": "en-US"}}),
        );
        if !application.env_vars.is_empty() {
            new.insert("env_vars".into(), json!(application.env_vars));
        }
        new
    }

    /// It rings, or has been answered.
    pub fn has_rung(&self) -> bool {
        self.sip_status > 100
    }

    /// It rings now; `false`: it did before, or has been answered.
    pub fn rings(&mut self) -> bool {
        let rings = !self.has_rung();
        if rings {
            (self.sip_status, self.sip_reason, self.call_status) = (180, "Ringing".into(), "ringing".into());
        }
        rings
    }

    /// It has been answered now; `false`: it was before.
    pub fn answered(&mut self) -> bool {
        if self.answered.is_some() {
            return false;
        }
        self.answered = Some(jiff::Timestamp::now().as_second());
        (self.sip_status, self.sip_reason, self.call_status) = (200, "OK".into(), "in-progress".into());
        true
    }

    /// It has ended. `declined`: with this status, by the application.
    pub fn ended(&mut self, cause: u8, by_caller: bool, declined: Option<u16>) {
        let now = jiff::Timestamp::now().as_second();
        self.duration = Some(self.answered.map_or(0, |answered| now.saturating_sub(answered).try_into().unwrap_or(0)));
        self.call_termination_by = Some(if by_caller { "caller" } else { "jambonz" }.into());
        let (status, sip_status, sip_reason) = match (self.answered, declined, cause) {
            (Some(_), ..) => ("completed", 200, "OK"),
            (None, Some(declined), _) => ("failed", declined, "Declined"),
            (None, None, _) if by_caller && self.direction == "inbound" => ("no-answer", 487, "Request Terminated"),
            (None, None, 16) => ("no-answer", 487, "Request Terminated"),
            (None, None, 17) => ("busy", 486, "Busy Here"),
            (None, None, 18 | 19) => ("no-answer", 480, "Temporarily Unavailable"),
            (None, None, 21) => ("busy", 603, "Decline"),
            _ => ("failed", self.sip_status.max(500), "Failed"),
        };
        (self.call_status, self.sip_status, self.sip_reason) = (status.into(), sip_status, sip_reason.into());
    }
}

/// An event of a conference, beside the base set.
pub struct ConferenceEvent<'a> {
    /// `start`, `join`, ...
    pub event: &'a str,
    /// The account's name for it.
    pub name: &'a str,
    /// Seconds since this call's verb began.
    pub seconds: f64,
    /// How many members there are, where that is known.
    pub members: Option<usize>,
}

impl ConferenceEvent<'_> {
    /// The payload. After the call has ended, the call's own duration stands, as in jambonz.
    pub fn payload(&self, info: &CallInfo) -> Map<String, Value> {
        let now = jiff::Timestamp::now();
        let mut event = Map::new();
        event.insert("event".into(), self.event.into());
        // Three decimals, so that JavaScript writes the number as it stands here.
        let seconds = (self.seconds.max(0.0) * 1000.0).round() / 1000.0;
        let seconds = if seconds.fract() == 0.0 { json!(seconds as u64) } else { json!(seconds) };
        event.insert("duration".into(), seconds);
        event.insert("time".into(), format!("{now:.3}").into());
        if let Some(members) = self.members {
            event.insert("members".into(), members.into());
        }
        event.insert("conference_sid".into(), format!("conf:{}:{}", info.account_sid, self.name).into());
        event.insert("friendly_name".into(), self.name.into());
        event.extend(info.base());
        event
    }
}

/// An actionHook carries the id of its verb.
pub fn with_id(payload: &mut Map<String, Value>, verb: &Value) {
    if let Some(id) = verb.get("id") {
        payload.insert("verb_id".into(), id.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> CallInfo {
        CallInfo {
            call_sid: Uuid::from_u128(1),
            account_sid: Uuid::from_u128(2),
            application_sid: Uuid::from_u128(3),
            trace_id: "t".into(),
            direction: "inbound".into(),
            from: "100".into(),
            to: "200".into(),
            caller_name: String::new(),
            call_id: None,
            sip_status: 100,
            sip_reason: "Trying".into(),
            call_status: "trying".into(),
            duration: None,
            call_termination_by: None,
            customer_data: None,
            sip_headers: Vec::new(),
            answered: None,
        }
    }

    #[test]
    fn how_a_call_ended_is_told_by_the_table() {
        for (answered, cause, by_caller, declined, status, sip) in [
            (true, 16, true, None, "completed", 200),
            (false, 16, true, None, "no-answer", 487),
            (false, 17, false, None, "busy", 486),
            (false, 19, false, None, "no-answer", 480),
            (false, 21, false, None, "busy", 603),
            (false, 21, false, Some(480), "failed", 480),
            (false, 38, false, None, "failed", 500),
        ] {
            let mut call = info();
            if answered {
                assert!(call.answered() && !call.answered());
            }
            call.ended(cause, by_caller, declined);
            assert_eq!((call.call_status.as_str(), call.sip_status), (status, sip), "cause {cause}");
            assert_eq!(call.call_termination_by.as_deref(), Some(if by_caller { "caller" } else { "jambonz" }));
        }
    }

    #[test]
    fn an_event_has_its_fields() {
        let event = ConferenceEvent { event: "join", name: "room", seconds: 0.1844, members: Some(1) }.payload(&info());
        assert_eq!(event["duration"], json!(0.184));
        assert_eq!(event["conference_sid"], json!("conf:00000000-0000-0000-0000-000000000002:room"));
        let time = event["time"].as_str().expect("a time");
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
        assert_eq!(
            (&event["members"], &event["friendly_name"], &event["call_status"]),
            (&json!(1), &json!("room"), &json!("trying"))
        );
    }
}
