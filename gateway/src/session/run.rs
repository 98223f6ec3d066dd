//! A session from its beginning to its end.

use super::{
    app::verbs_of,
    command::{Effect, carry_out},
    conference,
    context::Context,
    incoming::Incoming,
    perform::{end, perform},
    verbs::{self, Outcome, Verb},
};
use crate::{switch::leg::LegError, update::UpdateError};
use serde_json::{Map, Value};
use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How often the switch is asked whether a call rings.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// How a session begins.
pub enum Beginning {
    /// The application is asked.
    New,
    /// The gateway has placed the call: the application is asked when it is answered.
    Placed,
    /// The gateway was restarted. These are the verb that was being done, and those that follow.
    Again {
        /// The verbs.
        verbs: Vec<Value>,
        /// The first is a conference that the call was let into.
        in_conference: bool,
    },
}

struct Run {
    context: Arc<Context>,
    commands: mpsc::Receiver<Incoming>,
    verbs: VecDeque<Value>,
    /// The application can send no more commands.
    alone: bool,
    /// The first verb is a conference that the call was let into before a restart.
    resumed: bool,
}

/// Runs a session until its call has ended.
pub async fn run(context: Arc<Context>, commands: mpsc::Receiver<Incoming>, beginning: Beginning) {
    let mut run = Run { context: context.clone(), commands, verbs: VecDeque::new(), alone: false, resumed: false };
    let begun = match beginning {
        Beginning::New => run.begin().await,
        Beginning::Placed => run.begin_placed().await,
        Beginning::Again { verbs, in_conference } => run.begin_again(verbs, in_conference),
    };
    let is_left = begun && run.go_on().await;
    if is_left && context.over.borrow().is_none() {
        // Without verbs and without an application there is nothing that the call could do.
        let ended = if context.info().answered.is_some() {
            end(&context, 16).await
        } else {
            context.declines(603);
            context.leg.decline(603, None).await
        };
        if let Err(LegError::Refused(why)) = ended {
            tracing::warn!(call = context.call, "the call is not hung up: {why}");
        }
    }
    context.tell_end().await;
    context.app.close(if begun { 1000 } else { 1001 }).await;
    context.forget().await;
}

impl Run {
    async fn begin(&mut self) -> bool {
        let context = &self.context;
        let session = context.info().session_new(&context.application);
        let answer = context.app.start(session).await;
        let verbs = answer.map_err(|error| error.to_string()).and_then(verbs_of);
        let verbs = verbs.and_then(|verbs| context.check(&verbs).map(|()| verbs));
        match verbs {
            Ok(verbs) => {
                self.verbs = verbs.into();
                context.tell_status().await;
                true
            }
            Err(why) => {
                tracing::warn!(call_sid = %context.info().call_sid, "the call is refused: {why}");
                context.declines(480);
                if let Err(error) = context.leg.decline(480, Some(&why)).await {
                    tracing::debug!(%error, "it is not declined");
                }
                false
            }
        }
    }

    /// Tells how the call goes until it is answered. `false`: it never is, or is over at once.
    async fn begin_placed(&mut self) -> bool {
        let context = self.context.clone();
        context.save(Vec::new(), false).await;
        if !context.info().has_rung() {
            context.tell_status().await;
        }
        let (mut over, mut arrives) = (context.over.clone(), std::pin::pin!(context.leg.handed_over()));
        loop {
            tokio::select! {
                () = &mut arrives => break,
                _ = over.wait_for(Option::is_some) => return false,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if context.is_ringing(LOOK_EVERY).await && context.info().rings() {
                context.save(Vec::new(), false).await;
                context.tell_status().await;
            }
        }
        context.info().answered();
        context.has_begun.store(true, Ordering::Relaxed);
        let (account, application) = (context.account.sid.to_string(), context.application.sid.to_string());
        if let Err(error) = context.leg.claim(&account, &application).await {
            tracing::warn!(call = context.call, "the call is not marked as this account's: {error}");
        }
        let session = context.info().session_new(&context.application);
        let answer = context.app.start(session).await.map_err(|error| error.to_string());
        // The call is answered: without verbs it waits for commands, where there may be some.
        let verbs = answer.and_then(|answer| match answer {
            Some(answer) if answer.is_array() => verbs::list(&answer),
            _ => Ok(Vec::new()),
        });
        context.tell_status().await;
        match verbs.and_then(|verbs| context.check(&verbs).map(|()| verbs)) {
            Ok(verbs) => {
                self.verbs = verbs.into();
                true
            }
            Err(why) => {
                tracing::warn!(call_sid = %context.info().call_sid, "the call is hung up: {why}");
                if let Err(LegError::Refused(why)) = end(&context, 16).await {
                    tracing::warn!(call = context.call, "the call is not hung up: {why}");
                }
                false
            }
        }
    }

    fn begin_again(&mut self, verbs: Vec<Value>, in_conference: bool) -> bool {
        self.verbs = verbs.into();
        self.resumed = in_conference;
        let first = self.verbs.front().map(Verb::parse);
        if !in_conference && !matches!(first, Some(Ok(Verb::Conference(_)))) {
            // What was said or waited for is over. Who was about to join joins.
            self.verbs.pop_front();
        }
        let context = &self.context;
        let session = context.info().session_new(&context.application);
        context.app.resume(&context.app.base(), session);
        true
    }

    /// Verb after verb. `false`: until the call has ended; else it is still there, and nobody says what it does next.
    async fn go_on(&mut self) -> bool {
        loop {
            if self.context.over.borrow().is_some() {
                return false;
            }
            match self.verbs.pop_front() {
                Some(verb) => {
                    // Nobody may have told yet how it ended: what a verb has done to it stays what it was.
                    if self.verb(verb).await.is_err() {
                        return false;
                    }
                }
                None if self.context.app.is_connected() && !self.alone => self.wait().await,
                None => return true,
            }
        }
    }

    /// One verb, while commands are carried out.
    async fn verb(&mut self, verb: Value) -> Result<(), LegError> {
        let cancel = CancellationToken::new();
        let context = self.context.clone();
        let rest: Vec<Value> = self.verbs.iter().cloned().collect();
        let resumed = std::mem::take(&mut self.resumed);
        if !resumed {
            context.save([std::slice::from_ref(&verb), &rest].concat(), false).await;
        }
        let performing = async {
            match Verb::parse(&verb) {
                Ok(Verb::Conference(conference)) if resumed => {
                    conference::resume(&context, &verb, &conference, &cancel).await
                }
                _ => perform(&context, &verb, &rest, &cancel).await,
            }
        };
        let mut performing = std::pin::pin!(performing);
        let mut handling = Handling::default();
        let outcome = loop {
            tokio::select! {
                outcome = &mut performing => break outcome,
                effect = handling.done() => {
                    if self.take(effect) {
                        cancel.cancel();
                    }
                }
                incoming = self.commands.recv(), if handling.is_idle() => self.begin_command(incoming, &mut handling),
                () = tokio::time::sleep(Duration::from_millis(200)), if cancel.is_cancelled() => {}
            }
            if cancel.is_cancelled()
                && let Err(error) = context.leg.interrupt().await
            {
                tracing::debug!(%error, "what the call does is not ended yet");
            }
        };
        // A command that is under way is carried out before the next verb.
        if !handling.is_idle() {
            let effect = handling.done().await;
            if self.take(effect) {
                cancel.cancel();
            }
        }
        match outcome {
            Ok(Outcome::Replace(verbs)) if !cancel.is_cancelled() => {
                self.verbs = verbs.into();
                Ok(())
            }
            Ok(_) => Ok(()),
            // The connection comes back, with the next verb.
            Err(LegError::Lost | LegError::Refused(_)) => Ok(()),
            Err(LegError::Ended) => Err(LegError::Ended),
        }
    }

    /// Without verbs, until there are some or the call ends.
    async fn wait(&mut self) {
        self.context.save(Vec::new(), false).await;
        let mut over = self.context.over.clone();
        let mut handling = Handling::default();
        while self.verbs.is_empty() && !self.alone {
            tokio::select! {
                _ = over.wait_for(Option::is_some) => return,
                effect = handling.done() => {
                    self.take(effect);
                }
                incoming = self.commands.recv(), if handling.is_idle() => self.begin_command(incoming, &mut handling),
            }
        }
    }

    fn begin_command(&mut self, incoming: Option<Incoming>, handling: &mut Handling) {
        match incoming {
            Some(Incoming::Command { command, data, queue, call_sid, reply }) => {
                handling.begin(self.context.clone(), command, data, queue, call_sid, reply);
            }
            Some(Incoming::Ack(_)) => {}
            Some(Incoming::Closed) | None => self.alone = true,
            Some(Incoming::Lost) => {
                tracing::warn!(call = self.context.call, "the application cannot be reached any more");
                self.alone = true;
            }
        }
    }

    /// Whether what the call does now has to end.
    fn take(&mut self, effect: Effect) -> bool {
        match effect {
            Effect::None => false,
            Effect::Append(verbs) => {
                self.verbs.extend(verbs);
                false
            }
            Effect::Replace(verbs) => {
                self.verbs = verbs.into();
                true
            }
            Effect::HangUp(cause) => {
                let context = self.context.clone();
                tokio::spawn(async move { end(&context, cause).await });
                false
            }
        }
    }
}

type Command = tokio::task::JoinHandle<Effect>;

/// The command that is under way: one at a time, in their order.
#[derive(Default)]
struct Handling(Option<Command>);

impl Handling {
    fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    fn begin(
        &mut self,
        context: Arc<Context>,
        command: String,
        data: Value,
        queue: bool,
        call_sid: Option<String>,
        reply: Option<oneshot::Sender<Result<(), UpdateError>>>,
    ) {
        self.0 = Some(tokio::spawn(async move {
            let done = carry_out(&context, &command, data, queue, call_sid.as_deref()).await;
            let (effect, told) = match done {
                Ok(effect) => (effect, Ok(())),
                Err(why) => (Effect::None, Err(why)),
            };
            match (reply, told) {
                (Some(reply), told) => {
                    reply.send(told).ok();
                }
                (None, Err(why)) => {
                    tracing::info!(call_sid = %context.info().call_sid, command, "a command is not carried out: {why}");
                    let error = [("msg", why.to_string()), ("command", command)];
                    let error = error.map(|(key, value)| (key.to_owned(), Value::String(value)));
                    context.app.tell("jambonz:error", Map::from_iter(error)).await;
                }
                (None, Ok(())) => {}
            }
            effect
        }));
    }

    /// When it has been carried out; never, where there is none.
    async fn done(&mut self) -> Effect {
        let Some(command) = &mut self.0 else { return std::future::pending().await };
        let effect = command.await.unwrap_or(Effect::None);
        self.0 = None;
        effect
    }
}
