//! Whether the gateway lives, and whether it can do its work.

use super::{error::Message, request::Api};
use axum::{Json, extract::State, http::StatusCode};
use std::sync::Arc;

/// The gateway lives.
#[utoipa::path(get, path = "/healthz", operation_id = "getHealth", responses((status = 200, description = "It lives")))]
pub async fn live() -> &'static str {
    "ok"
}

/// Every switch answers and has its module, and sessions are kept.
#[utoipa::path(get, path = "/readyz", operation_id = "getReadiness", responses(
    (status = 200, description = "Every switch answers and has its module, and sessions are kept"),
    (status = 503, description = "What is amiss", body = Message)
))]
pub async fn ready(State(api): State<Arc<Api>>) -> (StatusCode, Json<Message>) {
    let mut problems = Vec::new();
    for node in api.gateway.nodes().iter() {
        match node.switch.snapshot().await {
            Ok(snapshot) if snapshot.has_module => {}
            Ok(_) => problems.push(format!("{}: {} is not loaded", node.switch.name(), node.switch.module())),
            Err(error) => problems.push(error.to_string()),
        }
    }
    problems.extend(api.gateway.store.problem().map(|why| format!("the database: sessions are not kept: {why}")));
    if problems.is_empty() {
        (StatusCode::OK, Json(Message { msg: "ready".into() }))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(Message { msg: problems.join("; ") }))
    }
}
