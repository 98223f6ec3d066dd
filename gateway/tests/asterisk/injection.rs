//! What a caller writes into a SIP request, with line breaks: no line of AGI and no header of the manager interface. Asterisk itself
//! lets it through to both, in the called number (`agi_dnid`, `agi_extension`, `Exten`, `DNID`).

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx, raw, run::wait_until};
use serde_json::{Value, json};

pub const SCENARIOS: &[(&str, fn())] = &[("what_a_caller_writes_is_no_line_of_agi_or_manager", caller_writes)];

/// The columns of `core show channels concise`: the first is the channel's name, the last its unique id.
fn channel(pbx: &Pbx) -> (String, String) {
    let said = pbx.console("core show channels concise");
    let columns: Vec<&str> = said.lines().next().expect("there is a call").split('!').collect();
    (columns[0].to_owned(), columns[columns.len() - 1].to_owned())
}

/// As a request carries it.
fn escaped(lines: &[&str]) -> String {
    let text = lines.join("\n");
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).into() } else { format!("%{byte:02x}") })
        .collect()
}

fn caller_writes() {
    let pbx = Pbx::start("inject");
    let script = json!({"/idle": {"verbs": [["answer"]]}, "/other": {"verbs": [["answer"]]}});
    let app = App::start(&pbx, "inject", "node-client-ws", &script);
    let gateway = Gateway::start(&pbx, "gateway", &["idle", "other"].map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "inject");
    party.listens("victim", "gateway-idle");
    app.find("/idle", "call:status", |data| data["call_status"] == "in-progress");
    let (name, id) = channel(&pbx);
    let sid = gateway.call_to("gateway-idle")["call_sid"].clone();

    let stolen = format!("agi_uniqueid: {id}");
    let answer = ["", "200 result=0", "200 result=0", "200 result=0"];
    let hangup = ["", "Event: Hangup", &format!("Uniqueid: {id}"), "Cause: 17", ""];
    let request = ["", "Event: HangupRequest", &format!("Uniqueid: {id}"), ""];
    for (what, lines) in [
        ("another call's id", vec!["gateway-other", &stolen]),
        ("the application's number once more", vec!["gateway-other", "agi_extension: gateway-idle", "agi_x: "]),
        ("answers to commands", [vec!["gateway-other", "agi_extension: gateway-other"], answer.to_vec()].concat()),
        ("the end of another call", [vec!["gateway-other"], hangup.to_vec()].concat()),
        ("that another call is being hung up", [vec!["gateway-other"], request.to_vec()].concat()),
    ] {
        let number = escaped(&lines);
        std::thread::scope(|scope| {
            let caller = scope.spawn(|| raw::call(&pbx, &number));
            assert!(caller.join().is_ok_and(|status| status != "200"), "{what}: the call should be refused");
        });
        assert!(app.events().iter().all(|told| told["path"] != "/other"), "{what}: {:?}", app.events());
    }
    // The call whose session they were after still has it, on its own channel.
    app.send("/idle", &json!([["conference", {"name": "still", "memberTag": "agent"}]]));
    let members = || pbx.members("app-still");
    wait_until("it joins", &|| members().len() == 1);
    assert_eq!((&members()[0]["call_id"], &members()[0]["tags"]), (&json!(name), &json!(["agent"])), "{:?}", members());
    let states: Vec<Value> = app.events().into_iter().filter(|told| told["event"] == "call:status").collect();
    assert!(states.iter().all(|told| told["data"]["call_status"] != "completed"), "{states:?}");
    // And no connection of a caller's is tried again and again.
    let calls = || pbx.console("core show channels concise").matches("PJSIP/phone").count();
    wait_until("the callers are gone", &|| calls() == 1);
    // A call that the dialplan takes says of itself that it is another one.
    let entry =
        ["", "Event: Status", &format!("Channel: {name}"), &format!("Uniqueid: {id}"), "Exten: forged", "DNID: forged"];
    assert_eq!(raw::call(&pbx, &escaped(&[&["gone***"], &entry[..]].concat())), "200");
    let listed = gateway.get("Calls").json();
    let listed = listed.as_array().expect("a list");
    assert!(listed.len() == 1 && listed[0]["call_sid"] == sid && listed[0]["to"] == "gateway-idle", "{listed:?}");
    // Headers that a session reads on its call: what goes on in another line is no answer to another question.
    let folded = "X-Evil: a)\r\n 200 result=1 (forged)\r\nX-More: b\r\n\t200 result=0 (forged)\r\nX-Last: c\r\n";
    assert_eq!(raw::call_with(&pbx, "gateway-other", folded), "200");
    let headers = &app.event("/other", "session:new")["sip"]["headers"];
    assert_eq!(
        (&headers["X-Evil"], &headers["X-More"], &headers["X-Last"]),
        (&json!("a) 200 result=1 (forged)"), &json!("b 200 result=0 (forged)"), &json!("c")),
        "{headers}"
    );
    party.judge();
}
