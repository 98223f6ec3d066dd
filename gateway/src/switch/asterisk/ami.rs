//! Asterisk's manager interface (AMI): one connection, which comes back by itself.
//!
//! The crates that speak AMI give events as types that drop the headers they do not know, `Variable` of `Status` among them; so
//! messages are read here, as they are.

use crate::switch::connection::{Failure, Link, MOST_WAITING, PATIENCE, PING_EVERY, Pauses};
use hmac::digest::Digest;
use md5::Md5;
use std::{collections::HashMap, fmt::Write, io, sync::Arc};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{broadcast, mpsc, oneshot, watch},
    time::timeout,
};

const MOST_LINE: u64 = 64 * 1024;
const MOST_HEADERS: usize = 4096;
const MOST_LISTED: usize = 20_000;

/// An answer or an event: its headers, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message(Vec<(String, String)>);

impl Message {
    /// The value of a header, empty without it.
    pub fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map_or("", |(_, value)| value)
    }

    /// Every value of a header that comes several times.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
    }

    fn is_event(&self) -> bool {
        !self.get("Event").is_empty()
    }

    #[cfg(test)]
    pub(super) fn of(headers: &[(&str, &str)]) -> Self {
        Self(headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }
}

/// An answer, and the events that were a part of it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The answer itself.
    pub head: Message,
    /// The events of a list.
    pub list: Vec<Message>,
}

/// Where the manager interface is, and who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Host and port.
    pub address: String,
    /// User.
    pub user: String,
    /// Password.
    pub secret: String,
}

struct Request {
    text: String,
    id: u64,
    reply: oneshot::Sender<Answer>,
}

/// The connection. It ends with this value.
pub struct Ami {
    requests: mpsc::Sender<Request>,
    link: watch::Receiver<Link>,
    events: broadcast::Sender<Arc<Message>>,
    next: std::sync::atomic::AtomicU64,
    task: tokio::task::JoinHandle<()>,
}

impl Ami {
    /// Connects, and goes on trying until this value is dropped; anew when `login` changes.
    pub fn start(login: watch::Receiver<Login>) -> Self {
        let (requests, incoming) = mpsc::channel(MOST_WAITING);
        let (state, link) = watch::channel(Link::untried());
        let events = broadcast::channel(4096).0;
        let task = tokio::spawn(run(login, incoming, state, events.clone()));
        Self { requests, link, events, next: 1.into(), task }
    }

    /// Whether there is a connection now; and from now on.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }

    /// Every event from now on.
    pub fn events(&self) -> broadcast::Receiver<Arc<Message>> {
        self.events.subscribe()
    }

    /// Tells whoever follows events of one that Asterisk does not raise.
    pub fn raise(&self, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        self.events.send(Arc::new(Message(headers.collect()))).ok();
    }

    /// Carries an action out.
    pub async fn action(&self, name: &str, headers: &[(&str, &str)]) -> Result<Answer, Failure> {
        if let Link::Down(why) = &*self.link.borrow() {
            return Err(Failure::Down(why.clone()));
        }
        let id = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let text = request(name, id, headers).map_err(Failure::Value)?;
        let (reply, answer) = oneshot::channel();
        let sent = self.requests.try_send(Request { text, id, reply });
        sent.map_err(|_| Failure::too_many())?;
        match timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            _ => Err(Failure::NoAnswer),
        }
    }
}

impl Drop for Ami {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An action as it is sent. What would end a header's line is no value of one: with it, a caller's text could be another action.
fn request(name: &str, id: u64, headers: &[(&str, &str)]) -> Result<String, &'static str> {
    let mut text = format!("Action: {name}\r\nActionID: {id}\r\n");
    for (key, value) in headers {
        if value.contains(['\r', '\n', '\0']) {
            return Err("it holds a line break or a NUL");
        }
        let _ = write!(text, "{key}: {value}\r\n");
    }
    Ok(text + "\r\n")
}

async fn run(
    mut at: watch::Receiver<Login>,
    mut requests: mpsc::Receiver<Request>,
    state: watch::Sender<Link>,
    events: broadcast::Sender<Arc<Message>>,
) {
    let mut pauses = Pauses::default();
    loop {
        let login = at.borrow_and_update().clone();
        let why = match timeout(PATIENCE, Connection::open(&login)).await {
            Ok(Ok((mut connection, version))) => {
                tracing::info!(address = login.address, version, "connected to Asterisk's manager interface");
                pauses = Pauses::default();
                // What was asked before the connection broke is not asked again: nobody waits for it any more.
                while requests.try_recv().is_ok() {}
                state.send_replace(Link::Up(version));
                tokio::select! {
                    ended = connection.serve(&mut requests, &events) => match ended {
                        Ok(()) => return,
                        Err(error) => error.to_string(),
                    },
                    Ok(()) = at.changed() => "the settings have changed".into(),
                }
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in 2 s".into(),
        };
        let why = format!("manager interface at {}: {why}", login.address);
        tokio::select! {
            () = pauses.after(why, &state) => {}
            Ok(()) = at.changed() => {}
        }
    }
}

struct Waiting {
    reply: oneshot::Sender<Answer>,
    /// The answer has come and says that a list follows.
    listing: Option<Answer>,
}

struct Connection {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    waiting: HashMap<u64, Waiting>,
    /// Of the line that is being read, what has come.
    line: Vec<u8>,
    message: Message,
}

fn refused(what: &str) -> io::Error {
    io::Error::other(what)
}

impl Connection {
    async fn open(login: &Login) -> io::Result<(Self, String)> {
        let stream = TcpStream::connect(&login.address).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        let mut connection = Self {
            reader: BufReader::new(reader),
            writer,
            waiting: HashMap::new(),
            line: Vec::new(),
            message: Message::default(),
        };
        let greeting = connection.read_line().await?;
        if !greeting.starts_with("Asterisk Call Manager") {
            return Err(refused("what answers there is no manager interface"));
        }
        let challenge = connection.ask("Challenge", &[("AuthType", "MD5")]).await?;
        let key = hex::encode(Md5::digest(format!("{}{}", challenge.get("Challenge"), login.secret)));
        let headers = [("AuthType", "MD5"), ("Username", login.user.as_str()), ("Key", &key), ("Events", "call,user")];
        let answer = connection.ask("Login", &headers).await?;
        if answer.get("Response") != "Success" {
            return Err(refused(&format!("{} for the user {}", answer.get("Message"), login.user)));
        }
        let version = connection.ask("CoreSettings", &[]).await?.get("AsteriskVersion").to_owned();
        Ok((connection, version))
    }

    /// Sends an action while nothing else is under way, and returns its answer.
    async fn ask(&mut self, name: &str, headers: &[(&str, &str)]) -> io::Result<Message> {
        let text = request(name, 0, headers).map_err(refused)?;
        self.writer.write_all(text.as_bytes()).await?;
        loop {
            let message = self.read_message().await?;
            if !message.is_event() {
                return Ok(message);
            }
        }
    }

    /// A line without its end. May be dropped and called again: what has come is kept.
    async fn read_line(&mut self) -> io::Result<String> {
        let room = MOST_LINE.saturating_sub(self.line.len() as u64);
        let read = (&mut self.reader).take(room).read_until(b'\n', &mut self.line).await?;
        if read == 0 || self.line.last() != Some(&b'\n') {
            let why = if room == 0 { "it sent a line of more than 64 KiB" } else { "it has closed the connection" };
            return Err(refused(why));
        }
        let line = String::from_utf8_lossy(&self.line).trim_end_matches(['\r', '\n']).to_owned();
        self.line.clear();
        Ok(line)
    }

    /// The same for a message.
    async fn read_message(&mut self) -> io::Result<Message> {
        loop {
            let line = self.read_line().await?;
            if line.is_empty() && !self.message.0.is_empty() {
                return Ok(std::mem::take(&mut self.message));
            }
            if self.message.0.len() > MOST_HEADERS {
                return Err(refused("it sent a message of more than 4,096 headers"));
            }
            if let Some((key, value)) = line.split_once(':') {
                self.message.0.push((key.to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned()));
            }
        }
    }

    /// Until the connection breaks; `Ok`: nobody needs it any more.
    async fn serve(
        &mut self,
        requests: &mut mpsc::Receiver<Request>,
        events: &broadcast::Sender<Arc<Message>>,
    ) -> io::Result<()> {
        let mut heard = tokio::time::Instant::now();
        let mut pinged = false;
        loop {
            let silence = if pinged { PATIENCE } else { PING_EVERY };
            tokio::select! {
                message = self.read_message() => {
                    (heard, pinged) = (tokio::time::Instant::now(), false);
                    self.take(message?, events);
                }
                request = requests.recv() => {
                    let Some(request) = request else { return Ok(()) };
                    self.waiting.retain(|_, waiting| !waiting.reply.is_closed());
                    self.waiting.insert(request.id, Waiting { reply: request.reply, listing: None });
                    self.send(&request.text).await?;
                }
                () = tokio::time::sleep_until(heard + silence) => {
                    if pinged {
                        return Err(refused("it no longer answers"));
                    }
                    (heard, pinged) = (tokio::time::Instant::now(), true);
                    self.send("Action: Ping\r\n\r\n").await?;
                }
            }
        }
    }

    async fn send(&mut self, text: &str) -> io::Result<()> {
        timeout(PATIENCE, self.writer.write_all(text.as_bytes())).await.map_err(|_| refused("it takes no commands"))?
    }

    /// An answer, a part of one, or an event.
    fn take(&mut self, message: Message, events: &broadcast::Sender<Arc<Message>>) {
        let id = message.get("ActionID").parse().unwrap_or(0);
        let Some(waiting) = self.waiting.get_mut(&id) else {
            if message.is_event() {
                events.send(Arc::new(message)).ok();
            }
            return;
        };
        match &mut waiting.listing {
            None if message.get("EventList").eq_ignore_ascii_case("start") => {
                waiting.listing = Some(Answer { head: message, list: Vec::new() });
                return;
            }
            None if message.is_event() => {
                events.send(Arc::new(message)).ok();
                return;
            }
            // A longer list than anybody asks for is cut, and ends all the same.
            Some(answer) if message.is_event() && !message.get("EventList").eq_ignore_ascii_case("complete") => {
                if answer.list.len() < MOST_LISTED {
                    answer.list.push(message);
                }
                return;
            }
            _ => {}
        }
        if let Some(waiting) = self.waiting.remove(&id) {
            let answer = waiting.listing.unwrap_or(Answer { head: message, list: Vec::new() });
            waiting.reply.send(answer).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_another_action() {
        for value in ["a\r\nAction: Command", "a\nb", "a\rb", "a\0b"] {
            assert!(request("Setvar", 1, &[("Value", value)]).is_err(), "{value:?}");
        }
        let text = request("Setvar", 7, &[("Value", "a:b, \"c\"")]).expect("it is one line");
        assert_eq!(text, "Action: Setvar\r\nActionID: 7\r\nValue: a:b, \"c\"\r\n\r\n");
    }

    #[test]
    fn a_header_is_found_however_it_is_written() {
        let message = Message::of(&[("Uniqueid", "1.2"), ("Variable", "a=b"), ("Variable", "c=d")]);
        assert_eq!(message.get("UniqueID"), "1.2");
        assert_eq!(message.all("Variable").collect::<Vec<_>>(), ["a=b", "c=d"]);
        assert_eq!(message.get("Absent"), "");
    }
}
