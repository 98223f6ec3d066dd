//! The sounds that a profile plays when members come and go.

use crate::{
    app::App,
    gateway::Gateway,
    party::Party,
    pbx::Pbx,
    run::{OwnScenario, wait_until},
};
use serde_json::json;

pub const SCENARIOS: &[OwnScenario] = &[("a_private_speaker_comes_and_goes_without_the_profiles_sounds", door)];

const SOUND: f64 = 880.0;
/// How long one is waited for, in seconds.
const PAUSE: f64 = 1.5;

fn door() {
    let pbx = Pbx::start("door");
    let sound = "tone_stream://%(400,0,880)";
    pbx.add_to_profile(&[("enter-sound", sound), ("exit-sound", sound)]);
    let script = json!({
        "/agent": {"verbs": [["conference", {"name": "room", "memberTag": "agent"}]]},
        "/customer": {"verbs": [["conference", {"name": "room"}]]},
        "/manager": {"verbs": [["conference", {"name": "room", "speakOnlyTo": "agent"}], ["hangup"]]},
    });
    let app = App::start(&pbx, "door", "sdk", &script);
    let applications = ["agent", "customer", "manager"].map(|name| app.settings(name)).concat();
    let gateway = Gateway::start(&pbx, "gateway", &applications);
    let mut party = Party::new(&pbx, "door");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    party.goes_on(PAUSE);
    let begins = party.now("agent");
    party.listens("customer", "gateway-customer");
    gateway.member("gateway-customer");
    party.goes_on(PAUSE);
    let (joined, own) = (party.now("agent"), party.now("customer"));
    party.is_not_judged("manager");
    party.listens("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    party.goes_on(PAUSE);
    gateway.act(&manager, "kick", None);
    wait_until("it has left", &|| pbx.members("app-room").len() == 2);
    party.goes_on(PAUSE);
    let (agents, customers) = (party.now("agent"), party.now("customer"));
    let heard = party.judge();
    let sound = |who: &str, from: f64, to: f64| heard[who].between(from, to).levels(SOUND).share_above(-40.0);
    assert!(sound("agent", begins, joined) > 0.1, "the profile plays a sound when others come");
    for (who, from, to) in [("agent", joined, agents), ("customer", own, customers)] {
        let share = sound(who, from, to);
        assert!(share == 0.0, "the {who} should hear nothing when the manager comes and goes: {share}");
    }
}
