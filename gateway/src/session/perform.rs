//! Verbs, carried out. Each runs to its end; one that is to end early is told so by its token.

use super::{
    app::verbs_of,
    audible::{audible, played},
    conference,
    context::Context,
    payload::with_id,
    verbs::{Hook, Outcome, Verb},
};
use crate::switch::leg::LegError;
use serde_json::Value;
use std::sync::{Arc, atomic::Ordering};
use tokio_util::sync::CancellationToken;

/// Carries a verb out. `Err`: the call has ended, or its connection has broken.
pub async fn perform(
    context: &Arc<Context>,
    value: &Value,
    rest: &[Value],
    cancel: &CancellationToken,
) -> Result<Outcome, LegError> {
    let verb = match Verb::parse(value) {
        Ok(verb) => verb,
        Err(why) => {
            context.refuse(value, &why).await;
            return Ok(Outcome::Next);
        }
    };
    context.tell_verb(value, "starting").await;
    let done = match verb {
        Verb::Conference(verb) => conference::perform(context, value, &verb, rest, cancel).await,
        Verb::Redirect { action_hook } => return redirect(context, value, &action_hook).await,
        other => simple(context, value, &other, cancel).await.map(|()| Outcome::Next),
    };
    let done = match done {
        // It cannot be done, and the call goes on.
        Err(LegError::Refused(why)) => {
            context.refuse(value, &why).await;
            Ok(Outcome::Next)
        }
        done => done,
    };
    context.tell_verb(value, "finished").await;
    done
}

async fn simple(
    context: &Arc<Context>,
    value: &Value,
    verb: &Verb,
    cancel: &CancellationToken,
) -> Result<(), LegError> {
    match verb {
        Verb::Answer => context.answer().await,
        Verb::Say { .. } | Verb::Pause { .. } => audible(context, verb, cancel).await,
        Verb::Play { action_hook, .. } => {
            let played = played(context, verb, cancel).await;
            if let Some(hook) = action_hook {
                let mut payload = context.base();
                let reason = if played.is_ok() { "playCompleted" } else { "playFailed" };
                payload.insert("reason".into(), reason.into());
                if let Ok(time) = &played {
                    payload.insert("playback_seconds".into(), time.as_secs().into());
                    payload.insert("playback_milliseconds".into(), (time.as_millis() as u64).into());
                }
                with_id(&mut payload, value);
                if let Err(error) = context.app.ask(hook, payload).await {
                    tracing::warn!(%error, "the actionHook has not answered");
                }
            }
            played.map(drop)
        }
        Verb::Hangup if context.info().answered.is_none() => {
            tracing::debug!("a call that is not answered is not hung up");
            Ok(())
        }
        Verb::Hangup => end(context, 16).await,
        Verb::Decline { .. } if context.info().answered.is_some() => {
            Err(LegError::Refused("the call is answered, and can no longer be declined".into()))
        }
        Verb::Decline { status, reason } => {
            context.declines(*status);
            context.leg.decline(*status, reason.as_deref()).await?;
            wait_for_end(context).await
        }
        Verb::Tag { data } => {
            context.info().customer_data = Some(data.clone());
            Ok(())
        }
        Verb::Config { notify_events } => {
            if *notify_events {
                context.notify_events.store(true, Ordering::Relaxed);
            }
            Ok(())
        }
        Verb::Redirect { .. } | Verb::Conference(_) => Ok(()),
    }
}

/// Hangs up; the call has ended when this returns.
pub async fn end(context: &Context, cause: u8) -> Result<(), LegError> {
    match context.leg.hang_up(cause).await {
        Err(LegError::Ended) | Ok(()) => wait_for_end(context).await,
        Err(error) => Err(error),
    }
}

async fn wait_for_end(context: &Context) -> Result<(), LegError> {
    context.over.clone().wait_for(Option::is_some).await.ok();
    Err(LegError::Ended)
}

async fn redirect(context: &Context, value: &Value, hook: &Hook) -> Result<Outcome, LegError> {
    match other_verbs(context, hook, true).await {
        Ok(verbs) => Ok(Outcome::Replace(verbs)),
        Err(why) => {
            context.refuse(value, &why).await;
            Ok(Outcome::Next)
        }
    }
}

/// Asks for other verbs, and goes on there. `by_verb`: a verb of the application's leads there, and not a request.
pub async fn other_verbs(context: &Context, hook: &Hook, by_verb: bool) -> Result<Vec<Value>, String> {
    let session = context.info().session_new(&context.application);
    let answer =
        context.app.redirect(hook, by_verb, context.base(), session).await.map_err(|error| error.to_string())?;
    let verbs = match answer {
        // The SDKs acknowledge `session:redirect` without verbs, and send these in a command.
        None => Vec::new(),
        Some(answer) if answer.as_array().is_some_and(Vec::is_empty) => Vec::new(),
        answer => verbs_of(answer)?,
    };
    if verbs.is_empty() && !context.app.is_connected() {
        return Err("the application gave no list of verbs, or an empty one".into());
    }
    context.check(&verbs)?;
    Ok(verbs)
}
