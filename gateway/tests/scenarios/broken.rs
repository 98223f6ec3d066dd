//! Applications that misbehave: no call that is in a conference is lost, and none is heard by those who must not hear it.

use crate::{app::Broken, gateway::Gateway, party::Party, pbx::Pbx, raw, run::wait_until};
use serde_json::Value;

pub const SCENARIOS: &[(&str, fn())] = &[("applications_that_misbehave_harm_no_call", misbehave)];

/// Those that say their verbs, whatever else they do, and what a gateway that is in order tells them then.
const JOIN: &[(&str, &[&str])] = &[
    ("twice", &[]),
    ("garbage", &["jambonz:error"]),
    ("floods", &["jambonz:error"]),
    ("big", &["session:reconnect"]),
    ("closes", &["session:reconnect"]),
    ("finished", &[]),
];

fn misbehave() {
    let pbx = Pbx::start("brok");
    let broken = Broken::start(&pbx);
    let names: Vec<&str> = JOIN.iter().map(|(name, _)| *name).chain(["silent", "vanishes"]).collect();
    let gateway = Gateway::start(&pbx, "gateway", &broken.settings(&names));
    // Without an answer there is no call.
    for name in ["silent", "vanishes"] {
        assert_eq!(raw::call(&pbx, &format!("gateway-{name}")), "480", "{name}");
    }
    for (name, told) in JOIN {
        let mut party = Party::new(&pbx, name);
        party.listens("customer", &format!("app-broken-{name}**"));
        party.listens("agent", &format!("app-broken-{name}*agent*"));
        party.speaks("manager", &format!("gateway-{name}"));
        let manager = gateway.member(&format!("gateway-{name}"));
        for told in *told {
            wait_until(&format!("{name} is told {told}"), &|| {
                broken.told(name).iter().any(|own| own["type"] == **told)
            });
        }
        party.hear(name, &["agent"]);
        party.heard_nothing_until_now(name, "customer");
        // It can still be steered.
        gateway.act(&manager, "coach", Some("nobody"));
        party.hear(&format!("{name}, after coach"), &[]);
        let member: Value = pbx.show(&format!("app-broken-{name}"))["members"][2].clone();
        assert_eq!(member["heard_by"], serde_json::json!([]), "{name}: {member}");
        party.judge();
    }
}
