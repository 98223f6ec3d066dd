//! FreeSWITCH's event socket: commands and their answers, events as JSON.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::Value;

/// Longer than any command takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that has said its password.
pub struct Socket {
    stream: BufReader<TcpStream>,
    /// Events that came while an answer was awaited.
    events: VecDeque<Value>,
}

struct Message {
    kind: String,
    reply: String,
    body: String,
}

impl Socket {
    /// Connects to a switch on this machine.
    pub fn connect(port: u16, password: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|e| format!("event socket: {e}"))?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|e| e.to_string())?;
        let mut socket = Self { stream: BufReader::new(stream), events: VecDeque::new() };
        socket.receive()?;
        socket.request(&format!("auth {password}"))?;
        Ok(socket)
    }

    /// Runs an API command, as `fs_cli -x` does; its answer, whatever it is.
    pub fn api(&mut self, command: &str) -> Result<String, String> {
        self.send(&format!("api {command}"))?;
        loop {
            let message = self.receive()?;
            if message.kind == "api/response" {
                return Ok(message.body);
            }
        }
    }

    /// Sends anything else that is answered with a line; the answer is an error unless it begins with `+OK`.
    pub fn request(&mut self, text: &str) -> Result<String, String> {
        self.send(text)?;
        self.answered(text)
    }

    fn answered(&mut self, text: &str) -> Result<String, String> {
        loop {
            let message = self.receive()?;
            match message.kind.as_str() {
                "command/reply" if message.reply.starts_with("+OK") => return Ok(message.reply),
                "command/reply" => return Err(format!("`{text}` was answered with {}", message.reply)),
                _ => {}
            }
        }
    }

    /// Has a call execute an application with these data, which may be anything; it does so when it comes to it.
    pub fn execute(&mut self, uuid: &str, application: &str, data: &str) -> Result<(), String> {
        let head = format!("sendmsg {uuid}\ncall-command: execute\nexecute-app-name: {application}");
        let message = match data {
            "" => format!("{head}\n\n"),
            _ => format!("{head}\ncontent-type: text/plain\ncontent-length: {}\n\n{data}", data.len()),
        };
        self.stream.get_mut().write_all(message.as_bytes()).map_err(|e| format!("event socket: {e}"))?;
        self.answered(&message).map(drop)
    }

    /// The next event that fits, of those subscribed to with `event json ...`; an error if none comes in time.
    pub fn event(&mut self, seconds: f64, fits: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        loop {
            while let Some(event) = self.events.pop_front() {
                if fits(&event) {
                    return Ok(event);
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("no such event in {seconds} s"));
            }
            self.stream.get_ref().set_read_timeout(Some(left)).map_err(|e| e.to_string())?;
            let message = self.receive();
            self.stream.get_ref().set_read_timeout(Some(PATIENCE)).map_err(|e| e.to_string())?;
            message.map_err(|e| format!("no such event in {seconds} s ({e})"))?;
        }
    }

    fn send(&mut self, text: &str) -> Result<(), String> {
        self.stream.get_mut().write_all(format!("{text}\n\n").as_bytes()).map_err(|e| format!("event socket: {e}"))
    }

    /// One message; an event is kept as well.
    fn receive(&mut self) -> Result<Message, String> {
        let mut message = Message { kind: String::new(), reply: String::new(), body: String::new() };
        let mut length = 0;
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Ok(0) => return Err("the switch closed the event socket".into()),
                Ok(_) => {}
                Err(e) => return Err(format!("event socket: {e}")),
            }
            match line.trim_end().split_once(": ") {
                Some(("Content-Type", kind)) => message.kind = kind.into(),
                Some(("Reply-Text", reply)) => message.reply = reply.into(),
                Some(("Content-Length", bytes)) => length = bytes.parse().map_err(|_| "event socket: a bad length")?,
                Some(_) => {}
                None if message.kind.is_empty() => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).map_err(|e| format!("event socket: {e}"))?;
        message.body = String::from_utf8_lossy(&body).into_owned();
        if message.kind == "text/event-json" {
            self.events.push_back(serde_json::from_str(&message.body).map_err(|e| format!("event socket: {e}"))?);
        }
        Ok(message)
    }
}
