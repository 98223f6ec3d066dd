//! Recordings of conferences: mod_conference records its mix, which has no private speech.

use super::{
    FreeSwitch,
    esl::{Told, quoted},
};
use crate::switch::SwitchError;
use std::time::Duration;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, timeout_at},
};

/// How long it may take until a recording has begun.
const PATIENCE: Duration = Duration::from_secs(2);

impl FreeSwitch {
    /// `false`: it is being recorded already. `file` has nothing in it that a command would take for something else.
    pub(super) async fn record_to(&self, conference: &str, file: &str) -> Result<bool, SwitchError> {
        let conference = quoted(conference)?;
        if !self.ask(&format!("conference {conference} recording check")).await?.contains("not being recorded") {
            return Ok(false);
        }
        let mut events = self.events();
        self.act(&format!("conference {conference} record {file}")).await?;
        // Whether it can write the file, an event tells.
        let end = Instant::now() + PATIENCE;
        loop {
            match timeout_at(end, events.recv()).await {
                Ok(Ok(Told::Event(event)))
                    if event.header_str("Action") == Some("start-recording")
                        && event.header_str("Path") == Some(file) =>
                {
                    return match event.header_str("Error") {
                        None => Ok(true),
                        Some(_) => Err(SwitchError::Refused(format!("FreeSWITCH cannot write {file}"))),
                    };
                }
                Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
                Ok(Err(RecvError::Closed)) | Err(_) => {
                    return Err(SwitchError::NoAnswer { switch: self.name.clone() });
                }
            }
        }
    }
}
