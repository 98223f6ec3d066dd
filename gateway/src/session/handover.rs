//! Calls that switches hand over, new ones and those that a gateway before this one had.

use super::{
    app::App,
    context::{Context, Kept, Parts},
    handed_over::{Greeting, HandedOver, greet},
    incoming::Incoming,
    payload::CallInfo,
    run::{Beginning, run},
    saved::Saved,
    sessions::{Claim, Handle, MOST_COMMANDS, Reservation, Sessions},
};
use crate::{
    node::Node,
    settings::Application,
    store::SessionRecord,
    switch::{Call, SwitchError, leg::Leg},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{net::TcpStream, sync::mpsc};
use url::Url;

/// Takes a call. `Err`: why not.
pub(super) async fn take(sessions: &Arc<Sessions>, node: Node, stream: TcpStream) -> Result<(), String> {
    let Some((Greeting { id, application: named, number }, arrival)) = greet(&node, stream).await? else {
        return Ok(());
    };
    let name = node.switch.name().to_owned();
    if let Some(running) = sessions.of(&name, &id) {
        running.leg.attach(arrival).await;
        return Ok(());
    }
    // The dialplan comes back until it is known whether the call has a session.
    if !sessions.kept_are_known(&name) {
        return Err("the database has not told yet which calls have a session".into());
    }
    // Anybody can connect and name a call: the switch has to know of it.
    let call = confirmed(&node, &id).await.map_err(|error| error.to_string())?;
    let call = call.ok_or_else(|| format!("the switch {name} has no call {id:?}"))?;
    let place = loop {
        match sessions.claim(&name, &id) {
            // While the switch was asked, it may have come in by another connection, or have gone on by itself.
            Claim::Running(running) => {
                running.leg.attach(arrival).await;
                return Ok(());
            }
            Claim::Begins => tokio::time::sleep(Duration::from_millis(20)).await,
            Claim::Kept(place, record) => match again(sessions, node.clone(), call.clone(), place, &record) {
                Ok(leg) => {
                    leg.attach(arrival).await;
                    return Ok(());
                }
                Err(place) => break Ok(place),
            },
            Claim::New(place) => break Ok(place),
            Claim::TooMany(too_many) => break Err(too_many),
        }
    };
    let leg = HandedOver::new(&node, call.clone(), None);
    leg.attach(arrival).await;
    let place = match place {
        Ok(place) => place,
        Err(too_many) => {
            leg.leg().decline(503, Some(&too_many.to_string())).await.ok();
            return Err(too_many.to_string());
        }
    };
    let settings = sessions.gateway.settings();
    let Some(application) = settings.application_for(&named, &number).cloned() else {
        leg.leg().decline(404, Some("no application answers this number")).await.ok();
        return Err(format!(
            "no application is named {named:?} or has the number {number:?}: see [[application]] in the settings"
        ));
    };
    begin(sessions, place, node, leg, &call, application);
    Ok(())
}

/// The call, as the switch's own connection has it.
async fn confirmed(node: &Node, id: &str) -> Result<Option<Call>, SwitchError> {
    let mut last = Ok(None);
    for _ in 0..20 {
        last = node.switch.snapshot().await.map(|snapshot| snapshot.calls.into_iter().find(|call| call.id == id));
        match &last {
            Ok(Some(_)) => break,
            // The connection may be on its way, as after a restart.
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    last
}

fn begin(
    sessions: &Arc<Sessions>,
    place: Reservation,
    node: Node,
    handed: HandedOver,
    call: &Call,
    application: Application,
) {
    let (commands, incoming) = mpsc::channel(MOST_COMMANDS);
    let (switch, id) = (node.switch.name().to_owned(), call.id.clone());
    let leg = handed.leg();
    place.begins(Handle { commands: commands.clone(), leg: handed });
    let (sessions, call) = (sessions.clone(), call.clone());
    tokio::spawn(async move {
        let headers = leg.headers().await;
        if let Err(error) = leg.claim(&application.account.to_string(), &application.sid.to_string()).await {
            tracing::warn!(call = id, %error, "the call is not marked as this account's");
        }
        let info = CallInfo::new(&call, &switch, &application, headers);
        tracing::info!(call_sid = %info.call_sid, application = application.name, from = info.from, to = info.to, "a call");
        if let Some(context) = context(&sessions, node, &id, leg, Arc::new(application), info, commands) {
            run(context, incoming, Beginning::New).await;
        }
        sessions.remove(&switch, &id);
    });
}

/// A call whose session is kept. `Err`: what is kept is of no use, and its place is free.
fn again(
    sessions: &Arc<Sessions>,
    node: Node,
    call: Call,
    place: Reservation,
    record: &SessionRecord,
) -> Result<HandedOver, Reservation> {
    let Ok(saved) = serde_json::from_str::<Saved>(&record.state) else {
        tracing::error!(call = record.call, "what is kept of a session cannot be read");
        return Err(place);
    };
    let settings = sessions.gateway.settings();
    let Some(mut application) = settings.application(saved.application).cloned() else {
        tracing::error!(call = record.call, "the application of a session is no longer in the settings");
        return Err(place);
    };
    // What a request for the call has named, if the settings still allow it.
    let allowed = |hook: &Url| settings.application(saved.application).is_some_and(|own| own.reach.check(hook).is_ok());
    application.call_hook = saved.call_hook.filter(allowed).unwrap_or(application.call_hook);
    application.call_status_hook = saved.call_status_hook.filter(allowed).or(application.call_status_hook);
    let (commands, incoming) = mpsc::channel(MOST_COMMANDS);
    let handed = HandedOver::new(&node, call, saved.instance);
    let leg = handed.leg();
    place.begins(Handle { commands: commands.clone(), leg: handed.clone() });
    let (sessions, switch, call) = (sessions.clone(), record.switch.clone(), record.call.clone());
    tokio::spawn(async move {
        tracing::info!(call_sid = %saved.info.call_sid, application = application.name, "a call from before the restart");
        let kept = Kept { verbs: saved.verbs, in_conference: saved.in_conference, hold: saved.hold };
        let beginning = match saved.has_begun {
            true => Beginning::Again { verbs: kept.verbs.clone(), in_conference: kept.in_conference },
            false => Beginning::Placed,
        };
        if let Some(context) = context(&sessions, node, &call, leg, Arc::new(application), saved.info, commands) {
            context.goes_on_from(kept).await;
            context.notify_events.store(saved.notify_events, Ordering::Relaxed);
            context.has_begun.store(saved.has_begun, Ordering::Relaxed);
            run(context, incoming, beginning).await;
        }
        sessions.remove(&switch, &call);
    });
    Ok(handed)
}

pub(super) fn context(
    sessions: &Arc<Sessions>,
    node: Node,
    call: &str,
    leg: Arc<dyn Leg>,
    application: Arc<Application>,
    info: CallInfo,
    commands: mpsc::Sender<Incoming>,
) -> Option<Arc<Context>> {
    let settings = sessions.gateway.settings();
    let account = settings.account(application.account)?.clone();
    let outbound = sessions.clients.of(&application.reach);
    let outbound = outbound.inspect_err(|error| tracing::error!(%error, "nothing can be asked over HTTP")).ok()?;
    let app = App::new(application.clone(), &account, outbound, info.call_sid, commands);
    let call = call.to_owned();
    let gateway = sessions.gateway.clone();
    Some(Context::new(Parts { gateway, node, call, leg, account, application, app, info }))
}

/// The sessions that a gateway before this one had, as soon as the switch can be asked for their calls.
pub(super) async fn restore(sessions: Arc<Sessions>, node: Node) {
    let name = node.switch.name().to_owned();
    let mut told = String::new();
    let records = loop {
        let (store, switch) = (sessions.gateway.store.clone(), name.clone());
        let read = tokio::task::spawn_blocking(move || store.sessions(&switch)).await;
        let error = match read {
            Ok(Ok(records)) => break records,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        if told != error {
            tracing::error!(switch = name, "sessions cannot be restored yet: {error}");
            told = error;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    };
    let mut calls: Vec<String> = records.iter().map(|record| record.call.clone()).collect();
    sessions.keep(&name, records);
    while !calls.is_empty() && node.switch.connected().await {
        let Ok(snapshot) = node.switch.snapshot().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let mut later = Vec::new();
        for id in std::mem::take(&mut calls) {
            let is_there = snapshot.calls.iter().any(|call| call.id == id);
            if !is_there && may_come_back(&sessions, &node, &id) {
                later.push(id);
                continue;
            }
            // Its dialplan may have come back for it meanwhile.
            let Some((place, record)) = sessions.claim_kept(&name, &id) else { continue };
            let call = snapshot.calls.iter().find(|call| call.id == id).cloned();
            // One that has ended meanwhile is told of once.
            let Some(call) = call.or_else(|| ended_meanwhile(&name, &record)) else {
                tracing::error!(call = id, "what is kept of a session cannot be read");
                continue;
            };
            again(&sessions, node.clone(), call, place, &record).ok();
        }
        calls = later;
        if !calls.is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Whether a call that is kept, and that its switch does not have, may come back.
fn may_come_back(sessions: &Sessions, node: &Node, call: &str) -> bool {
    let record = sessions.kept(node.switch.name(), call);
    let saved = record.and_then(|record| serde_json::from_str::<Saved>(&record.state).ok());
    saved.is_some_and(|saved| HandedOver::may_come_back(node, saved.instance.as_deref()))
}

/// A call that the switch no longer has, as far as it is known: enough to tell its end.
fn ended_meanwhile(switch: &str, record: &SessionRecord) -> Option<Call> {
    let saved: Saved = serde_json::from_str(&record.state).ok()?;
    Some(Call {
        sid: crate::names::call_sid(switch, &record.call),
        id: record.call.clone(),
        channel: record.call.clone(),
        direction: crate::switch::Direction::Inbound,
        from: saved.info.from,
        caller_name: saved.info.caller_name,
        to: saved.info.to,
        progress: crate::switch::Progress::InProgress,
        seconds: 0,
        account: Some(saved.info.account_sid),
        application: Some(saved.application),
        call_id: saved.info.call_id,
        member: None,
    })
}
