//! A call that FreeSWITCH hands over by its event socket, outbound (`socket` with `async full`): the applications that it executes, such as
//! `coach` and then `conference` to enter a conference.
//!
//! What the call executes goes on without the connection, a conference too. With `resume` the core would take the call out of its conference
//! when the connection breaks: the gateway never says it, and takes it back where a dialplan has.

use super::{FreeSwitch, MODULE, esl, esl::Told};
use crate::{
    names::Tags,
    switch::{
        Call, SwitchError, digits,
        leg::{Ended, Join, Left, Leg, LegError},
        returning::Returning,
        variables,
    },
};
use async_trait::async_trait;
use connection::Connection;
use freeswitch_esl_tokio::{EslEvent, EslEventType};
use said::ended;
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, timeout_at},
};

/// How often the switch is asked whether a call is still there; and how long the event that tells its end may come after that.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What has become of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is up.
    Up,
    /// It has ended.
    Ended,
    /// FreeSWITCH does not answer, or has crashed and may yet recover it.
    Unknown,
}

/// A call, and the connection for it while there is one.
pub struct SocketLeg {
    switch: Arc<FreeSwitch>,
    call: Call,
    connection: Returning<Connection>,
    /// The run of the switch that has it.
    instance: Mutex<Option<String>>,
    /// Headers of the request that began it.
    headers: Mutex<Vec<(String, String)>>,
}

impl SocketLeg {
    /// A leg that waits for its connection. `instance`: the run of the switch that had the call when it was kept; `None`: it is a new one.
    pub fn new(switch: Arc<FreeSwitch>, call: Call, instance: Option<String>) -> Self {
        let instance = Mutex::new(instance.or_else(|| switch.instance()));
        Self { switch, call, connection: Returning::default(), instance, headers: Mutex::default() }
    }

    /// From now on commands go here.
    pub async fn attach(&self, connection: Connection) {
        if let Err(error) = connection.follow().await {
            tracing::warn!(call = self.call.id, error, "the connection for the call broke at once");
            return;
        }
        *self.headers.lock().unwrap_or_else(PoisonError::into_inner) = connection.request_headers();
        self.connection.attach(connection).await;
    }

    /// Has the call execute an application, on this connection or the next, and returns at its end.
    async fn execute(&self, application: &str, arguments: &str) -> Result<EslEvent, LegError> {
        esl::check(arguments)
            .map_err(|why| LegError::Refused(format!("a value cannot be sent to the switch: {why}")))?;
        let mut connection = self.connection.next(|| self.is_over()).await?;
        let Some(socket) = connection.as_mut() else { return Err(LegError::Ended) };
        let done = socket.execute(application, arguments).await;
        tracing::trace!(call = self.call.id, application, arguments, done = done.is_some());
        if let Some(done) = done {
            return Ok(done);
        }
        Err(self.connection.broke(connection, || self.is_over()).await)
    }

    /// Whether FreeSWITCH says that the call has ended.
    async fn is_over(&self) -> bool {
        if self.connection.is_hanging_up() {
            return true;
        }
        // One that is being hung up may be found for a moment.
        for _ in 0..5 {
            match self.fate().await {
                Fate::Ended => return true,
                Fate::Up => tokio::time::sleep(Duration::from_millis(40)).await,
                Fate::Unknown => return false,
            }
        }
        false
    }

    async fn is_up(&self) -> Result<(), LegError> {
        match self.fate().await {
            Fate::Ended => Err(LegError::Ended),
            _ => Ok(()),
        }
    }

    /// What has become of the call, as far as FreeSWITCH says.
    async fn fate(&self) -> Fate {
        match self.switch.exists(&self.call.id).await {
            Ok(true) => Fate::Up,
            Ok(false) => {
                let instance = self.instance();
                match instance.is_some_and(|instance| self.switch.may_recover_calls_of(&instance)) {
                    true => Fate::Unknown,
                    false => Fate::Ended,
                }
            }
            Err(_) => Fate::Unknown,
        }
    }

    /// Whether FreeSWITCH has made the call anew after a crash; told once.
    fn is_recovered(&self) -> bool {
        let now = self.switch.instance();
        let mut instance = self.instance.lock().unwrap_or_else(PoisonError::into_inner);
        let is_another = instance.is_some() && now.is_some() && *instance != now;
        if is_another {
            *instance = now;
        }
        is_another
    }

    /// Has the module's application give the call a part of its mode.
    async fn coach(&self, mode: &str) -> Result<(), LegError> {
        self.execute("coach", mode).await?;
        // What fails in it ends the call, which then does not join.
        self.is_up().await
    }

    async fn set(&self, values: &[(&str, &str)]) -> Result<(), SwitchError> {
        let values: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.switch.act(&format!("uuid_setvar_multi {} {}", self.call.id, values.join(";"))).await.map(drop)
    }

    /// Whether the module shows what was asked for.
    async fn shows(&self, join: &Join) -> Result<(), LegError> {
        let refused = |error: SwitchError| LegError::Refused(error.to_string());
        let said = self.switch.act(&format!("uuid_coach {} show as json", self.call.id)).await.map_err(refused)?;
        let shown: serde_json::Value = serde_json::from_str(&said)
            .map_err(|_| LegError::Refused(format!("mod_coach shows {said:?}: the call does not join")))?;
        if !shown["room"].is_null() {
            return Err(LegError::Refused(format!("the call is in the conference {} already", shown["room"])));
        }
        for (key, wanted) in [("memberTag", &join.tags), ("speakOnlyTo", &join.speak_only_to)] {
            let is = &shown[key];
            let right = match (wanted, is.as_str()) {
                (None, None) => is.is_null(),
                (Some(wanted), Some(is)) => wanted.same_as(&is.split(',').map(str::to_owned).collect::<Vec<_>>()),
                _ => false,
            };
            if !right {
                let wanted = wanted.as_ref().map(Tags::to_string).unwrap_or_default();
                let why = format!("mod_coach shows {key} {is} and not {wanted:?}: the call does not join");
                return Err(LegError::Refused(why));
            }
        }
        Ok(())
    }

    /// How a stay ended; what it had ends with it.
    async fn after_stay(&self) -> Result<Left, LegError> {
        if self.is_over_now().await {
            return Err(LegError::Ended);
        }
        let id = &self.call.id;
        let number = self.switch.ask(&format!("uuid_getvar {id} conference_member_id")).await;
        if matches!(self.switch.has_module().await, Ok(true)) {
            self.coach("untag").await?;
            self.coach("uncoach").await?;
        }
        Ok(if number.is_ok_and(|number| number == "_undef_") { Left::NotLetIn } else { Left::Other })
    }

    async fn is_over_now(&self) -> bool {
        self.connection.is_hanging_up() || self.fate().await == Fate::Ended
    }

    /// Until the call is in no conference; the connection for it has broken. Whether it was made anew after a crash of FreeSWITCH.
    async fn wait_until_left(&self) -> Result<bool, LegError> {
        loop {
            if matches!(self.switch.room_of(&self.call.id).await, Ok(None)) {
                match self.fate().await {
                    _ if self.connection.is_hanging_up() => return Err(LegError::Ended),
                    Fate::Ended => return Err(LegError::Ended),
                    Fate::Up => return Ok(self.is_recovered()),
                    Fate::Unknown => {}
                }
            }
            // A switch that does not answer has not said that the call has left.
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// The arguments of `conference`.
    fn conference(&self, join: &Join) -> String {
        let flags = [(join.muted, "mute"), (join.moderator, "moderator"), (join.ends_conference, "endconf")];
        let flags: Vec<&str> = flags.iter().filter(|(on, _)| *on).map(|(_, flag)| *flag).collect();
        format!("{}@{}+flags{{{}}}", join.conference, self.switch.profile(), flags.join("|"))
    }
}

#[async_trait]
impl Leg for SocketLeg {
    async fn handed_over(&self) {
        self.connection.arrives().await;
    }

    async fn claim(&self, account: &str, application: &str) -> Result<(), LegError> {
        let values = [
            (variables::ACCOUNT, account),
            (variables::APPLICATION, application),
            // The dialplan counts its tries anew.
            ("coach_tries", ""),
            ("max_forwards", "70"),
            // A caller's key would end what is played; a lost connection would take the call out of its conference.
            ("playback_terminators", "none"),
            ("socket_resume", ""),
            ("hangup_after_conference", "false"),
        ];
        self.set(&values).await.map_err(|error| LegError::Refused(error.to_string()))
    }

    async fn answer(&self) -> Result<(), LegError> {
        let done = self.execute("answer", "").await?;
        if done.header_str("Answer-State") == Some("answered") {
            return Ok(());
        }
        Err(if self.is_over().await {
            LegError::Ended
        } else {
            LegError::Refused("FreeSWITCH cannot answer the call".into())
        })
    }

    async fn play(&self, file: &Path) -> Result<(), LegError> {
        let path = file.to_str().ok_or_else(|| LegError::Refused("the path of the file is no text".into()))?;
        let done = self.execute("playback", path).await?;
        let said = done.header_str("Application-Response").unwrap_or_default();
        if said.contains("NOT FOUND") || said.contains("ERROR") {
            return Err(LegError::Refused(format!("FreeSWITCH cannot play {path}: {said}")));
        }
        self.is_up().await
    }

    async fn prepare(&self, join: &Join) -> Result<(), LegError> {
        let refused = |error: SwitchError| LegError::Refused(error.to_string());
        // An application that does not exist would end the call.
        if !self.switch.has_module().await.map_err(refused)? {
            let name = self.switch.name.clone();
            return Err(refused(SwitchError::NoModule { switch: name, module: MODULE }));
        }
        let mode = |word: &str, tags: &Option<Tags>| tags.as_ref().map(|tags| format!("{word}={tags}"));
        self.coach(&mode("memberTag", &join.tags).unwrap_or_else(|| "untag".into())).await?;
        self.coach(&mode("speakOnlyTo", &join.speak_only_to).unwrap_or_else(|| "uncoach".into())).await?;
        self.shows(join).await?;
        let most = join.most_members.map(|most| most.to_string()).unwrap_or_default();
        // The profile's sounds at the door would tell everybody of a private speaker.
        let door = match &join.sounds {
            Some(sounds) if join.speak_only_to.is_some() => sounds.silence.to_string_lossy(),
            _ => "".into(),
        };
        let door = if door.contains([';', '=']) { "" } else { &*door };
        let values = [
            ("conference_enter_sound", door),
            ("conference_exit_sound", door),
            ("conference_member_id", ""),
            ("conference_flags", ""),
            ("conference_member_flags", ""),
            ("conference_max_members", most.as_str()),
        ];
        self.set(&values).await.map_err(refused)
    }

    async fn why_unwritable(&self, _: &Path) -> Result<Option<String>, LegError> {
        // An event of the recording itself tells.
        Ok(None)
    }

    async fn enter(&self, join: &Join) -> Result<Left, LegError> {
        loop {
            match self.execute("conference", &self.conference(join)).await {
                Ok(_) => break,
                Err(LegError::Lost) if self.wait_until_left().await? => {}
                Err(LegError::Lost) => break,
                Err(error) => return Err(error),
            }
            // Back from a crash, it is let in as it was at first; what commands have made of its mode since, the module knows.
            tracing::info!(call = self.call.id, "the switch has recovered the call: it enters its conference again");
            self.prepare(join).await?;
        }
        self.after_stay().await
    }

    async fn joined(&self, join: &Join) {
        let Some(sounds) = join.sounds.as_ref().filter(|_| join.beep) else { return };
        match self.switch.play_to_all(&join.conference, &sounds.beep).await {
            Ok(()) => {}
            Err(error) => tracing::warn!(call = self.call.id, "nobody hears the tone: {error}"),
        }
    }

    async fn stayed(&self) -> Result<Left, LegError> {
        // One that was recovered meanwhile may have lost, by now, what commands had made of its mode: it does not enter again.
        self.wait_until_left().await?;
        self.after_stay().await
    }

    async fn talks(&self, told: mpsc::Sender<bool>) {
        let mut events = self.switch.events();
        loop {
            match events.recv().await {
                Ok(Told::Event(event)) if event.header_str("Unique-ID") == Some(&self.call.id) => {
                    let talks = match event.header_str("Action") {
                        Some("start-talking") => true,
                        Some("stop-talking") => false,
                        _ => continue,
                    };
                    if told.send(talks).await.is_err() {
                        return;
                    }
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    async fn play_held(&self, file: &Path) -> Result<(), LegError> {
        let played = self.switch.play_to(&self.call.id, file).await;
        played.map_err(|error| LegError::Refused(error.to_string()))
    }

    async fn stop_held(&self) {
        self.switch.stop_playing_to(&self.call.id).await.ok();
    }

    async fn pass_digits(&self) {
        let told = |told: &Told| match told {
            Told::Event(event) if event.is_event_type(EslEventType::Dtmf) => match event.header_str("DTMF-Digit") {
                Some(digit) if event.header_str("Unique-ID") == Some(&self.call.id) => {
                    digits::Told::Digit(digit.to_owned())
                }
                _ => digits::Told::Other,
            },
            Told::Event(event) if event.header_str("Event-Subclass") == Some("coach::maintenance") => {
                digits::Told::Change
            }
            Told::Event(_) => digits::Told::Other,
            Told::Missed => digits::Told::Change,
        };
        digits::pass(&*self.switch, &self.call.id, self.switch.events(), told).await;
    }

    async fn interrupt(&self) -> Result<(), SwitchError> {
        match self.switch.member_at(&self.call.id).await? {
            Some(member) => self.switch.kick_member(&self.call.id, &member).await,
            None => self.switch.ask(&format!("uuid_break {}", self.call.id)).await.map(drop),
        }
    }

    async fn hang_up(&self, cause: u8) -> Result<(), LegError> {
        match self.switch.act(&format!("uuid_kill {} {cause}", self.call.id)).await {
            Ok(_) => Ok(()),
            Err(SwitchError::Ended) => Err(LegError::Ended),
            Err(error) => Err(LegError::Refused(error.to_string())),
        }
    }

    async fn decline(&self, status: u16, reason: Option<&str>) -> Result<(), LegError> {
        if let Some(reason) = reason {
            // What FreeSWITCH would take for something else is left out of the words.
            let plain = |c: char| if c.is_ascii_alphanumeric() || " .,:_-()/".contains(c) { c } else { ' ' };
            let reason: String = reason.chars().map(plain).take(200).collect();
            self.set(&[("sip_rh_X-Reason", &reason)]).await.ok();
        }
        match self.execute("respond", &status.to_string()).await {
            Ok(_) | Err(LegError::Lost) => {}
            Err(error) => return Err(error),
        }
        // Not every kind of channel can be told a status.
        match self.hang_up(21).await {
            Err(LegError::Refused(why)) => Err(LegError::Refused(why)),
            _ => Ok(()),
        }
    }

    async fn headers(&self) -> Vec<(String, String)> {
        self.headers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn instance(&self) -> Option<String> {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn ended(&self) -> Ended {
        let mut events = self.switch.events();
        let (mut gone, mut look) = (false, Instant::now() + LOOK_EVERY);
        loop {
            let missed = match timeout_at(look, events.recv()).await {
                Ok(Ok(Told::Event(event))) => {
                    let ours = event.header_str("Unique-ID") == Some(&self.call.id)
                        && event.is_event_type(EslEventType::ChannelHangupComplete);
                    if ours {
                        self.connection.hangs_up();
                        return ended(&event);
                    }
                    false
                }
                Err(_) | Ok(Ok(Told::Missed) | Err(broadcast::error::RecvError::Lagged(_))) => true,
                Ok(Err(broadcast::error::RecvError::Closed)) => std::future::pending().await,
            };
            if missed && gone && Instant::now() >= look {
                return Ended { cause: 0, by_caller: false };
            }
            if missed && !gone {
                // The event that says why may be on its way.
                gone = self.fate().await == Fate::Ended;
                if gone {
                    self.connection.hangs_up();
                }
                look = Instant::now() + LOOK_EVERY;
            }
        }
    }
}

pub mod connection;
mod said;
