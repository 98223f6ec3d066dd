//! Asterisk's manager interface (AMI): one connection, which comes back by itself.
//!
//! The crates that speak AMI give events as types that drop the headers they do not know, `Variable` of `Status` among them; so
//! messages are read here, as they are.
//!
//! Asterisk writes numbers into events as callers sent them, line breaks too. What follows one is a header, or a message, of the
//! caller's own making. So nothing is believed in which a header comes twice. What is a part of an answer carries a number that nobody
//! can guess: in the list of `Status` at the end of each entry, so that an entry without it is one that a caller has cut in two. And to
//! whoever follows events, each is but a reason to ask.

use crate::switch::connection::{Failure, GIVE_UP, Link, MOST_WAITING, PATIENCE, PING_EVERY, Pauses};
use hmac::digest::Digest;
use md5::Md5;
use std::{
    collections::{HashMap, HashSet},
    io,
    sync::Arc,
};
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
/// What Asterisk reads of a line, its end included, and how many lines of an action (`inbuf` in main/manager.c, `AST_MAX_MANHEADERS`).
const MOST_SENT_LINE: usize = 1024;
const MOST_SENT_LINES: usize = 128;
const MOST_LISTED: usize = 20_000;
/// Headers that decide something, and so may not come twice.
const DECISIVE: &[&str] = &[
    "ActionID",
    "CallerIDName",
    "CallerIDNum",
    "Cause",
    "Channel",
    "ChannelState",
    "Conference",
    "DNID",
    "Event",
    "EventList",
    "Exten",
    "HeardBy",
    "Held",
    "Linkedid",
    "MemberTag",
    "Mode",
    "Muted",
    "Number",
    "OpensInMs",
    "Seconds",
    "SpeakOnlyTo",
    "TalkingStatus",
    "Uniqueid",
];

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

    /// A header that decides something and comes twice, a variable too: somebody has put a line break into a value.
    fn repeated(&self) -> Option<&str> {
        let decisive = self.0.iter().filter(|(key, _)| DECISIVE.iter().any(|own| own.eq_ignore_ascii_case(key)));
        let variables = self.all("Variable").filter_map(|variable| variable.split('=').next());
        let mut seen = HashSet::new();
        let mut names = decisive.map(|(key, _)| key.as_str()).chain(variables);
        names.find(|name| !seen.insert(name.to_ascii_lowercase()))
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
    /// Events of the list that are left out, as a caller may have written a part of them.
    pub left_out: usize,
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
    action: String,
    text: String,
    id: u64,
    reply: oneshot::Sender<Answer>,
}

/// The connection. It ends with this value.
pub struct Ami {
    requests: mpsc::Sender<Request>,
    link: watch::Receiver<Link>,
    events: broadcast::Sender<Arc<Message>>,
    task: tokio::task::JoinHandle<()>,
}

impl Ami {
    /// Connects, and goes on trying until this value is dropped; anew when `login` changes.
    pub fn start(login: watch::Receiver<Login>) -> Self {
        let (requests, incoming) = mpsc::channel(MOST_WAITING);
        let (state, link) = watch::channel(Link::untried());
        let events = broadcast::channel(4096).0;
        let task = tokio::spawn(run(login, incoming, state, events.clone()));
        Self { requests, link, events, task }
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
        let id = rand::random();
        let text = request(name, id, headers).map_err(Failure::Value)?;
        let (reply, answer) = oneshot::channel();
        let sent = self.requests.try_send(Request { action: name.to_owned(), text, id, reply });
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
    if headers.len() + 2 > MOST_SENT_LINES {
        return Err("it is one of too many: Asterisk reads 128 headers of an action");
    }
    for (key, value) in headers {
        if value.contains(['\r', '\n', '\0']) {
            return Err("it holds a line break or a NUL");
        }
        let line = format!("{key}: {value}\r\n");
        if line.len() > MOST_SENT_LINE {
            return Err("it is too long: Asterisk reads 1,024 bytes of a header");
        }
        text += &line;
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
        let why = match timeout(GIVE_UP, Connection::open(&login)).await {
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
            Err(_) => format!("no answer in {} s", GIVE_UP.as_secs()),
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
    /// What was asked.
    action: String,
    /// The answer has come and says that a list follows.
    listing: Option<Answer>,
}

impl Waiting {
    /// Whether this event looks like one of the list that is coming: the beginning of one that has lost its end, and with it its
    /// number.
    fn lists(&self, message: &Message) -> bool {
        self.listing.is_some() && message.get("Event") == self.action
    }
}

struct Connection {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    waiting: HashMap<u64, Waiting>,
    /// Of the line that is being read, what has come.
    line: Vec<u8>,
    message: Message,
    /// The beginning of an event of a list has come without its end.
    torn: bool,
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
            torn: false,
        };
        let greeting = connection.read_line().await?;
        if !greeting.starts_with("Asterisk Call Manager") {
            return Err(refused("what answers there is no manager interface"));
        }
        let challenge = connection.ask("Challenge", &[("AuthType", "MD5")]).await?;
        let key = hex::encode(Md5::digest(format!("{}{}", challenge.get("Challenge"), login.secret)));
        let headers =
            [("AuthType", "MD5"), ("Username", login.user.as_str()), ("Key", &key), ("Events", "call,user,dtmf")];
        let answer = connection.ask("Login", &headers).await?;
        if answer.get("Response") != "Success" {
            return Err(refused(&format!("{} for the user {}", answer.get("Message"), login.user)));
        }
        let version = connection.ask("CoreSettings", &[]).await?.get("AsteriskVersion").to_owned();
        Ok((connection, version))
    }

    /// Sends an action while nothing else is under way, and returns its answer.
    async fn ask(&mut self, name: &str, headers: &[(&str, &str)]) -> io::Result<Message> {
        let id = rand::random();
        let text = request(name, id, headers).map_err(refused)?;
        self.writer.write_all(text.as_bytes()).await?;
        loop {
            let message = self.read_message().await?;
            if !message.is_event() && message.get("ActionID") == id.to_string() {
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
            let silence = if pinged { GIVE_UP } else { PING_EVERY };
            tokio::select! {
                message = self.read_message() => {
                    (heard, pinged) = (tokio::time::Instant::now(), false);
                    self.take(message?, events);
                }
                request = requests.recv() => {
                    let Some(request) = request else { return Ok(()) };
                    self.waiting.retain(|_, waiting| !waiting.reply.is_closed());
                    self.waiting.insert(request.id, Waiting { reply: request.reply, action: request.action, listing: None });
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
        timeout(GIVE_UP, self.writer.write_all(text.as_bytes())).await.map_err(|_| refused("it takes no commands"))?
    }

    /// An answer, a part of one, or an event.
    fn take(&mut self, message: Message, events: &broadcast::Sender<Arc<Message>>) {
        let id = message.get("ActionID").parse().unwrap_or(0);
        let repeated = message.repeated().map(str::to_owned);
        let Some(waiting) = self.waiting.get_mut(&id) else {
            if let Some(header) = repeated {
                tracing::warn!(
                    event = message.get("Event"),
                    header,
                    "an event is not believed: the header comes twice"
                );
            } else if self.waiting.values().any(|waiting| waiting.lists(&message)) {
                self.torn = true;
            } else if message.is_event() {
                events.send(Arc::new(message)).ok();
            }
            return;
        };
        let Some(answer) = &mut waiting.listing else {
            if message.get("EventList").eq_ignore_ascii_case("start") {
                self.torn = false;
                waiting.listing = Some(Answer { head: message, list: Vec::new(), left_out: 0 });
            } else if message.is_event() {
                events.send(Arc::new(message)).ok();
            } else if let Some(waiting) = self.waiting.remove(&id) {
                waiting.reply.send(Answer { head: message, list: Vec::new(), left_out: 0 }).ok();
            }
            return;
        };
        // Its first header Asterisk has written itself; it may be the end of an event that somebody has cut in two.
        let is_end = !self.torn && message.get("Event").ends_with("Complete");
        if is_end {
            if let Some(Waiting { reply, listing: Some(answer), .. }) = self.waiting.remove(&id) {
                reply.send(answer).ok();
            }
        } else if std::mem::take(&mut self.torn) || repeated.is_some() {
            tracing::warn!(
                header = repeated,
                "a part of an answer is left out: a caller may have put line breaks into a number"
            );
            answer.left_out += 1;
        } else if answer.list.len() < MOST_LISTED {
            // A longer list than anybody asks for is cut, and ends all the same.
            answer.list.push(message);
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
        let long = |bytes: usize| request("Setvar", 1, &[("Value", &"v".repeat(bytes - "Value: \r\n".len()))]);
        assert!(long(1024).is_ok() && long(1025).is_err());
        assert!(request("Setvar", 1, &[("Variable", "a=b"); 126]).is_ok());
        assert!(request("Setvar", 1, &[("Variable", "a=b"); 127]).is_err());
        let text = request("Setvar", 7, &[("Value", "a:b, \"c\"")]).expect("it is one line");
        assert_eq!(text, "Action: Setvar\r\nActionID: 7\r\nValue: a:b, \"c\"\r\n\r\n");
    }

    proptest::proptest! {
        #[test]
        fn a_value_is_one_header_or_is_refused(value in "[\\PC]{0,60}|[\\x00-\\x7f]{0,60}|a{1000,1030}") {
            match request("Setvar", 7, &[("Value", &value), ("Last", "1")]) {
                Ok(text) => {
                    let value = format!("Value: {value}");
                    let expected = ["Action: Setvar", "ActionID: 7", &value, "Last: 1", "", ""];
                    proptest::prop_assert_eq!(text.split("\r\n").collect::<Vec<_>>(), expected);
                }
                Err(_) => proptest::prop_assert!(value.contains(['\r', '\n', '\0']) || value.len() > 1000),
            }
        }
    }

    #[test]
    fn a_header_is_found_however_it_is_written() {
        let message = Message::of(&[("Uniqueid", "1.2"), ("Variable", "a=b"), ("Variable", "c=d")]);
        assert_eq!(message.get("UniqueID"), "1.2");
        assert_eq!(message.all("Variable").collect::<Vec<_>>(), ["a=b", "c=d"]);
        assert_eq!(message.get("Absent"), "");
    }
}
