//! Conferences: who is in them, and who hears whom.

use super::{
    Api,
    auth::Authorized,
    calls::direction,
    error::{ApiError, Message},
};
use crate::{gateway::Found, keys::Need, switch::Direction};
use axum::{
    Json,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A conference.
#[derive(Debug, Serialize, ToSchema)]
pub struct Conference {
    /// The switch, and its own name of the conference.
    id: String,
    name: String,
    participants: Vec<Participant>,
}

/// A member of a conference.
#[derive(Debug, Serialize, ToSchema)]
pub struct Participant {
    call_sid: Uuid,
    /// The caller's name, or the number.
    label: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    number: String,
    direction: &'static str,
    #[serde(rename = "memberTag")]
    member_tag: String,
    /// Whether it has the tag `agent`.
    #[serde(rename = "isAgent")]
    is_agent: bool,
    /// Whom it speaks to; null: everyone. Empty: nobody.
    #[serde(rename = "speakOnlyTo")]
    speak_only_to: Option<String>,
    muted: bool,
    held: bool,
    /// `"all"` while it speaks openly; else the call_sids of those who hear it when it speaks.
    #[serde(rename = "heardBy")]
    #[schema(value_type = Value)]
    heard_by: HeardBy,
    /// Milliseconds of its own audio until a wider audience hears it.
    #[serde(rename = "opensInMs", skip_serializing_if = "is_zero")]
    opens_in_ms: u32,
    /// For each other member, whether it hears this one, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<serde_json::Value>,
}

/// Who hears a member.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum HeardBy {
    All(&'static str),
    These(Vec<Uuid>),
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How conferences are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Expand {
    /// `participants`: with their members.
    expand: Option<String>,
}

/// The members of each conference, by switch and the switch's own name of it.
type Members<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a Found>>;

fn by_conference(calls: &[Found]) -> Members<'_> {
    let mut conferences = Members::new();
    for found in calls {
        if let Some(member) = &found.call.member {
            conferences.entry((found.node.switch.name(), &member.conference)).or_default().push(found);
        }
    }
    conferences
}

fn participant(found: &Found, members: &[&Found]) -> Option<Participant> {
    let (call, member) = (&found.call, found.call.member.as_ref()?);
    let sid_of = |number: &u32| {
        members
            .iter()
            .find(|other| other.call.member.as_ref().is_some_and(|m| m.number == *number))
            .map(|other| other.call.sid)
    };
    let number = match call.direction {
        Direction::Inbound => &call.from,
        Direction::Outbound => &call.to,
    };
    Some(Participant {
        call_sid: call.sid,
        label: if call.caller_name.is_empty() { number.clone() } else { call.caller_name.clone() },
        number: number.clone(),
        direction: direction(call.direction),
        member_tag: member.tags.join(","),
        is_agent: member.tags.iter().any(|tag| tag == "agent"),
        speak_only_to: member.speak_only_to.as_ref().map(|tags| tags.join(",")),
        muted: member.muted,
        held: member.held,
        heard_by: match member.speak_only_to {
            None => HeardBy::All("all"),
            Some(_) => HeardBy::These(member.heard_by.iter().filter_map(sid_of).collect()),
        },
        opens_in_ms: member.opens_in_ms,
        explain: None,
    })
}

fn conference((switch, room): (&str, &str), members: &[&Found]) -> Conference {
    let name = members.iter().find_map(|found| found.conference.clone());
    let mut participants: Vec<(u32, Participant)> = members
        .iter()
        .filter_map(|found| Some((found.call.member.as_ref()?.number, participant(found, members)?)))
        .collect();
    participants.sort_by_key(|(number, _)| *number);
    Conference {
        id: format!("{switch}/{room}"),
        name: name.unwrap_or_else(|| room.to_owned()),
        participants: participants.into_iter().map(|(_, participant)| participant).collect(),
    }
}

/// The calls; here, unlike in a list of calls, a switch without its module has no answer.
async fn calls(api: &Api, account: Uuid) -> Result<Vec<Found>, ApiError> {
    let (found, errors) = api.gateway.calls(account).await;
    errors.into_iter().next().map_or(Ok(found), |error| Err(error.into()))
}

/// Every conference of the account: names, or with `expand=participants` who is in them and who hears whom.
#[utoipa::path(get, path = "/v1/Accounts/{account_sid}/Conferences", params(("account_sid" = Uuid, Path), Expand),
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
#[utoipa::path(get, path = "/v1/Accounts/{account_sid}/Conferences/{name}",
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
