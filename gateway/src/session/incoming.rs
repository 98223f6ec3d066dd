//! What comes from an application, and why nothing does.

use crate::{settings::reach::NotAllowed, update::UpdateError};
use serde_json::{Map, Value};
use tokio::sync::oneshot;

/// Why the application has not answered as it should.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppError {
    /// It could not be asked, or did not answer.
    #[error("{0}")]
    Failed(String),
    /// The settings do not let this address be asked.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// Its connection is closed.
    #[error("the application's connection is closed")]
    Closed,
}

/// What comes from an application, or for a session from elsewhere.
#[derive(Debug)]
pub enum Incoming {
    /// An acknowledgement; it goes no further than the connection.
    Ack(Map<String, Value>),
    /// A command.
    Command {
        /// Its name.
        command: String,
        /// Its data.
        data: Value,
        /// Verbs go behind those that there are.
        queue: bool,
        /// The call that it is about, if that is another one.
        call_sid: Option<String>,
        /// Who wants to know how it went, besides the application.
        reply: Option<oneshot::Sender<Result<(), UpdateError>>>,
    },
    /// The application has nothing more to say.
    Closed,
    /// The application cannot be reached any more.
    Lost,
}

impl Incoming {
    /// Reads a message. `Err`: what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let Value::Object(message) = value else { return Err("it is no JSON object".into()) };
        let field = |key: &str| message.get(key).and_then(Value::as_str).map(str::to_owned);
        match field("type").as_deref() {
            Some("ack") => Ok(Self::Ack(message)),
            Some("command") => {
                let command = field("command").ok_or("the command has no name: give `command`")?;
                let data = message.get("data").filter(|data| !data.is_null());
                Ok(Self::Command {
                    data: data.cloned().ok_or(format!("the command {command} has no data"))?,
                    command,
                    queue: message.get("queueCommand").and_then(Value::as_bool).unwrap_or(false),
                    call_sid: field("callSid"),
                    reply: None,
                })
            }
            Some(kind) => Err(format!("there is no message of type {kind}: give ack or command")),
            None => Err("the message has no type".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_an_application_are_read_or_refused() {
        let parse = |text: &str| Incoming::parse(text);
        assert!(matches!(parse(r#"{"type":"ack","msgid":"1"}"#), Ok(Incoming::Ack(_))));
        let command = parse(r#"{"type":"command","command":"redirect","queueCommand":true,"data":[]}"#);
        assert!(matches!(command, Ok(Incoming::Command { queue: true, .. })), "{command:?}");
        for (text, said) in [
            ("{", "EOF"),
            ("[]", "no JSON object"),
            ("{}", "no type"),
            (r#"{"type":"hello"}"#, "hello"),
            (r#"{"type":"command","data":{}}"#, "no name"),
            (r#"{"type":"command","command":"redirect"}"#, "no data"),
            (r#"{"type":"command","command":"redirect","data":null}"#, "no data"),
        ] {
            let error = parse(text).expect_err("it is refused");
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
