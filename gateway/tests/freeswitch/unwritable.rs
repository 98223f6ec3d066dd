//! A folder that FreeSWITCH cannot write to.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx, run::OwnScenario};
use serde_json::json;

pub const SCENARIOS: &[OwnScenario] = &[("a_recording_that_cannot_be_written_is_told_of", unwritable)];

fn unwritable() {
    let pbx = Pbx::start("unwrit");
    let script = json!({"/agent": {"verbs": [["conference", {"name": "room", "record": {}}]]}});
    let app = App::start(&pbx, "unwrit", "sdk", &script);
    let settings = app.settings("agent") + "\n[recordings]\nfolder = \"/proc/nowhere\"\n";
    let gateway = Gateway::start(&pbx, "gateway", &settings);
    let mut party = Party::new(&pbx, "unwrit");
    party.listens("agent", "gateway-agent");
    app.find("/agent", "jambonz:error", |data| {
        data["msg"].as_str().is_some_and(|msg| msg.contains("cannot write /proc/nowhere/"))
    });
    gateway.member("gateway-agent");
    party.hear("in a conference that is not recorded", &[]);
    party.judge();
}
