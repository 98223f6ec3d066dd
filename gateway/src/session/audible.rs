//! What a caller hears: say, play and pause, as verbs and as what hooks give.

use super::{
    context::Context,
    speech,
    verbs::{self, Hook, Verb},
};
use crate::switch::leg::LegError;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

/// Has a caller hear one of them.
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
        Verb::Say { .. } | Verb::Play { .. } => played(context, verb, cancel).await.map(drop),
        _ => Err(LegError::Refused("only say, play and pause can be heard here".into())),
    }
}

/// The same of say and play. How long it has played.
pub async fn played(context: &Context, verb: &Verb, cancel: &CancellationToken) -> Result<Duration, LegError> {
    let (Verb::Say { times, .. } | Verb::Play { times, .. }) = verb else { return Ok(Duration::ZERO) };
    context.answer().await?;
    let files = files(context, verb).await?;
    let began = Instant::now();
    play(context, &files, *times, cancel).await?;
    Ok(began.elapsed())
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
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("play: {address:?} is no address that begins with http:// or https://"));
    }
    let client = context.app.outbound.http(&url).map_err(|error| format!("play: {error}"))?;
    let file = speech::fetched(&context.gateway.settings().speech, client, url).await;
    file.map_err(|error| format!("play: {error}"))
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
