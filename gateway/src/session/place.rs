//! Calls that the gateway places: their sessions are there before the switch dials.

use super::{
    handed_over::HandedOver,
    handover::context,
    order::Order,
    payload::CallInfo,
    run::{Beginning, run},
    sessions::{Handle, MOST_COMMANDS, Sessions, TooMany},
};
use crate::{
    names::call_sid,
    node::Node,
    settings::Calls,
    switch::{Call, Direction, NewCall, Progress, SwitchError, connection::once_sent},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};
use uuid::Uuid;

/// How long a switch may take to show a call that it has taken on.
const SHOWS: Duration = Duration::from_millis(1500);

/// Why a call is not placed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PlaceError {
    /// No switch dials such a destination.
    #[error("{0}")]
    NoWay(String),
    /// The switch did not take it on.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// No session can begin for it.
    #[error(transparent)]
    TooMany(#[from] TooMany),
}

/// A call that is placed.
pub struct Placed {
    /// Its name.
    pub sid: Uuid,
    /// The SIP Call-ID, if it is known yet.
    pub call_id: Option<String>,
}

/// The account's switches that dial such a destination, those that answer first.
fn ways(sessions: &Sessions, account: Uuid, order: &Order) -> Vec<(Node, Calls, String)> {
    let settings = sessions.gateway.settings();
    let nodes = sessions.gateway.nodes();
    let own = nodes.iter().filter(|node| node.account == account);
    let way = |node: &Node| {
        let switch = settings.switches.iter().find(|switch| switch.name == node.switch.name())?;
        let calls = switch.calls.clone()?;
        let dial = order.to.dialled(&calls)?;
        Some((node.clone(), calls, dial))
    };
    own.filter_map(way).collect()
}

/// Places a call. It is on the switch when this returns.
pub async fn place(sessions: &Arc<Sessions>, account: Uuid, order: Order) -> Result<Placed, PlaceError> {
    let mut last = PlaceError::NoWay(format!(
        "no switch of this account dials a destination of type {}: see [switch.calls] in the settings",
        order.to.kind()
    ));
    for (node, calls, dial) in ways(sessions, account, &order) {
        match on(sessions, node, &calls, dial, &order).await {
            // Nothing was sent there.
            Err(error @ PlaceError::Switch(SwitchError::Unreachable { .. })) => last = error,
            done => return done,
        }
    }
    Err(last)
}

async fn on(
    sessions: &Arc<Sessions>,
    node: Node,
    calls: &Calls,
    dial: String,
    order: &Order,
) -> Result<Placed, PlaceError> {
    let id = Uuid::new_v4();
    let (switch, own) = (node.switch.name().to_owned(), node.switch.clone());
    let new = NewCall {
        id,
        dial,
        to: order.to.text().to_owned(),
        from: order.from.clone(),
        caller_name: order.caller_name.clone(),
        seconds: order.seconds,
        context: calls.context.clone(),
        account: order.application.account,
        application: order.application.sid,
    };
    let call = Call {
        sid: call_sid(&switch, &id.to_string()),
        id: id.to_string(),
        // Until the switch has given it a name.
        channel: id.to_string(),
        direction: Direction::Outbound,
        from: new.from.clone(),
        caller_name: new.caller_name.clone(),
        to: new.to.clone(),
        progress: Progress::Trying,
        seconds: 0,
        account: Some(new.account),
        application: Some(new.application),
        call_id: None,
        member: None,
    };
    let (commands, incoming) = mpsc::channel(MOST_COMMANDS);
    let handed = HandedOver::new(&node, call.clone(), None);
    let leg = handed.leg();
    let mut info = CallInfo::new(&call, &switch, &order.application, Vec::new());
    info.customer_data = order.customer_data.clone();
    let application = Arc::new(order.application.clone());
    // From here on its end is seen, however soon that is.
    let Some(context) = context(sessions, node, &call.id, leg, application, info, commands.clone()) else {
        return Err(SwitchError::Refused("the account is no longer in the settings".into()).into());
    };
    context.has_begun.store(false, Ordering::Relaxed);
    sessions.reserve(&switch, &call.id)?.begins(Handle { commands, leg: handed });
    let mut over = context.over.clone();
    let shown = async {
        own.place(&new).await?;
        let end = Instant::now() + SHOWS;
        while Instant::now() < end {
            let snapshot = own.snapshot().await.map_err(once_sent)?;
            let listed = snapshot.calls.into_iter().find(|listed| listed.id == call.id);
            if listed.is_some() || over.borrow_and_update().is_some() {
                return Ok(listed);
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        Err(SwitchError::Refused(format!(
            "the switch {switch} has not placed the call to {}: its log says why",
            new.dial
        )))
    };
    let shown = match shown.await {
        Ok(shown) => shown,
        Err(error) => {
            sessions.remove(&switch, &call.id);
            // It may be there all the same, and nobody would know of it.
            tokio::spawn(async move { own.hang_up(&call, 16).await });
            return Err(error.into());
        }
    };
    let (sid, call_id) = (call.sid, shown.and_then(|shown| shown.call_id));
    context.info().call_id.clone_from(&call_id);
    tracing::info!(call_sid = %sid, application = context.application.name, from = new.from, to = new.to, "a call is placed");
    let sessions = sessions.clone();
    tokio::spawn(async move {
        run(context, incoming, Beginning::Placed).await;
        sessions.remove(&switch, &call.id);
    });
    Ok(Placed { sid, call_id })
}
