//! A call that Asterisk hands over by FastAGI: the applications that it executes, such as `Coach` and then `ConfBridge` to enter a conference.
//!
//! While `ConfBridge` runs, Asterisk does not look at the connection, so that a call in a conference stays there whatever becomes of the gateway.

use super::{Asterisk, Message};
use crate::switch::{
    Call, SwitchError,
    digits::{self, Told},
    leg::{Ended, Join, Left, Leg, LegError},
    returning::Returning,
    variables,
};
use asterisk_rs_agi::{AgiChannel, response::AgiResponse};
use async_trait::async_trait;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, timeout_at},
};
use words::{argument, cause, cause_of, mode_of, played_as, quoted, yes};

/// How often Asterisk is asked whether a call is still there; and how long the event that tells its end may come after that.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// What Asterisk reads of a command, its end included (`AGI_BUF_LEN` in res/res_agi.c: 2,048 with the NUL, 8,192 since 2025). It would
/// take the rest of a longer one for another command.
const MOST_COMMAND: usize = 2047;
/// A Call-ID that is written on the call. A caller may send any; what is longer would be of no use to anybody.
const MOST_CALL_ID: usize = 255;

/// A call, and the connection for it while there is one.
pub struct AgiLeg {
    switch: Arc<Asterisk>,
    call: Call,
    channel: Returning<AgiChannel>,
}

/// Closes the connection of a call that is hung up: Asterisk keeps the call until then.
async fn let_go_if_hung_up(channel: &mut Option<AgiChannel>) -> bool {
    let Some(agi) = channel.as_mut() else { return false };
    // On a call that is hung up, Asterisk does not carry this command out.
    let hung_up = agi.send_command("CHANNEL STATUS\n").await.is_err();
    if hung_up {
        *channel = None;
    }
    hung_up
}

/// A command as it is sent: a line of its own, which Asterisk reads as a whole.
fn line(command: &str) -> Result<String, LegError> {
    if command.contains(['\r', '\n', '\0']) {
        return Err(LegError::Refused("a value holds a line break or a NUL".into()));
    }
    let command = format!("{command}\n");
    if command.len() > MOST_COMMAND {
        let name = command.split(' ').next().unwrap_or_default();
        return Err(LegError::Refused(format!(
            "a value is too long: the command {name} would take {} bytes, of which Asterisk reads {MOST_COMMAND}",
            command.len()
        )));
    }
    Ok(command)
}

impl AgiLeg {
    /// A leg that waits for its connection.
    pub fn new(switch: Arc<Asterisk>, call: Call) -> Self {
        Self { switch, call, channel: Returning::default() }
    }

    /// From now on commands go here.
    pub async fn attach(&self, mut channel: AgiChannel) {
        channel.set_command_timeout(None).ok();
        self.channel.attach(channel).await;
    }

    /// Carries a command out, on this connection or the next.
    async fn command(&self, command: &str) -> Result<AgiResponse, LegError> {
        let command = line(command)?;
        let mut channel = self.channel.next(|| self.is_over()).await?;
        let Some(agi) = channel.as_mut() else { return Err(LegError::Ended) };
        match agi.send_command(&command).await {
            Ok(response) => {
                tracing::trace!(call = self.call.id, command, ?response);
                Ok(response)
            }
            Err(error) => {
                tracing::debug!(call = self.call.id, command, %error, "the connection for the call is over");
                Err(self.channel.broke(channel, || self.is_over()).await)
            }
        }
    }

    /// Closes the connection of a call that is hung up, as soon as no command is under way: Asterisk keeps the call until then.
    fn let_go(&self) {
        self.channel.hangs_up();
        let channel = self.channel.now().clone();
        tokio::spawn(async move { *channel.lock().await = None });
    }

    /// Asks on the connection whether the call is hung up, unless a command is under way. Then it is let go: `true`.
    async fn probe(&self) -> bool {
        match self.channel.now().try_lock() {
            Ok(mut channel) => let_go_if_hung_up(&mut channel).await,
            Err(_) => false,
        }
    }

    /// The same, as soon as no command is under way: an event says that somebody hangs up, and a caller may have written it.
    fn confirm_hanging_up(&self) {
        let channel = self.channel.now().clone();
        tokio::spawn(async move {
            // The event may come before the call's own thread has seen what it tells of.
            for _ in 0..10 {
                let mut channel = channel.lock().await;
                if channel.is_none() || let_go_if_hung_up(&mut channel).await {
                    return;
                }
                drop(channel);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }

    /// Whether Asterisk says that the call has ended.
    async fn is_over(&self) -> bool {
        // A channel on its way out is listed for a moment.
        let looks = if self.probe().await { 25 } else { 5 };
        self.is_gone(looks).await
    }

    /// The same, however the connection is.
    async fn is_gone(&self, looks: u32) -> bool {
        for _ in 0..looks {
            if self.channel.is_hanging_up() {
                return true;
            }
            match self.switch.exists(&self.call).await {
                Ok(false) => return true,
                Ok(true) => tokio::time::sleep(Duration::from_millis(40)).await,
                Err(_) => return false,
            }
        }
        false
    }

    /// Runs an application of the dialplan.
    async fn exec(&self, application: &str, arguments: &str) -> Result<i32, LegError> {
        let response = self.command(&format!("EXEC {application} {}", quoted(arguments))).await?;
        match response.result {
            -2 => {
                Err(LegError::Refused(format!("Asterisk has no application {application}: its module is not loaded")))
            }
            result => Ok(result),
        }
    }

    async fn set(&self, variable: &str, value: &str) -> Result<(), LegError> {
        self.command(&format!("SET VARIABLE {variable} {}", quoted(value))).await.map(drop)
    }

    /// The value of an expression.
    async fn evaluate(&self, expression: &str) -> Result<String, LegError> {
        let response = self.command(&format!("GET FULL VARIABLE {}", quoted(expression))).await?;
        Ok(response.data.unwrap_or_default())
    }

    /// Whether what Asterisk shows is what was asked for.
    async fn shows(&self, key: &str, wanted: Option<&crate::names::Tags>) -> Result<(), LegError> {
        let shown = self.evaluate(&format!("${{COACH({key})}}")).await?;
        let tags: Vec<String> = shown.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        let right = match wanted {
            None => tags.is_empty(),
            Some(wanted) => wanted.same_as(&tags),
        };
        if right {
            return Ok(());
        }
        let wanted = wanted.map(ToString::to_string).unwrap_or_default();
        Err(LegError::Refused(format!("res_coach shows {key} {shown:?} and not {wanted:?}: the call does not join")))
    }

    /// How a stay ended; what it had ends with it.
    async fn after_stay(&self) -> Result<Left, LegError> {
        let result = self.evaluate("${CONFBRIDGE_RESULT}").await?;
        if result == "HANGUP" {
            self.let_go();
            return Err(LegError::Ended);
        }
        self.exec("Coach", "untag,uncoach").await?;
        Ok(match result.as_str() {
            "KICKED" | "ENDMARKED" => Left::TakenOut,
            "FAILED" => Left::NotLetIn,
            _ => Left::Other,
        })
    }

    /// Until the call is in no conference; the connection for it has broken.
    async fn wait_until_left(&self) -> Result<(), LegError> {
        loop {
            match self.switch.member_of(&self.call).await {
                Ok(None) if self.is_over().await => return Err(LegError::Ended),
                Ok(None) => return Ok(()),
                // A switch that does not answer has not said that the call has left.
                Ok(Some(_)) | Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
            }
        }
    }
}

#[async_trait]
impl Leg for AgiLeg {
    async fn handed_over(&self) {
        self.channel.arrives().await;
    }

    async fn claim(&self, account: &str, application: &str) -> Result<(), LegError> {
        self.set(variables::ACCOUNT, account).await?;
        self.set(variables::APPLICATION, application).await?;
        if self.call.channel.starts_with("PJSIP/") {
            let call_id = self.evaluate("${CHANNEL(pjsip,call-id)}").await?;
            if call_id.len() <= MOST_CALL_ID {
                self.set(variables::CALL_ID, &call_id).await?;
            }
        }
        Ok(())
    }

    async fn answer(&self) -> Result<(), LegError> {
        self.command("ANSWER").await.map(drop)
    }

    async fn play(&self, file: &Path) -> Result<(), LegError> {
        // `interrupt` ends a file that is played this way. So it would one of CONTROL STREAM FILE, but that answers `endpos=-1` where a file
        // has come to its end, and the crate for AGI takes this for a connection that has broken.
        let result = self.exec("ControlPlayback", &argument(&played_as(file)?)).await?;
        if result == 0 && self.evaluate("${CPLAYBACKSTATUS}").await? != "ERROR" {
            return Ok(());
        }
        if self.is_over().await {
            return Err(LegError::Ended);
        }
        Err(LegError::Refused(format!("Asterisk cannot play {}", file.display())))
    }

    async fn prepare(&self, join: &Join) -> Result<(), LegError> {
        if join.passes_digits
            && let Ok(Some(why)) = self.switch.why_no_digits().await
        {
            return Err(LegError::Refused(why));
        }
        if self.exec("Coach", &mode_of(join)).await? != 0 {
            return Err(if self.is_over().await {
                LegError::Ended
            } else {
                LegError::Refused("res_coach cannot give the call this mode: Asterisk's log says why".into())
            });
        }
        self.shows("memberTag", join.tags.as_ref()).await?;
        self.shows("speakOnlyTo", join.speak_only_to.as_ref()).await?;
        self.set("CONFBRIDGE(user,clear)", "").await?;
        self.set("CONFBRIDGE(bridge,clear)", "").await?;
        for (option, value) in [
            // What is not quiet plays the conference's own sounds: see below.
            ("user,quiet", yes(!join.beep)),
            ("user,hear_own_join_sound", "yes"),
            ("user,announce_only_user", "no"),
            ("user,announce_join_leave", "no"),
            // It would reach everybody, whom the member speaks to or not.
            ("user,dtmf_passthrough", "no"),
            ("user,startmuted", yes(join.muted)),
            ("user,admin", yes(join.moderator)),
            // Never wait_marked: a conference without a host begins all the same.
            ("user,marked", yes(join.ends_conference)),
            ("user,end_marked_any", "yes"),
            ("user,talk_detection_events", yes(join.talk_events)),
        ] {
            self.set(&format!("CONFBRIDGE({option})"), value).await?;
        }
        if join.speak_only_to.is_some() {
            // Nor is it told how many they are now.
            self.set("CONFBRIDGE(user,announce_user_count_all)", "no").await?;
        }
        if let Some(sounds) = &join.sounds {
            // A conference has the sounds of whoever begins it, and plays them for each member that is not quiet.
            for (sound, file) in [("join", &sounds.beep), ("leave", &sounds.silence), ("kicked", &sounds.silence)] {
                let path = played_as(file)?;
                self.set(&format!("CONFBRIDGE(bridge,sound_{sound})"), &path).await?;
            }
        }
        // A recording has the name that it is given.
        self.set("CONFBRIDGE(bridge,record_file_timestamp)", "no").await?;
        if let Some(most) = join.most_members {
            self.set("CONFBRIDGE(bridge,max_members)", &most.to_string()).await?;
        }
        Ok(())
    }

    async fn why_unwritable(&self, folder: &Path) -> Result<Option<String>, LegError> {
        self.try_to_write(folder).await
    }

    async fn enter(&self, join: &Join) -> Result<Left, LegError> {
        match self.exec("ConfBridge", &join.conference).await {
            Ok(_) => {}
            Err(LegError::Lost) => self.wait_until_left().await?,
            Err(error) => return Err(error),
        }
        self.after_stay().await
    }

    async fn joined(&self, _: &Join) {}

    async fn stayed(&self) -> Result<Left, LegError> {
        self.wait_until_left().await?;
        self.after_stay().await
    }

    async fn talks(&self, told: mpsc::Sender<bool>) {
        let mut events = self.switch.events();
        loop {
            match events.recv().await {
                Ok(event) if event.get("Event") == "ConfbridgeTalking" && event.get("Uniqueid") == self.call.id => {
                    if told.send(event.get("TalkingStatus") == "on").await.is_err() {
                        return;
                    }
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn play_held(&self, file: &Path) -> Result<(), LegError> {
        let file = played_as(file)?;
        let played = self.switch.act("CoachPlay", &[("Channel", self.call.id.as_str()), ("File", &file)]).await;
        played.map(drop).map_err(|error| LegError::Refused(error.to_string()))
    }

    async fn stop_held(&self) {
        // With the hold, the module has ended it: what plays to a call that is not held is something else.
        if let Ok(Some(member)) = self.switch.member_of(&self.call).await
            && member.held
        {
            let channel = [("Channel", self.call.channel.as_str()), ("Control", "stop")];
            self.switch.act("ControlPlayback", &channel).await.ok();
        }
    }

    async fn pass_digits(&self) {
        let told = |event: &Arc<Message>| match event.get("Event") {
            "DTMFEnd" if event.get("Uniqueid") == self.call.id && event.get("Direction") == "Received" => {
                Told::Digit(event.get("Digit").to_owned())
            }
            name if name.starts_with("Coach") => Told::Change,
            _ => Told::Other,
        };
        digits::pass(&*self.switch, &self.call.id, self.switch.events(), told).await;
    }

    async fn interrupt(&self) -> Result<(), SwitchError> {
        let channel = [("Channel", self.call.channel.as_str()), ("Control", "stop")];
        let stopped = self.switch.act("ControlPlayback", &channel).await;
        if let Err(error @ (SwitchError::Unreachable { .. } | SwitchError::NoAnswer { .. })) = stopped {
            return Err(error);
        }
        match self.switch.member_of(&self.call).await? {
            Some(member) => self.switch.kick_member(&self.call, &member).await,
            None => Ok(()),
        }
    }

    async fn hang_up(&self, cause: u8) -> Result<(), LegError> {
        // Not through the connection, which may be taken by what the call does now.
        match self.switch.request_hangup(&self.call, cause).await {
            Ok(()) => Ok(()),
            Err(SwitchError::Ended) => Err(LegError::Ended),
            Err(error) => Err(LegError::Refused(error.to_string())),
        }
    }

    async fn decline(&self, status: u16, _reason: Option<&str>) -> Result<(), LegError> {
        // The caller is told no reason: Asterisk adds headers to requests alone.
        self.hang_up(cause_of(status)).await
    }

    async fn headers(&self) -> Vec<(String, String)> {
        if !self.call.channel.starts_with("PJSIP/") {
            return Vec::new();
        }
        let listed = self.evaluate("${PJSIP_HEADERS(X-)}").await.unwrap_or_default();
        let is_name =
            |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        let own = listed.split(',').map(str::trim).filter(is_name).take(64).map(str::to_owned);
        let standard = ["from", "to", "call-id", "contact", "user-agent", "p-asserted-identity"].map(str::to_owned);
        let mut headers = Vec::new();
        for name in standard.into_iter().chain(own) {
            match self.evaluate(&format!("${{PJSIP_HEADER(read,{name})}}")).await {
                Ok(value) if !value.is_empty() => headers.push((name, value)),
                _ => {}
            }
        }
        headers
    }

    async fn ended(&self) -> Ended {
        let mut events = self.switch.events();
        let (mut by_caller, mut gone, mut look) = (false, false, Instant::now() + LOOK_EVERY);
        loop {
            let event = timeout_at(look, events.recv()).await;
            let missed = match event {
                Ok(Ok(event)) if event.get("Uniqueid") == self.call.id => match event.get("Event") {
                    request @ ("HangupRequest" | "SoftHangupRequest") => {
                        by_caller |= request == "HangupRequest";
                        self.confirm_hanging_up();
                        false
                    }
                    // A caller can write such an event into a number: Asterisk has to say that the call is gone.
                    "Hangup" if self.is_gone(25).await => {
                        self.let_go();
                        return Ended { cause: cause(&event), by_caller };
                    }
                    "Hangup" => {
                        tracing::warn!(call = self.call.id, "an event says that the call has ended, which it has not");
                        false
                    }
                    _ => false,
                },
                Ok(Ok(_)) => false,
                Err(_) | Ok(Err(broadcast::error::RecvError::Lagged(_))) => true,
                Ok(Err(broadcast::error::RecvError::Closed)) => std::future::pending().await,
            };
            if missed && gone && Instant::now() >= look {
                return Ended { cause: 0, by_caller };
            }
            if missed && !gone {
                self.probe().await;
                // The event that says why may be on its way.
                gone = matches!(self.switch.exists(&self.call).await, Ok(false));
                look = Instant::now() + LOOK_EVERY;
            }
        }
    }
}

#[cfg(test)]
mod tests;
mod words;
mod writable;
