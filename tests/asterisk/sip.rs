//! The SIP of a line: it takes the one call that Asterisk makes to it, and answers whatever Asterisk asks in its course. What a
//! phone does of its own accord, real ones do (tests/switch/phone.rs).

use std::net::{SocketAddr, UdpSocket};

/// Asterisk's end of a call's audio.
#[derive(Debug, Clone, Copy)]
pub struct Media {
    pub address: SocketAddr,
    /// The number that Asterisk offered for the codec.
    pub payload_type: u8,
}

/// Answers one request, if it is one that wants an answer. A call tells where its audio goes to.
pub fn answer(socket: &UdpSocket, from: SocketAddr, request: &str, codec: &str, audio: SocketAddr) -> Option<Media> {
    let (head, offer) = request.split_once("\r\n\r\n")?;
    let method = head.split(' ').next()?;
    if method == "ACK" || method.starts_with("SIP/") {
        return None;
    }
    let media = if method == "INVITE" { media(offer, codec) } else { None };
    let mut reply = match (method, media) {
        ("INVITE", None) => "SIP/2.0 488 Not Acceptable Here\r\n".to_owned(),
        _ => "SIP/2.0 200 OK\r\n".to_owned(),
    };
    for line in head.lines().skip(1) {
        let name = line.split(':').next().unwrap_or_default();
        match name {
            "Via" | "From" | "Call-ID" | "CSeq" | "Record-Route" => reply += &format!("{line}\r\n"),
            "To" if line.contains(";tag=") => reply += &format!("{line}\r\n"),
            "To" => reply += &format!("{line};tag={}\r\n", audio.port()),
            _ => (),
        }
    }
    let own = socket.local_addr().ok()?;
    reply += &format!("Contact: <sip:line@{own}>\r\n");
    let answer = media.map_or(String::new(), |media| {
        format!(
            "v=0\r\no=line 1 1 IN IP4 127.0.0.1\r\ns=line\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {} RTP/AVP {1}\r\na=rtpmap:{1} {codec}\r\na=sendrecv\r\n",
            audio.port(),
            media.payload_type
        )
    });
    reply += &format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
    socket.send_to(reply.as_bytes(), from).ok();
    media
}

/// Where an offer wants its audio, and by what number it calls the codec.
fn media(offer: &str, codec: &str) -> Option<Media> {
    let port = offer.lines().find_map(|line| line.strip_prefix("m=audio ")?.split(' ').next()?.parse().ok())?;
    let payload_type = offer.lines().find_map(|line| {
        let (number, name) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        if name == codec { number.parse().ok() } else { None }
    })?;
    Some(Media { address: SocketAddr::from(([127, 0, 0, 1], port)), payload_type })
}
