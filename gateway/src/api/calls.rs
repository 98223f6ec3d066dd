//! The REST requests about calls: list, show, change and hang up; and the shape in which an answer tells of a call.

use super::{
    auth::Authorized,
    error::{ApiError, Message},
    request::{Api, Body},
};
use crate::{
    keys::Need,
    members::direction,
    node::{FindError, Found},
    session::{
        self,
        order::Order,
        place::{PlaceError, place},
    },
    switch::{Direction, Progress, SwitchError},
    update::{Update, apply},
};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A call.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallRecord {
    call_sid: Uuid,
    account_sid: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_sid: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<String>,
    direction: &'static str,
    from: String,
    to: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    caller_name: String,
    call_status: &'static str,
    sip_status: u16,
    sip_reason: &'static str,
    /// Seconds since it began.
    duration: u64,
    /// The switch that has it.
    service_url: String,
    /// The conference that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    conference: Option<String>,
}

impl CallRecord {
    fn of(account: Uuid, found: Found) -> Self {
        let call = found.call;
        let (call_status, sip_status, sip_reason) = match call.progress {
            Progress::Trying => ("trying", 100, "Trying"),
            Progress::Ringing => ("ringing", 180, "Ringing"),
            Progress::InProgress => ("in-progress", 200, "OK"),
        };
        Self {
            call_sid: call.sid,
            account_sid: account,
            application_sid: call.application,
            call_id: call.call_id,
            direction: direction(call.direction),
            from: call.from,
            to: call.to,
            caller_name: call.caller_name,
            call_status,
            sip_status,
            sip_reason,
            duration: call.seconds,
            service_url: found.node.switch.name().to_owned(),
            conference: found.conference,
        }
    }
}

/// Which calls to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    direction: Option<String>,
    from: Option<String>,
    to: Option<String>,
    call_status: Option<String>,
}

impl Filter {
    fn fits(&self, call: &CallRecord) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        fits(&self.direction, call.direction)
            && fits(&self.from, &call.from)
            && fits(&self.to, &call.to)
            && fits(&self.call_status, call.call_status)
    }
}

/// The account's calls, or the error of the first switch that did not answer: a list that lacks calls would be no answer.
pub async fn all(api: &Api, account: Uuid) -> Result<Vec<Found>, ApiError> {
    let (found, errors) = api.gateway.calls(account).await;
    match errors.into_iter().find(|error| !matches!(error, SwitchError::NoModule { .. })) {
        Some(error) => Err(error.into()),
        None => Ok(found),
    }
}

/// Every call of the account.
#[utoipa::path(get, path = "/v1/Accounts/{account_sid}/Calls", operation_id = "listCalls", params(("account_sid" = Uuid, Path), Filter), responses(
    (status = 200, body = Vec<CallRecord>), (status = 401, body = Message), (status = 403, body = Message), (status = 503, body = Message)
))]
pub async fn list(
    State(api): State<Arc<Api>>,
    authorized: Authorized,
    filter: Result<Query<Filter>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Vec<CallRecord>>, ApiError> {
    authorized.may(Need::Read)?;
    let Query(filter) =
        filter.map_err(|_| ApiError::bad_request("calls are filtered by direction, from, to and callStatus"))?;
    let account = authorized.caller.account;
    let calls = all(&api, account).await?.into_iter().map(|found| CallRecord::of(account, found));
    Ok(Json(calls.filter(|call| filter.fits(call)).collect()))
}

/// A call that is placed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Created {
    sid: Uuid,
    /// The SIP Call-ID, where it is known already.
    #[serde(rename = "callId", skip_serializing_if = "Option::is_none")]
    call_id: Option<String>,
}

/// Places a call. 201 when the switch has it; its application is asked when it is answered.
#[utoipa::path(post, path = "/v1/Accounts/{account_sid}/Calls", operation_id = "createCall", params(("account_sid" = Uuid, Path)),
    request_body(content = serde_json::Value, description = "from, to, and application_sid or call_hook; tag, timeout, callerName, call_status_hook",
        example = json!({"from": "2000", "to": {"type": "phone", "number": "+15551234567"}, "application_sid": "6c5e3f0a-52d1-4a63-9d0e-7b1f4c2a9e11"})),
    responses((status = 201, body = Created), (status = 400, body = Message), (status = 403, body = Message), (status = 408, body = Message),
        (status = 422, description = "No switch dials such a destination, or it has not placed the call", body = Message),
        (status = 503, body = Message)))]
pub async fn create(
    State(api): State<Arc<Api>>,
    authorized: Authorized,
    body: Result<Body, ApiError>,
) -> Result<(StatusCode, Json<Created>), ApiError> {
    authorized.may(Need::Call)?;
    let Body(body) = body?;
    let account = authorized.caller.account;
    let order = Order::parse(&body, account, &api.gateway.settings()).map_err(ApiError::bad_request)?;
    let key = &authorized.caller.key;
    let placed = place(&api.sessions, account, order).await.map_err(|error| match error {
        PlaceError::NoWay(why) => ApiError::conflict(why),
        PlaceError::Switch(error) => error.into(),
        PlaceError::TooMany(error) => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    });
    match &placed {
        Ok(placed) => tracing::info!(call_sid = %placed.sid, key, "placed"),
        Err(error) => tracing::info!(key, status = error.status.as_u16(), "not placed: {}", error.msg),
    }
    placed.map(|placed| (StatusCode::CREATED, Json(Created { sid: placed.sid, call_id: placed.call_id })))
}

/// The sid in a path.
fn sid(text: &str) -> Result<Uuid, ApiError> {
    Uuid::try_parse(text).map_err(|_| ApiError::bad_request("Bad request"))
}

async fn find(api: &Api, authorized: &Authorized, call_sid: &str) -> Result<Found, ApiError> {
    let call_sid = sid(call_sid)?;
    Ok(api.gateway.call(authorized.caller.account, call_sid).await?)
}

/// One call.
#[utoipa::path(get, path = "/v1/Accounts/{account_sid}/Calls/{call_sid}", operation_id = "getCall",
    params(("account_sid" = Uuid, Path), ("call_sid" = Uuid, Path)),
    responses((status = 200, body = CallRecord), (status = 404, body = Message)))]
pub async fn one(
    State(api): State<Arc<Api>>,
    authorized: Authorized,
    Path((_, call_sid)): Path<(String, String)>,
) -> Result<Json<CallRecord>, ApiError> {
    authorized.may(Need::Read)?;
    let found = find(&api, &authorized, &call_sid).await?;
    Ok(Json(CallRecord::of(authorized.caller.account, found)))
}

/// Changes a call. 202 when the switch's module shows the change.
#[utoipa::path(method(put, post), path = "/v1/Accounts/{account_sid}/Calls/{call_sid}", operation_id = "updateCall",
    params(("account_sid" = Uuid, Path), ("call_sid" = Uuid, Path)),
    request_body(content = serde_json::Value,
        description = "One of conferenceParticipantAction, mute_status, conf_mute_status, conf_hold_status, call_status, dtmf",
        example = json!({"conferenceParticipantAction": {"action": "coach", "tag": "agent"}})),
    responses((status = 202, description = "It is so"), (status = 400, body = Message), (status = 403, body = Message),
        (status = 404, body = Message), (status = 408, body = Message), (status = 422, body = Message), (status = 503, body = Message),
        (status = 504, description = "The switch has not answered; the outcome is not known", body = Message)))]
pub async fn update(
    State(api): State<Arc<Api>>,
    authorized: Authorized,
    Path((_, call_sid)): Path<(String, String)>,
    body: Result<Body, ApiError>,
) -> Result<(StatusCode, &'static str), ApiError> {
    let call_sid = sid(&call_sid)?;
    let Body(body) = body?;
    let update = Update::parse(&body)?;
    update.needs().into_iter().try_for_each(|need| authorized.may(need))?;
    let found = api.gateway.call(authorized.caller.account, call_sid).await?;
    let done = match &update {
        Update::CallHook(_) | Update::CustomerData(_) | Update::Hold(_) => {
            session::update(&api.sessions, &found, &update).await
        }
        update => apply(&found, update).await,
    };
    let done = done.map_err(ApiError::from);
    let key = &authorized.caller.key;
    match &done {
        Ok(()) => tracing::info!(%call_sid, key, ?update, "changed"),
        Err(error) => {
            tracing::info!(%call_sid, key, ?update, status = error.status.as_u16(), "not changed: {}", error.msg)
        }
    }
    done.map(|()| (StatusCode::ACCEPTED, "Accepted"))
}

/// Hangs a call up.
#[utoipa::path(delete, path = "/v1/Accounts/{account_sid}/Calls/{call_sid}", operation_id = "deleteCall",
    params(("account_sid" = Uuid, Path), ("call_sid" = Uuid, Path)),
    responses((status = 204, description = "It has ended"), (status = 404, body = Message)))]
pub async fn delete(
    State(api): State<Arc<Api>>,
    authorized: Authorized,
    Path((_, call_sid)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    authorized.may(Need::Moderate)?;
    let found = find(&api, &authorized, &call_sid).await?;
    match found.node.switch.hang_up(&found.call, 16).await {
        Err(SwitchError::Ended) => return Err(FindError::None.into()),
        done => done?,
    }
    tracing::info!(call_sid = %found.call.sid, key = authorized.caller.key, "hung up");
    Ok(StatusCode::NO_CONTENT)
}

/// How many calls there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct Count {
    inbound: usize,
    outbound: usize,
}

/// How many calls the account has.
#[utoipa::path(get, path = "/v1/Accounts/{account_sid}/CallCount", operation_id = "countCalls", params(("account_sid" = Uuid, Path)), responses((status = 200, body = Count)))]
pub async fn count(State(api): State<Arc<Api>>, authorized: Authorized) -> Result<Json<Count>, ApiError> {
    authorized.may(Need::Read)?;
    let calls = all(&api, authorized.caller.account).await?;
    let inbound = calls.iter().filter(|found| found.call.direction == Direction::Inbound).count();
    Ok(Json(Count { inbound, outbound: calls.len() - inbound }))
}
