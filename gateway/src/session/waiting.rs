//! Before a call enters a conference: it waits until somebody starts it, hears what its hooks say, and it is decided whether it may enter.

use super::{
    audible::{audible, heard_verbs},
    context::Context,
    verbs::{Conference, Hook},
};
use crate::{entering::Entrance, switch::leg::LegError};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOK_ELSEWHERE_EVERY: Duration = Duration::from_secs(1);

/// How many are in a conference of this call's switch.
pub async fn size(context: &Context, room: &str) -> Result<usize, LegError> {
    let size = context.node.switch.conference_size(room).await;
    size.map_err(|error| LegError::Refused(format!("conference: {error}")))
}

/// The call is about to enter, and whether it starts the conference. `Err`: why it does not.
pub async fn decide(context: &Context, verb: &Conference, room: &str) -> Result<(Entrance, bool), LegError> {
    let deciding = context.gateway.entering.decide(room).await;
    let own = context.node.switch.name();
    let others = deciding.switch();
    if let Some(other) = others.as_ref().filter(|other| other.as_str() != own) {
        return Err(is_elsewhere(verb, other));
    }
    elsewhere(context, verb).await?;
    let starts = size(context, room).await? == 0 && others.is_none();
    Ok((deciding.enters(own), starts))
}

/// Until the conference is on another switch.
async fn until_elsewhere(context: &Context, verb: &Conference) {
    while elsewhere(context, verb).await.is_ok() {
        tokio::time::sleep(LOOK_ELSEWHERE_EVERY).await;
    }
}

/// Until somebody is in the conference. What the call hears meanwhile, its waitHook says.
pub async fn until_started(
    context: &Arc<Context>,
    verb: &Conference,
    room: &str,
    cancel: &CancellationToken,
) -> Result<(), LegError> {
    let heard = CancellationToken::new();
    let hearing = async {
        if let Some(hook) = &verb.wait_hook {
            hear(context, hook, &heard).await;
        }
    };
    let mut over = context.over.clone();
    let here = async {
        loop {
            // A switch that does not answer has not said that it began.
            if size(context, room).await.is_ok_and(|size| size > 0) {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = cancel.cancelled() => return Ok(()),
                _ = over.wait_for(Option::is_some) => return Err(LegError::Ended),
            }
        }
    };
    let started = async {
        tokio::select! {
            started = here => started,
            () = until_elsewhere(context, verb) => Ok(()),
        }
    };
    let ending = async {
        let started = started.await;
        heard.cancel();
        while started.is_ok() {
            // What plays may have begun after the last word to end it.
            context.leg.interrupt().await.ok();
            tokio::time::sleep(LOOK_EVERY).await;
        }
        started
    };
    let mut ending = std::pin::pin!(ending);
    tokio::select! {
        () = hearing => {}
        ended = &mut ending => return ended,
    }
    if heard.is_cancelled() {
        return Ok(());
    }
    // It waits in silence.
    let started = async {
        while !heard.is_cancelled() {
            tokio::select! {
                ended = &mut ending => return ended,
                () = heard.cancelled() => {}
            }
        }
        Ok(())
    };
    started.await
}

/// Plays what a hook says, again and again.
async fn hear(context: &Arc<Context>, hook: &Hook, heard: &CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(750)) => {}
            () = heard.cancelled() => return,
        }
        let verbs = match heard_verbs(context, hook).await {
            Ok(verbs) if !verbs.is_empty() => verbs,
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(error, "the call waits in silence");
                return;
            }
        };
        for verb in &verbs {
            if heard.is_cancelled() || audible(context, verb, heard).await.is_err() {
                return;
            }
        }
    }
}

/// What the call hears just before it enters.
pub async fn enter_hook(context: &Arc<Context>, verb: &Conference, cancel: &CancellationToken) -> Result<(), LegError> {
    let Some(hook) = &verb.enter_hook else { return Ok(()) };
    match heard_verbs(context, hook).await {
        Ok(verbs) => {
            for verb in &verbs {
                match audible(context, verb, cancel).await {
                    Err(LegError::Refused(why)) => tracing::warn!(why, "what the enterHook says is not heard"),
                    done => done?,
                }
            }
        }
        // The call joins all the same.
        Err(error) => tracing::warn!(error, "the enterHook has not answered"),
    }
    Ok(())
}

/// A conference lives on one switch: a second one of its name elsewhere would be heard by nobody in the first.
pub async fn elsewhere(context: &Context, verb: &Conference) -> Result<(), LegError> {
    for node in context.gateway.nodes().iter() {
        if node.switch.name() == context.node.switch.name() {
            continue;
        }
        let most = node.switch.max_name();
        let Ok(room) = crate::names::to_switch(&context.account.room_prefix, &verb.name, most) else { continue };
        if node.switch.conference_size(&room).await.is_ok_and(|size| size > 0) {
            let other = node.switch.name();
            return Err(is_elsewhere(verb, other));
        }
    }
    Ok(())
}

fn is_elsewhere(verb: &Conference, switch: &str) -> LegError {
    LegError::Refused(format!("conference: {:?} is on the switch {switch}, and this call is not", verb.name))
}
