//! Verbs, carried out. Each runs to its end; one that is to end early is told so by its token.

use super::{
    app::verbs_of,
    conference,
    context::Context,
    incoming::AppError,
    speech,
    verbs::{self, Hook, Verb},
};
use crate::switch::leg::LegError;
use serde_json::{Map, Value};
use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use url::Url;

/// What a verb leads to.
pub enum Outcome {
    /// The next verb.
    Next,
    /// These, in place of those that follow.
    Replace(Vec<Value>),
}

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
            let played = audible(context, verb, cancel).await;
            if let Some(hook) = action_hook {
                let reason = if played.is_ok() { "playCompleted" } else { "playFailed" };
                let mut payload = context.base();
                payload.insert("reason".into(), reason.into());
                with_id(&mut payload, value);
                if let Err(error) = context.app.ask(hook, payload).await {
                    tracing::warn!(%error, "the actionHook has not answered");
                }
            }
            played
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

/// What a caller hears: say, play and pause, which waitHook and enterHook may give too.
pub async fn audible(context: &Arc<Context>, verb: &Verb, cancel: &CancellationToken) -> Result<(), LegError> {
    match verb {
        Verb::Pause { seconds } => {
            let mut over = context.over.clone();
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs_f64(*seconds)) => Ok(()),
                () = cancel.cancelled() => Ok(()),
                _ = over.wait_for(Option::is_some) => Err(LegError::Ended),
            }
        }
        Verb::Say { times, .. } | Verb::Play { times, .. } => {
            context.answer().await?;
            play(context, &files(context, verb).await?, *times, cancel).await
        }
        _ => Err(LegError::Refused("only say, play and pause can be heard here".into())),
    }
}

/// What say and play are, as files.
pub async fn files(context: &Context, verb: &Verb) -> Result<Vec<PathBuf>, LegError> {
    let mut files = Vec::new();
    match verb {
        Verb::Say { texts, language, .. } => {
            let settings = context.gateway.settings();
            let language = language.as_deref().unwrap_or("en-US");
            for text in texts {
                let file = speech::file(&settings.speech, text, language).await;
                files.push(file.map_err(|error| LegError::Refused(format!("TTS error: {error}")))?);
            }
        }
        Verb::Play { urls, .. } => {
            for url in urls {
                files.push(fetch(context, url).await.map_err(LegError::Refused)?);
            }
        }
        _ => {}
    }
    Ok(files)
}

async fn play(
    context: &Context,
    files: &[PathBuf],
    times: Option<u32>,
    cancel: &CancellationToken,
) -> Result<(), LegError> {
    let mut played = 0;
    while times.is_none_or(|times| played < times) {
        for file in files {
            if cancel.is_cancelled() {
                return Ok(());
            }
            context.leg.play(file).await?;
        }
        played += 1;
    }
    Ok(())
}

/// A file as the switch plays it: fetched from where the settings allow it.
async fn fetch(context: &Context, address: &str) -> Result<PathBuf, String> {
    let url = Url::parse(address)
        .map_err(|_| format!("play: {address:?} is no address that begins with http:// or https://"))?;
    if !matches!(url.scheme(), "http" | "https") || !context.application.allows(&url) {
        return Err(format!("play: {}", AppError::NotAllowed(url.to_string())));
    }
    speech::fetched(&context.gateway.settings().speech, url).await.map_err(|error| format!("play: {error}"))
}

/// An actionHook carries the id of its verb.
pub fn with_id(payload: &mut Map<String, Value>, verb: &Value) {
    if let Some(id) = verb.get("id") {
        payload.insert("verb_id".into(), id.clone());
    }
}

/// The verbs of a hook that says what a caller hears. `Err`: why there are none.
pub async fn heard_verbs(context: &Context, hook: &Hook) -> Result<Vec<Verb>, String> {
    let payload = context.info().raw();
    let answer = context.app.ask(hook, payload).await.map_err(|error| error.to_string())?;
    let Some(answer) = answer else { return Ok(Vec::new()) };
    let verbs = verbs::list(&answer)?;
    let parsed: Vec<Verb> = verbs.iter().map(Verb::parse).collect::<Result<_, _>>()?;
    match parsed.iter().find(|verb| !matches!(verb, Verb::Say { .. } | Verb::Play { .. } | Verb::Pause { .. })) {
        Some(_) => Err("the hook gave verbs other than say, play and pause".into()),
        None => Ok(parsed),
    }
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
