//! Does what docs/asterisk.md says, line by line as it stands there. A line that this test does not know how to do fails it.

use crate::{
    conference::{CUSTOMER, Conference, MANAGER, Member, Role, seconds},
    judge::Recording,
    line::Line,
    pbx::{Pbx, Setup},
};
use std::process::Command;

pub const ALONE: &[(&str, fn())] =
    &[("the_guides_commands_do_what_it_says", commands), ("the_guides_dialplan_does_what_it_says", dialplan)];

/// Something that the guide has its reader do.
#[derive(Debug)]
enum Step {
    /// A command for Asterisk's console, and a line that it prints.
    Console { command: &'static str, prints: &'static str },
    /// An action of the manager interface: its name and headers.
    Action { name: &'static str, headers: Vec<(&'static str, &'static str)> },
    /// A command for the shell.
    Make(&'static str),
}

/// All of them, in their order.
fn steps() -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = include_str!("../../docs/asterisk.md").lines().peekable();
    while let Some(line) = lines.next() {
        let Some(line) = line.strip_prefix("    ").map(str::trim_start) else { continue };
        if let Some(rest) = line.strip_prefix("asterisk -rx '") {
            let (command, prints) = rest.split_once('\'').expect("a quote ends the command");
            let prints = prints.trim().strip_prefix("# prints ").unwrap_or_else(|| panic!("{line}: prints what?"));
            steps.push(Step::Console { command, prints });
        } else if let Some(name) = line.strip_prefix("Action: ") {
            let mut headers = Vec::new();
            while let Some(header) = lines.next_if(|line| !line.is_empty()) {
                headers.push(header.trim_start().split_once(": ").expect("a header has a value"));
            }
            steps.push(Step::Action { name, headers });
        } else if let Some(arguments) = line.trim_start_matches("sudo ").strip_prefix("make ") {
            steps.push(Step::Make(arguments.split(" #").next().unwrap_or_default().trim()));
        } else {
            // The dialplan has a test of its own, and so has what `show` prints.
            let known = ["exten =>", "same =>", "number  call id", "1  ", "2  ", "3  "];
            assert!(known.iter().any(|known| line.starts_with(known)), "what is to be done with `{line}`?");
        }
    }
    steps
}

/// The three of the example.
struct Call {
    agent: String,
    manager: Member,
    _others: [Member; 2],
}

impl Call {
    fn begin(c: &mut Conference) -> Self {
        let dials = |exten, role| Role { place: ("support", exten), ..role };
        let customer = c.enter("customer", dials("100", CUSTOMER));
        let agent = c.enter("agent", dials("101", CUSTOMER));
        let manager = c.enter("manager", dials("102", MANAGER));
        c.wait_until("Coach knows all", |c| c.knows(&manager) && c.knows(&agent) && c.knows(&customer));
        manager.speak();
        Self { agent: c.channel(&agent).expect("it is there"), manager, _others: [customer, agent] }
    }
}

fn commands() {
    let pbx = Pbx::start("guide", Setup { without: &["res_coach.so"], ..Setup::default() });
    let mut c = Conference::new(&pbx, "support");
    let mut call = None;
    for step in steps() {
        match step {
            Step::Console { command, prints } => {
                if command == "coach show support" {
                    call = Some(Call::begin(&mut c));
                }
                let names = call.as_ref().map(|call| {
                    let manager = c.channel(&call.manager).expect("it is there");
                    (call.agent.clone(), manager)
                });
                let put = |text: &str| match &names {
                    Some((agent, manager)) => text.replace("AGENT", agent).replace("MANAGER", manager),
                    None => text.to_owned(),
                };
                let (command, prints) = (put(command), put(prints));
                let mut said = pbx.console(&command);
                // What only looks may look again: an opening guard may still run.
                if command.starts_with("coach explain") {
                    c.wait_until(&format!("`{command}` prints {prints}"), |_| {
                        said = pbx.console(&command);
                        said.contains(&prints)
                    });
                }
                assert!(said.lines().any(|line| line.trim() == prints), "`{command}` should print {prints}: {said}");
            }
            Step::Action { name, headers } => act(&mut c, call.as_ref().expect("the call is there"), name, &headers),
            Step::Make(arguments) => {
                let mut make = Command::new("make");
                let output = make.arg("-n").args(arguments.split(' ')).current_dir(env!("CARGO_MANIFEST_DIR"));
                let output = output.output().expect("there is make");
                assert!(output.status.success(), "make {arguments}: {output:?}");
            }
        }
    }
    drop(c);
    drop(call);
    assert!(pbx.stop().success(), "Asterisk ends well");
}

/// Carries out one of the guide's actions, and sees that it did what the guide says.
fn act(c: &mut Conference, call: &Call, name: &str, headers: &[(&str, &str)]) {
    let line = Line::new(CUSTOMER.format);
    let dial = format!("PJSIP/line/{}", line.uri());
    let two = (name == "Redirect").then(|| c.two_party("two"));
    let customers = two.as_ref().map(|(customer, _)| c.channel(customer).expect("it is there")).unwrap_or_default();
    let peer = c.manager.action("Getvar", &[("Channel", &customers), ("Variable", "BRIDGEPEER")]);
    let managers = c.channel(&call.manager).expect("it is there");
    let before = c.manager.command("coach show support").lines().count();
    let given: Vec<_> = headers
        .iter()
        .map(|&(key, value)| match value {
            "CUSTOMER" => (key, customers.as_str()),
            "AGENT" => (key, peer.get("Value")),
            "MANAGER" => (key, managers.as_str()),
            "PJSIP/agent" | "PJSIP/manager" => (key, dial.as_str()),
            value => (key, value),
        })
        .collect();
    let answer = c.manager.action(name, &given);
    assert_eq!(answer.get("Response"), "Success", "{name} {given:?}: {answer:?}");
    let of = |key| headers.iter().find(|(k, _)| *k == key).map_or("", |(_, value)| *value);
    let shows = |c: &mut Conference, channel: &str, column: usize| {
        let show = c.manager.command("coach show support");
        let line = show.lines().find(|line| line.contains(channel)).unwrap_or_default();
        line.split_whitespace().nth(column).unwrap_or_default().to_owned()
    };
    match name {
        "CoachTag" => assert_eq!(shows(c, &call.agent, 2), of("MemberTag")),
        "Coach" => assert_eq!(shows(c, &managers, 3), of("SpeakOnlyTo")),
        "Setvar" => assert_eq!(shows(c, &managers, 3), of("Value")),
        "Originate" => {
            c.wait_until("it joins", |c| c.manager.command("coach show support").lines().count() > before);
            let show = c.manager.command("coach show support");
            let newest = show.lines().last().unwrap_or_default().split_whitespace().collect::<Vec<_>>();
            let tagged = if of("Variable").is_empty() { ["-", "agent"] } else { ["agent,night-shift", "openly"] };
            assert_eq!(newest[2..4], tagged, "{show}");
            c.manager.action("Hangup", &[("Channel", newest[1])]);
        }
        "Redirect" => {
            let (customer, agent) = two.as_ref().expect("it was made for this");
            let now = |c: &mut Conference| c.manager.command("coach show support").lines().count();
            c.wait_until("both join", |c| now(c) == before + 2);
            [customer, agent].into_iter().for_each(Member::speak);
            c.hears(&[(customer, &[agent]), (agent, &[customer, &call.manager]), (&call.manager, &[customer, agent])]);
            for channel in [customers.as_str(), peer.get("Value")] {
                c.manager.action("Hangup", &[("Channel", channel)]);
            }
        }
        other => panic!("what should {other} have done?"),
    }
    c.wait_until("it is as before", |c| c.manager.command("coach show support").lines().count() == before);
}

fn dialplan() {
    let pbx = Pbx::start("guide_dialplan", Setup::default());
    let mut c = Conference::new(&pbx, "support");
    let dials = |exten, role| Role { place: ("guide", exten), ..role };
    for exten in ["201", "202"] {
        let agent = c.enter(&format!("agent_{exten}"), dials(exten, CUSTOMER));
        c.wait_until("it has the tags", |c| c.manager.command("coach show support").contains("agent,night-shift"));
        c.hang_up(agent);
    }

    let customer = c.join("customer", Role { place: ("support", "100"), ..CUSTOMER });
    let agent = c.enter("agent", dials("201", CUSTOMER));
    let manager = c.call("manager", dials("204", MANAGER), 1_950.0);
    // It reads the PIN once it has recorded twice.
    c.wait_until("it asks for the PIN", |c| {
        let channels = c.manager.command("core show channels concise");
        channels.lines().any(|line| line.contains("!Read!") && line.ends_with(&manager.id))
    });
    for digit in ["4", "7", "1", "1"] {
        c.act("PlayDTMF", &manager, &[("Digit", digit), ("Receive", "true")]);
        seconds(0.3);
    }
    c.wait_until("it joins", |c| c.has(&manager));
    c.hears(&[(&customer, &[]), (&agent, &[&customer, &manager]), (&manager, &[&customer])]);
    c.never_heard(&customer, &manager);
    let recorded = |name: &str| {
        let file = pbx.folder().join(format!("{name}-{}.wav", manager.id));
        Recording::read(&file).expect("it is recorded")
    };
    assert!(recorded("name").levels(manager.tone).median() > -40.0, "the name is recorded before Coach");
    recorded("silent").levels(manager.tone).unheard(&[]).expect("after it there is silence");
    drop(c);
    drop((customer, agent, manager));
    assert!(pbx.stop().success(), "Asterisk ends well");
}
