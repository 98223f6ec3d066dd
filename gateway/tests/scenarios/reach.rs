//! Where an application may lead the gateway: not to what is inside, unless the settings say so.

use crate::{
    app::App,
    gateway::{ACCOUNT, Gateway},
    party::Party,
    pbx::Pbx,
    raw::{self, RAW, Raw},
    run::wait_until,
};
use serde_json::{Value, json};

pub const SCENARIOS: &[(&str, fn())] =
    &[("an_application_leads_to_internal_addresses_only_where_the_settings_say_so", inside)];

/// The name that leads inside, in the settings of the first application.
const NAMED: &str = "allowed_hosts = [\"localhost\"]";

fn inside() {
    let pbx = Pbx::start("reach");
    // What runs inside, and is nobody's application.
    let inside = Raw::start(&pbx);
    let port = inside.port();
    // A name that leads there, and the application's own host in every spelling, at a port that is not its own.
    let hosts =
        ["localhost", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::1]"];
    let at = |host: &str, path: &str| format!("http://{host}:{port}/{path}");
    let play = |host: &&str| json!(["play", {"url": at(host, "music"), "actionHook": "/played"}]);
    let conference = json!(["conference", {
        "name": "room", "startConferenceOnEnter": false, "waitHook": at("localhost", "wait"), "enterHook": at("localhost", "enter"),
        "statusHook": at("127.0.0.1", "status"), "statusEvents": ["join", "leave"], "actionHook": at("localhost", "action"),
    }]);
    let verbs: Vec<Value> = hosts.iter().map(play).chain([conference]).collect();
    let script = json!({
        "/caller": {"verbs": verbs}, "/played": {"verbs": []}, "/call-status": {"verbs": []},
        "/redirects": {"verbs": [["answer"], ["redirect", {"actionHook": at("localhost", "redirect")}]]},
    });
    let app = App::start(&pbx, "reach", "webhook", &script);
    // Its websocket is elsewhere now, it says.
    let moves = Raw::start(&pbx);
    moves.answer(&format!(
        "{RAW}HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:{port}/moved\r\nContent-Length: 0\r\n\r\n"
    ));
    let settings = ["caller", "redirects"].map(|name| format!("{}{NAMED}\n", app.settings(name))).concat()
        + &moves.settings().replace("http://", "ws://");
    let gateway = Gateway::start(&pbx, "gateway", &(pbx.calls_settings() + &settings));
    let (code, said) = gateway.command(&["check"]);
    assert!(
        code == Some(1) && said.contains("application caller: allowed_hosts: localhost leads to"),
        "{code:?} {said}"
    );

    let mut party = Party::new(&pbx, "reach");
    party.is_not_judged("caller");
    party.listens("caller", "gateway-caller");
    let played = || app.names("/played").len();
    wait_until("every file has been asked for", &|| played() == hosts.len());
    for told in app.events().iter().filter(|told| told["path"] == "/played") {
        assert_eq!(told["data"]["body"]["reason"], "playFailed", "{told}");
    }
    party.listens("starter", "app-room**");
    let caller = gateway.member("gateway-caller");
    for host in hosts {
        for scheme in ["http", "ws"] {
            let hook = at(host, "hook").replace("http", scheme);
            let answer = gateway.put(&caller, &json!({"call_hook": hook}).to_string());
            let says_why = ["internal_networks", "allowed_hosts"].iter().any(|key| answer.msg().contains(key));
            assert!(answer.status == 422 && says_why, "{hook}: {answer:?}");
        }
    }
    let hold = json!({"conf_hold_status": "hold", "wait_hook": at("localhost", "hold")});
    assert_eq!(gateway.put(&caller, &hold.to_string()).status, 202);
    gateway.act(&caller, "unhold", None);
    gateway.act(&caller, "kick", None);
    app.find("/call-status", "request", |data| data["body"]["call_status"] == "completed");
    assert_ne!(raw::call(&pbx, "gateway-redirects"), "");
    assert_eq!(raw::call(&pbx, "gateway-raw"), "480", "its websocket leads inside");
    // A hook that a request names is not one that the settings write.
    let order =
        json!({"from": "2000", "to": {"type": "phone", "number": "far**"}, "call_hook": at("localhost", "placed")});
    let order = format!("{}", order);
    let placed = gateway.ask("POST", &format!("/v1/Accounts/{ACCOUNT}/Calls"), &gateway.key, Some(&order));
    assert_eq!(placed.status, 201, "{placed:?}");
    wait_until("it has no application, and ends", &|| {
        pbx.members("far").is_empty() && gateway.log().matches("/placed").count() > 0
    });
    assert_eq!(inside.heads(), Vec::<String>::new(), "nobody should have been led inside");
    assert_eq!(moves.heads().len(), 1);
    assert!(gateway.log().contains("internal_networks"), "it is said what would be right");

    // Where the settings say so, the same leads there.
    let inner = "internal_networks = [\"127.0.0.0/8\"]";
    gateway.reload(|text| text.replace(NAMED, &format!("{NAMED}\n{inner}")) + inner + "\n");
    let (code, said) = gateway.command(&["check"]);
    assert_eq!(code, Some(0), "{said}");
    party.listens("again", "gateway-caller");
    let asked = |path: &str| inside.heads().iter().any(|head| head.contains(&format!(" /{path} ")));
    wait_until("every file has been asked for again", &|| played() == 2 * hosts.len());
    assert_eq!(inside.heads().iter().filter(|head| head.contains("GET /music ")).count(), 6, "those of this address");
    for path in ["enter", "status"] {
        wait_until(&format!("{path} leads inside"), &|| asked(path));
    }
    raw::call(&pbx, "gateway-raw");
    wait_until("the websocket leads inside", &|| asked("moved"));
    party.judge();
}
