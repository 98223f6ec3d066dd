//! Who hears whom in each mode.

use crate::{
    conference::{AGENT, COACH, CUSTOMER, Conference, MANAGER, Member, Role, seconds},
    line::{Format, SOFT},
    pbx::{Pbx, Scenario},
};

pub const SCENARIOS: &[Scenario] = &[
    ("without_coach_everybody_hears_everybody", open),
    ("the_first_call", first_call),
    ("a_late_joiner_is_in_the_audience_or_not", late_joiner),
    ("two_coaches_and_two_agents", two_and_two),
    ("a_silent_monitor_hears_and_is_heard_by_nobody", monitor),
    ("an_agent_that_coaches_is_heard_by_the_other_agents_alone", agent_coaches),
    ("rates_differ", rates),
    ("rates_change_in_mid_call", rates_change),
    ("legs_speak_at_other_rates_than_they_hear_at", rates_of_a_leg),
    ("packets_of_10_to_120_ms", packets),
    ("mixing_every_10_ms", |pbx| mixed("every_10_ms", pbx)),
    ("mixing_every_40_ms", |pbx| mixed("every_40_ms", pbx)),
    ("mixing_at_8000_hz", |pbx| mixed("mixed_at_8000", pbx)),
    ("mixing_at_48000_hz", |pbx| mixed("mixed_at_48000", pbx)),
    ("rates_of_32000_and_44100_hz", odd_rates),
    ("with_a_jitter_buffer", with_jitter_buffer),
    ("behind_a_jitter_buffer_nobody_speaks_privately", buffered_before),
    ("with_silence_dropped", silence_dropped),
    ("loss_and_disorder_on_the_coachs_leg", loss),
    ("the_channel_function_sets_the_mode", channel_function),
    ("nobody_is_heard_while_the_conference_waits_for_its_host", waits),
];

/// The scale of all other scenarios: the judge hears who is there.
fn open(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "open");
    let (customer, agent, manager) =
        (c.join("customer", CUSTOMER), c.join("agent", CUSTOMER), c.join("manager", COACH));
    all_hear_all(&mut c, &customer, &agent, &manager);
}

fn all_hear_all(c: &mut Conference, customer: &Member, agent: &Member, manager: &Member) {
    c.hears(&[(customer, &[agent, manager]), (agent, &[customer, manager]), (manager, &[customer, agent])]);
}

/// The state that everything is about.
fn only_the_agent_hears_the_manager(c: &mut Conference, customer: &Member, agent: &Member, manager: &Member) {
    c.hears(&[(customer, &[agent]), (agent, &[customer, manager]), (manager, &[customer, agent])]);
}

/// What comes out of a buffer was said before: after `uncoach`, everyone would hear what had been private.
fn buffered_before(pbx: &Pbx) {
    const BUFFERED: (&str, &str) = ("members", "buffered");
    let mut c = Conference::new(pbx, "buffered_before");
    // A voice begins with an edge when it comes out of the buffer: there is none while this is judged.
    let (customer, agent) = (c.join("customer", CUSTOMER), c.enter("agent", Role { place: BUFFERED, ..AGENT }));
    let manager = c.call("manager", Role { place: BUFFERED, ..MANAGER }, 1_500.0);
    seconds(1.5);
    assert!(c.channel(&manager).is_none(), "the manager's call ends");
    c.never_heard(&customer, &manager);
    agent.speak();
    let other = c.join("other", Role { place: BUFFERED, ..COACH });
    let said = c.manager.command(&format!("coach coach buffered_before {} agent", other.id));
    assert!(said.starts_with("-ERR") && said.contains("jitter buffer"), "{said}");
    seconds(1.5); // the buffer's own second
    all_hear_all(&mut c, &customer, &agent, &other);
}

/// ConfBridge mutes everybody until somebody comes who is marked, and `show` says so.
fn waits(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "waits");
    let waits = |role| Role { user: "waits", ..role };
    let (customer, agent) = (c.join("customer", waits(CUSTOMER)), c.join("agent", waits(AGENT)));
    let manager = c.join("manager", waits(MANAGER));
    c.hears(&[(&customer, &[]), (&agent, &[]), (&manager, &[])]);
    let shown = c.manager.command("coach show waits");
    assert_eq!(shown.matches("muted").count(), 3, "{shown}");
    let host = c.join("host", Role { user: "host", ..CUSTOMER });
    c.hears(&[
        (&customer, &[&agent, &host]),
        (&agent, &[&customer, &manager, &host]),
        (&manager, &[&customer, &agent, &host]),
        (&host, &[&customer, &agent]),
    ]);
}

fn first_call(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "first_call");
    let (customer, agent, manager) = (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", MANAGER));
    only_the_agent_hears_the_manager(&mut c, &customer, &agent, &manager);
    c.coach("uncoach", &manager, "");
    all_hear_all(&mut c, &customer, &agent, &manager);
    c.coach("coach", &manager, "agent");
    only_the_agent_hears_the_manager(&mut c, &customer, &agent, &manager);
    c.coach("tag", &customer, "agent");
    all_hear_all(&mut c, &customer, &agent, &manager);
    c.coach("untag", &customer, "");
    only_the_agent_hears_the_manager(&mut c, &customer, &agent, &manager);
    c.coach("untag", &agent, "");
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer]), (&manager, &[&customer, &agent])]);
    c.coach("tag", &agent, "night-shift,agent");
    only_the_agent_hears_the_manager(&mut c, &customer, &agent, &manager);
    let whole = customer.line.heard();
    assert!(whole.samples.len() > 16000, "the customer's recording should be whole");
}

fn late_joiner(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "late_joiner");
    let (customer, manager) = (c.join("customer", CUSTOMER), c.join("manager", MANAGER));
    c.hears(&[(&customer, &[]), (&manager, &[&customer])]);
    let agent = c.join("agent", AGENT);
    let second = c.join("second", CUSTOMER);
    c.hears(&[
        (&customer, &[&agent, &second]),
        (&manager, &[&customer, &agent, &second]),
        (&agent, &[&customer, &manager, &second]),
        (&second, &[&customer, &agent]),
    ]);
    c.never_heard(&second, &manager);
    c.never_heard(&customer, &manager);
}

fn two_and_two(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "two_and_two");
    let customer = c.join("customer", CUSTOMER);
    let (red, blue) =
        (c.join("red", Role { tags: "red", ..CUSTOMER }), c.join("blue", Role { tags: "blue", ..CUSTOMER }));
    let to_red = c.join("to_red", Role { speak_only_to: "red", ..CUSTOMER });
    let to_blue = c.join("to_blue", Role { speak_only_to: "blue", ..CUSTOMER });
    c.hears(&[
        (&customer, &[&red, &blue]),
        (&red, &[&customer, &blue, &to_red]),
        (&blue, &[&customer, &red, &to_blue]),
        (&to_red, &[&customer, &red, &blue]),
        (&to_blue, &[&customer, &red, &blue]),
    ]);
    c.coach("coach", &to_red, "red,blue");
    c.coach("tag", &to_red, "blue");
    c.hears(&[
        (&customer, &[&red, &blue]),
        (&red, &[&customer, &blue, &to_red]),
        (&blue, &[&customer, &red, &to_red, &to_blue]),
        (&to_red, &[&customer, &red, &blue, &to_blue]),
        (&to_blue, &[&customer, &red, &blue]),
    ]);
}

fn monitor(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "monitor");
    let (customer, agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    let monitor = c.join("monitor", Role { speak_only_to: "-", ..MANAGER });
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer]), (&monitor, &[&customer, &agent])]);
}

fn agent_coaches(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "agent_coaches");
    let customer = c.join("customer", CUSTOMER);
    let one = c.join("one", Role { tags: "agent", ..MANAGER });
    let other = c.join("other", AGENT);
    c.hears(&[(&customer, &[&other]), (&one, &[&customer, &other]), (&other, &[&customer, &one])]);
}

/// Every leg has another rate, and the conference takes a higher one in mid-call, as its members have it.
fn rates(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "rates");
    let at = |rate, role| Role { format: Format::at(rate), bridge: "default_bridge", ..role };
    let (customer, agent) = (c.enter("customer", at(8000, CUSTOMER)), c.enter("agent", at(8000, AGENT)));
    let mut manager = c.join("manager", at(8000, MANAGER));
    let mut to_wide = c.join("to_wide", at(24000, Role { speak_only_to: "wide", ..MANAGER }));
    seconds(GOES_OVER);
    let (wide, other) =
        (c.enter("wide", at(48000, Role { tags: "wide", ..CUSTOMER })), c.enter("other", at(12000, CUSTOMER)));
    seconds(GOES_OVER);
    // The others have been silent: whatever was heard was a leak.
    for listener in [&customer, &other] {
        c.never_heard(listener, &manager);
        c.never_heard(listener, &to_wide);
    }
    // Who hears one of them is not to hear edges of it.
    [&mut manager, &mut to_wide].into_iter().for_each(|private| c.soften(private));
    [&customer, &agent, &manager, &wide, &to_wide, &other].into_iter().for_each(Member::speak);
    c.hears(&[
        (&customer, &[&agent, &wide, &other]),
        (&agent, &[&customer, &manager, &wide, &other]),
        (&manager, &[&customer, &agent, &wide, &other]),
        (&wide, &[&customer, &agent, &to_wide, &other]),
        (&to_wide, &[&customer, &agent, &wide, &other]),
        (&other, &[&customer, &agent, &wide]),
    ]);
}

/// The conference looks at its members' rates every 2 s.
const GOES_OVER: f64 = 2.5;

/// A phone's own rate, of who speaks and of who hears.
fn rates_change(pbx: &Pbx) {
    assert!(
        (1..=5).any(|attempt| rates_change_in(&format!("rates_change_{attempt}"), pbx)),
        "Asterisk drops every call"
    );
}

/// `false`: Asterisk has dropped a call. Its releases of before August 2026 may do so when a call's codec changes
/// (<https://github.com/asterisk/asterisk/issues/2059>), and their log says why.
fn rates_change_in(room: &str, pbx: &Pbx) -> bool {
    let drops = || pbx.log().matches("Don't know how to send format").count();
    let before = drops();
    let mut c = Conference::new(pbx, room);
    let (customer, agent, manager) =
        (c.enter("customer", CUSTOMER), c.enter("agent", AGENT), c.join("manager", MANAGER));
    for rate in [8_000, 48_000, 12_000, 16_000] {
        for member in [&manager, &agent] {
            member.line.change_rate(rate);
            if !goes_over_to(rate, member, &mut c) {
                assert!(drops() > before, "the call of {} ended at {rate} Hz\n{}", member.id, c.state());
                c.never_heard(&customer, &manager);
                return false;
            }
            c.listen(&[&manager, &agent], 0.8);
            c.judge_last(&agent, 0.4, manager.tone, true)
                .unwrap_or_else(|said| panic!("{rate}: {said}\n{}", c.state()));
        }
    }
    c.never_heard(&customer, &manager);
    true
}

/// Waits until Asterisk has this rate for somebody's call, and has written to it since; `false`: it has ended the call.
fn goes_over_to(rate: u32, member: &Member, c: &mut Conference) -> bool {
    let name = if rate == 8_000 { "slin".to_owned() } else { format!("slin{}", rate / 1_000) };
    let formats = format!("NativeFormats: ({name})");
    c.wait_until(&format!("the call of {} has {formats}", member.id), |c| {
        c.channel(member)
            .is_none_or(|channel| c.manager.command(&format!("core show channel {channel}")).contains(&formats))
    });
    seconds(0.2);
    c.channel(member).is_some()
}

/// On one channel, what is read has another rate than what is written: of who speaks privately, of who hears it, and of who must not.
fn rates_of_a_leg(pbx: &Pbx) {
    for (rate, speaks_at, bridge) in [(16_000, 8_000, "mixed_at_16000"), (8_000, 16_000, "mixed_at_8000")] {
        let mut c = Conference::new(pbx, &format!("speak_at_{speaks_at}"));
        let format = Format { speaks_at: Some(speaks_at), ..Format::at(rate) };
        let with = |role| Role { format, bridge, ..role };
        let (customer, agent, manager) =
            (c.join("customer", with(CUSTOMER)), c.join("agent", with(AGENT)), c.join("manager", with(MANAGER)));
        only_the_agent_hears_the_manager(&mut c, &customer, &agent, &manager);
        c.never_heard(&customer, &manager);
        c.coach("uncoach", &manager, "");
        all_hear_all(&mut c, &customer, &agent, &manager);
        // Only now: of what is private, Asterisk need not have seen anything.
        for member in [&customer, &agent, &manager] {
            c.reads_and_writes_at(member, speaks_at, rate);
        }
        c.coach("coach", &manager, "agent");
        only_the_agent_hears_the_manager(&mut c, &customer, &agent, &manager);
    }
}

fn packets(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "packets");
    let of = |packet_ms, rate, role| Role { format: Format { packet_ms, ..Format::at(rate) }, ..role };
    let (customer, agent) = (c.join("customer", of(60, 16000, CUSTOMER)), c.join("agent", of(10, 8000, AGENT)));
    for packet_ms in [10, 20, 60, 100, 120] {
        let manager = c.join(&format!("manager_{packet_ms}"), of(packet_ms, 16000, MANAGER));
        only_the_agent_hears_the_manager(&mut c, &customer, &agent, &manager);
        c.never_heard(&customer, &manager);
        c.hang_up(manager);
    }
}

/// A conference that is mixed in another way than usual.
fn mixed(bridge: &'static str, pbx: &Pbx) {
    let mut c = Conference::new(pbx, bridge);
    let in_bridge = |role| Role { bridge, ..role };
    let (customer, agent) = (c.join("customer", in_bridge(CUSTOMER)), c.join("agent", in_bridge(AGENT)));
    let manager = c.join("manager", in_bridge(MANAGER));
    only_the_agent_hears_the_manager(&mut c, &customer, &agent, &manager);
    c.coach("uncoach", &manager, "");
    all_hear_all(&mut c, &customer, &agent, &manager);
    c.coach("coach", &manager, "agent");
    only_the_agent_hears_the_manager(&mut c, &customer, &agent, &manager);
}

fn with_jitter_buffer(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "with_buffer");
    let with = |role| Role { user: "jitter_buffer", ..role };
    let (customer, agent) = (c.join("customer", with(CUSTOMER)), c.join("agent", with(AGENT)));
    seconds(0.5);
    let manager = c.join("manager", with(MANAGER));
    only_the_agent_hears_the_manager(&mut c, &customer, &agent, &manager);
    c.never_heard(&customer, &manager);
    c.coach("uncoach", &manager, "");
    all_hear_all(&mut c, &customer, &agent, &manager);
}

/// ConfBridge drops what it takes for silence: of a coach, everything. Those who hear it do so in its pauses and after them.
fn silence_dropped(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "silence_dropped");
    let with = |role| Role { user: "drops_silence", loud: true, ..role };
    // The agent says nothing: a gap in a loud voice would be heard at every frequency.
    let (customer, agent) = (c.enter("customer", with(CUSTOMER)), c.enter("agent", with(AGENT)));
    customer.line.say_softly(customer.tone);
    seconds(1.0); // a voice whose beginning is dropped has an edge
    let from = customer.line.clock();
    let manager = c.enter("manager", with(MANAGER));
    manager.line.hush();
    seconds(0.5);
    manager.line.say_softly(manager.tone);
    seconds(1.0);
    c.judge_last(&agent, 0.6, customer.tone, false).expect("what is faint is dropped");
    let private = agent.line.heard_since(agent.line.clock() - 0.6).levels(manager.tone);
    private.heard_at(SOFT).expect("but not what is said privately");
    for _pause in 0..3 {
        manager.line.hush();
        seconds(0.7);
        manager.speak();
        seconds(1.0);
        c.judge_last(&agent, 0.6, manager.tone, true).expect("after a pause the agent hears it");
    }
    c.judge(&customer, from, manager.tone, false).expect("the customer does not");
    customer.line.hush();
    seconds(0.5);
    customer.speak();
    agent.speak();
    c.coach("uncoach", &manager, "");
    all_hear_all(&mut c, &customer, &agent, &manager);
}

/// Rates that are no multiples of each other. What is open is not judged: Asterisk itself mixes 44,100 Hz with gaps.
fn odd_rates(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "odd_rates");
    let at = |rate, role| Role { format: Format::at(rate), bridge: "mixed_at_48000", ..role };
    let (customer, agent) = (c.enter("customer", at(44_100, CUSTOMER)), c.enter("agent", at(32_000, AGENT)));
    for (rate, name) in [(44_100, "manager_44"), (32_000, "manager_32")] {
        let manager = c.join(name, at(rate, MANAGER));
        seconds(1.0);
        c.never_heard(&customer, &manager);
        c.judge_last(&agent, 0.4, manager.tone, true).unwrap_or_else(|said| panic!("{rate}: {said}"));
        c.hang_up(manager);
    }
}

/// A gap is heard as a gap: never as somebody else's audio, never as open speech.
fn loss(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "loss");
    let (customer, agent) = (c.join("customer", CUSTOMER), c.join("agent", AGENT));
    for (name, user, packet_ms) in
        [("plain", "default_user", 20), ("buffered", "jitter_buffer", 20), ("long", "default_user", 60)]
    {
        let format = Format { packet_ms, one_lost_in: 8, ..Format::at(16000) };
        let manager = c.join(name, Role { format, user, ..MANAGER });
        seconds(1.0);
        let from = agent.line.clock();
        seconds(2.0);
        let heard = agent.line.heard_since(from).levels(manager.tone);
        let share = heard.share_above(-21.0);
        assert!(share > 0.4, "the agent should hear most of the {name} coach, not {share:.2} of it\n{}", c.state());
        c.never_heard(&customer, &manager);
        c.hang_up(manager);
    }
}

fn channel_function(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "channel_function");
    let (customer, agent, manager) =
        (c.join("customer", CUSTOMER), c.join("agent", CUSTOMER), c.join("manager", COACH));
    c.act("Setvar", &manager, &[("Variable", "COACH(speakOnlyTo)"), ("Value", "agent")]);
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer]), (&manager, &[&customer, &agent])]);
    c.act("Setvar", &agent, &[("Variable", "COACH(memberTag)"), ("Value", "agent")]);
    only_the_agent_hears_the_manager(&mut c, &customer, &agent, &manager);
    let channel = c.channel(&manager).expect("the manager is in the conference");
    let reads = c.manager.action("Getvar", &[("Channel", &channel), ("Variable", "COACH(speakOnlyTo)")]);
    assert_eq!(reads.get("Value"), "agent", "{reads:?}");
    c.act("Setvar", &manager, &[("Variable", "COACH(uncoach)"), ("Value", "1")]);
    all_hear_all(&mut c, &customer, &agent, &manager);
}
