//! The tone that tells of somebody's coming.

use crate::{app::App, gateway::Gateway, judge::Recording, party::Party, pbx::Pbx, run::wait_until};
use serde_json::json;

pub const SCENARIOS: &[(&str, fn())] = &[("a_tone_tells_who_joins_but_never_of_a_private_speaker", beep)];

const TONE: f64 = 880.0;
/// How long it is waited for, in seconds.
const PAUSE: f64 = 1.5;

/// How long the tone is heard in a part of a recording, in seconds.
fn seconds(heard: &Recording, from: f64, to: f64) -> f64 {
    let levels = heard.between(from, to).levels(TONE);
    assert!(levels.0.len() > 30, "something should have been recorded from {from} to {to}");
    levels.0.iter().filter(|level| **level > -40.0).count() as f64 / 100.0
}

fn beep() {
    let pbx = Pbx::start("beep");
    let script = json!({
        "/agent": {"verbs": [["conference", {"name": "room", "memberTag": "agent"}]]},
        "/customer": {"verbs": [["conference", {"name": "room", "beep": true, "actionHook": "/done"}]],
            "hooks": {"/done": {"verbs": [["hangup"]]}}},
        "/manager": {"verbs": [["conference", {"name": "room", "beep": true, "speakOnlyTo": "agent"}]]},
    });
    let app = App::start(&pbx, "beep", "sdk", &script);
    let applications = ["agent", "customer", "manager"].map(|name| app.settings(name)).concat();
    let gateway = Gateway::start(&pbx, "gateway", &applications);
    let mut party = Party::new(&pbx, "beep");
    let members = || pbx.members("app-room").len();

    party.listens("agent", "gateway-agent");
    wait_until("the agent is there", &|| members() == 1);
    party.goes_on(PAUSE);
    let begins = party.now("agent");
    party.listens("customer", "gateway-customer");
    let customer = gateway.member("gateway-customer");
    party.goes_on(PAUSE);
    let (joined, own) = (party.now("agent"), party.now("customer"));
    party.speaks("manager", "gateway-manager");
    wait_until("the manager is there", &|| members() == 3);
    party.goes_on(PAUSE);
    party.hear("after a private speaker has joined", &["agent"]);
    let (coached, alone) = (party.now("agent"), party.now("customer"));
    gateway.act(&customer, "kick", None);
    wait_until("the customer has left", &|| members() == 2);
    party.goes_on(PAUSE);
    let left = party.now("agent");
    let heard = party.judge();
    let (agent, customer) = (&heard["agent"], &heard["customer"]);
    assert!(seconds(agent, 0.0, begins) == 0.0, "no verb has asked for a tone yet");
    for (who, part) in [("agent", seconds(agent, begins, joined)), ("customer", seconds(customer, 0.0, own))] {
        assert!((0.35..=0.55).contains(&part), "the {who} should hear one tone when the customer joins: {part} s");
    }
    for (who, part) in [("agent", seconds(agent, joined, coached)), ("customer", seconds(customer, own, alone))] {
        assert!(part == 0.0, "the {who} should hear nothing when the manager joins, who speaks privately: {part} s");
    }
    let part = seconds(agent, coached, left);
    assert!(part == 0.0, "nobody should hear a tone when somebody leaves: {part} s");
}
