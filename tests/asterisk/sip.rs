//! The SIP of a line: it takes the call that Asterisk makes to it, or calls to take another line's place, and answers what
//! Asterisk asks in its course. What a phone does of its own accord, real ones do (tests/switch/phone.rs).

use std::net::{SocketAddr, UdpSocket};

/// Asterisk's end of a call's audio.
#[derive(Debug, Clone, Copy)]
pub struct Media {
    pub address: SocketAddr,
    /// The number that Asterisk has for the codec.
    pub payload_type: u8,
}

/// A line's end of its call.
pub struct Agent<'a> {
    pub sip: UdpSocket,
    /// Where its audio is received.
    pub audio: SocketAddr,
    pub codec: &'a str,
    /// How many audio streams its calls have. Of all but the first, none is sent.
    pub streams: u32,
}

impl Agent<'_> {
    /// Answers what Asterisk sent, if it wants an answer. What sets the call up says where its audio goes to; a call that Asterisk
    /// made also says how another line can take its place.
    pub fn answer(&self, from: SocketAddr, message: &str) -> Option<(Media, String)> {
        let (head, description) = message.split_once("\r\n\r\n")?;
        let media = || self.media(description);
        match head.split(' ').next()? {
            "SIP/2.0" if head.starts_with("SIP/2.0 200") && header(head, "CSeq").ends_with("INVITE") => {
                let to = header(head, "To");
                self.send(from, &self.request("ACK", "line", from, header(head, "Call-ID"), to, ""), "");
                Some((media()?, String::new()))
            }
            "ACK" | "SIP/2.0" => None,
            "INVITE" => {
                let media = media()?;
                self.reply(from, head, &self.description(media.payload_type));
                let asterisks = header(head, "From").split_once(";tag=")?.1;
                Some((media, format!("{};to-tag={asterisks};from-tag={}", header(head, "Call-ID"), self.tag())))
            }
            _ => {
                self.reply(from, head, "");
                None
            }
        }
    }

    /// Calls Asterisk, as this endpoint, to take the place of another line.
    pub fn replace(&self, endpoint: &str, asterisk: SocketAddr, replaces: &str) {
        let call_id = format!("line-{}", self.tag());
        let more = format!("Replaces: {replaces}\r\nRequire: replaces\r\n");
        let to = format!("<sip:member@{asterisk}>");
        self.send(asterisk, &self.request("INVITE", endpoint, asterisk, &call_id, &to, &more), &self.description(118));
    }

    fn tag(&self) -> u16 {
        self.audio.port()
    }

    fn request(&self, method: &str, user: &str, asterisk: SocketAddr, call_id: &str, to: &str, more: &str) -> String {
        let own = self.sip.local_addr().expect("a bound socket has an address");
        format!(
            "{method} sip:member@{asterisk} SIP/2.0\r\nVia: SIP/2.0/UDP {own};rport;branch=z9hG4bK{method}{0}\r\n\
             From: <sip:{user}@{own}>;tag={0}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n\
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

    fn description(&self, payload_type: u8) -> String {
        let stream = format!(
            "m=audio {} RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {}\r\na=sendrecv\r\n",
            self.audio.port(),
            self.codec
        );
        let head = "v=0\r\no=line 1 1 IN IP4 127.0.0.1\r\ns=line\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";
        (0..self.streams).fold(head.to_owned(), |description, _| description + &stream)
    }

    /// Where Asterisk wants its audio, and by what number it calls the codec.
    fn media(&self, description: &str) -> Option<Media> {
        let mut lines = description.lines();
        let port = lines.find_map(|line| line.strip_prefix("m=audio ")?.split(' ').next()?.parse().ok())?;
        let payload_type = lines.find_map(|line| {
            let (number, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
            if name == self.codec { number.parse().ok() } else { None }
        })?;
        Some(Media { address: SocketAddr::from(([127, 0, 0, 1], port)), payload_type })
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':').map(str::trim);
    head.lines().find_map(value).unwrap_or_default()
}
