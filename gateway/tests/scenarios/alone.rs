//! What breaks, on instances that no other scenario shares.

use crate::{
    gateway::Gateway,
    party::Party,
    pbx::{self, Pbx},
};
use serde_json::json;
use std::time::{Duration, Instant};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_gateway_that_was_killed_steers_the_calls_again", gateway_killed),
    ("a_switch_that_was_killed_and_a_module_that_is_missing_are_told_and_mended", switch_killed),
];

/// How long everything may take to be right again.
const MENDED: Duration = Duration::from_secs(2);

fn gateway_killed() {
    let pbx = Pbx::start("gateway_killed");
    let mut gateway = Gateway::start(&pbx, "gateway", "");
    let mut party = Party::new(&pbx, "gateway_killed");
    party.listens("customer", "killed**");
    party.listens("agent", "killed*agent*");
    party.speaks("manager", "killed**agent");
    let manager = gateway.member("killed**agent");
    party.hear("with the gateway", &["agent"]);
    gateway.crash();
    party.hear("without it", &["agent"]);
    gateway.start_again();
    let since = Instant::now();
    assert_eq!(gateway.member("killed**agent"), manager, "a call keeps its sid");
    gateway.act(&manager, "coach", Some("nobody"));
    assert!(since.elapsed() < MENDED, "{:?}", since.elapsed());
    party.hear("steered again", &[]);
    party.judge();
}

fn switch_killed() {
    let mut pbx = Pbx::start("switch_killed");
    let gateway = Gateway::start(&pbx, "gateway", "");
    assert_eq!(gateway.command(&["check"]).0, Some(0), "{}", gateway.command(&["check"]).1);

    pbx.kill();
    let end = Instant::now() + MENDED;
    while gateway.get("Calls").status == 200 {
        assert!(Instant::now() < end, "it should be told");
    }
    let nobody = "11111111-2222-4333-8444-555555555555";
    for answer in [gateway.get("Calls"), gateway.get("Conferences"), gateway.put(nobody, r#"{"mute_status": "mute"}"#)]
    {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.msg().contains("pbx"), "{answer:?}");
    }
    assert_eq!(gateway.ask("GET", "/readyz", "", None).status, 503);
    assert_eq!(gateway.ask("GET", "/healthz", "", None).status, 200);
    let (code, said) = gateway.command(&["check"]);
    assert_eq!(code, Some(1), "{said}");

    pbx.start_again();
    let since = Instant::now();
    while gateway.ask("GET", "/readyz", "", None).status != 200 {
        assert!(since.elapsed() < MENDED, "{:?}", gateway.ask("GET", "/readyz", "", None));
        std::thread::sleep(Duration::from_millis(20));
    }

    pbx.unload_module();
    let mut party = Party::new(&pbx, "switch_killed");
    party.listens("customer", "unloaded**");
    let customer = gateway.call_to("unloaded**")["call_sid"].as_str().expect("it has a sid").to_owned();
    let answer = gateway.put(&customer, r#"{"conferenceParticipantAction": {"action": "tag", "tag": "agent"}}"#);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.msg().contains(pbx::MODULE), "{answer:?}");
    assert_eq!(gateway.get("Conferences").status, 503);
    let (code, said) = gateway.command(&["check"]);
    assert!(code == Some(1) && said.contains(&format!("{} is not loaded", pbx::MODULE)), "{said}");

    pbx.load_module();
    gateway.act(&customer, "tag", Some("agent"));
    assert_eq!(pbx.show("unloaded")["members"][0]["tags"], json!(["agent"]));
    party.judge();
}
