//! What the guide says, done as it says.

use crate::{
    Stage,
    scene::{Outcome, Scene},
    switch::Switch,
};

/// The line of the guide's commands that begins like this.
fn line(beginning: &str) -> Outcome<&'static str> {
    let guide = include_str!("../../../docs/freeswitch.md");
    let command = |line: &'static str| Some(line.trim().strip_prefix("fs_cli -x '")?.split_once('\'')?.0);
    let found = guide.lines().filter_map(command).find(|line| line.starts_with(beginning));
    found.ok_or_else(|| format!("the guide has no `{beginning}`"))
}

/// Agent and customer talk, and nobody thought of a conference. The two are moved into one, and a coach joins.
pub fn a_two_party_call_becomes_a_coached_one(stage: &Stage, room: &str) -> Outcome {
    let scene = Scene::new(stage.switch()?, room, "default")?;
    let stay = "set:loopback_bowout=false";
    let customer = scene.call("customer").with(stay).silently().answers("park")?;
    let agent = scene.call("agent").with(stay).silently().answers("park")?;
    scene.api(&format!("uuid_bridge {} {}", customer.near(), agent.near()))?;
    agent.says(&["customer"])?;
    scene.wait(1.0);
    agent.hushes()?;
    let moves = line("uuid_dual_transfer ")?.replace("CUSTOMER", &customer.near()).replace("support", room);
    prints(&moves, &scene.api(&moves)?, "+OK")?;
    customer.comes_to(room)?;
    agent.comes_to(room)?;
    scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.2);
    agent.says(&["customer", "coach"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

/// Where members wait for a moderator, `mod_conference` plays them music and mixes nobody. Private speech is not its to hold up.
pub fn private_speech_is_heard_while_a_conference_waits_for_its_moderator(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "waiting")?;
    scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.5);
    scene.finish()?.judge()
}

/// `uuid_setvar` changes no member of a conference: nobody is opened by it, and nobody becomes a listener.
pub fn variables_set_in_mid_call_change_nobody(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let customer = scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").with("coach:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(0.8);
    scene.api(&format!("uuid_setvar {} speakOnlyTo", coach.near()))?;
    scene.api(&format!("uuid_setvar {} memberTag agent", customer.near()))?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

/// The commands of a part of the guide that say what they print, with that.
fn printing(heading: &str) -> Outcome<Vec<(&'static str, &'static str)>> {
    let guide = include_str!("../../../docs/freeswitch.md");
    let part = guide.split("\n## ").find_map(|part| part.strip_prefix(heading));
    let lines = part.ok_or_else(|| format!("the guide has no part `{heading}`"))?.lines();
    let commands: Vec<_> = lines
        .filter_map(|line| line.trim().strip_prefix("fs_cli -x '")?.split_once("# prints "))
        .map(|(command, printed)| (command.trim().trim_end_matches('\''), printed.trim()))
        .collect();
    if commands.is_empty() { Err(format!("`{heading}` does not say what a command prints")) } else { Ok(commands) }
}

fn prints(command: &str, reply: &str, printed: &str) -> Outcome {
    let said = reply.lines().any(|line| line.trim() == printed);
    if said { Ok(()) } else { Err(format!("`{command}` printed {reply:?}, and not {printed:?}")) }
}

/// In order, on a switch that has not loaded the module yet.
pub fn commands_print_what_the_guide_says(_: &Stage, _: &str) -> Outcome {
    let switch = Switch::start(true)?;
    let mut socket = switch.socket()?;
    socket.api("unload mod_coach")?;
    for heading in ["Install it", "The first whispered word", "Upgrade the module"] {
        for (command, printed) in printing(heading)? {
            prints(command, &socket.api(command)?, printed)?;
        }
    }
    Ok(())
}

/// In order, in a conference of those of whom the guide tells: the first of a switch, whose members have the numbers 1 to 3.
pub fn commands_in_mid_call_print_what_the_guide_says(_: &Stage, room: &str) -> Outcome {
    let switch = Switch::start(true)?;
    let scene = Scene::new(&switch, room, "narrow")?;
    let customer = scene.call("customer").silently().joins()?;
    let agent = scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let manager = scene.call("coach").with("coach:speakOnlyTo=agent").silently().joins()?;
    let uuids = [("CUSTOMER", customer.near()), ("AGENT", agent.near()), ("MANAGER", manager.near())];
    for (command, printed) in printing("Commands in mid-call")? {
        let here = |text: &str| {
            let text = uuids.iter().fold(text.to_owned(), |text, (name, uuid)| text.replace(name, uuid));
            text.replace("support", room)
        };
        let (command, printed) = (here(command), here(printed));
        prints(&command, &scene.api(&command)?, &printed)?;
    }
    scene.finish().map(drop)
}
