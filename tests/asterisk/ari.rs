//! Asterisk's interface over HTTP, ARI: before a channel goes on to a conference, the channel function sets its mode there too.

use crate::{
    conference::{COACH, CUSTOMER, Conference, Member, Role},
    pbx::{Pbx, Scenario},
};
use std::{
    io::{Read, Write},
    net::TcpStream,
};

pub const SCENARIOS: &[Scenario] = &[
    ("ari_sets_and_reads_the_mode_before_the_conference", before_the_conference),
    ("in_a_bridge_of_ari_nobody_hears_private_speech", in_a_bridge),
];

/// Of the user `test` with the password `test`.
const AUTHORIZATION: &str = "Authorization: Basic dGVzdDp0ZXN0\r\n";

fn send(pbx: &Pbx, head: &str) -> TcpStream {
    let mut http = TcpStream::connect(pbx.http()).expect("Asterisk listens");
    http.write_all(format!("{head}\r\n{AUTHORIZATION}\r\n").as_bytes()).expect("Asterisk reads");
    http
}

/// What the interface says to a request.
fn request(pbx: &Pbx, method: &str, what: &str) -> String {
    let mut answer = String::new();
    send(pbx, &format!("{method} /ari/{what} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0"))
        .read_to_string(&mut answer)
        .expect("Asterisk answers");
    answer
}

/// The same, about somebody's channel.
fn ask(pbx: &Pbx, method: &str, member: &Member, what: &str) -> String {
    request(pbx, method, &format!("channels/{}/{what}", member.id))
}

/// The application of that name: it is there for as long as somebody listens to its events.
fn application(pbx: &Pbx, name: &str) -> TcpStream {
    let key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: Y29hY2gtY29hY2gtY29hYw==";
    let mut events = send(pbx, &format!("GET /ari/events?app={name} HTTP/1.1\r\nHost: localhost\r\n{key}"));
    let mut answer = [0; 12];
    events.read_exact(&mut answer).expect("Asterisk answers");
    assert_eq!(&answer, b"HTTP/1.1 101");
    events
}

fn before_the_conference(pbx: &Pbx) {
    let _application = application(pbx, "coach");
    let mut c = Conference::new(pbx, "ari");
    let customer = c.join("customer", CUSTOMER);
    let mut joins = |name, role, tone, variable: &str, value: &str| {
        let member = c.call(name, Role { place: ("members", "stasis"), ..role }, tone);
        if variable == "COACH(speakOnlyTo)" {
            member.speak();
        }
        let set = format!("variable?variable={variable}&value={value}");
        c.wait_until("ARI has it", |_| ask(pbx, "POST", &member, &set).starts_with("HTTP/1.1 204"));
        let read = ask(pbx, "GET", &member, &format!("variable?variable={variable}"));
        assert!(read.contains(&format!("\"{value}\"")), "{read}");
        ask(pbx, "POST", &member, "continue");
        c.wait_until("it joins", |c| c.has(&member));
        member
    };
    let agent = joins("agent", CUSTOMER, 1_500.0, "COACH(memberTag)", "agent,night-shift");
    agent.speak();
    let manager = joins("manager", COACH, 1_900.0, "COACH(speakOnlyTo)", "agent");
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
    c.never_heard(&customer, &manager);
}

/// It is no ConfBridge, so Coach does not know who hears whom there.
fn in_a_bridge(pbx: &Pbx) {
    let _application = application(pbx, "bridging");
    let mut c = Conference::new(pbx, "ari_bridge");
    let made = request(pbx, "POST", "bridges/ari_bridge?type=mixing");
    assert!(made.starts_with("HTTP/1.1 200"), "{made}");
    let mut joins = |name, role, tone, set: &str| {
        let member = c.call(name, Role { place: ("members", "bridging"), ..role }, tone);
        let set = format!("variable?variable={set}");
        c.wait_until("ARI has it", |_| ask(pbx, "POST", &member, &set).starts_with("HTTP/1.1 204"));
        let added = request(pbx, "POST", &format!("bridges/ari_bridge/addChannel?channel={}", member.id));
        assert!(added.starts_with("HTTP/1.1 204"), "{added}");
        member.speak();
        member
    };
    let customer = joins("customer", CUSTOMER, 1_100.0, "X&value=1");
    let agent = joins("agent", CUSTOMER, 1_500.0, "COACH(memberTag)&value=agent");
    let manager = joins("manager", COACH, 1_900.0, "COACH(speakOnlyTo)&value=agent");
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer]), (&manager, &[&customer, &agent])]);
    c.never_heard(&customer, &manager);
}
