//! What the REST interface answers when it does not do something: always `{"msg": ...}`.

use crate::{node::FindError, store::StoreError, switch::SwitchError, update::UpdateError};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// What is wrong, and what would be right.
    pub msg: String,
}

/// An error: its status and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The status.
    pub status: StatusCode,
    /// What is wrong, and what would be right.
    pub msg: String,
    /// After so many seconds it is worth asking again.
    pub retry_after: Option<u64>,
}

impl ApiError {
    /// Any.
    pub fn new(status: StatusCode, msg: impl Into<String>) -> Self {
        Self { status, msg: msg.into(), retry_after: None }
    }

    /// 400
    pub fn bad_request(msg: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, msg)
    }

    /// 404
    pub fn not_found(msg: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, msg)
    }

    /// 422
    pub fn conflict(msg: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, msg)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(Message { msg: self.msg })).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"coach-gateway\""));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<SwitchError> for ApiError {
    fn from(error: SwitchError) -> Self {
        let status = match &error {
            SwitchError::Unreachable { .. } | SwitchError::NoModule { .. } => StatusCode::SERVICE_UNAVAILABLE,
            SwitchError::NoAnswer { .. } => StatusCode::GATEWAY_TIMEOUT,
            SwitchError::Ended => StatusCode::NOT_FOUND,
            SwitchError::NotInConference | SwitchError::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, error.to_string())
    }
}

impl From<FindError> for ApiError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::None => Self::not_found(error.to_string()),
            FindError::Switch(error) => error.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!("{error}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the gateway's database does not answer")
    }
}

impl From<UpdateError> for ApiError {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Wrong(msg) => Self::bad_request(msg),
            UpdateError::Conflict(msg) => Self::conflict(msg),
            UpdateError::Unknown(..) => Self::new(StatusCode::GATEWAY_TIMEOUT, error.to_string()),
            UpdateError::Switch(error) => error.into(),
        }
    }
}
