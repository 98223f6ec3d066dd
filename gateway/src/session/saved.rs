//! What is kept of a session for a restart of the gateway.

use super::{payload::CallInfo, verbs::Hook};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use uuid::Uuid;

/// A session at rest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Saved {
    /// Who says what the call does.
    pub application: Uuid,
    /// Where its hooks are.
    pub base: String,
    /// What is known of the call.
    pub info: CallInfo,
    /// The verb that was being done, and those that follow.
    pub verbs: Vec<Value>,
    /// That verb is a conference which the call was let into.
    pub in_conference: bool,
    /// While it is held: what it hears, this hook says.
    #[serde(default)]
    pub hold: Option<Hook>,
    /// The run of the switch that had the call.
    #[serde(default)]
    pub instance: Option<String>,
    /// Verbs are told of.
    pub notify_events: bool,
    /// The application has been told of the call.
    #[serde(default = "yes")]
    pub has_begun: bool,
    /// The application's hooks, which the request for the call may have named.
    #[serde(default)]
    pub call_hook: Option<Url>,
    /// Likewise.
    #[serde(default)]
    pub call_status_hook: Option<Url>,
}

fn yes() -> bool {
    true
}
