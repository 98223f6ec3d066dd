//! A webhook application that answers whatever a test wants, and a call that is to be refused.

use crate::{pbx::Pbx, ports};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::{Arc, Mutex},
    time::Duration,
};

/// Answers to a new call after which there is no call.
pub const REFUSED: &[&str] = &[
    "",
    "{",
    "{}",
    "[]",
    "[7]",
    r#"[{"verb": "gather", "input": ["speech"]}]"#,
    r#"[{"verb": "conference"}]"#,
    r#"[{"verb": "conference", "name": "x", "joinMuted": "yes"}]"#,
    r#"[{"verb": "conference", "name": "x", "speakOnlyTo": "a b"}]"#,
    r#"[{"verb": "conference", "name": "x", "memberTag": "a\r\nAction: Hangup"}]"#,
    r#"[{"verb": "conference", "name": "x", "listen": {"url": "ws://127.0.0.1:9"}}]"#,
    r#"[{"verb": "conference", "name": ""}]"#,
];

/// One more: a name that is too long in its encoding, on every kind of switch.
pub fn long_name() -> String {
    format!(r#"[{{"verb": "answer"}}, {{"verb": "conference", "name": "{}"}}]"#, "a".repeat(256))
}

/// In front of an answer that goes over the wire as it is, head and all; then the connection is closed.
pub const RAW: &str = "RAW ";
/// Instead of an answer.
pub const NEVER: &str = "NEVER";

/// The application.
pub struct Raw {
    port: u16,
    answer: Arc<Mutex<String>>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    pub fn start(_: &Pbx) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let answer = Arc::new(Mutex::new(String::new()));
        let (says, heads) = (answer.clone(), Arc::new(Mutex::new(Vec::new())));
        let kept: Arc<Mutex<Vec<String>>> = heads.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let Some(head) = request(&mut stream) else { continue };
                kept.lock().expect("no test has panicked with it").push(head);
                let body = says.lock().map(|body| body.clone()).unwrap_or_default();
                if let Some(answer) = body.strip_prefix(RAW) {
                    stream.write_all(answer.as_bytes()).ok();
                    continue;
                }
                if body == NEVER {
                    std::mem::forget(stream);
                    continue;
                }
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length";
                stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).ok();
            }
        });
        Self { port, answer, heads }
    }

    /// Answers this from now on.
    pub fn answer(&self, answer: &str) {
        *self.answer.lock().expect("no test has panicked with it") = answer.to_owned();
    }

    /// The heads of the requests so far: what comes before the body.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no test has panicked with it").clone()
    }

    /// At which port it is.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it is.
    pub fn hook(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Its settings: it answers the number `gateway-raw`.
    pub fn settings(&self) -> String {
        format!(
            "\n[[application]]\nsid = \"{}\"\nname = \"raw\"\naccount = \"support\"\ncall_hook = \"http://127.0.0.1:{}/\"\n\
             numbers = [\"gateway-raw\"]\n",
            uuid::Uuid::new_v4(),
            self.port
        )
    }

    /// Somebody calls, and the application answers this. The final status of the call.
    pub fn call(&self, pbx: &Pbx, answer: &str) -> String {
        self.answer(answer);
        call(pbx, "gateway-raw")
    }
}

/// Reads a request, and returns its head.
fn request(stream: &mut TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut part).ok().filter(|n| *n > 0)?;
        request.extend_from_slice(&part[..n]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_owned();
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if request.len() >= head.len() + 4 + length.unwrap_or(0) {
            return Some(head);
        }
    }
}

/// Somebody calls a number. The final status of the call.
pub fn call(pbx: &Pbx, number: &str) -> String {
    call_with(pbx, number, "")
}

/// The same with more headers, as they go over the wire.
pub fn call_with(pbx: &Pbx, number: &str, headers: &str) -> String {
    let said = answer_to(pbx, number, headers);
    said.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// The same; the final answer as it came over the wire.
pub fn answer_to(pbx: &Pbx, number: &str, headers: &str) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket takes a timeout");
    let own = socket.local_addr().expect("it has an address");
    let audio = ports::free().expect("a port is free");
    let sdp = format!(
        "v=0\r\no=raw 1 1 IN IP4 127.0.0.1\r\ns=raw\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {audio} RTP/AVP 0\r\n\
             a=rtpmap:0 PCMU/8000\r\n"
    );
    let to = format!("sip:{number}@127.0.0.1:{}", pbx.sip);
    // The switch may take a port that was somebody's a moment ago: another one's name would have it repeat what it has answered that one.
    let name = uuid::Uuid::new_v4();
    let head = |method: &str| {
        format!(
            "{method} {to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK{name}\r\nFrom: <sip:phone@{own}>;tag=raw\r\n\
                 To: <{to}>\r\nCall-ID: {name}\r\nCSeq: 1 {method}\r\nContact: <sip:phone@{own}>\r\nMax-Forwards: 70\r\n",
        )
    };
    let invite = format!(
        "{}{headers}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        head("INVITE"),
        sdp.len()
    );
    let switch = ("127.0.0.1", pbx.sip);
    socket.send_to(invite.as_bytes(), switch).expect("the switch listens");
    let mut buffer = [0; 8192];
    loop {
        let n = socket.recv(&mut buffer).expect("the switch answers");
        let said = String::from_utf8_lossy(&buffer[..n]).into_owned();
        let status = said.split(' ').nth(1).unwrap_or_default().to_owned();
        if !status.starts_with('1') {
            let ack = format!("{}Content-Length: 0\r\n\r\n", head("ACK"));
            socket.send_to(ack.as_bytes(), switch).expect("the switch listens");
            return said;
        }
    }
}
