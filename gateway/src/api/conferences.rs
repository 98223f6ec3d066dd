//! Conferences: who is in them, and who hears whom.

use super::{
    auth::Authorized,
    error::{ApiError, Message},
    request::Api,
};
use crate::{
    keys::Need,
    members::{Conference, by_conference, conference},
    node::Found,
};
use axum::{
    Json,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use uuid::Uuid;

/// How conferences are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Expand {
    /// `participants`: with their members.
    expand: Option<String>,
}

/// The calls; here, unlike in a list of calls, a switch without its module has no answer.
async fn calls(api: &Api, account: Uuid) -> Result<Vec<Found>, ApiError> {
    let (found, errors) = api.gateway.calls(account).await;
    errors.into_iter().next().map_or(Ok(found), |error| Err(error.into()))
}

/// Every conference of the account: names, or with `expand=participants` who is in them and who hears whom.
#[utoipa::path(get, path = "/v1/Accounts/{account_sid}/Conferences", operation_id = "listConferences", params(("account_sid" = Uuid, Path), Expand),
    responses((status = 200, body = Vec<Conference>), (status = 503, body = Message)))]
pub async fn list(
    State(api): State<Arc<Api>>,
    authorized: Authorized,
    expand: Result<Query<Expand>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    authorized.may(Need::Read)?;
    let expanded = match expand.map(|Query(query)| query.expand) {
        Ok(None) => false,
        Ok(Some(expand)) if expand == "participants" => true,
        _ => return Err(ApiError::bad_request("give expand=participants, or nothing")),
    };
    let calls = calls(&api, authorized.caller.account).await?;
    let conferences: Vec<Conference> =
        by_conference(&calls).into_iter().map(|(place, members)| conference(place, &members)).collect();
    if expanded {
        return Ok(Json(conferences).into_response());
    }
    Ok(Json(conferences.into_iter().map(|conference| conference.name).collect::<Vec<_>>()).into_response())
}

/// One conference: who hears whom, and why.
#[utoipa::path(get, path = "/v1/Accounts/{account_sid}/Conferences/{name}", operation_id = "getConference",
    params(("account_sid" = Uuid, Path), ("name" = String, Path)),
    responses((status = 200, body = Conference), (status = 404, body = Message)))]
pub async fn one(
    State(api): State<Arc<Api>>,
    authorized: Authorized,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<Conference>, ApiError> {
    authorized.may(Need::Read)?;
    let calls = calls(&api, authorized.caller.account).await?;
    let conferences = by_conference(&calls);
    let found = conferences
        .into_iter()
        .find(|(_, members)| members.iter().any(|found| found.conference.as_ref() == Some(&name)));
    let (place, members) = found.ok_or_else(|| ApiError::not_found("there is no such conference"))?;
    let mut shown = conference(place, &members);
    for participant in &mut shown.participants {
        let Some(found) = members.iter().find(|found| found.call.sid == participant.call_sid) else { continue };
        participant.explain = Some(found.node.switch.explain(&found.call).await?);
    }
    Ok(Json(shown))
}
