//! Websocket applications with the official SDKs: what they say is done, what they are told is so.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx};
use serde_json::{Value, json};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_manager_whispers_by_the_sdk", || whisper("sdk")),
    ("a_manager_whispers_by_node_client_ws", || whisper("node-client-ws")),
];

/// The guide's own example: three calls, three verbs, commands in mid-call.
fn whisper(library: &'static str) {
    // Short, as baresip writes no recording under a long path.
    let name = if library == "sdk" { "sdk" } else { "ncw" };
    let pbx = Pbx::start(name);
    let conference = |options: Value| json!([["answer"], ["conference", options]]);
    let script = json!({
        "/customer": {"verbs": conference(json!({"name": "support-conference-23", "startConferenceOnEnter": true}))},
        "/agent": {
            "verbs": conference(json!({"name": "support-conference-23", "startConferenceOnEnter": true, "endConferenceOnExit": true,
                "memberTag": "agent", "actionHook": "/done"})),
            "hooks": {"/done": {}}
        },
        "/manager": {"verbs": conference(json!({"name": "support-conference-23", "speakOnlyTo": "agent"}))},
    });
    let app = App::start(&pbx, name, library, &script);
    let applications = ["customer", "agent", "manager"].map(|name| app.settings(name)).concat();
    let gateway = Gateway::start(&pbx, "gateway", &applications);
    let mut party = Party::new(&pbx, name);
    party.listens("customer", "gateway-customer");
    gateway.member("gateway-customer"); // it is number 1
    party.listens("agent", "gateway-agent");
    let agent = gateway.member("gateway-agent");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    party.hear("from the first frame on", &["agent"]);
    party.heard_nothing_until_now("from the first frame on", "customer");

    let new = app.event("/manager", "session:new");
    assert_eq!(new["call_sid"], json!(manager), "{new}");
    assert_eq!(
        (&new["direction"], &new["to"], &new["env_vars"]["ROLE"]),
        (&json!("inbound"), &json!("gateway-manager"), &json!("manager"))
    );
    assert!(new["sip"]["headers"]["call-id"].is_string(), "{new}");
    let member = |number: usize| pbx.show("app-support-conference-23")["members"][number - 1].clone();
    let act = |path: &str, action: Value| app.inject(path, "conf:participant-action", &action);
    let wait = |what: &str, is_so: &dyn Fn() -> bool| crate::run::wait_until(what, is_so);

    act("/manager", json!({"action": "uncoach"}));
    wait("uncoach", &|| member(3)["speak_only_to"].is_null());
    party.hear("after uncoach", &["agent", "customer"]);
    act("/manager", json!({"action": "coach", "tag": "agent"}));
    wait("coach", &|| member(3)["speak_only_to"] == json!(["agent"]));
    party.hear("after coach", &["agent"]);
    act("/agent", json!({"action": "untag"}));
    wait("untag", &|| member(2)["tags"] == json!([]));
    party.hear("after untag", &[]);
    act("/agent", json!({"action": "tag", "tag": "agent"}));
    act("/customer", json!({"action": "tag", "tag": "customer"}));
    wait("tag", &|| member(1)["tags"] == json!(["customer"]) && member(2)["tags"] == json!(["agent"]));
    act("/manager", json!({"action": "coach", "tag": "customer"}));
    wait("coach", &|| member(3)["heard_by"] == json!([1]));
    party.hear("whispering to the customer", &["customer"]);

    app.inject("/manager", "conf:mute-status", &json!({"conf_mute_status": "mute"}));
    wait("mute", &|| member(3)["muted"] == json!(true));
    party.hear("muted", &[]);
    app.inject("/manager", "mute:status", &json!({"mute_status": "unmute"}));
    wait("unmute", &|| member(3)["muted"] == json!(false));
    app.inject("/customer", "conf:hold-status", &json!({"conf_hold_status": "hold"}));
    wait("hold", &|| member(1)["held"] == json!(true));
    party.hear("with the customer on hold", &[]);
    app.inject("/customer", "conf:hold-status", &json!({"conf_hold_status": "unhold"}));
    wait("unhold", &|| member(1)["held"] == json!(false));
    // Of another call of the account, by its sid; and the REST interface steers the same calls.
    app.inject_to("/customer", "conf:participant-action", &json!({"action": "coach", "tag": "agent"}), &manager);
    wait("coach by another call's session", &|| member(3)["speak_only_to"] == json!(["agent"]));
    party.hear("coached by another call's session", &["agent"]);
    gateway.act(&manager, "coach", Some("customer"));
    party.hear("coached by REST", &["customer"]);

    // What cannot be done is told.
    app.inject("/manager", "dub", &json!({"action": "addTrack", "track": "a"}));
    let error = app.event("/manager", "jambonz:error");
    assert!(error["msg"].as_str().is_some_and(|msg| msg.contains("dub is not supported")), "{error}");

    // The agent's leaving ends the conference for all.
    let ended = gateway.put(&agent, r#"{"call_status": "completed"}"#);
    assert_eq!(ended.status, 202, "{ended:?}");
    let done = app.event("/agent", "/done");
    assert_eq!(
        (&done["call_status"], &done["call_termination_by"]),
        (&json!("completed"), &json!("jambonz")),
        "{done}"
    );
    app.event("/agent", "close");
    assert_eq!(app.names("/agent"), ["session:new", "call:status", "call:status", "call:status", "/done", "close"]);
    let states: Vec<Value> =
        app.events().into_iter().filter(|e| e["path"] == "/agent" && e["event"] == "call:status").collect();
    let states: Vec<&Value> = states.iter().map(|state| &state["data"]["call_status"]).collect();
    assert_eq!(states, ["trying", "in-progress", "completed"]);
    wait("the conference ends", &|| pbx.members("app-support-conference-23").is_empty());
    party.judge();
}
