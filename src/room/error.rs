//! Why something was refused: a status for programs, a sentence for people.

use crate::{route::TagError, sys};

/// A status below 0 and what would be right.
#[derive(Clone, Debug)]
pub struct Error {
    pub status: i32,
    pub message: String,
}

/// What a control call gives.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(status: i32, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub fn tag(name: &str, error: &TagError) -> Self {
        let status = if matches!(error, TagError::Many) { sys::COACH_ERR_TOO_MANY } else { sys::COACH_ERR_TAG };
        Self::new(status, format!("{name}: {error}"))
    }

    pub fn handle(what: &str) -> Self {
        Self::new(sys::COACH_ERR_HANDLE, format!("no such {what}: the handle is stale, forged or of another kind"))
    }

    pub fn memory(what: &str) -> Self {
        Self::new(sys::COACH_ERR_MEMORY, format!("no memory for {what}; free some and try again"))
    }

    pub fn value(message: impl Into<String>) -> Self {
        Self::new(sys::COACH_ERR_VALUE, message)
    }
}
