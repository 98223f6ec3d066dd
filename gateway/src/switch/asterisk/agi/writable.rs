//! Whether Asterisk can write recordings: MixMonitor, which writes them, tells its own log alone that it cannot.

use super::{AgiLeg, argument, quoted};
use crate::switch::leg::LegError;
use std::path::Path;

/// What is written to see whether that can be done. It stays, and is written over.
const TRIED: &str = ".coach-gateway";

impl AgiLeg {
    /// Has Asterisk write a small file, and read it again.
    pub(super) async fn try_to_write(&self, folder: &Path) -> Result<Option<String>, LegError> {
        let folder = folder.display();
        let file = argument(&format!("{folder}/{TRIED}"));
        let written = uuid::Uuid::new_v4().to_string();
        self.set(&quoted(&format!("FILE({file})")), &written).await?;
        // As many bytes as it should be: a line break would end the answer.
        let read = self.evaluate(&format!("${{FILE({file},0,{})}}", written.len())).await?;
        if read == written {
            return Ok(None);
        }
        if read.is_empty() && self.evaluate("${STAT(e,/)}").await? != "1" {
            // Asterisk lacks the module that would tell.
            return Ok(None);
        }
        Ok(Some(format!("Asterisk cannot write into {folder}: give the user that it runs as the right to")))
    }
}
