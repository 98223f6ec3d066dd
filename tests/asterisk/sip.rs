//! The SIP of a line: it takes the call that Asterisk makes to it, or calls to take another line's place, answers what
//! Asterisk asks in its course, and asks for hold, another codec or a transfer. What a phone does of its own accord, real ones do (tests/switch/phone.rs).

use std::net::{SocketAddr, UdpSocket};

/// Asterisk's end of a call's audio.
#[derive(Debug, Clone, Copy)]
pub struct Media {
    pub address: SocketAddr,
    /// The number that Asterisk has for the codec in which the line speaks.
    pub payload_type: u8,
}

/// A call that Asterisk has made, as a later request names it.
#[derive(Debug, Clone)]
pub struct Dialog {
    asterisk: SocketAddr,
    call_id: String,
    /// Asterisk's end, with its tag.
    to: String,
}

impl Dialog {
    /// As it is named to Asterisk when another request is to replace it.
    fn named(&self, lines_tag: u16) -> String {
        let asterisks = self.to.split_once(";tag=").expect("an end of a call has a tag").1;
        format!("{};to-tag={asterisks};from-tag={lines_tag}", self.call_id)
    }
}

/// What set a call up, or changed it.
pub struct Answered {
    pub media: Media,
    /// Where Asterisk made the call.
    pub dialog: Option<Dialog>,
}

/// A line's end of its call.
pub struct Agent<'a> {
    pub sip: &'a UdpSocket,
    /// Where its audio is received.
    pub audio: SocketAddr,
    /// The one it hears in, and, if that is another, the one it speaks in.
    pub codecs: &'a [String],
    /// How many audio streams its calls have. Of all but the first, none is sent.
    pub streams: u32,
}

impl Agent<'_> {
    /// Answers what Asterisk sent, if it wants an answer. What sets the call up, or changes it, says where its audio goes to.
    pub fn answer(&self, from: SocketAddr, message: &str) -> Option<Answered> {
        let (head, description) = message.split_once("\r\n\r\n")?;
        let media = || self.media(description);
        match head.split(' ').next()? {
            "SIP/2.0" if head.starts_with("SIP/2.0 200") && header(head, "CSeq").ends_with("INVITE") => {
                let call =
                    Dialog { asterisk: from, call_id: header(head, "Call-ID").into(), to: header(head, "To").into() };
                let count = header(head, "CSeq").split(' ').next()?.parse().ok()?;
                self.send(from, &self.request("ACK", count, "line", &call, ""), "");
                Some(Answered { media: media()?, dialog: None })
            }
            "ACK" | "SIP/2.0" => None,
            "INVITE" => {
                let media = media()?;
                self.reply(from, head, &self.description(&self.numbers(description), "sendrecv"));
                let to = header(head, "From").to_owned();
                let dialog = Dialog { asterisk: from, call_id: header(head, "Call-ID").into(), to };
                Some(Answered { media, dialog: Some(dialog) })
            }
            _ => {
                self.reply(from, head, "");
                None
            }
        }
    }

    /// Whether a request is about this line's call: `called`, if Asterisk made it. A port may have been somebody else's, whose call Asterisk goes
    /// on ending for a while.
    pub fn is_of_its_call(&self, message: &str, called: Option<&Dialog>) -> bool {
        let call_id = called.map_or_else(|| self.own_call_id(), |dialog| dialog.call_id.clone());
        header(message, "Call-ID") == call_id
    }

    /// Of a call that it makes.
    fn own_call_id(&self) -> String {
        format!("line-{}", self.tag())
    }

    /// Calls Asterisk, as this endpoint, to take the place of the line that has this call.
    pub fn replace(&self, endpoint: &str, replaced: &Dialog, asterisk: SocketAddr, their_tag: u16) {
        let more = format!("Replaces: {}\r\nRequire: replaces\r\n", replaced.named(their_tag));
        let to = format!("<sip:member@{asterisk}>");
        let call = Dialog { asterisk, call_id: self.own_call_id(), to };
        self.send(asterisk, &self.request("INVITE", 1, endpoint, &call, &more), &self.description(&OWN, "sendrecv"));
    }

    /// Says anew what the call is to be: `sendrecv`, or `sendonly` for hold. `count`: another one than before.
    pub fn invite_again(&self, call: &Dialog, count: u32, direction: &str) {
        self.send(call.asterisk, &self.request("INVITE", count, "line", call, ""), &self.description(&OWN, direction));
    }

    /// Asks that whom this call goes to is connected with whom another call goes to, as a phone does with its two calls. `count`:
    /// as above.
    pub fn refer(&self, call: &Dialog, count: u32, other: &Dialog, its_tag: u16) {
        let replaces = other.named(its_tag).replace(';', "%3B").replace('=', "%3D");
        let more = format!("Refer-To: <sip:member@{}?Replaces={replaces}>\r\n", call.asterisk);
        self.send(call.asterisk, &self.request("REFER", count, "line", call, &more), "");
    }

    /// What names this end of its calls.
    pub fn tag(&self) -> u16 {
        self.audio.port()
    }

    fn request(&self, method: &str, count: u32, user: &str, call: &Dialog, more: &str) -> String {
        let own = self.sip.local_addr().expect("a bound socket has an address");
        let Dialog { asterisk, call_id, to } = call;
        format!(
            "{method} sip:member@{asterisk} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK{method}{count}-{0}\r\n\
             From: <sip:{user}@{own}>;tag={0}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {count} {method}\r\n\
             Contact: <sip:line@{own}>\r\nMax-Forwards: 70\r\n{more}",
            self.tag()
        )
    }

    fn reply(&self, from: SocketAddr, head: &str, description: &str) {
        let mut reply = "SIP/2.0 200 OK\r\n".to_owned();
        for line in head.lines().skip(1) {
            match line.split(':').next().unwrap_or_default() {
                "Via" | "From" | "Call-ID" | "CSeq" => reply += &format!("{line}\r\n"),
                "To" if line.contains(";tag=") => reply += &format!("{line}\r\n"),
                "To" => reply += &format!("{line};tag={}\r\n", self.tag()),
                _ => (),
            }
        }
        let own = self.sip.local_addr().expect("a bound socket has an address");
        self.send(from, &format!("{reply}Contact: <sip:line@{own}>\r\n"), description);
    }

    fn send(&self, to: SocketAddr, head: &str, description: &str) {
        let kind = "Content-Type: application/sdp\r\nContent-Length";
        let message = format!("{head}{kind}: {}\r\n\r\n{description}", description.len());
        self.sip.send_to(message.as_bytes(), to).ok();
    }

    /// `numbers`: what its codecs are called.
    fn description(&self, numbers: &[u8], direction: &str) -> String {
        let mut stream = format!("m=audio {} RTP/AVP", self.audio.port());
        let codecs = || numbers.iter().zip(self.codecs);
        stream.extend(codecs().map(|(number, _)| format!(" {number}")));
        stream.extend(codecs().map(|(number, codec)| format!("\r\na=rtpmap:{number} {codec}")));
        let head = "v=0\r\no=line 1 1 IN IP4 127.0.0.1\r\ns=line\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";
        (0..self.streams).fold(head.to_owned(), |description, _| description + &stream + "\r\na=" + direction + "\r\n")
    }

    /// Where Asterisk wants its audio, and by what number it calls the codec.
    fn media(&self, description: &str) -> Option<Media> {
        let port =
            description.lines().find_map(|line| line.strip_prefix("m=audio ")?.split(' ').next()?.parse().ok())?;
        let payload_type = *self.numbers(description).last()?;
        Some(Media { address: SocketAddr::from(([127, 0, 0, 1], port)), payload_type })
    }

    /// What Asterisk calls the codecs.
    fn numbers(&self, description: &str) -> Vec<u8> {
        let number = |codec: &String| {
            description.lines().find_map(|line| {
                let (number, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
                if name == codec { number.parse().ok() } else { None }
            })
        };
        self.codecs.iter().filter_map(number).collect()
    }
}

/// What a line calls its codecs.
const OWN: [u8; 2] = [118, 119];

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':').map(str::trim);
    head.lines().find_map(value).unwrap_or_default()
}
