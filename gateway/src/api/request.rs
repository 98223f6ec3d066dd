//! What the handlers of requests share.

use crate::{gateway::Gateway, session::Sessions};
use governor::DefaultKeyedRateLimiter;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The longest body of a request, in bytes.
pub const MOST_BODY: usize = 64 * 1024;

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
