//! A line whose call has ended says nothing any more: the port that it spoke to may be another call's by then.

use crate::line::{Format, Line};
use std::{io::ErrorKind, net::UdpSocket, time::Duration};

pub const SCENARIOS: &[(&str, fn())] = &[("a_line_whose_call_has_ended_is_silent", ended)];

/// The test is Asterisk's end.
fn ended() {
    let (sip, audio) = (bind(), bind());
    let line = Line::new(Format::at(16000));
    line.say(400.0);
    let own = sip.local_addr().expect("a bound socket has an address");
    let to = line.uri();
    let ask = |method: &str, call_id: &str, description: &str| {
        let message = format!(
            "{method} {to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{method}\r\nFrom: <sip:test@{own}>;tag=1\r\nTo: <{to}>\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 {method}\r\n\r\n{description}"
        );
        sip.send_to(message.as_bytes(), to.strip_prefix("sip:line@").expect("it is a line's")).expect("it can be sent");
        let answer = packet(&sip).unwrap_or_else(|| panic!("{method} is answered"));
        assert!(answer.starts_with(b"SIP/2.0 200"), "{method}: {}", String::from_utf8_lossy(&answer));
    };
    let port = audio.local_addr().expect("a bound socket has an address").port();
    ask("INVITE", "ended", &format!("v=0\r\nm=audio {port} RTP/AVP 118\r\na=rtpmap:118 L16/16000\r\n"));
    // Another call that had its port is ended late, and this one goes on.
    ask("BYE", "another", "");
    for _packet in 0..10 {
        assert!(packet(&audio).is_some(), "it speaks while the call goes on");
    }
    ask("BYE", "ended", "");
    // On the loopback interface, what was sent has arrived.
    audio.set_nonblocking(true).expect("a socket can do without waiting");
    while packet(&audio).is_some() {}
    audio.set_nonblocking(false).expect("a socket can wait");
    audio.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket takes a timeout");
    assert!(packet(&audio).is_none(), "it speaks, and its call has ended");
}

fn bind() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket takes a timeout");
    socket
}

/// The next packet, if one comes.
fn packet(socket: &UdpSocket) -> Option<Vec<u8>> {
    let mut packet = vec![0; 16384];
    match socket.recv(&mut packet) {
        Ok(length) => {
            packet.truncate(length);
            Some(packet)
        }
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
            None
        }
    }
}
