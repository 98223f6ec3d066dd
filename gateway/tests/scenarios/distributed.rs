//! Digits that one member presses and others get.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx, run::wait_until};
use serde_json::json;

pub const SCENARIOS: &[(&str, fn())] = &[("digits_reach_those_who_hear_the_member_and_nobody_else", distributed)];

/// So many digits have been pressed by now, as the switch has it, and so many of them, pressed where they are passed on, have reached everybody
/// whom this gateway, since its start, has had them sent to.
fn settled(pbx: &Pbx, gateway: &Gateway, pressed: usize, passed: usize) {
    wait_until("the switch has all that was pressed", &|| pbx.digits_pressed() >= pressed);
    let done = "a digit has reached all that hear the call";
    wait_until("what is passed on has been", &|| gateway.log().matches(done).count() >= passed);
}

/// So many calls' digits are passed on.
fn passes(gateway: &Gateway, calls: usize) {
    let begun = "what it presses is passed on from now on";
    wait_until("digits are passed on", &|| gateway.log().matches(begun).count() == calls);
}

fn distributed() {
    let pbx = Pbx::start("dtmf");
    let script = json!({
        "/agent": {"verbs": [["conference", {"name": "room", "memberTag": "agent"}]]},
        "/customer": {"verbs": [["conference", {"name": "room", "distributeDtmf": true}]]},
        "/manager": {"verbs": [["conference", {"name": "room", "speakOnlyTo": "agent", "distributeDtmf": true}]]},
        "/second": {"verbs": [["conference", {"name": "room", "speakOnlyTo": "agent"}]]},
    });
    let app = App::start(&pbx, "dtmf", "sdk", &script);
    let applications = ["agent", "customer", "manager", "second"].map(|name| app.settings(name)).concat();
    let mut gateway = Gateway::start(&pbx, "gateway", &applications);
    let mut party = Party::new(&pbx, "dtmf");
    for (n, who) in ["agent", "customer", "manager", "second"].into_iter().enumerate() {
        party.listens(who, &format!("gateway-{who}"));
        wait_until("it is there", &|| pbx.members("app-room").len() == n + 1);
    }
    let manager = gateway.member("gateway-manager");
    // After each of these, a digit of REST's own: it comes last, so that what comes before it is all that there is.
    let sids = ["agent", "customer", "manager", "second"].map(|who| (who, gateway.member(&format!("gateway-{who}"))));
    let digits = |gateway: &Gateway, party: &mut Party, expected: [&str; 4]| {
        for ((who, sid), expected) in sids.iter().zip(expected) {
            assert_eq!(gateway.put(sid, r##"{"dtmf": {"digit": "#"}}"##).status, 202);
            let expected = format!("{expected}#");
            assert_eq!(party.digits(who, expected.len()), expected, "{who}");
        }
    };
    // An open speaker's reach all others.
    passes(&gateway, 2);
    party.press("customer", "12");
    settled(&pbx, &gateway, 2, 2);
    digits(&gateway, &mut party, ["12", "", "12", "12"]);
    // A private speaker's reach its audience; of one whose verb does not say so, nobody's.
    party.press("manager", "3");
    party.press("second", "4");
    party.press("agent", "5");
    settled(&pbx, &gateway, 5, 3);
    digits(&gateway, &mut party, ["3", "", "", ""]);
    gateway.act(&manager, "uncoach", None);
    wait_until("it speaks openly", &|| {
        pbx.members("app-room").iter().any(|member| {
            member["tags"] == json!([])
                && member["speak_only_to"].is_null()
                && member["opens_in_ms"] == 0
                && member["number"] == 3
        })
    });
    party.press("manager", "6");
    settled(&pbx, &gateway, 6, 4);
    digits(&gateway, &mut party, ["6", "6", "", "6"]);
    // Back, and a restart of the gateway later, they are private again.
    gateway.act(&manager, "coach", Some("agent"));
    gateway.crash();
    party.press("manager", "7");
    wait_until("the switch has it", &|| pbx.digits_pressed() == 7);
    gateway.start_again();
    // The SDK calls a session that goes on a new one.
    wait_until("its session goes on", &|| {
        app.names("/manager").iter().filter(|name| *name == "session:new").count() == 2
    });
    passes(&gateway, 2);
    party.press("manager", "8");
    settled(&pbx, &gateway, 8, 1);
    digits(&gateway, &mut party, ["8", "", "", ""]);
    gateway.act(&manager, "mute", None);
    party.press("manager", "9");
    settled(&pbx, &gateway, 9, 2);
    digits(&gateway, &mut party, ["", "", "", ""]);
    drop(party);
}
