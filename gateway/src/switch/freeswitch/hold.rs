//! A hold: what mod_conference has no command for, and so takes several.

use super::FreeSwitch;
use crate::switch::{
    Member, SwitchError,
    connection::{Link, once_sent, wait_until},
};
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{sync::watch, time::sleep};

/// The number of a member that a hold has made deaf, on its channel.
pub(super) const DEAF_BY_HOLD: &str = "COACH_DEAF_BY_HOLD";

impl FreeSwitch {
    /// From now on, and for as long as this value lives, each connection mends what an earlier one has left half done.
    pub(super) fn mend_holds_whenever_connected(self: &Arc<Self>) {
        tokio::spawn(mend_whenever_connected(Arc::downgrade(self), self.esl.link()));
    }

    /// mod_conference's own hold takes a member's voice and the private speech to it, but not the open mix: `deaf` does. A variable of
    /// the channel says that the hold has made the member deaf, and not somebody else before.
    pub(super) async fn hold(&self, id: &str, member: &Member) -> Result<String, SwitchError> {
        let _one = self.holds.lock().await;
        if !self.is_deaf(id, &member.conference).await? {
            self.act(&format!("uuid_setvar {id} {DEAF_BY_HOLD} {}", member.number)).await?;
            self.command(member, "deaf").await.map_err(once_sent)?;
            return self.command(member, "hold").await.map_err(once_sent);
        }
        self.command(member, "hold").await
    }

    pub(super) async fn unhold(&self, id: &str, member: &Member) -> Result<String, SwitchError> {
        let _one = self.holds.lock().await;
        let done = self.command(member, "unhold").await?;
        // The number is of this stay: what an earlier one has left behind does not count.
        let by_hold = self.ask(&format!("uuid_getvar {id} {DEAF_BY_HOLD}")).await.map_err(once_sent)?;
        if by_hold == member.number.to_string() {
            self.let_hear(id, member).await.map_err(once_sent)?;
            wait_until(&self.name, || async { Ok(!self.is_deaf(id, &member.conference).await?) }).await?;
        }
        Ok(done)
    }

    /// The half of a hold that is not the hold itself ends.
    async fn let_hear(&self, id: &str, member: &Member) -> Result<(), SwitchError> {
        self.command(member, "undeaf").await?;
        self.act(&format!("uuid_setvar {id} {DEAF_BY_HOLD}")).await.map(drop)
    }

    /// Where a hold, or its end, has come to an end in the middle: whoever is not held hears again.
    async fn mend_holds(&self) -> Result<(), SwitchError> {
        let _one = self.holds.lock().await;
        for (id, member) in self.deaf_by_hold().await?.into_iter().filter(|(_, member)| !member.held) {
            tracing::warn!(
                call = id,
                conference = member.conference,
                "a hold was cut in the middle: the member hears again"
            );
            match self.let_hear(&id, &member).await {
                // It has left meanwhile.
                Err(SwitchError::NotInConference | SwitchError::Ended) => {}
                done => done?,
            }
        }
        Ok(())
    }
}

/// With each connection, what an earlier one has left half done.
async fn mend_whenever_connected(switch: Weak<FreeSwitch>, mut link: watch::Receiver<Link>) {
    loop {
        if link.wait_for(|link| matches!(link, Link::Up(_))).await.is_err() {
            return;
        }
        let Some(own) = switch.upgrade() else { return };
        let mended = own.mend_holds().await;
        drop(own);
        match mended {
            Err(SwitchError::NoAnswer { .. } | SwitchError::Unreachable { .. }) => {
                sleep(Duration::from_millis(100)).await
            }
            mended => {
                if let Err(error) = mended {
                    tracing::debug!("holds are not looked at: {error}");
                }
                if link.wait_for(|link| matches!(link, Link::Down(_))).await.is_err() {
                    return;
                }
            }
        }
    }
}
