//! The switch crashes, is started again and recovers its calls: their sessions go on.

use crate::{
    app::App,
    gateway::Gateway,
    party::Party,
    pbx::Pbx,
    run::{OwnScenario, wait_until},
};
use serde_json::{Value, json};
use std::time::Duration;

pub const SCENARIOS: &[OwnScenario] = &[
    ("the_session_of_a_recovered_call_goes_on", recovered),
    ("the_session_of_a_recovered_call_goes_on_after_a_crash_of_the_gateway_too", both_killed),
    ("a_call_that_nobody_recovers_has_ended", never),
];

/// So long after a call, FreeSWITCH has stored it: 1.1 s at most.
const STORED: Duration = Duration::from_secs(2);
/// So long after its start, calls that it does not have may yet be recovered.
const RECOVERS: Duration = Duration::from_secs(60);
/// How long it takes somebody to notice the crash.
const NOTICED: Duration = Duration::from_secs(6);

fn recovered() {
    let mut pbx = Pbx::start_that_tracks_calls("recover");
    let events = json!(["start", "end", "join", "leave"]);
    let next = |name: &str| json!({"verbs": [["conference", {"name": name, "memberTag": "moved"}]]});
    let script = json!({
        "/agent": {
            "verbs": [["conference", {"name": "room", "memberTag": "agent", "actionHook": "/done"}]],
            "hooks": {"/done": next("after-agent")},
        },
        "/manager": {
            "verbs": [["conference", {"name": "room", "actionHook": "/done", "statusHook": "/status", "statusEvents": events}]],
            "hooks": {"/done": next("after-manager"), "/status": {"silent": true}},
        },
        "/pauses": {"verbs": [["answer"], ["pause", {"length": 600}]]},
    });
    let app = App::start(&pbx, "recover", "node-client-ws", &script);
    let calls = ["agent", "manager", "pauses"];
    let gateway = Gateway::start(&pbx, "gateway", &calls.map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "recover");
    party.outlasts_switch = true;
    party.listens("customer", "app-room**");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    party.is_not_judged("pauses");
    party.listens("pauses", "gateway-pauses");
    // Its verb lets it speak to everyone; a command has it whisper.
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    app.inject("/manager", "conf:participant-action", &json!({"action": "coach", "tag": "agent"}));
    let speaks_to = |tag: Value| {
        let shown = gateway.get("Conferences/room").json();
        let participants = shown["participants"].as_array().cloned().unwrap_or_default();
        participants.iter().any(|member| member["call_sid"] == json!(manager) && member["speakOnlyTo"] == tag)
    };
    wait_until("it whispers", &|| speaks_to(json!("agent")));
    party.hear("before the crash", &["agent"]);
    let whispers = party.now("customer");
    std::thread::sleep(STORED);

    pbx.kill();
    pbx.start_again();
    wait_until("the gateway is connected", &|| gateway.ask("GET", "/readyz", "", None).status == 200);
    std::thread::sleep(NOTICED);
    assert_eq!(gateway.get("Calls").json(), json!([]), "nobody has recovered the calls yet");
    let recover = |count: usize| {
        let said = pbx.console("sofia recover");
        wait_until(&format!("they are back: {said}"), &|| pbx_members(&pbx, "room").len() == count);
    };
    recover(3);
    party.hear("after the crash", &["agent"]);
    party.heard_nothing_since(whispers, "since it whispered", "customer");
    let begun = |who: &str| {
        let names = app.names(&format!("/{who}"));
        let count = |name: &str| names.iter().filter(|own| *own == name).count();
        (count("session:new"), count("jambonz:error"), count("close"))
    };
    for who in calls {
        assert_eq!(begun(who), (1, 0, 0), "{who} has one session: {:?}", app.events());
    }
    // It has never left.
    let told: Vec<Value> = app.events().into_iter().filter(|told| told["event"] == "/status").collect();
    let told: Vec<&Value> = told.iter().map(|told| &told["data"]["event"]).collect();
    assert_eq!(told, ["join"]);
    assert_eq!(gateway.member("gateway-manager"), manager, "it is the same call");
    // It is steered as before.
    app.inject("/manager", "conf:participant-action", &json!({"action": "uncoach"}));
    wait_until("it speaks to everyone", &|| speaks_to(Value::Null));
    party.hear("in the open after the crash", &["agent", "customer"]);
    gateway.act(&manager, "kick", None);
    wait_until("it goes on with its verbs", &|| pbx_members(&pbx, "after-manager").len() == 1);
    app.send("/pauses", &json!([["conference", {"name": "after-pauses"}]]));
    wait_until("it has other verbs", &|| pbx_members(&pbx, "after-pauses").len() == 1);
    party.judge();
}

/// What the gateway was doing is over, and what commands had made of the call may be forgotten: it does not enter its conference again.
fn both_killed() {
    let mut pbx = Pbx::start_that_tracks_calls("recoverb");
    let script = json!({"/manager": {
        "verbs": [["conference", {"name": "room", "actionHook": "/done"}]],
        "hooks": {"/done": {"verbs": [["conference", {"name": "after", "speakOnlyTo": "agent"}]]}},
    }});
    let app = App::start(&pbx, "recoverb", "node-client-ws", &script);
    let mut gateway = Gateway::start(&pbx, "gateway", &app.settings("manager"));
    let mut party = Party::new(&pbx, "recoverb");
    party.outlasts_switch = true;
    party.listens("customer", "app-room**");
    party.listens("agent", "app-room*agent*");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    app.inject("/manager", "conf:participant-action", &json!({"action": "coach", "tag": "agent"}));
    wait_until("it whispers", &|| {
        pbx_members(&pbx, "room").iter().any(|member| member["speak_only_to"] == json!(["agent"]))
    });
    party.hear("before the crash", &["agent"]);
    let whispers = party.now("customer");
    std::thread::sleep(STORED);
    gateway.crash();
    pbx.kill();
    pbx.start_again();
    gateway.start_again();
    std::thread::sleep(NOTICED);
    assert!(!app.names("/manager").contains(&"session:reconnect".to_owned()), "nobody has recovered the calls yet");
    let said = pbx.console("sofia recover");
    app.event("/manager", "session:reconnect");
    app.event("/manager", "/done");
    wait_until(&format!("it goes on with its verbs: {said}"), &|| {
        pbx_members(&pbx, "after").first().is_some_and(|member| member["speak_only_to"] == json!(["agent"]))
    });
    assert_eq!(gateway.member("gateway-manager"), manager, "it is the same call");
    assert_eq!(app.names("/manager").iter().filter(|name| *name == "session:new").count(), 1, "{:?}", app.events());
    party.heard_nothing_since(whispers, "since it whispered", "customer");
    app.inject("/manager", "call:status", &json!({"call_status": "completed"}));
    app.find("/manager", "call:status", |data| data["call_status"] == "completed");
    party.judge();
}

fn never() {
    let mut pbx = Pbx::start("never");
    let script = json!({"/agent": {"verbs": [["conference", {"name": "room", "memberTag": "agent"}]]}});
    let app = App::start(&pbx, "never", "sdk", &script);
    let gateway = Gateway::start(&pbx, "gateway", &app.settings("agent"));
    let mut party = Party::new(&pbx, "never");
    party.is_not_judged("agent");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    pbx.kill();
    pbx.start_again();
    std::thread::sleep(RECOVERS);
    app.find("/agent", "call:status", |data| data["call_status"] == "completed");
    app.event("/agent", "close");
    assert_eq!(app.names("/agent").iter().filter(|name| *name == "call:status").count(), 3, "{:?}", app.events());
    party.judge();
}

/// The account's prefix in front.
fn pbx_members(pbx: &Pbx, room: &str) -> Vec<Value> {
    pbx.members(&format!("app-{room}"))
}
