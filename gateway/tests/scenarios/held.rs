//! What a call hears while it is held.

use crate::{app::App, gateway::Gateway, judge::Recording, party::Party, pbx::Pbx, run::wait_until};
use serde_json::json;
use std::{f64::consts::TAU, time::Duration};

pub const SCENARIOS: &[(&str, fn())] = &[("a_held_call_alone_hears_what_the_wait_hook_says", held)];

const MUSIC: f64 = 620.0;
const SECONDS: u32 = 15;

/// Of a part of a recording, how much has the music, from 0 to 1.
fn music(heard: &Recording, (from, to): (f64, f64)) -> f64 {
    let levels = heard.between(from, to).levels(MUSIC);
    assert!(levels.0.len() > 30, "something should have been recorded from {from} to {to}");
    levels.share_above(-40.0)
}

fn held() {
    let pbx = Pbx::start("held");
    let hooks = json!({"/hold": {"verbs": [["say", {"text": "please hold"}]]}, "/done": {"verbs": [["hangup"]]}});
    let script = json!({
        "/agent": {"verbs": [["conference", {"name": "room", "memberTag": "agent"}]]},
        "/customer": {"verbs": [["conference", {"name": "room", "actionHook": "/done"}]], "hooks": hooks},
        "/manager": {"verbs": [["conference", {"name": "room"}]]},
    });
    let app = App::start(&pbx, "held", "sdk", &script);
    let applications = ["agent", "customer", "manager"].map(|name| app.settings(name)).concat();
    let mut gateway = Gateway::start(&pbx, "gateway", &applications);
    // What is spoken here is a tone.
    let spoken = pbx.folder().join("spoken.wav");
    let sample = |n: u32| (6000.0 * (TAU * MUSIC * f64::from(n) / 8000.0).sin()).round() as i16;
    let samples = (0..SECONDS * 8000).map(sample).collect();
    Recording { rate: 8000, samples }.write(&spoken).expect("a file can be written");
    let command = format!("[speech]\ncommand = [\"cp\", \"{}\", \"{{file}}\"]\n", spoken.display());
    gateway.start_again_with(|settings| settings.replace("[speech]\n", &command));

    let mut party = Party::new(&pbx, "held");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    party.listens("customer", "gateway-customer");
    let customer = gateway.member("gateway-customer");
    party.speaks("manager", "gateway-manager");
    gateway.member("gateway-manager");
    party.is_not_judged("manager");
    let held = || pbx.members("app-room").iter().filter(|member| member["held"] == json!(true)).count();
    let mut parts = Vec::new();
    // Who hears the manager, and whether the customer hears the music.
    let mut part = |party: &mut Party, state: &'static str, hear: &[&str], has_music: bool| {
        std::thread::sleep(Duration::from_millis(800));
        let from = ["agent", "customer"].map(|who| party.now(who));
        party.hear(state, hear);
        let to = ["agent", "customer"].map(|who| party.now(who));
        parts.push((state, (from[0], to[0]), (from[1], to[1]), has_music));
    };
    part(&mut party, "at first", &["agent", "customer"], false);
    app.inject("/customer", "conf:hold-status", &json!({"conf_hold_status": "hold", "wait_hook": "/hold"}));
    wait_until("it is held", &|| held() == 1);
    app.event("/customer", "/hold");
    part(&mut party, "held by its application", &["agent"], true);
    gateway.act(&customer, "unhold", None);
    part(&mut party, "after unhold", &["agent", "customer"], false);
    let body = r#"{"conferenceParticipantAction": {"action": "hold", "wait_hook": "/hold"}}"#;
    assert_eq!(gateway.put(&customer, body).status, 202);
    part(&mut party, "held by REST", &["agent"], true);
    // Whoever ends the hold: the music ends with it.
    gateway.act(&customer, "unhold", None);
    part(&mut party, "after unhold by REST", &["agent", "customer"], false);

    // A call that is taken out while it hears music leaves at once, though the file goes on for long.
    assert_eq!(gateway.put(&customer, r#"{"conf_hold_status": "hold", "wait_hook": "/hold"}"#).status, 202);
    part(&mut party, "held once more", &["agent"], true);
    // Without the gateway, it stays there, held.
    gateway.crash();
    std::thread::sleep(Duration::from_secs(1));
    party.hear("held, without the gateway", &["agent"]);
    assert_eq!((held(), pbx.stock_members("app-room")), (1, 3));
    gateway.start_again();
    gateway.act(&customer, "kick", None);
    app.event("/customer", "/done");
    wait_until("it has left", &|| pbx.members("app-room").len() == 2);

    let heard = party.judge();
    for (state, agent, customer, has_music) in parts {
        let (agent, customer) = (music(&heard["agent"], agent), music(&heard["customer"], customer));
        assert!(agent == 0.0, "{state}: the agent should hear no music: {agent}");
        let right = if has_music { customer > 0.9 } else { customer == 0.0 };
        assert!(right, "{state}: how much of the time the customer heard music: {customer}");
    }
}
