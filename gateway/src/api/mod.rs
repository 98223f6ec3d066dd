//! The REST interface, as jambonz has it: its paths, its keys, its answers, under `/v1`.
//!
//! | | |
//! |---|---|
//! | `serve` | connections: TLS, and each client's share of them |
//! | `auth` | keys, and how often each may ask |
//! | `request`, `error` | what all requests share; what is answered when something is not done |
//! | `calls`, `conferences`, `events`, `health` | the requests themselves |

mod auth;
mod calls;
mod conferences;
mod error;
mod events;
mod health;
mod request;
pub mod serve;

use crate::{gateway::Gateway, session::Sessions};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, Method, header},
    routing::get,
};
use error::ApiError;
use governor::{Quota, RateLimiter};
use request::{Api, MOST_BODY};
use std::{num::NonZeroU32, sync::Arc};
use tokio::sync::Semaphore;
use tower_http::{catch_panic::CatchPanicLayer, cors::CorsLayer};
use utoipa::{Modify, OpenApi};

/// The document of the interface.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "coach-gateway",
        description = "Coach mode over REST. Each request needs the header `Authorization: Bearer <key>`."
    ),
    paths(
        calls::list,
        calls::create,
        calls::one,
        calls::update,
        calls::delete,
        calls::count,
        conferences::list,
        conferences::one,
        events::follow,
        health::live,
        health::ready
    ),
    modifiers(&NamesOnce)
)]
pub struct Document;

/// A document may name each operation once, and one change of a call has two methods.
struct NamesOnce;

impl Modify for NamesOnce {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let both = document.paths.paths.values_mut().filter(|path| path.put.is_some());
        for post in both.filter_map(|path| path.post.as_mut()) {
            post.operation_id = post.operation_id.as_ref().map(|name| format!("{name}ByPost"));
        }
    }
}

/// The interface of a gateway.
pub fn router(gateway: Arc<Gateway>, sessions: Arc<Sessions>) -> Router {
    let settings = gateway.settings();
    let per_minute = NonZeroU32::new(settings.requests_per_minute).unwrap_or(NonZeroU32::MIN);
    let limits = RateLimiter::keyed(Quota::per_minute(per_minute));
    let api = Arc::new(Api { gateway, sessions, limits, streams: Arc::new(Semaphore::new(events::MOST_STREAMS)) });
    let origins: Vec<HeaderValue> = settings.cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    let cors = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE]);
    let calls = get(calls::list).post(calls::create);
    let call = get(calls::one).put(calls::update).post(calls::update).delete(calls::delete);
    Router::new()
        .route("/v1/Accounts/{account_sid}/Calls", calls.clone())
        // jambonz's node-client asks with a slash at the end.
        .route("/v1/Accounts/{account_sid}/Calls/", calls)
        .route("/v1/Accounts/{account_sid}/Calls/{call_sid}", call)
        .route("/v1/Accounts/{account_sid}/CallCount", get(calls::count))
        .route("/v1/Accounts/{account_sid}/Conferences", get(conferences::list))
        .route("/v1/Accounts/{account_sid}/Conferences/{name}", get(conferences::one))
        .route("/v1/Accounts/{account_sid}/Events", get(events::follow))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .fallback(|| async {
            ApiError::not_found("there is nothing at this address: `coach-gateway openapi` lists what there is")
        })
        .method_not_allowed_fallback(|| async {
            ApiError::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method")
        })
        .layer(DefaultBodyLimit::max(MOST_BODY))
        .layer(cors)
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            use axum::response::IntoResponse;
            tracing::error!("a request ended in a panic");
            ApiError::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "a fault of the gateway's: its log has more")
                .into_response()
        }))
        .with_state(api)
}
