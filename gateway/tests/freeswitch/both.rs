//! A FreeSWITCH and an Asterisk under one gateway.

use crate::{app::App, asterisk, gateway::Gateway, party::Party, pbx::Pbx, run::wait_until};
use serde_json::{Value, json};

pub const SCENARIOS: &[(&str, fn())] = &[("a_gateway_serves_a_freeswitch_and_an_asterisk_at_once", both)];

fn both() {
    let (pbx, other) = (Pbx::start("bothf"), asterisk::Pbx::start("botha"));
    let conference = |properties: Value| json!({"verbs": [["answer"], ["conference", properties]]});
    let script = json!({
        "/agent": conference(json!({"name": "room", "memberTag": "agent"})),
        "/manager": conference(json!({"name": "room", "speakOnlyTo": "agent"})),
        "/there": conference(json!({"name": "there", "speakOnlyTo": "agent"})),
        "/lost": conference(json!({"name": "room", "memberTag": "agent"})),
    });
    let app = App::start(&pbx, "both", "sdk", &script);
    let applications = ["agent", "manager", "there", "lost"].map(|name| app.settings(name)).concat();
    let second = format!("\n[[switch]]\nname = \"other\"\naccount = \"support\"\n{}", other.settings(other.hand_over));
    let gateway = Gateway::start(&pbx, "gateway", &(second + &applications));
    assert_eq!(gateway.command(&["check"]).0, Some(0), "{}", gateway.command(&["check"]).1);
    let mut here = Party::new(&pbx, "here");
    here.listens("customer", "app-room**");
    here.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    here.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    let mut there = Party::at(other.folder().join("there"), other.sip);
    there.listens("customer", "app-there**");
    there.listens("agent", "app-there*agent*");
    let agent = gateway.member("app-there*agent*");
    there.speaks("manager", "gateway-there");
    let coach = gateway.member("gateway-there");
    here.hear("on FreeSWITCH", &["agent"]);
    there.hear("on Asterisk", &["agent"]);

    // Calls of each are listed and steered, by the same requests.
    let calls = gateway.get("Calls").json();
    let on =
        |switch: &str| calls.as_array().expect("a list").iter().filter(|call| call["service_url"] == switch).count();
    assert_eq!((on("pbx"), on("other")), (3, 3), "{calls}");
    gateway.act(&manager, "uncoach", None);
    gateway.act(&agent, "untag", None);
    here.hear("open on FreeSWITCH", &["agent", "customer"]);
    there.hear("with nobody who has the tag on Asterisk", &[]);
    gateway.act(&manager, "coach", Some("agent"));
    gateway.act(&coach, "uncoach", None);
    here.hear("private on FreeSWITCH", &["agent"]);
    there.hear("open on Asterisk", &["agent", "customer"]);
    gateway.act(&coach, "coach", Some("agent"));
    // From the one's session, the other's call.
    app.inject_to("/manager", "conf:participant-action", &json!({"action": "tag", "tag": "agent"}), &agent);
    let tagged = || {
        let said = other.console("coach show app-there as json");
        let shown = serde_json::from_str::<Value>(&said).unwrap_or_default();
        let members = shown["members"].as_array().cloned().unwrap_or_default();
        members.iter().any(|member| member["tags"] == json!(["agent"]))
    };
    wait_until("it has the tag again", &tagged);
    there.hear("private on Asterisk", &["agent"]);

    // A name that lives on the one is refused on the other, and the call is there to be told what else to do.
    there.is_not_judged("lost");
    there.listens("lost", "gateway-lost");
    let error = app.event("/lost", "jambonz:error");
    assert!(error["msg"].as_str().is_some_and(|msg| msg.contains("\"room\" is on the switch pbx")), "{error}");
    assert_eq!(other.stock_members("app-room"), 0);
    assert_eq!(gateway.command(&["check"]).0, Some(0), "{}", gateway.command(&["check"]).1);
    // A dialplan asks nobody: such a pair is shown.
    there.is_not_judged("stray");
    there.listens("stray", "app-room**");
    gateway.member("app-room**");
    wait_until("it is there", &|| other.stock_members("app-room") == 1);
    let (code, said) = gateway.command(&["check"]);
    assert!(code == Some(1) && said.contains("a conference \"room\" on other and pbx each"), "{said}");
    let shown = gateway.get("Conferences?expand=participants").json();
    let rooms = shown.as_array().expect("a list").iter().filter(|room| room["name"] == "room");
    let mut rooms: Vec<(&Value, usize)> =
        rooms.map(|room| (&room["id"], room["participants"].as_array().map_or(0, Vec::len))).collect();
    rooms.sort_by_key(|(_, members)| *members);
    assert_eq!(rooms, [(&json!("other/app-room"), 1), (&json!("pbx/app-room"), 3)], "{shown}");
    here.judge();
    there.judge();
}
