//! FreeSWITCH's event socket, inbound: one connection, which comes back by itself.
//!
//! The crate that speaks the protocol has no limit to the commands that wait, takes the answer of a command that nobody waits for any
//! more for that of the next, and does not come back. So one task owns the connection here: it asks one thing after the other, each to
//! its end.
//!
//! FreeSWITCH reads a command from the socket byte by byte and yields the processor after each: on a busy machine a command of 200
//! bytes takes a second. So commands are short, and a late answer does not end the connection.

use crate::switch::{
    SwitchError,
    connection::{Failure, GIVE_UP, Link, MOST_WAITING, PATIENCE, PING_EVERY, Pauses},
};
use freeswitch_esl_tokio::{
    AuthMethod, EslClient, EslConnectOptions, EslError, EslEvent, EslEventStream, EslEventType, EventFormat,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    time::{Instant, timeout},
};

const MOST_EVENTS: usize = 4096;

/// What the switch tells by itself.
#[derive(Debug, Clone)]
pub enum Told {
    /// An event.
    Event(Arc<EslEvent>),
    /// There were more events than could be kept: what they told has to be looked at.
    Missed,
}

/// Where the event socket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Its password.
    pub password: String,
}

/// A run of the switch, from its start to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The UUID of its core; empty where it does not tell.
    pub id: String,
    /// When it began, if it is known.
    pub began: Option<Instant>,
}

struct Request {
    command: String,
    reply: oneshot::Sender<String>,
}

/// The connection. It ends with this value.
pub struct Esl {
    requests: mpsc::Sender<Request>,
    link: watch::Receiver<Link>,
    instance: watch::Receiver<Option<Instance>>,
    events: broadcast::Sender<Told>,
    task: tokio::task::JoinHandle<()>,
}

impl Esl {
    /// Connects, and goes on trying until this value is dropped; anew when `login` changes.
    pub fn start(login: watch::Receiver<Login>) -> Self {
        let (requests, incoming) = mpsc::channel(MOST_WAITING);
        let (state, link) = watch::channel(Link::untried());
        let events = broadcast::channel(MOST_EVENTS).0;
        let (instances, instance) = watch::channel(None);
        let task = tokio::spawn(run(login, incoming, state, instances, events.clone()));
        Self { requests, link, instance, events, task }
    }

    /// Whether there is a connection now; and from now on.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    /// The run of the switch that it was connected to last.
    pub fn instance(&self) -> Option<Instance> {
        self.instance.borrow().clone()
    }

    /// Every event from now on.
    pub fn events(&self) -> broadcast::Receiver<Told> {
        self.events.subscribe()
    }

    /// The answer to a command, whatever it is.
    pub async fn api(&self, command: &str) -> Result<String, Failure> {
        check(command).map_err(Failure::Value)?;
        if let Link::Down(why) = &*self.link.borrow() {
            return Err(Failure::Down(why.clone()));
        }
        let (reply, answer) = oneshot::channel();
        let sent = self.requests.try_send(Request { command: command.to_owned(), reply });
        sent.map_err(|_| Failure::too_many())?;
        match timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            _ => Err(Failure::NoAnswer),
        }
    }
}

impl Drop for Esl {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What would end a command's line is no part of one: with it, a caller's text could be another command. FreeSWITCH takes what follows
/// a dollar sign for a variable.
pub fn check(command: &str) -> Result<(), &'static str> {
    if command.contains(['\r', '\n', '\0']) {
        return Err("it holds a line break or a NUL");
    }
    if command.contains('$') {
        return Err("it holds a dollar sign, which FreeSWITCH takes for a variable");
    }
    Ok(())
}

/// A conference's name as an argument of `conference`. A dialplan may have given it one that no command can carry.
pub fn quoted(name: &str) -> Result<String, SwitchError> {
    if name.contains(['\'', '\\', '$']) || name.chars().any(char::is_control) {
        return Err(SwitchError::Refused(format!(
            "FreeSWITCH's command `conference` cannot be given the name {name:?}"
        )));
    }
    Ok(format!("'{name}'"))
}

async fn run(
    mut at: watch::Receiver<Login>,
    mut requests: mpsc::Receiver<Request>,
    state: watch::Sender<Link>,
    instances: watch::Sender<Option<Instance>>,
    events: broadcast::Sender<Told>,
) {
    let mut pauses = Pauses::default();
    loop {
        let login = at.borrow_and_update().clone();
        let why = match open(&login).await {
            Ok((client, mut stream, version, instance)) => {
                tracing::info!(host = login.host, port = login.port, version, "connected to FreeSWITCH's event socket");
                pauses = Pauses::default();
                // What was asked before the connection broke is not asked again: nobody waits for it any more.
                while requests.try_recv().is_ok() {}
                instances.send_replace(Some(instance));
                state.send_replace(Link::Up(version));
                // What happened while there was no connection nobody has told.
                events.send(Told::Missed).ok();
                tokio::select! {
                    why = serve(&client, &mut requests) => match why {
                        Some(why) => why,
                        None => return,
                    },
                    why = tell(&mut stream, &events) => why,
                    Ok(()) = at.changed() => "the settings have changed".into(),
                }
            }
            Err(error) => error.to_string(),
        };
        let why = format!("event socket at {}:{}: {why}", login.host, login.port);
        tokio::select! {
            () = pauses.after(why, &state) => {}
            Ok(()) = at.changed() => {}
        }
    }
}

async fn open(login: &Login) -> Result<(EslClient, EslEventStream, String, Instance), EslError> {
    let options = EslConnectOptions::default().with_event_queue_size(MOST_EVENTS).with_connect_timeout(GIVE_UP);
    let method = AuthMethod::password(login.password.clone());
    let (client, stream) = EslClient::connect_with_auth(&login.host, login.port, method, options).await?;
    client.set_command_timeout(GIVE_UP);
    let version = client.api("version short").await?;
    let id = client.api("global_getvar core_uuid").await?.body().unwrap_or_default().trim().to_owned();
    let seconds = client.api("uptime seconds").await?.body().unwrap_or_default().trim().parse().ok();
    let began = seconds.and_then(|seconds| Instant::now().checked_sub(Duration::from_secs(seconds)));
    client.subscribe_events(EventFormat::Plain, &[EslEventType::ChannelHangupComplete, EslEventType::Dtmf]).await?;
    client.subscribe_events_raw(EventFormat::Plain, "CUSTOM conference::maintenance coach::maintenance").await?;
    let version = version.body().unwrap_or_default().trim().to_owned();
    Ok((client, stream, version, Instance { id, began }))
}

/// Commands, one after the other. Why it ends; `None`: nobody needs the connection any more.
async fn serve(client: &EslClient, requests: &mut mpsc::Receiver<Request>) -> Option<String> {
    loop {
        let request = match timeout(PING_EVERY, requests.recv()).await {
            Ok(Some(request)) if request.reply.is_closed() => continue,
            Ok(Some(request)) => Some(request),
            Ok(None) => return None,
            Err(_) => None,
        };
        let command = request.as_ref().map_or("version short", |request| request.command.as_str());
        match client.api(command).await {
            Ok(answer) => {
                let body = answer.body().or(answer.reply_text()).unwrap_or_default().to_owned();
                if let Some(request) = request {
                    tracing::trace!(command = request.command, answer = body);
                    request.reply.send(body).ok();
                }
            }
            // After a command without an answer nobody knows whose answer comes next.
            Err(error) => return Some(error.to_string()),
        }
    }
}

/// Events, to whoever follows them. Why it ends.
async fn tell(stream: &mut EslEventStream, events: &broadcast::Sender<Told>) -> String {
    loop {
        match stream.recv().await {
            Some(Ok(event)) => {
                events.send(Told::Event(Arc::new(event))).ok();
            }
            Some(Err(EslError::QueueFull)) => {
                events.send(Told::Missed).ok();
            }
            Some(Err(error)) => tracing::warn!(%error, "an event cannot be read"),
            None => return "it has closed the connection".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{check, quoted};

    #[test]
    fn no_value_is_another_command() {
        for value in ["uuid_coach 1 tag a\n\napi shutdown", "a\rb", "a\0b", "eval ${system(ls)}", "$1"] {
            assert!(check(value).is_err(), "{value:?}");
        }
        assert!(check("uuid_coach 1 tag a,b").is_ok());
    }

    #[test]
    fn a_name_stays_one_argument() {
        assert_eq!(quoted("app-my room"), Ok("'app-my room'".into()));
        for name in ["it's", "a\\", "a\nb", "${a}"] {
            assert!(quoted(name).is_err(), "{name:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_command_is_one_line_without_variables_or_is_refused(text in "[\\PC]{0,60}|[\\x00-\\x7f]{0,60}") {
            let is_one = !text.contains(['\r', '\n', '\0', '$']);
            proptest::prop_assert_eq!(check(&text).is_ok(), is_one);
        }
    }
}
