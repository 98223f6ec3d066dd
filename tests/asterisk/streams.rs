//! Calls with a second audio stream: Asterisk shows hooks the first alone, so that nobody speaks privately in such a call.

use crate::pbx::{Pbx, Scenario};
use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

pub const SCENARIOS: &[Scenario] = &[
    ("a_second_audio_stream_is_no_way_round_the_hook", |pbx| {
        assert!(Call::to(pbx, "streams*agent*", 2).lasts(), "an open member may have as many as it likes");
        assert!(Call::to(pbx, "streams**agent", 1).lasts(), "a private one has one");
        assert!(!Call::to(pbx, "streams**agent", 2).lasts(), "a private one with two would be heard");
    }),
    ("a_second_audio_stream_in_mid_call_ends_a_private_call", |pbx| {
        let mut open = Call::to(pbx, "more_streams*agent*", 1);
        assert!(open.lasts());
        open.invite(2);
        assert!(open.lasts(), "an open member may have as many as it likes");
        let refused = pbx.manager().command("coach coach more_streams 1 agent");
        assert!(refused.starts_with("-ERR") && refused.contains("second audio stream"), "{refused}");
        let mut private = Call::to(pbx, "more_streams**agent", 1);
        assert!(private.lasts());
        private.invite(2);
        assert!(!private.lasts(), "a private one with two would be heard");
    }),
];

/// A call as far as this needs it: its audio goes nowhere.
struct Call {
    sip: UdpSocket,
    uri: String,
    /// The parameter that Asterisk's end of the call has, once it has answered.
    tag: String,
    requests: u32,
}

impl Call {
    /// Calls, with so many audio streams.
    fn to(pbx: &Pbx, extension: &str, streams: u16) -> Self {
        let sip = UdpSocket::bind("127.0.0.1:0").expect("there is a free port");
        let uri = pbx.sip_uri(extension);
        sip.connect(uri.rsplit('@').next().expect("a host is in it")).expect("an address");
        sip.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket takes a timeout");
        let mut call = Self { sip, uri, tag: String::new(), requests: 0 };
        call.invite(streams);
        call
    }

    /// Says anew how many audio streams the call is to have.
    fn invite(&mut self, streams: u16) {
        let offer: String =
            (0..streams).map(|n| format!("m=audio {} RTP/AVP 0\r\na=sendrecv\r\n", 9 + 2 * n)).collect();
        self.requests += 1;
        let version = self.requests;
        self.send(
            "INVITE",
            &format!("v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{offer}"),
        );
    }

    fn send(&self, method: &str, body: &str) {
        let (own, uri, tag, count) = (self.sip.local_addr().expect("bound"), &self.uri, &self.tag, self.requests);
        let message = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{count}{method}{0}\r\nMax-Forwards: 70\r\n\
             From: <sip:several@{own}>;tag=1\r\nTo: <{uri}>{tag}\r\nCall-ID: several-{0}\r\nCSeq: {count} {method}\r\n\
             Contact: <sip:several@{own}>\r\nContent-Type: application/sdp\r\nContent-Length: {1}\r\n\r\n{body}",
            own.port(),
            body.len()
        );
        self.sip.send(message.as_bytes()).expect("Asterisk listens");
    }

    /// Whether the call is up, and Asterisk has not ended it 1.5 s later.
    fn lasts(&mut self) -> bool {
        let end = Instant::now() + Duration::from_millis(1_500);
        let mut buffer = [0; 4_096];
        while Instant::now() < end {
            let Ok(length) = self.sip.recv(&mut buffer) else { continue };
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            // The port may have been another call's, whose end Asterisk tells again and again.
            let own = format!("Call-ID: several-{}\r\n", self.sip.local_addr().expect("bound").port());
            if !message.contains(&own) {
                continue;
            }
            if message.starts_with("BYE") {
                return false;
            }
            if message.starts_with("SIP/2.0 200") && message.contains("INVITE\r\n") {
                let to = message.lines().find_map(|line| line.strip_prefix("To:")).expect("an answer has it");
                self.tag = format!(";tag={}", to.split_once(";tag=").expect("Asterisk's end is named").1);
                self.send("ACK", "");
            }
        }
        assert!(!self.tag.is_empty(), "{} should answer", self.uri);
        true
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.requests += 1;
        self.send("BYE", "");
    }
}
