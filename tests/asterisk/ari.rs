//! Asterisk's interface over HTTP, ARI: before a channel goes on to a conference, the channel function sets its mode there too.

use crate::{
    conference::{COACH, CUSTOMER, Conference, Member, Role},
    pbx::{Pbx, Scenario},
};
use std::{
    io::{Read, Write},
    net::TcpStream,
};

pub const SCENARIOS: &[Scenario] = &[("ari_sets_and_reads_the_mode_before_the_conference", before_the_conference)];

/// Of the user `test` with the password `test`.
const AUTHORIZATION: &str = "Authorization: Basic dGVzdDp0ZXN0\r\n";

fn send(pbx: &Pbx, head: &str) -> TcpStream {
    let mut http = TcpStream::connect(pbx.http()).expect("Asterisk listens");
    http.write_all(format!("{head}\r\n{AUTHORIZATION}\r\n").as_bytes()).expect("Asterisk reads");
    http
}

/// What the interface says to a request about somebody's channel.
fn ask(pbx: &Pbx, method: &str, member: &Member, what: &str) -> String {
    let mut answer = String::new();
    send(
        pbx,
        &format!("{method} /ari/channels/{}/{what} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0", member.id),
    )
    .read_to_string(&mut answer)
    .expect("Asterisk answers");
    answer
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
