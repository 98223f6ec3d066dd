//! Supervisors who use Asterisk's own ChanSpy beside Coach.

use crate::{
    conference::{AGENT, CUSTOMER, Conference, MANAGER, Role},
    pbx::{Pbx, Scenario},
};

pub const SCENARIOS: &[Scenario] =
    &[("who_spies_on_a_coach_hears_no_whisper_and_speaks_to_the_coach_alone", spies_on_the_manager)];

fn spies_on_the_manager(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "spied_on");
    let (customer, agent, manager) = (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", MANAGER));
    let channel = c.channel(&manager).expect("it is in the conference");
    let spies = Role { tags: Box::leak(channel.into_boxed_str()), place: ("members", "spies"), ..CUSTOMER };
    let spy = c.call("spy", spies, 2_000.0);
    c.wait_until("the spy listens", |c| {
        let channel = c.channel(&spy);
        channel.is_some_and(|name| {
            c.manager.command(&format!("core show channel {name}")).contains("Application: ChanSpy")
        })
    });
    spy.speak();
    c.hears(&[
        (&customer, &[&agent]),
        (&agent, &[&customer, &manager]),
        (&manager, &[&customer, &agent, &spy]),
        (&spy, &[&customer, &agent]),
    ]);
}
