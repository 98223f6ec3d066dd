//! Conferences that end when their time is over.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx, run::wait_until};
use serde_json::json;
use std::time::Duration;

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_conference_ends_when_its_time_is_over", over),
    ("a_conference_whose_time_is_over_ends_after_a_restart_too", restarted),
];

fn over() {
    let pbx = Pbx::start("over");
    let script = json!({
        "/agent": {
            "verbs": [["conference", {"name": "room", "memberTag": "agent", "endConferenceDuration": 6, "actionHook": "/done",
                "statusHook": "/status", "statusEvents": ["leave", "end"]}]],
            // Another conference of the same name: the time of the first is not its own.
            "hooks": {"/status": {"silent": true}, "/done": {"verbs": [["conference", {"name": "room", "memberTag": "again"}]]}}
        },
        // Of two moments the first counts.
        "/manager": {"verbs": [["conference", {"name": "room", "speakOnlyTo": "agent", "endConferenceDuration": 3600}], ["hangup"]]},
    });
    let app = App::start(&pbx, "over", "sdk", &script);
    let gateway = Gateway::start(&pbx, "gateway", &["agent", "manager"].map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "over");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    party.is_not_judged("customer");
    party.is_not_judged("manager");
    party.listens("customer", "app-room**");
    party.speaks("manager", "gateway-manager");
    app.find("/agent", "/status", |data| data["event"] == "end");
    app.event("/agent", "/done");
    app.event("/manager", "close");
    wait_until("one that a dialplan has sent leaves too", &|| pbx.stock_members("app-room") == 1);
    wait_until("another conference begins", &|| {
        pbx.members("app-room").first().is_some_and(|m| m["tags"] == json!(["again"]))
    });
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(pbx.stock_members("app-room"), 1, "another conference of the same name goes on");
    drop(party);
}

fn restarted() {
    let pbx = Pbx::start("ends");
    let verb =
        |name: &str| json!({"name": name, "memberTag": "host", "endConferenceDuration": 8, "actionHook": "/done"});
    let script = json!({
        "/host": {"verbs": [["conference", verb("room")], ["pause", {"length": 30}]], "hooks": {"/done": {}}},
        "/other": {"verbs": [["conference", verb("other")], ["pause", {"length": 30}]], "hooks": {"/done": {}}},
    });
    let app = App::start(&pbx, "ends", "node-client-ws", &script);
    let mut gateway = Gateway::start(&pbx, "gateway", &["host", "other"].map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "ends");
    for who in ["host", "other"] {
        party.listens(who, &format!("gateway-{who}"));
        gateway.member(&format!("gateway-{who}"));
    }
    party.listens("customer", "app-room**");
    wait_until("it is known when both conferences end", &|| {
        gateway.log().matches("the conference ends after 8 s").count() == 2
    });
    gateway.crash();
    // The one conference goes on without the gateway, and without the member whose verb says when it ends. In place of the other
    // there is a new one, which has no end.
    for room in ["app-room", "app-other"] {
        let members = pbx.members(room);
        let host = members.iter().find(|member| member["tags"] == json!(["host"])).expect("the host is there");
        pbx.kick(room, host["call_id"].as_str().expect("a call"));
    }
    wait_until("the other conference has ended", &|| pbx.stock_members("app-other") == 0);
    party.listens("new", "app-other**");
    std::thread::sleep(Duration::from_secs(9));
    let there = || ["app-room", "app-other"].map(|room| pbx.stock_members(room));
    assert_eq!(there(), [1, 1], "without a gateway they go on");
    gateway.start_again();
    wait_until("the conference whose time is over has ended", &|| there()[0] == 0);
    app.event("/host", "/done");
    std::thread::sleep(Duration::from_secs(9));
    assert_eq!(there(), [0, 1], "a new conference of the name of one whose time is over goes on");
    drop(party);
}
