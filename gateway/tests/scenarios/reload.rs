//! Switches that come into the settings of a running gateway, change there, and go.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx, run::wait_until};
use serde_json::{Value, json};
use std::net::TcpStream;

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_switch_is_added_and_taken_away_while_it_serves", added),
    ("a_switch_is_reached_in_another_way_while_it_serves", changed),
];

fn script() -> Value {
    let verb = json!({"name": "room", "memberTag": "agent"});
    json!({"/agent": {"verbs": [["answer"], ["conference", verb]]}})
}

fn added() {
    let (pbx, other) = (Pbx::start("added_one"), Pbx::start("added_other"));
    let app = App::start(&pbx, "added", "sdk", &script());
    let gateway = Gateway::start(&pbx, "gateway", &app.settings("agent"));
    let mut here = Party::new(&pbx, "here");
    here.listens("customer", "app-room**");
    let mut there = Party::new(&other, "there");
    there.listens("agent", "app-elsewhere*agent*");
    there.speaks("manager", "app-elsewhere**agent");
    assert_eq!(gateway.get("Calls").json().as_array().map(Vec::len), Some(1));

    let second = format!("\n[[switch]]\nname = \"other\"\naccount = \"support\"\n{}", other.settings(other.hand_over));
    gateway.reload(|text| format!("{text}{second}"));
    wait_until("the calls of both are there", &|| gateway.get("Calls").json().as_array().map(Vec::len) == Some(3));
    let manager = gateway.member("app-elsewhere**agent");
    there.hear("on a switch that has come", &["agent"]);
    gateway.act(&manager, "uncoach", None);
    gateway.act(&manager, "coach", Some("agent"));
    there.hear("coached on a switch that has come", &["agent"]);
    let listens = || TcpStream::connect(("127.0.0.1", other.hand_over)).is_ok();
    assert!(listens(), "it may hand calls over");

    gateway.reload(|text| text.replace(&second, ""));
    wait_until("its calls are gone from the lists", &|| {
        gateway.get("Calls").json().as_array().map(Vec::len) == Some(1)
    });
    assert!(!listens(), "it may hand calls over no more");
    there.hear("on a switch that has gone", &["agent"]);
    there.judge();
    drop(here);
}

fn changed() {
    let pbx = Pbx::start("changed");
    let app = App::start(&pbx, "changed", "sdk", &script());
    let gateway = Gateway::start(&pbx, "gateway", &app.settings("agent"));
    let mut party = Party::new(&pbx, "changed");
    party.listens("agent", "gateway-agent");
    let agent = gateway.member("gateway-agent");
    let ready = || gateway.ask("GET", "/readyz", "", None).status;

    // Another password, which is wrong.
    let secret = |text: &str, before: &str, after: &str| {
        ["manager_secret", "event_socket_password"].iter().fold(text.to_owned(), |text, key| {
            text.replace(&format!("{key} = \"{before}"), &format!("{key} = \"{after}"))
        })
    };
    gateway.reload(|text| secret(text, "", "not-"));
    wait_until("the switch is missed", &|| ready() == 503);
    assert_eq!(pbx.stock_members("app-room"), 1, "the call goes on");
    gateway.reload(|text| secret(text, "not-", ""));
    wait_until("the switch is there again", &|| ready() == 200);
    gateway.act(&agent, "tag", Some("boss"));
    assert_eq!(pbx.members("app-room")[0]["tags"], json!(["boss"]));

    // Another place to hand calls over at.
    let listens = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
    let elsewhere = crate::ports::free().expect("a port is free");
    let [here, there] = [pbx.hand_over, elsewhere].map(|port| format!("_listen = \"127.0.0.1:{port}\""));
    gateway.reload(|text| text.replace(&here, &there));
    assert!(listens(elsewhere) && !listens(pbx.hand_over), "calls are handed over there alone");
    gateway.reload(|text| text.replace(&there, &here));
    assert!(!listens(elsewhere) && listens(pbx.hand_over), "and here again");

    // The session is the same all the time.
    let path = format!("/v1/Accounts/{}/Calls/{agent}", crate::gateway::ACCOUNT);
    assert_eq!(gateway.ask("DELETE", &path, &gateway.key, None).status, 204);
    app.find("/agent", "call:status", |data| data["call_status"] == "completed");
    assert!(!app.names("/agent").contains(&"session:reconnect".to_owned()));
    drop(party);
}
