//! What a call hears while it is held in its conference, by the wait_hook of the hold.
//!
//! The switch says how long that is: whoever ends the hold, or takes the call out of its conference, ends what it hears. Without the
//! gateway the call stays held, and hears nothing once the file that plays has ended; the next gateway goes on.

use super::{
    audible::{files, heard_verbs},
    context::Context,
    verbs::{Hook, Verb},
};
use crate::switch::leg::LegError;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

/// Between two questions of the hook, as while a call waits.
const PAUSE: Duration = Duration::from_millis(750);
/// How often the switch is asked, where no event says that something has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// From now on the call, which is held, hears what this hook says, and nothing that an earlier one says.
pub async fn begin(context: &Arc<Context>, hook: Hook) {
    let mut running = context.on_hold.lock().await;
    if let Some((other, ended)) = running.take() {
        other.cancel();
        ended.await.ok();
    }
    *running = Some(start(context, hook).await);
}

/// After a restart of the gateway: what the one before has had the call hear ends, and while the switch shows that it is held, the hook is
/// asked again.
pub async fn resume(context: &Arc<Context>) {
    let mut running = context.on_hold.lock().await;
    // Another hold may have begun meanwhile.
    let Some(hook) = context.kept_hold().await.filter(|_| running.is_none()) else { return };
    let held = loop {
        match is_held(context).await {
            Some(held) => break held,
            None => sleep(LOOK_EVERY).await,
        }
    };
    context.leg.stop_held().await;
    if held {
        *running = Some(start(context, hook).await);
    } else {
        context.save_hold(None).await;
    }
}

async fn start(context: &Arc<Context>, hook: Hook) -> (CancellationToken, JoinHandle<()>) {
    let replaced = CancellationToken::new();
    context.save_hold(Some(hook.clone())).await;
    let (own, context) = (replaced.clone(), context.clone());
    let task = tokio::spawn(async move {
        let mut over = context.over.clone();
        tokio::select! {
            () = hear(&context, &hook) => {}
            () = until_unheld(&context) => {}
            () = own.cancelled() => {}
            _ = over.wait_for(Option::is_some) => return,
        }
        context.leg.stop_held().await;
        context.save_hold(None).await;
    });
    (replaced, task)
}

/// Whether the switch shows that the call is held; `None`: it says nothing of that.
async fn is_held(context: &Context) -> Option<bool> {
    let snapshot = context.node.switch.snapshot().await.ok().filter(|snapshot| snapshot.has_module)?;
    let call = snapshot.calls.iter().find(|call| call.id == context.call);
    Some(call.and_then(|call| call.member.as_ref()).is_some_and(|member| member.held))
}

/// Until the switch shows that the call is no longer held.
async fn until_unheld(context: &Context) {
    let mut changes = context.node.switch.changes();
    while is_held(context).await != Some(false) {
        tokio::time::timeout(LOOK_EVERY, changes.changed()).await.ok();
    }
}

/// What the hook says, again and again.
async fn hear(context: &Arc<Context>, hook: &Hook) {
    loop {
        let verbs = match heard_verbs(context, hook).await {
            Ok(verbs) if !verbs.is_empty() => verbs,
            Ok(_) => break,
            Err(error) => {
                tracing::warn!(call = context.call, error, "the call is held in silence");
                break;
            }
        };
        for verb in &verbs {
            if let Err(error) = audible(context, verb).await {
                tracing::warn!(call = context.call, "the call is held in silence: {error}");
                return std::future::pending().await;
            }
        }
        sleep(PAUSE).await;
    }
    std::future::pending().await
}

async fn audible(context: &Arc<Context>, verb: &Verb) -> Result<(), LegError> {
    let times = match verb {
        Verb::Pause { seconds } => {
            sleep(Duration::from_secs_f64(*seconds)).await;
            return Ok(());
        }
        Verb::Say { times, .. } | Verb::Play { times, .. } => *times,
        _ => Some(0),
    };
    let files = files(context, verb).await?;
    let mut played = 0;
    while times.is_none_or(|times| played < times) {
        for file in &files {
            let length = length(file)?;
            context.leg.play_held(file).await?;
            sleep(length).await;
        }
        played += 1;
    }
    Ok(())
}

/// How long a file plays.
fn length(file: &Path) -> Result<Duration, LegError> {
    let wav =
        hound::WavReader::open(file).map_err(|error| LegError::Refused(format!("{}: {error}", file.display())))?;
    Ok(Duration::from_secs_f64(f64::from(wav.duration()) / f64::from(wav.spec().sample_rate.max(1))))
}
