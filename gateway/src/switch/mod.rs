//! What a switch offers: its calls as they are now, and what can be done to one of them.
//!
//! The switch is the truth: nothing here is kept. Each question is answered by the switch, each change is confirmed by it.
//!
//! | | |
//! |---|---|
//! | `connection` | what the connections to both kinds of switch have in common |
//! | `leg`, `returning` | a call that its switch has handed over; the connection for it, which may break and come back |
//! | `digits` | what a member presses, passed on to those who hear it |
//! | [`asterisk`], [`freeswitch`] | each kind of switch |

pub mod asterisk;
pub mod connection;
pub mod digits;
pub mod freeswitch;
pub mod leg;
pub mod returning;

use crate::names::{MaxName, Tags};
use async_trait::async_trait;
use std::path::Path;
use thiserror::Error;
use tokio::sync::watch;
use uuid::Uuid;

/// Channel variables of the gateway's: they say on the switch what the gateway must find again after a restart.
pub mod variables {
    /// The account that the call belongs to.
    pub const ACCOUNT: &str = "COACH_ACCOUNT";
    /// The application that answers it.
    pub const APPLICATION: &str = "COACH_APPLICATION";
    /// Who called whom, where the gateway has called.
    pub const DIRECTION: &str = "COACH_DIRECTION";
    /// The SIP Call-ID.
    pub const CALL_ID: &str = "COACH_CALL_ID";
}

/// A member of a conference, as the switch's module shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The conference, by the switch's own name for it.
    pub conference: String,
    /// Its number there.
    pub number: u32,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whom it speaks to; `None`: everyone.
    pub speak_only_to: Option<Vec<String>>,
    /// The numbers of those who hear it when it speaks.
    pub heard_by: Vec<u32>,
    /// Nobody hears it.
    pub muted: bool,
    /// Nobody hears it, and it hears nobody.
    pub held: bool,
    /// Milliseconds of its own audio until a wider audience hears it.
    pub opens_in_ms: u32,
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The switch was called.
    Inbound,
    /// The switch called.
    Outbound,
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Not answered, and nothing rings.
    Trying,
    /// It rings.
    Ringing,
    /// Answered.
    InProgress,
}

/// A call on a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name towards applications.
    pub sid: Uuid,
    /// Its id on the switch, for as long as it lives.
    pub id: String,
    /// What the switch calls it now.
    pub channel: String,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number.
    pub from: String,
    /// The caller's name.
    pub caller_name: String,
    /// The called number.
    pub to: String,
    /// How far it is.
    pub progress: Progress,
    /// Seconds since it began.
    pub seconds: u64,
    /// The account that was written on it, by a session or by whoever started it.
    pub account: Option<Uuid>,
    /// The application that was written on it.
    pub application: Option<Uuid>,
    /// The SIP Call-ID, where it is known.
    pub call_id: Option<String>,
    /// Its place in a conference.
    pub member: Option<Member>,
}

/// What a switch has, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Every call.
    pub calls: Vec<Call>,
    /// Whether the module that knows of members is loaded; without it no call shows its conference.
    pub has_module: bool,
}

/// What can be changed about a call in a conference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These tags, in place of those that it has.
    Tag(Tags),
    /// No tags.
    Untag,
    /// Heard by these tags only.
    Coach(Tags),
    /// Heard by everyone.
    Uncoach,
    /// Heard by nobody.
    Mute,
    /// Heard again.
    Unmute,
    /// Heard by nobody and hearing nobody.
    Hold,
    /// The end of that.
    Unhold,
    /// Out of the conference.
    Kick,
}

/// In front of the called number, the extension at which a call that the gateway has placed is handed over.
pub const OUTBOUND: &str = "coach-outbound-";

/// A call to place. None of it holds anything that a switch would take for something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCall {
    /// Its id, on the switch and towards applications.
    pub id: Uuid,
    /// What the switch dials.
    pub dial: String,
    /// The called number, as applications know it.
    pub to: String,
    /// The caller's number.
    pub from: String,
    /// The caller's name.
    pub caller_name: String,
    /// How long it may take until it is answered.
    pub seconds: u32,
    /// The context of the dialplan that hands it over then.
    pub context: String,
    /// Whose it is.
    pub account: Uuid,
    /// Who says what it does.
    pub application: Uuid,
}

/// Why a switch did not do something.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum SwitchError {
    /// There is no connection to it.
    #[error("there is no connection to the switch {switch}: {why}")]
    Unreachable {
        /// Its name in the settings.
        switch: String,
        /// What is wrong.
        why: String,
    },
    /// It did not answer in time: nobody knows whether it was done.
    #[error("the switch {switch} has not answered in time: whether it was done is not known")]
    NoAnswer {
        /// Its name in the settings.
        switch: String,
    },
    /// Its module is not loaded.
    #[error("the switch {switch} has no coach mode: its module {module} is not loaded")]
    NoModule {
        /// Its name in the settings.
        switch: String,
        /// The module's name.
        module: &'static str,
    },
    /// The call is in no conference.
    #[error("the call is not in a conference")]
    NotInConference,
    /// The call has ended.
    #[error("the call has ended")]
    Ended,
    /// It said no.
    #[error("{0}")]
    Refused(String),
}

/// How a switch is.
#[derive(Debug, Clone)]
pub struct Health {
    /// What it says of itself: kind and version.
    pub version: String,
    /// What its module says of itself.
    pub module: String,
    /// What is amiss, in words that say what would be right.
    pub problems: Vec<String>,
}

/// A switch.
#[async_trait]
pub trait Switch: Send + Sync {
    /// Its name in the settings.
    fn name(&self) -> &str;

    /// The longest name of a conference.
    fn max_name(&self) -> MaxName;

    /// Returns when there is a connection to it; `false`: there will be none any more.
    async fn connected(&self) -> bool;

    /// Every call that it has now.
    async fn snapshot(&self) -> Result<Snapshot, SwitchError>;

    /// Changes whenever something in a conference may have changed.
    fn changes(&self) -> watch::Receiver<()>;

    /// The name of its module.
    fn module(&self) -> &'static str;

    /// Makes a change, and returns when the switch's module shows it.
    async fn change(&self, call: &Call, change: &Change) -> Result<(), SwitchError>;

    /// Mutes or unmutes everybody in the call's conference who does not moderate it.
    async fn mute_conference(&self, call: &Call, muted: bool) -> Result<(), SwitchError>;

    /// How many members a conference has; 0: there is none. By the switch's own name for it.
    async fn conference_size(&self, conference: &str) -> Result<usize, SwitchError>;

    /// The conference that a call is in.
    async fn conference_of(&self, call: &str) -> Result<Option<String>, SwitchError>;

    /// What tells a conference from another one of its name, before or after it; `None`: there is none of this name.
    async fn conference_id(&self, conference: &str) -> Result<Option<String>, SwitchError>;

    /// Records what everybody in a conference hears to a file, until it ends; `false`: somebody has begun that already. Private speech
    /// is no part of it.
    async fn record(&self, conference: &str, file: &Path) -> Result<bool, SwitchError>;

    /// Ends a conference.
    async fn end_conference(&self, conference: &str) -> Result<(), SwitchError>;

    /// Has it place a call. Returns when it has taken that on.
    async fn place(&self, call: &NewCall) -> Result<(), SwitchError>;

    /// Hangs a call up, and returns when it has ended. `cause`: Q.850.
    async fn hang_up(&self, call: &Call, cause: u8) -> Result<(), SwitchError>;

    /// Sends a digit to the call.
    async fn send_digits(&self, call: &Call, digits: &str, milliseconds: Option<u32>) -> Result<(), SwitchError>;

    /// For each member of the call's conference: whether it hears the call, and why. As the module tells it, in JSON.
    async fn explain(&self, call: &Call) -> Result<serde_json::Value, SwitchError>;

    /// What is wrong about how its dialplan hands calls over to this port of the gateway.
    async fn dialplan(&self, port: u16) -> Result<Vec<String>, SwitchError>;

    /// How it is.
    async fn health(&self) -> Result<Health, SwitchError>;
}
