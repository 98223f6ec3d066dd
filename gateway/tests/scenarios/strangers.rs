//! Whoever knows where the gateway listens, and nothing else.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx, run::wait_until};
use serde_json::json;
use std::{fs, io::Read, time::Duration};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_call_that_the_switch_does_not_have_is_no_call", pretended),
    ("no_secret_is_logged_and_no_key_is_kept", secrets),
];

/// Somebody connects as the switch does, and names a call.
fn pretended() {
    let pbx = Pbx::start("stranger");
    let script = json!({"/agent": {"verbs": [["answer"], ["conference", {"name": "room", "memberTag": "agent"}]]}});
    let app = App::start(&pbx, "stranger", "sdk", &script);
    let gateway = Gateway::start(&pbx, "gateway", &app.settings("agent"));
    for call in ["11111111-2222-4333-8444-555555555555", "1764300000.17"] {
        let mut stranger = pbx.pretend(call, "gateway-agent");
        stranger.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket has one");
        let mut said = Vec::new();
        stranger.read_to_end(&mut said).expect("the gateway closes the connection");
        wait_until("it is told", &|| gateway.log().contains(&format!("the switch pbx has no call {call:?}")));
    }
    assert_eq!(app.names("/agent"), Vec::<String>::new(), "its application has no call");
    // A call of the switch's is one.
    let mut party = Party::new(&pbx, "stranger");
    party.is_not_judged("agent");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    party.judge();
}

fn secrets() {
    let pbx = Pbx::start("secrets");
    let script = json!({
        "/agent": {"verbs": [["conference", {"name": "room", "memberTag": "agent", "actionHook": "/done"}]]},
        "/done": {"verbs": [["hangup"]]}, "/call-status": {"verbs": []},
    });
    let app = App::start(&pbx, "secrets", "webhook", &script);
    let gateway = Gateway::start(&pbx, "gateway", &app.settings("agent"));
    let mut party = Party::new(&pbx, "secrets");
    party.is_not_judged("agent");
    party.listens("agent", "gateway-agent");
    let agent = gateway.member("gateway-agent");
    gateway.act(&agent, "untag", None);
    let wrong = gateway.key.replace(|c: char| c.is_ascii_digit(), "a");
    assert_eq!(gateway.ask("GET", "/v1/Accounts/x/Calls", &wrong, None).status, 401);
    gateway.act(&agent, "kick", None);
    app.event("/done", "request");
    gateway.reload(|text| format!("{text}\n# the same"));
    party.judge();

    // Everything is logged here, down to each command to the switch.
    let log = gateway.log();
    assert!(log.contains("TRACE") && log.contains(&agent), "{log}");
    let settings = fs::read_to_string(gateway.folder().join("gateway.toml")).expect("it has settings");
    let value = |line: &str| line.split('"').nth(1).map(str::to_owned);
    let named = ["_secret = ", "password = "];
    let of_settings = settings.lines().filter(|line| named.iter().any(|name| line.contains(name))).filter_map(value);
    let secret_part = |key: &str| key.rsplit('_').next().expect("a key has a secret part").to_owned();
    let basic = "dXNlcjpwYXNz".to_owned();
    let secrets: Vec<String> = of_settings.chain([secret_part(&gateway.key), secret_part(&wrong), basic]).collect();
    assert!(secrets.len() >= 6, "{secrets:?}");
    for secret in &secrets {
        let line =
            log.lines().find(|line| line.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == secret));
        assert_eq!(line, None, "{secret:?} is logged");
    }
    for file in ["gateway.db", "gateway.db-wal"] {
        let kept = fs::read(gateway.folder().join(file)).unwrap_or_default();
        let key = secret_part(&gateway.key);
        assert!(!kept.windows(key.len()).any(|part| part == key.as_bytes()), "the key is in {file}");
    }
}
