//! What `coach-gateway check` says of a dialplan, and of conferences that it has made.

use crate::{gateway::Gateway, party::Party, pbx::Pbx};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("check_tells_the_traps_of_a_dialplan", traps),
    ("check_tells_of_a_conference_on_two_switches", two_switches),
    ("check_tells_where_digits_go_astray", digits),
];

fn traps() {
    let pbx = Pbx::start("traps");
    let gateway = Gateway::start(&pbx, "gateway", "");
    let (code, said) = gateway.command(&["check"]);
    assert_eq!(code, Some(0), "the example is right: {said}");
    let told = pbx.set_traps();
    let (code, said) = gateway.command(&["check"]);
    assert_eq!(code, Some(1), "{said}");
    for told in told {
        assert!(said.contains(told), "{told}: {said}");
    }
}

fn digits() {
    let pbx = Pbx::start("misplaced");
    let gateway = Gateway::start(&pbx, "gateway", "");
    let told = pbx.lead_digits_astray();
    let (code, said) = gateway.command(&["check"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(told), "{told}: {said}");
}

fn two_switches() {
    let (pbx, other) = (Pbx::start("two_one"), Pbx::start("two_other"));
    let second = format!("\n[[switch]]\nname = \"other\"\naccount = \"support\"\n{}", other.settings(other.hand_over));
    let gateway = Gateway::start(&pbx, "gateway", &second);
    let (mut here, mut there) = (Party::new(&pbx, "here"), Party::new(&other, "there"));
    here.listens("customer", "app-both**");
    there.listens("agent", "app-one**");
    let (code, said) = gateway.command(&["check"]);
    assert_eq!(code, Some(0), "two conferences are no mistake: {said}");
    there.listens("other", "app-both**");
    let (code, said) = gateway.command(&["check"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("support has a conference \"both\" on other and pbx each"), "{said}");
}
