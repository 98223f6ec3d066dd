//! Who asks, and how often it may: the key in front of every request under an account.

use super::{error::ApiError, request::Api};
use crate::keys::{Caller, Need};
use axum::{
    extract::{FromRequestParts, Path},
    http::{StatusCode, header::AUTHORIZATION, request::Parts},
};
use governor::clock::Clock;
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

/// A request of a known caller, to its own account.
pub struct Authorized {
    /// Who asks.
    pub caller: Caller,
}

impl Authorized {
    /// Whether the key may do this.
    pub fn may(&self, need: Need<'_>) -> Result<(), ApiError> {
        if self.caller.scopes.allow(need) {
            return Ok(());
        }
        let msg = format!("the key {} may do {}; this needs {}", self.caller.key, self.caller.scopes, need.scope());
        Err(ApiError::new(StatusCode::FORBIDDEN, msg))
    }
}

impl FromRequestParts<Arc<Api>> for Authorized {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let unauthorized = |msg: &str| ApiError::new(StatusCode::UNAUTHORIZED, msg);
        let Some(key) = header.strip_prefix("Bearer ").map(str::trim) else {
            return Err(unauthorized(
                "give a key: the header `Authorization: Bearer <key>`; `coach-gateway key new` makes one",
            ));
        };
        let caller = api.gateway.caller(key.to_owned()).await?;
        let caller = caller.ok_or_else(|| unauthorized("the key is not known, or has been revoked"))?;
        if let Err(wait) = api.limits.check_key(&caller.key) {
            let seconds = wait.wait_time_from(governor::clock::DefaultClock::default().now()).as_secs() + 1;
            let msg = format!("the key {} has made too many requests: again in {seconds} s", caller.key);
            return Err(ApiError { retry_after: Some(seconds), ..ApiError::new(StatusCode::TOO_MANY_REQUESTS, msg) });
        }
        let Path(path) = Path::<HashMap<String, String>>::from_request_parts(parts, api)
            .await
            .map_err(|_| ApiError::bad_request("Bad request"))?;
        let account = path.get("account_sid").map(String::as_str).unwrap_or_default();
        let account = Uuid::try_parse(account).map_err(|_| ApiError::bad_request("Bad request"))?;
        // Not 403: a key learns nothing of what other accounts have.
        if account != caller.account {
            return Err(ApiError::not_found("there is no such account"));
        }
        Ok(Self { caller })
    }
}
