//! The gateway, or an application, goes away and comes back: calls in a conference stay there, and their sessions go on.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx, run::wait_until};
use serde_json::{Value, json};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_session_survives_a_killed_gateway_in_a_conference", in_conference),
    ("a_session_survives_a_killed_gateway_in_other_steps", in_other_steps),
    ("an_application_that_was_killed_gets_its_calls_back", application),
];

fn members(pbx: &Pbx, room: &str) -> Vec<Value> {
    pbx.members(&format!("app-{room}"))
}

fn in_conference() {
    let pbx = Pbx::start("surv");
    let script = json!({
        "/agent": {"verbs": [["conference", {"name": "room", "memberTag": "agent"}]]},
        "/manager": {
            "verbs": [["conference", {"name": "room", "speakOnlyTo": "agent", "actionHook": "/done"}], ["pause", {"length": 30}]],
            "hooks": {"/done": {"verbs": [["conference", {"name": "after", "memberTag": "moved", "actionHook": "/over"}]]}, "/over": {}}
        },
    });
    let app = App::start(&pbx, "surv", "node-client-ws", &script);
    let mut gateway = Gateway::start(&pbx, "gateway", &["agent", "manager"].map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "surv");
    party.listens("customer", "app-room**");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    party.hear("at first", &["agent"]);
    gateway.crash();
    party.hear("without the gateway", &["agent"]);
    gateway.start_again();
    // Its application is told, and its commands are carried out again.
    app.event("/manager", "session:reconnect");
    app.inject("/manager", "conf:participant-action", &json!({"action": "uncoach"}));
    wait_until("uncoach", &|| members(&pbx, "room").iter().all(|member| member["speak_only_to"].is_null()));
    party.hear("after uncoach", &["agent", "customer"]);
    app.inject("/manager", "conf:participant-action", &json!({"action": "coach", "tag": "agent"}));
    wait_until("coach", &|| members(&pbx, "room").iter().any(|member| member["speak_only_to"] == json!(["agent"])));
    // Out of the conference, it goes on with what its actionHook says.
    gateway.act(&manager, "kick", None);
    app.event("/manager", "/done");
    wait_until("it is in the next conference", &|| members(&pbx, "after").len() == 1);
    let member = &members(&pbx, "after")[0];
    assert_eq!((&member["tags"], &member["speak_only_to"]), (&json!(["moved"]), &Value::Null));
    party.hear("in another conference", &[]);

    // Killed once more, and taken out while it is away: the dialplan waits for it.
    gateway.crash();
    let channel = member["call_id"].as_str().expect("a channel").to_owned();
    pbx.kick("app-after", &channel);
    wait_until("it has left", &|| members(&pbx, "after").is_empty());
    std::thread::sleep(std::time::Duration::from_secs(2));
    gateway.start_again();
    app.event("/manager", "/over");
    party.judge();
    app.find("/manager", "call:status", |data| {
        data["call_status"] == "completed" && data["call_sid"] == json!(manager)
    });
}

fn in_other_steps() {
    let pbx = Pbx::start("steps");
    let script = json!({
        "/paused": {"verbs": [["answer"], ["pause", {"length": 600}], ["conference", {"name": "paused", "speakOnlyTo": "agent"}]]},
        "/waits": {"verbs": [["answer"], ["pause", {"length": 0.1}], ["conference", {"name": "waits", "startConferenceOnEnter": false}]]},
        "/idle": {"verbs": [["answer"]]},
    });
    let app = App::start(&pbx, "steps", "node-client-ws", &script);
    let mut gateway =
        Gateway::start(&pbx, "gateway", &["paused", "waits", "idle"].map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "steps");
    for who in ["paused", "waits", "idle"] {
        party.listens(who, &format!("gateway-{who}"));
        app.find(&format!("/{who}"), "call:status", |data| data["call_status"] == "in-progress");
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    gateway.crash();
    gateway.start_again();
    // What was said or waited for is over: the next verb is done. One that waited to be let in waits again.
    wait_until("the paused call joins", &|| members(&pbx, "paused").len() == 1);
    assert_eq!(members(&pbx, "paused")[0]["speak_only_to"], json!(["agent"]));
    assert!(members(&pbx, "waits").is_empty());
    for who in ["/waits", "/idle", "/paused"] {
        app.event(who, "session:reconnect");
    }
    app.send("/idle", &json!([["conference", {"name": "waits", "memberTag": "idle"}]]));
    wait_until("the one that waits is started", &|| members(&pbx, "waits").len() == 2);
    // One that hangs up while the gateway is away gets its last word.
    let idle = gateway.member("gateway-idle");
    gateway.crash();
    party.judge();
    wait_until("they hang up", &|| pbx.calls() == 0);
    gateway.start_again();
    app.find("/idle", "call:status", |data| data["call_status"] == "completed" && data["call_sid"] == json!(idle));
}

fn application() {
    let pbx = Pbx::start("appk");
    let script = json!({
        "/manager": {"verbs": [["conference", {"name": "room", "speakOnlyTo": "agent", "actionHook": "/done"}]], "hooks": {"/done": {}}},
    });
    let mut app = App::start(&pbx, "appk", "node-client-ws", &script);
    let gateway = Gateway::start(&pbx, "gateway", &app.settings("manager"));
    let mut party = Party::new(&pbx, "appk");
    party.listens("agent", "app-room*agent*");
    party.listens("customer", "app-room**");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    app.kill();
    party.hear("without its application", &["agent"]);
    gateway.act(&manager, "coach", Some("nobody"));
    party.hear("steered by REST", &[]);
    app.start_again();
    let again = app.event("/manager", "session:reconnect");
    assert_eq!(again["call_sid"], json!(manager), "{again}");
    app.inject("/manager", "conf:participant-action", &json!({"action": "coach", "tag": "agent"}));
    wait_until("coach", &|| members(&pbx, "room").iter().any(|member| member["speak_only_to"] == json!(["agent"])));
    party.hear("steered by its application again", &["agent"]);
    gateway.act(&manager, "kick", None);
    app.event("/manager", "/done");
    party.judge();
}
