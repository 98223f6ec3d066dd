//! The manager interface (AMI) of an instance, as far as a test needs it: actions, their answers, events.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// An answer or an event: its headers, in order.
#[derive(Debug, Clone, Default)]
pub struct Message(Vec<(String, String)>);

impl Message {
    /// The value of a header, empty without it.
    pub fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(k, _)| k == key).map_or("", |(_, value)| value)
    }

    /// Every value of a header that comes several times, a line each.
    pub fn lines(&self, key: &str) -> String {
        self.0.iter().filter(|(k, _)| k == key).map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// A session of its own: what one test does and sees, nobody else waits for.
pub struct Manager {
    stream: BufReader<TcpStream>,
    actions: u64,
    events: Vec<Message>,
}

impl Manager {
    /// Logs in.
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the manager interface listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket takes a timeout");
        let mut manager = Self { stream: BufReader::new(stream), actions: 0, events: Vec::new() };
        let greeting = manager.line();
        assert!(greeting.starts_with("Asterisk Call Manager"), "{greeting}");
        let answer = manager.action("Login", &[("Username", "test"), ("Secret", "test"), ("Events", "off")]);
        assert_eq!(answer.get("Response"), "Success", "{answer:?}");
        manager
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).expect("the manager interface answers in time");
        assert!(!line.is_empty(), "the manager interface has closed: has Asterisk ended?");
        // A name may be no text.
        String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()
    }

    fn message(&mut self) -> Message {
        let mut message = Message::default();
        loop {
            let line = self.line();
            match line.split_once(':') {
                Some((key, value)) => message.0.push((key.to_owned(), value.trim_start().to_owned())),
                None if message.0.is_empty() => (),
                None => return message,
            }
        }
    }

    /// Carries an action out and returns its answer.
    pub fn action(&mut self, name: &str, headers: &[(&str, &str)]) -> Message {
        self.actions += 1;
        let id = self.actions.to_string();
        let mut text = format!("Action: {name}\r\nActionID: {id}\r\n");
        for (key, value) in headers {
            text += &format!("{key}: {value}\r\n");
        }
        self.stream.get_mut().write_all((text + "\r\n").as_bytes()).expect("the manager interface listens");
        loop {
            let message = self.message();
            if message.get("Event").is_empty() && message.get("ActionID") == id {
                return message;
            }
            self.events.push(message);
        }
    }

    /// What the command line says to a command.
    pub fn command(&mut self, command: &str) -> String {
        self.action("Command", &[("Command", command)]).lines("Output")
    }

    /// Has events told from now on. Asterisk hangs up on a session that does not read them.
    pub fn watch(&mut self) {
        self.action("Events", &[("EventMask", "call")]);
    }

    /// The next event of a name about a channel: seen already, or to come within 5 s.
    pub fn event(&mut self, name: &str, channel: &str) -> Message {
        self.next(name, "Channel", channel)
    }

    /// The same, about a conference.
    pub fn event_of(&mut self, name: &str, conference: &str) -> Message {
        self.next(name, "Conference", conference)
    }

    /// The same of an event of Asterisk's own. It goes another way than Coach's, and either may overtake the other: nothing before it is
    /// passed over.
    pub fn asterisks_event_of(&mut self, name: &str, conference: &str) -> Message {
        let at = self.place_of(name, "Conference", conference);
        self.events.remove(at)
    }

    fn next(&mut self, name: &str, header: &str, value: &str) -> Message {
        let at = self.place_of(name, header, value);
        self.events.drain(..=at).next_back().expect("it is there")
    }

    fn place_of(&mut self, name: &str, header: &str, value: &str) -> usize {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let fits = |event: &Message| event.get("Event") == name && event.get(header) == value;
            if let Some(at) = self.events.iter().position(fits) {
                return at;
            }
            assert!(Instant::now() < end, "{name} of {value} should come; there were {:?}", self.events);
            // An action always has an answer: no read waits for an event that does not come.
            self.action("Ping", &[]);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
