//! The `conference` verb: enter, stay and leave, and what applications are told meanwhile.

use super::{
    context::{Context, NO_RECORDINGS},
    hold,
    payload::{ConferenceEvent, with_id},
    sounds,
    verbs::{Conference, Outcome},
    waiting,
};
use crate::{
    entering::Entrance,
    follow,
    live::Event,
    members::Participant,
    switch::leg::{Join, Left, LegError},
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    sync::{broadcast, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// What is told of a member besides its coming, going and talking.
const CHANGES: [&str; 3] = ["tag", "coach", "audience"];

/// One stay in a conference.
struct Stay<'a> {
    context: &'a Arc<Context>,
    verb: &'a Conference,
    /// The conference, by the switch's own name for it.
    room: String,
    began: Instant,
    /// The file that it is recorded to, where this call has begun that.
    recording: OnceLock<String>,
    /// It is to be recorded, and as far as is known, it can be.
    records: bool,
}

impl Stay<'_> {
    /// Tells of an event, if the verb asks for it.
    async fn tell(&self, event: &str, members: Option<usize>) {
        self.tell_with(event, members, None).await;
    }

    /// The same; with how the call is as a member now.
    async fn tell_with(&self, event: &str, members: Option<usize>, member: Option<&Participant>) {
        let Some(hook) = &self.verb.status_hook else { return };
        if !self.verb.status_events.iter().any(|wanted| wanted == event) {
            return;
        }
        let seconds = self.began.elapsed().as_secs_f64();
        let event = ConferenceEvent { event, name: &self.verb.name, seconds, members };
        let mut payload = self.context.conference_event(&event);
        if let Some(recording) = self.recording.get() {
            payload.insert("recording".into(), recording.as_str().into());
        }
        if let Some(member) = member {
            payload.insert("member_tag".into(), json!(member.member_tag));
            payload.insert("speak_only_to".into(), json!(member.speak_only_to));
            payload.insert("heard_by".into(), json!(member.heard_by));
        }
        if let Err(error) = self.context.app.ask(hook, payload).await {
            tracing::warn!(%error, "the statusHook has not answered");
        }
    }

    fn talks_are_told(&self) -> bool {
        self.verb.status_hook.is_some() && self.verb.status_events.iter().any(|event| event.ends_with("-talking"))
    }

    fn changes_are_told(&self) -> bool {
        self.verb.status_hook.is_some() && self.verb.status_events.iter().any(|event| CHANGES.contains(&event.as_str()))
    }

    async fn size(&self) -> Result<usize, LegError> {
        waiting::size(self.context, &self.room).await
    }

    async fn join(&self, value: &Value) -> Join {
        // Nobody but its audience is to learn that a private speaker is there.
        let beep = self.verb.beep && self.verb.speak_only_to.is_none();
        let sounds = match sounds::ready(&self.context.gateway.settings().speech.folder).await {
            Ok(sounds) => Some(sounds),
            Err(why) if beep => {
                self.context.refuse(value, &format!("conference: beep: {why}")).await;
                None
            }
            Err(_) => None,
        };
        Join {
            conference: self.room.clone(),
            tags: self.verb.member_tag.clone(),
            speak_only_to: self.verb.speak_only_to.clone(),
            muted: self.verb.join_muted,
            moderator: self.verb.start_on_enter == Some(true),
            ends_conference: self.verb.end_on_exit,
            most_members: self.verb.max_participants,
            talk_events: self.talks_are_told(),
            passes_digits: self.verb.distribute_dtmf,
            beep,
            sounds,
        }
    }

    /// Tells that the call has joined, once it has; and what it does from then on.
    async fn tell_of_stay(&self, value: &Value, join: &Join, entrance: Entrance) {
        // From before it joins: who speaks when it comes in talks at once.
        let (talks, told) = mpsc::channel(16);
        let watching = async {
            if self.talks_are_told() {
                self.context.leg.talks(talks).await;
            }
        };
        tokio::join!(watching, self.tell_once_joined(value, join, entrance, told));
        std::future::pending().await
    }

    async fn tell_once_joined(&self, value: &Value, join: &Join, entrance: Entrance, talks: mpsc::Receiver<bool>) {
        loop {
            match self.context.node.switch.conference_of(&self.context.call).await {
                Ok(Some(room)) if room == self.room => break,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        // From now on the switch shows it.
        drop(entrance);
        self.context.leg.joined(join).await;
        self.record(value).await;
        let telling = async {
            let live = self.tell_of_join().await;
            tokio::join!(self.tell_of_changes(live), self.tell_of_talks(talks));
        };
        tokio::join!(self.ends_later(), self.pass_digits(), telling);
    }

    /// Tells that it has joined. What happens in conferences from then on, if changes are to be told.
    async fn tell_of_join(&self) -> Option<broadcast::Receiver<Arc<Event>>> {
        let live = match self.changes_are_told() {
            true => Some(follow::follow(&self.context.gateway).await),
            false => None,
        };
        let members = self.size().await.ok();
        self.tell("join", members).await;
        live
    }

    /// Tells what changes of it.
    async fn tell_of_changes(&self, live: Option<broadcast::Receiver<Arc<Event>>>) {
        let Some(mut live) = live else { return };
        let own = self.context.info().call_sid;
        loop {
            match live.recv().await {
                Ok(event) if CHANGES.contains(&event.event) => {
                    if let Some(member) = event.member.as_ref().filter(|member| member.call_sid == own) {
                        self.tell_with(event.event, None, Some(member)).await;
                    }
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    /// Whether the conference can be recorded, as far as the switch says that before. If it cannot, the call joins all the same.
    async fn can_record(&self, value: &Value) -> Result<bool, LegError> {
        let folder = self.context.gateway.settings().recordings.clone();
        let Some(folder) = folder.filter(|_| self.verb.record) else {
            return Ok(self.verb.record);
        };
        match self.context.leg.why_unwritable(&folder).await {
            Ok(None) => Ok(true),
            Ok(Some(why)) | Err(LegError::Refused(why)) => {
                self.context.refuse(value, &format!("conference: record: {why}")).await;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Has the conference recorded, unless it is already. It goes on whatever becomes of that.
    async fn record(&self, value: &Value) {
        if !self.records {
            return;
        }
        let Some(folder) = self.context.gateway.settings().recordings.clone() else {
            return self.context.refuse(value, NO_RECORDINGS).await;
        };
        // Whatever an application says, its name is this.
        let began = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let file = folder.join(format!("{began}-{}.wav", uuid::Uuid::new_v4()));
        match self.context.node.switch.record(&self.room, &file).await {
            Ok(true) => {
                let file = file.display().to_string();
                tracing::info!(call_sid = %self.context.info().call_sid, conference = self.room, file, "the conference is recorded");
                self.recording.set(file).ok();
            }
            Ok(false) => tracing::info!(conference = self.room, "the conference is being recorded already"),
            Err(error) => self.context.refuse(value, &format!("conference: record: {error}")).await,
        }
    }

    /// The conference ends at the latest when the verb says.
    async fn ends_later(&self) {
        if let Some(after) = self.verb.ends_after {
            self.context.gateway.ends.after(&self.context.node, &self.room, after).await;
        }
    }

    /// What the call presses goes to those who hear it.
    async fn pass_digits(&self) {
        if self.verb.distribute_dtmf {
            self.context.leg.pass_digits().await;
        }
    }

    async fn tell_of_talks(&self, mut talks: mpsc::Receiver<bool>) {
        while let Some(talks) = talks.recv().await {
            self.tell(if talks { "start-talking" } else { "stop-talking" }, None).await;
        }
    }
}

/// Into a conference, and out of it.
pub async fn perform(
    context: &Arc<Context>,
    value: &Value,
    verb: &Conference,
    rest: &[Value],
    cancel: &CancellationToken,
) -> Result<Outcome, LegError> {
    let room = context.conference(&verb.name).map_err(LegError::Refused)?;
    waiting::elsewhere(context, verb).await?;
    let mut stay = Stay { context, verb, room, began: Instant::now(), recording: OnceLock::new(), records: false };
    context.answer().await?;
    if verb.start_on_enter == Some(false) {
        waiting::until_started(context, verb, &stay.room, cancel).await?;
        waiting::elsewhere(context, verb).await?;
    }
    if !cancel.is_cancelled() {
        waiting::enter_hook(context, verb, cancel).await?;
    }
    let mut entered = Ok(Left::Other);
    if !cancel.is_cancelled() {
        let (entrance, starts) = waiting::decide(context, verb, &stay.room).await?;
        if starts {
            stay.tell("start", Some(0)).await;
        }
        stay.records = stay.can_record(value).await?;
        let join = stay.join(value).await;
        context.leg.prepare(&join).await?;
        if !cancel.is_cancelled() {
            let verbs = [std::slice::from_ref(value), rest].concat();
            context.save(verbs, true).await;
            entered = tokio::select! {
                left = context.leg.enter(&join) => left,
                () = stay.tell_of_stay(value, &join, entrance) => Err(LegError::Lost),
            };
        }
    }
    left(&stay, value, entered, cancel).await
}

/// The same from where a gateway that has gone left it: the call is in the conference, or has just left it.
pub async fn resume(
    context: &Arc<Context>,
    value: &Value,
    verb: &Conference,
    cancel: &CancellationToken,
) -> Result<Outcome, LegError> {
    let room = context.conference(&verb.name).map_err(LegError::Refused)?;
    let stay = Stay { context, verb, room, began: Instant::now(), recording: OnceLock::new(), records: false };
    let ends = async {
        // It may be that the gateway went before it could keep that. Of a conference that the call has left, this is not its end.
        if context.node.switch.conference_of(&context.call).await.is_ok_and(|is| is.as_ref() == Some(&stay.room)) {
            stay.ends_later().await;
        }
        tokio::join!(hold::resume(context), stay.pass_digits());
        std::future::pending().await
    };
    let left_it = tokio::select! {
        left = context.leg.stayed() => left,
        () = ends => Err(LegError::Lost),
    };
    left(&stay, value, left_it, cancel).await
}

/// The end of a stay, however it came.
async fn left(
    stay: &Stay<'_>,
    value: &Value,
    how: Result<Left, LegError>,
    cancel: &CancellationToken,
) -> Result<Outcome, LegError> {
    let context = stay.context;
    if how == Err(LegError::Ended) {
        context.tell_end().await;
    }
    let members = stay.size().await.unwrap_or(0);
    match &how {
        Ok(Left::NotLetIn) => {
            context.refuse(value, "conference: the switch did not let the call in: it is full or locked").await;
        }
        Err(LegError::Refused(why)) => return Err(LegError::Refused(why.clone())),
        _ => {
            stay.tell("leave", Some(members)).await;
            if members == 0 || stay.verb.end_on_exit {
                stay.tell("end", Some(members)).await;
            }
        }
    }
    if stay.verb.end_on_exit && members > 0 {
        // Those who came by a dialplan are not told by the switch that it ends.
        context.node.switch.end_conference(&stay.room).await.ok();
    }
    let mut outcome = Outcome::Next;
    if let Some(hook) = &stay.verb.action_hook {
        let mut payload = context.base();
        with_id(&mut payload, value);
        match context.app.ask(hook, payload).await {
            Ok(Some(answer)) if !cancel.is_cancelled() => match super::verbs::list(&answer) {
                Ok(verbs) if verbs.is_empty() => {}
                Ok(verbs) => outcome = Outcome::Replace(verbs),
                Err(why) => context.refuse(value, &format!("actionHook: {why}")).await,
            },
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the actionHook has not answered"),
        }
    }
    match how {
        Err(LegError::Ended) => Err(LegError::Ended),
        _ => Ok(outcome),
    }
}
