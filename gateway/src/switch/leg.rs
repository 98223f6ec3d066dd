//! A call that its switch has handed over: the gateway says what it does next. What each kind of switch makes of that is in `asterisk/agi.rs`
//! and `freeswitch/socket.rs`.

use super::SwitchError;
use crate::names::Tags;
use async_trait::async_trait;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// How a call is to be in a conference. Everything is said each time: what an earlier stay had is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The conference, by the switch's own name for it.
    pub conference: String,
    /// Its tags; `None`: none.
    pub tags: Option<Tags>,
    /// Whom it speaks to; `None`: everyone.
    pub speak_only_to: Option<Tags>,
    /// Muted from the first frame on.
    pub muted: bool,
    /// It moderates the conference.
    pub moderator: bool,
    /// When it leaves, the conference ends.
    pub ends_conference: bool,
    /// The most members that the conference takes, if this member starts it.
    pub most_members: Option<u32>,
    /// Whether the switch tells who is talking.
    pub talk_events: bool,
    /// What it presses is passed on.
    pub passes_digits: bool,
    /// Everybody in the conference hears a tone when it joins.
    pub beep: bool,
    /// The files for that; `None`: there are none, and nobody hears a tone.
    pub sounds: Option<Sounds>,
}

/// Files that a conference plays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sounds {
    /// The tone when somebody joins.
    pub beep: PathBuf,
    /// In place of everything else that the switch would say.
    pub silence: PathBuf,
}

/// Why a call has left a conference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It was taken out: kicked, or somebody whose leaving ends the conference left.
    TakenOut,
    /// It was not let in: the conference is full or locked.
    NotLetIn,
    /// For another reason, or one that nobody saw.
    Other,
}

/// Why a leg did not do something.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum LegError {
    /// The call has ended.
    #[error("the call has ended")]
    Ended,
    /// The switch's connection for this call broke; the call goes on, and comes back.
    #[error("the switch's connection for this call broke")]
    Lost,
    /// The switch said no.
    #[error("{0}")]
    Refused(String),
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Q.850; 0: not known.
    pub cause: u8,
    /// The caller's side ended it.
    pub by_caller: bool,
}

/// A call that its switch has handed over.
#[async_trait]
pub trait Leg: Send + Sync {
    /// Returns when there is a connection for it.
    async fn handed_over(&self);

    /// Writes on the call whose it is, for a gateway that knows nothing of it.
    async fn claim(&self, account: &str, application: &str) -> Result<(), LegError>;

    /// Answers it.
    async fn answer(&self) -> Result<(), LegError>;

    /// Plays a file to it, and returns at its end, or soon after `interrupt`.
    async fn play(&self, file: &Path) -> Result<(), LegError>;

    /// Gives it its mode, before it is in the conference, and looks whether the module shows it. After `Ok` alone may it enter.
    async fn prepare(&self, join: &Join) -> Result<(), LegError>;

    /// Why no recording can be written into this folder, where the switch says so only to those who ask before.
    async fn why_unwritable(&self, folder: &Path) -> Result<Option<String>, LegError>;

    /// Has it enter the conference, and returns when it has left. Then no tag and no mode of this stay is left.
    async fn enter(&self, join: &Join) -> Result<Left, LegError>;

    /// It has joined: now the tone is played, where the switch has not played it by itself.
    async fn joined(&self, join: &Join);

    /// After a restart of the gateway: the call was let into the conference then. Returns when it has left, as `enter` does.
    async fn stayed(&self) -> Result<Left, LegError>;

    /// Tells when the call begins to talk and when it stops, for as long as somebody listens.
    async fn talks(&self, told: mpsc::Sender<bool>);

    /// Plays a file to it while it is held in its conference, which nobody else hears. Returns when that has begun.
    async fn play_held(&self, file: &Path) -> Result<(), LegError>;

    /// Ends what is played to it so.
    async fn stop_held(&self);

    /// Passes on what the call presses, to those who hear it, for as long as this is awaited.
    async fn pass_digits(&self);

    /// Has what plays end, or takes it out of its conference.
    async fn interrupt(&self) -> Result<(), SwitchError>;

    /// Hangs it up. `cause`: Q.850.
    async fn hang_up(&self, cause: u8) -> Result<(), LegError>;

    /// Refuses it with a SIP status, as nearly as the switch can; in a header, why, where the switch can say that.
    async fn decline(&self, status: u16, reason: Option<&str>) -> Result<(), LegError>;

    /// Headers of the request that began the call, where the switch has them.
    async fn headers(&self) -> Vec<(String, String)>;

    /// The run of its switch that has it, where calls may come back after a crash.
    fn instance(&self) -> Option<String> {
        None
    }

    /// Returns when the call has ended.
    async fn ended(&self) -> Ended;
}
