//! Live events: a stream of what changes in an account's conferences.

use super::{
    auth::Authorized,
    error::{ApiError, Message},
    request::Api,
};
use crate::{follow, keys::Need};
use axum::{
    extract::State,
    http::StatusCode,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::broadcast::error::RecvError;

/// How often it is looked whether the key of a stream is still good.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Streams at once.
pub const MOST_STREAMS: usize = 256;

/// What changes in the account's conferences, from now on, as server-sent events. The first is `open`: whoever then reads Conferences
/// misses nothing. After `missed` there were more events than could be kept: read Conferences again. The stream ends when its key is revoked.
#[utoipa::path(get, path = "/v1/Accounts/{account_sid}/Events", operation_id = "followEvents", params(("account_sid" = Uuid, Path)), responses(
    (status = 200, description = "A stream of events: start, end, join, leave, tag, coach, audience, mute, unmute, hold, unhold",
        content_type = "text/event-stream", body = String),
    (status = 403, body = Message), (status = 503, description = "Too many streams", body = Message)
))]
pub async fn follow(
    State(api): State<Arc<Api>>,
    authorized: Authorized,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    authorized.may(Need::Read)?;
    let place = api.streams.clone().try_acquire_owned().map_err(|_| {
        let msg = format!("{MOST_STREAMS} others follow live events already: try again later");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, msg)
    })?;
    let account = authorized.caller.account;
    let events = follow::follow(&api.gateway).await;
    let (gateway, key) = (api.gateway.clone(), authorized.caller.key.clone());
    let looks = tokio::time::interval(LOOK_EVERY);
    let own = stream::unfold((events, looks, place, true), move |(mut events, mut looks, place, first)| {
        let (gateway, key) = (gateway.clone(), key.clone());
        async move {
            if first {
                let open = Event::default().event("open").data("{\"event\":\"open\"}");
                return Some((Ok(open), (events, looks, place, false)));
            }
            loop {
                let event = tokio::select! {
                    event = events.recv() => event,
                    // A process of its own revokes keys.
                    _ = looks.tick() => match gateway.is_revoked(key.clone()).await {
                        true => return None,
                        false => continue,
                    },
                    () = gateway.ending.cancelled() => return None,
                };
                let told = match event {
                    Ok(event) if event.account != account => continue,
                    Ok(event) => Event::default().event(event.event).json_data(&*event).unwrap_or_default(),
                    Err(RecvError::Lagged(_)) => Event::default().event("missed").data("{\"event\":\"missed\"}"),
                    Err(RecvError::Closed) => return None,
                };
                return Some((Ok(told), (events, looks, place, false)));
            }
        }
    });
    Ok(Sse::new(own).keep_alive(KeepAlive::default()))
}
