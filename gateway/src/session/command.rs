//! Commands of an application in mid-call, and what the REST interface has a session do.

use super::{
    context::Context,
    hold,
    incoming::Incoming,
    perform::other_verbs,
    sessions::Sessions,
    verbs::{self, Verb},
};
use crate::{
    node::{FindError, Found},
    switch::Change,
    update::{Update, UpdateError, apply, participant_action},
};
use serde_json::{Map, Value, json};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::oneshot;
use uuid::Uuid;

/// How long a session may take to do what the REST interface wants.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a command does to the verbs of its session.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Nothing.
    None,
    /// These, in place of all.
    Replace(Vec<Value>),
    /// These, behind all.
    Append(Vec<Value>),
    /// The call is hung up.
    HangUp(u8),
}

/// Carries a command out. `Err`: why not.
pub async fn carry_out(
    context: &Arc<Context>,
    command: &str,
    data: Value,
    queue: bool,
    call_sid: Option<&str>,
) -> Result<Effect, UpdateError> {
    let wrong = |why: &str| UpdateError::Wrong(why.to_owned());
    let effect = match command {
        "redirect" => return redirect(context, &data, queue).await.map_err(UpdateError::Conflict),
        "conf:participant-action" => change_call(context, call_sid, participant_action(&data)?).await,
        "mute:status" | "conf:mute-status" | "conf:hold-status" => {
            change_call(context, call_sid, status(command, data)?).await
        }
        "call:status" => {
            let status = data.get("call_status").and_then(Value::as_str).or(data.as_str());
            return match status {
                Some("completed") => Ok(Effect::HangUp(16)),
                Some("no-answer") if context.info().answered.is_none() => Ok(Effect::HangUp(19)),
                Some("no-answer") => Err(UpdateError::Conflict("the call is answered".into())),
                _ => Err(wrong("invalid call_status")),
            };
        }
        "tag" => {
            let data = data.as_object().map(|data| data.get("data").and_then(Value::as_object).unwrap_or(data));
            context.info().customer_data = Some(data.ok_or_else(|| wrong("invalid tag data"))?.clone());
            Ok(())
        }
        "config" => {
            let mut verb = data.as_object().cloned().ok_or_else(|| wrong("config: its data is no object"))?;
            verb.insert("verb".into(), "config".into());
            let verb = Verb::parse(&Value::Object(verb)).map_err(UpdateError::Wrong)?;
            if let Verb::Config { notify_events: true } = verb {
                context.notify_events.store(true, Ordering::Relaxed);
            }
            Ok(())
        }
        "dtmf" => {
            // The SDK sends the digit by itself; jambonz documents it under a key.
            let digit = data.get("dtmf").cloned().unwrap_or(data);
            change_call(context, call_sid, Update::parse(&json!({"dtmf": digit}))?).await
        }
        other => return Err(UpdateError::Wrong(format!("the command {other} is not supported"))),
    };
    effect.map(|()| Effect::None)
}

/// A command about mute or hold; some SDKs send its word by itself.
fn status(command: &str, data: Value) -> Result<Update, UpdateError> {
    let key = match command {
        "mute:status" => "mute_status",
        "conf:mute-status" => "conf_mute_status",
        _ => "conf_hold_status",
    };
    let body = if data.is_string() { Value::Object(Map::from_iter([(key.to_owned(), data)])) } else { data };
    if body.get(key).is_none() {
        return Err(UpdateError::Wrong(format!("{command} needs {key}")));
    }
    Update::parse(&body)
}

/// A change to this call, or to another one of its account.
async fn change_call(context: &Arc<Context>, call_sid: Option<&str>, update: Update) -> Result<(), UpdateError> {
    let wrong = |why: String| UpdateError::Wrong(why);
    let sid = match call_sid {
        Some(sid) => Uuid::try_parse(sid).map_err(|_| wrong(format!("callSid is {sid:?}, which is no UUID")))?,
        None => context.info().call_sid,
    };
    let found = context.gateway.call(context.account.sid, sid).await.map_err(|error| match error {
        FindError::Switch(error) => UpdateError::Switch(error),
        FindError::None => wrong(error.to_string()),
    })?;
    let done = match &update {
        Update::Hold(_) if sid != context.info().call_sid => {
            return Err(wrong(
                "wait_hook: only the call's own session can ask it: hold the call there, or by REST".into(),
            ));
        }
        Update::Hold(hook) => hold(context, &found, hook).await,
        update => apply(&found, update).await,
    };
    tracing::info!(call_sid = %sid, application = context.application.name, ?update, done = done.is_ok(), "a command of the application");
    done
}

/// Holds the session's own call, which then hears what the hook says.
async fn hold(context: &Arc<Context>, found: &Found, hook: &Value) -> Result<(), UpdateError> {
    let wrong = || UpdateError::Wrong("wait_hook is neither an address nor an object with a url".into());
    let hook = verbs::hook(hook).ok_or_else(wrong)?;
    context.app.allows(&hook).map_err(|error| UpdateError::Wrong(format!("wait_hook: {error}")))?;
    apply(found, &Update::Member(Change::Hold)).await?;
    hold::begin(context, hook).await;
    Ok(())
}

async fn redirect(context: &Context, data: &Value, queue: bool) -> Result<Effect, String> {
    let verbs = match data {
        Value::Array(_) => {
            let verbs = verbs::list(data)?;
            context.check(&verbs)?;
            verbs
        }
        data => {
            let hook = data.get("call_hook").and_then(verbs::hook).ok_or("redirect needs verbs, or a call_hook")?;
            other_verbs(context, &hook, false).await?
        }
    };
    Ok(if queue { Effect::Append(verbs) } else { Effect::Replace(verbs) })
}

/// Has a call's session do what only it can, for the REST interface.
pub async fn update(sessions: &Sessions, found: &Found, update: &Update) -> Result<(), UpdateError> {
    let gone = || UpdateError::Conflict(format!("call session is gone for call_sid {}", found.call.sid));
    let handle = sessions.of(found.node.switch.name(), &found.call.id).ok_or_else(gone)?;
    let (command, data) = match update {
        Update::CallHook(hook) => ("redirect", json!({"call_hook": hook})),
        Update::CustomerData(data) => ("tag", data.clone()),
        Update::Hold(hook) => ("conf:hold-status", json!({"conf_hold_status": "hold", "wait_hook": hook})),
        other => return apply(found, other).await,
    };
    let (reply, done) = oneshot::channel();
    let message = Incoming::Command { command: command.into(), data, queue: false, call_sid: None, reply: Some(reply) };
    handle.commands.try_send(message).map_err(|_| gone())?;
    match tokio::time::timeout(PATIENCE, done).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err(gone()),
        Err(_) => Err(UpdateError::Unknown(found.call.sid, PATIENCE.as_secs())),
    }
}
