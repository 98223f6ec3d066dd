//! The `conference` verb: wait, enter, leave, and what applications are told meanwhile.

use super::{
    audible::{audible, heard_verbs},
    context::{Context, NO_RECORDINGS},
    hold,
    payload::{ConferenceEvent, with_id},
    sounds,
    verbs::{Conference, Hook, Outcome},
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

const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOK_ELSEWHERE_EVERY: Duration = Duration::from_secs(1);
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
        let size = self.context.node.switch.conference_size(&self.room).await;
        size.map_err(|error| LegError::Refused(format!("conference: {error}")))
    }

    /// The call is about to enter, and whether it starts the conference.
    async fn enters(&self) -> Result<(Entrance, bool), LegError> {
        let deciding = self.context.gateway.entering.decide(&self.room).await;
        let own = self.context.node.switch.name();
        let others = deciding.switch();
        if let Some(other) = others.as_ref().filter(|other| other.as_str() != own) {
            return Err(is_elsewhere(self.verb, other));
        }
        elsewhere(self.context, self.verb).await?;
        let starts = self.size().await? == 0 && others.is_none();
        Ok((deciding.enters(own), starts))
    }

    /// Until the conference is on another switch.
    async fn until_elsewhere(&self) {
        while elsewhere(self.context, self.verb).await.is_ok() {
            tokio::time::sleep(LOOK_ELSEWHERE_EVERY).await;
        }
    }

    /// Until somebody is in the conference. What the call hears meanwhile, its waitHook says.
    async fn wait(&self, cancel: &CancellationToken) -> Result<(), LegError> {
        let heard = CancellationToken::new();
        let hearing = async {
            if let Some(hook) = &self.verb.wait_hook {
                self.hear(hook, &heard).await;
            }
        };
        let mut over = self.context.over.clone();
        let here = async {
            loop {
                // A switch that does not answer has not said that it began.
                if self.size().await.is_ok_and(|size| size > 0) {
                    return Ok(());
                }
                tokio::select! {
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    () = cancel.cancelled() => return Ok(()),
                    _ = over.wait_for(Option::is_some) => return Err(LegError::Ended),
                }
            }
        };
        let started = async {
            tokio::select! {
                started = here => started,
                () = self.until_elsewhere() => Ok(()),
            }
        };
        let ending = async {
            let started = started.await;
            heard.cancel();
            while started.is_ok() {
                // What plays may have begun after the last word to end it.
                self.context.leg.interrupt().await.ok();
                tokio::time::sleep(LOOK_EVERY).await;
            }
            started
        };
        let mut ending = std::pin::pin!(ending);
        tokio::select! {
            () = hearing => {}
            ended = &mut ending => return ended,
        }
        if heard.is_cancelled() {
            return Ok(());
        }
        // It waits in silence.
        let started = async {
            while !heard.is_cancelled() {
                tokio::select! {
                    ended = &mut ending => return ended,
                    () = heard.cancelled() => {}
                }
            }
            Ok(())
        };
        started.await
    }

    /// Plays what a hook says, again and again.
    async fn hear(&self, hook: &Hook, heard: &CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(750)) => {}
                () = heard.cancelled() => return,
            }
            let verbs = match heard_verbs(self.context, hook).await {
                Ok(verbs) if !verbs.is_empty() => verbs,
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(error, "the call waits in silence");
                    return;
                }
            };
            for verb in &verbs {
                if heard.is_cancelled() || audible(self.context, verb, heard).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn enter_hook(&self, cancel: &CancellationToken) -> Result<(), LegError> {
        let Some(hook) = &self.verb.enter_hook else { return Ok(()) };
        match heard_verbs(self.context, hook).await {
            Ok(verbs) => {
                for verb in &verbs {
                    match audible(self.context, verb, cancel).await {
                        Err(LegError::Refused(why)) => tracing::warn!(why, "what the enterHook says is not heard"),
                        done => done?,
                    }
                }
            }
            // The call joins all the same.
            Err(error) => tracing::warn!(error, "the enterHook has not answered"),
        }
        Ok(())
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
    elsewhere(context, verb).await?;
    let mut stay = Stay { context, verb, room, began: Instant::now(), recording: OnceLock::new(), records: false };
    context.answer().await?;
    if verb.start_on_enter == Some(false) {
        stay.wait(cancel).await?;
        elsewhere(context, verb).await?;
    }
    if !cancel.is_cancelled() {
        stay.enter_hook(cancel).await?;
    }
    let mut entered = Ok(Left::Other);
    if !cancel.is_cancelled() {
        let (entrance, starts) = stay.enters().await?;
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

/// A conference lives on one switch: a second one of its name elsewhere would be heard by nobody in the first.
async fn elsewhere(context: &Context, verb: &Conference) -> Result<(), LegError> {
    for node in context.gateway.nodes().iter() {
        if node.switch.name() == context.node.switch.name() {
            continue;
        }
        let most = node.switch.max_name();
        let Ok(room) = crate::names::to_switch(&context.account.room_prefix, &verb.name, most) else { continue };
        if node.switch.conference_size(&room).await.is_ok_and(|size| size > 0) {
            let other = node.switch.name();
            return Err(is_elsewhere(verb, other));
        }
    }
    Ok(())
}

fn is_elsewhere(verb: &Conference, switch: &str) -> LegError {
    LegError::Refused(format!("conference: {:?} is on the switch {switch}, and this call is not", verb.name))
}
