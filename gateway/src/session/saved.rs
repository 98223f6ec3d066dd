//! What is kept of a session for a restart of the gateway.

use super::payload::CallInfo;
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
    /// Verbs are told of.
    pub notify_events: bool,
}
