//! Who talks, as a conference tells it.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx};
use serde_json::json;

pub const SCENARIOS: &[(&str, fn())] = &[("an_application_is_told_when_its_caller_talks", talks)];

fn talks() {
    let pbx = Pbx::start("talks");
    let asked = json!({"name": "room", "statusHook": "/status", "statusEvents": ["start-talking", "stop-talking"]});
    let script = json!({
        "/manager": {"verbs": [["conference", asked]], "hooks": {"/status": {"silent": true}}},
        "/agent": {"verbs": [["conference", {"name": "room", "statusHook": "/status", "statusEvents": ["join"]}]],
            "hooks": {"/status": {"silent": true}}},
    });
    let app = App::start(&pbx, "talks", "sdk", &script);
    let gateway = Gateway::start(&pbx, "gateway", &["manager", "agent"].map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "talks");
    party.listens("agent", "gateway-agent");
    app.find("/agent", "/status", |told| told["event"] == "join");
    party.speaks("manager", "gateway-manager");
    let told = app.find("/manager", "/status", |told| told["event"] == "start-talking");
    assert_eq!(told["friendly_name"], "room", "{told}");
    assert_eq!(told["call_sid"], gateway.member("gateway-manager"), "{told}");
    party.hear("while it talks", &["agent"]);
    party.falls_silent("manager");
    app.find("/manager", "/status", |told| told["event"] == "stop-talking");
    let events = |path: &str| -> Vec<String> {
        let told = app.events().into_iter().filter(|told| told["path"] == path && told["event"] == "/status");
        told.map(|told| told["data"]["event"].as_str().expect("an event has a name").to_owned()).collect()
    };
    assert_eq!(events("/manager"), ["start-talking", "stop-talking"]);
    assert_eq!(events("/agent"), ["join"], "who has not asked is told nothing of talks");
    party.judge();
}
