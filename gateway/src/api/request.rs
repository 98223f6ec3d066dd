//! What the handlers of requests share.

use super::error::ApiError;
use crate::{gateway::Gateway, session::Sessions};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use governor::DefaultKeyedRateLimiter;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// The longest body of a request, in bytes, and how long it may take to come.
pub const MOST_BODY: usize = 64 * 1024;
const BODY: Duration = Duration::from_secs(10);

/// The body of a request. Whatever the content type says: curl calls JSON a form.
pub struct Body(pub Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = timeout(BODY, Bytes::from_request(request, state)).await.map_err(|_| {
            let msg = format!("the body has not come in {} s", BODY.as_secs());
            ApiError::new(StatusCode::REQUEST_TIMEOUT, msg)
        })?;
        let body = body.map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                ApiError::new(error.status(), format!("the body is longer than {MOST_BODY} bytes"))
            }
            status => ApiError::new(status, error.body_text()),
        })?;
        let json = serde_json::from_slice(&body);
        json.map(Self).map_err(|error| ApiError::bad_request(format!("the body is no JSON: {error}")))
    }
}

/// What they share.
pub struct Api {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// The sessions of its calls.
    pub sessions: Arc<Sessions>,
    /// How often each key may ask.
    pub limits: DefaultKeyedRateLimiter<String>,
    /// Places for those who follow live events.
    pub streams: Arc<Semaphore>,
}
