//! What everything in a session shares.

use super::{
    app::App,
    payload::{CallInfo, ConferenceEvent},
    saved::Saved,
    verbs::{Hook, Verb},
};
use crate::{
    gateway::Gateway,
    names,
    node::Node,
    settings::{Account, Application},
    store::SessionRecord,
    switch::{
        Progress,
        leg::{Ended, Leg, LegError},
    },
};
use serde_json::{Map, Value, json};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Why a conference is not recorded.
pub const NO_RECORDINGS: &str = "conference: record: the settings name no folder for recordings: add [recordings] with a folder that the switch may write to";

/// A session's own.
pub struct Context {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// The switch.
    pub node: Node,
    /// The call's id there.
    pub call: String,
    /// The call.
    pub leg: Arc<dyn Leg>,
    /// Whose it is.
    pub account: Account,
    /// Who says what it does.
    pub application: Arc<Application>,
    /// The way there.
    pub app: App,
    /// What is known of the call.
    info: Mutex<CallInfo>,
    /// `Some`: it has ended.
    pub over: watch::Receiver<Option<Ended>>,
    /// What plays to it while it is held: its end, and its task.
    pub on_hold: tokio::sync::Mutex<Option<(CancellationToken, JoinHandle<()>)>>,
    /// What a restart would need of it; `None` once it is over.
    kept: tokio::sync::Mutex<Option<Kept>>,
    /// Verbs are told of.
    pub notify_events: AtomicBool,
    /// The application has been told of its call. Of one that the gateway has placed, it is when that is answered.
    pub has_begun: AtomicBool,
    /// Its end has been told.
    end_told: AtomicBool,
    /// The application refused the call with this status.
    declined: Mutex<Option<u16>>,
}

/// Where a session is.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// The verb that is being done, and those that follow.
    pub verbs: Vec<Value>,
    /// That verb is a conference which the call was let into.
    pub in_conference: bool,
    /// While it is held: what it hears, this hook says.
    pub hold: Option<Hook>,
}

/// The parts of a context that differ from session to session.
pub struct Parts {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// The switch.
    pub node: Node,
    /// The call's id there.
    pub call: String,
    /// The call.
    pub leg: Arc<dyn Leg>,
    /// Whose it is.
    pub account: Account,
    /// Who says what it does.
    pub application: Arc<Application>,
    /// The way there.
    pub app: App,
    /// What is known of the call.
    pub info: CallInfo,
}

impl Context {
    /// Of a call that goes on; from now on its end is seen.
    pub fn new(parts: Parts) -> Arc<Self> {
        let (end, over) = watch::channel(None);
        let leg = parts.leg.clone();
        tokio::spawn(async move {
            tokio::select! {
                ended = leg.ended() => {
                    end.send_replace(Some(ended));
                }
                () = end.closed() => {}
            }
        });
        let Parts { gateway, node, call, leg, account, application, app, info } = parts;
        Arc::new(Self {
            gateway,
            node,
            call,
            leg,
            account,
            application,
            app,
            info: Mutex::new(info),
            over,
            on_hold: tokio::sync::Mutex::default(),
            kept: tokio::sync::Mutex::new(Some(Kept::default())),
            notify_events: AtomicBool::new(false),
            has_begun: AtomicBool::new(true),
            end_told: AtomicBool::new(false),
            declined: Mutex::new(None),
        })
    }

    /// What is known of the call.
    pub fn info(&self) -> MutexGuard<'_, CallInfo> {
        self.info.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the switch shows that it rings, or has shown so lately.
    pub async fn is_ringing(&self, age: Duration) -> bool {
        let snapshot = self.node.recent(age).await;
        snapshot.is_ok_and(|snapshot| {
            snapshot.calls.iter().any(|call| call.id == self.call && call.progress == Progress::Ringing)
        })
    }

    /// The fields that every hook carries.
    pub fn base(&self) -> Map<String, Value> {
        self.info().base()
    }

    /// Answers the call, if it is not answered yet.
    pub async fn answer(&self) -> Result<(), LegError> {
        if self.info().answered.is_some() {
            return Ok(());
        }
        self.leg.answer().await?;
        let answered = self.info().answered();
        if answered {
            self.tell_status().await;
        }
        Ok(())
    }

    /// Tells the application of the call's state.
    pub async fn tell_status(&self) {
        let status = self.base();
        self.app.tell_status(status).await;
    }

    /// The call is refused, not just ended.
    pub fn declines(&self, status: u16) {
        *self.declined.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
    }

    /// Waits for the call's end, and tells it, once.
    pub async fn tell_end(&self) {
        let mut over = self.over.clone();
        let ended = match over.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().unwrap_or(Ended { cause: 0, by_caller: false }),
            Err(_) => return,
        };
        if self.end_told.swap(true, Ordering::AcqRel) {
            return;
        }
        let declined = *self.declined.lock().unwrap_or_else(PoisonError::into_inner);
        self.info().ended(ended.cause, ended.by_caller, declined);
        self.tell_status().await;
    }

    /// A verb is not done, and the application is told why.
    pub async fn refuse(&self, verb: &Value, why: &str) {
        let name = verb.get("verb").and_then(Value::as_str).unwrap_or_default();
        tracing::warn!(call_sid = %self.info().call_sid, verb = name, "not done: {why}");
        let mut error = Map::new();
        error.insert("msg".into(), why.into());
        error.insert("verb".into(), name.into());
        if let Some(id) = verb.get("id") {
            error.insert("id".into(), id.clone());
        }
        self.app.tell("jambonz:error", error).await;
    }

    /// A verb begins or ends.
    pub async fn tell_verb(&self, verb: &Value, event: &str) {
        if self.notify_events.load(Ordering::Relaxed) {
            let id = verb.get("id").cloned().unwrap_or(Value::Null);
            let mut status = self.base();
            let Value::Object(own) = json!({"event": event, "id": id, "name": verb.get("verb")}) else { return };
            status.extend(own);
            self.app.tell("verb:status", status).await;
        }
    }

    /// A conference's name on this switch. `Err`: why there is none.
    pub fn conference(&self, name: &str) -> Result<String, String> {
        let on_switch = names::to_switch(&self.account.room_prefix, name, self.node.switch.max_name());
        on_switch.map_err(|error| format!("conference: {error}"))
    }

    /// Whether verbs can be done, as far as that shows before.
    pub fn check(&self, verbs: &[Value]) -> Result<(), String> {
        for verb in verbs {
            if let Verb::Conference(conference) = Verb::parse(verb)? {
                self.conference(&conference.name)?;
                if conference.record && self.gateway.settings().recordings.is_none() {
                    return Err(NO_RECORDINGS.into());
                }
            }
        }
        Ok(())
    }

    /// The payload of an event of a conference.
    pub fn conference_event(&self, event: &ConferenceEvent<'_>) -> Map<String, Value> {
        event.payload(&self.info())
    }

    /// It is where the gateway before this one has left it.
    pub async fn goes_on_from(&self, kept: Kept) {
        *self.kept.lock().await = Some(kept);
    }

    /// Keeps what a restart would need.
    pub async fn save(&self, verbs: Vec<Value>, in_conference: bool) {
        self.change_kept(|kept| Kept { verbs, in_conference, ..kept }).await;
    }

    /// Keeps by which hook the call hears something while it is held; `None`: by none any more.
    pub async fn save_hold(&self, hold: Option<Hook>) {
        self.change_kept(|kept| Kept { hold, ..kept }).await;
    }

    /// By which hook the call heard something, held, when its session was kept.
    pub async fn kept_hold(&self) -> Option<Hook> {
        self.kept.lock().await.as_ref()?.hold.clone()
    }

    async fn change_kept(&self, change: impl FnOnce(Kept) -> Kept) {
        let mut kept = self.kept.lock().await;
        let Some(before) = kept.take() else { return };
        let Kept { verbs, in_conference, hold } = kept.insert(change(before)).clone();
        let saved = Saved {
            application: self.application.sid,
            base: self.app.base().to_string(),
            info: self.info().clone(),
            verbs,
            in_conference,
            hold,
            instance: self.leg.instance(),
            notify_events: self.notify_events.load(Ordering::Relaxed),
            has_begun: self.has_begun.load(Ordering::Relaxed),
            call_hook: Some(self.application.call_hook.clone()),
            call_status_hook: self.application.call_status_hook.clone(),
        };
        let Ok(state) = serde_json::to_string(&saved) else { return };
        let record = SessionRecord { switch: self.node.switch.name().to_owned(), call: self.call.clone(), state };
        self.gateway.store.save_session(record).await;
    }

    /// Nothing of it is needed any more.
    pub async fn forget(&self) {
        *self.kept.lock().await = None;
        self.gateway.store.forget_session(self.node.switch.name(), &self.call).await;
    }
}
