//! An application that is not there yet when a call asks for it.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx, run::wait_until};
use serde_json::json;

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_websocket_application_that_comes_late_is_tried_again", || late("sdk", "")),
    ("a_webhook_application_that_comes_late_is_asked_again", || late("webhook", "#rc=4&rp=ct")),
];

fn late(library: &'static str, retries: &str) {
    let (name, first) = if library == "sdk" { ("late_ws", "session:new") } else { ("late_wh", "request") };
    let pbx = Pbx::start(name);
    let verbs = json!({"verbs": [["answer"], ["conference", {"name": "room"}]]});
    let mut script = json!({"/caller": verbs});
    if library == "webhook" {
        script["/call-status"] = json!({"verbs": []});
    }
    let mut app = App::start(&pbx, name, library, &script);
    let hook = app.hook("caller");
    let settings = app.settings("caller").replace(&format!("\"{hook}\""), &format!("\"{hook}{retries}\""));
    let gateway = Gateway::start(&pbx, "gateway", &settings);
    app.kill();
    // A process ends with the thread that has started it: the phone's lives until its call is over.
    std::thread::scope(|scope| {
        let call = scope.spawn(|| {
            let mut party = Party::new(&pbx, name);
            party.listens("caller", "gateway-caller");
            wait_until("the call is in", &|| pbx.members("app-room").len() == 1);
            party.judge();
        });
        wait_until("the gateway has tried", &|| gateway.log().contains("again in"));
        app.start_again();
        call.join().expect("the call joins");
    });
    let asked = app.names("/caller");
    assert_eq!(asked.first().map(String::as_str), Some(first), "it is told of the call once it is there: {asked:?}");
}
