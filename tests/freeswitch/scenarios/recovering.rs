//! The switch crashes, is started again, and recovers its calls: they come back as commands had left them, whatever the extensions say
//! that they run again.

use crate::{
    Stage,
    judge::Recording,
    phone::Phone,
    scene::{EVERYONE, Outcome, Scene},
    switch::{Setup, Switch},
    tones::LEVEL,
};

use super::phones::{Caller, WIDE};

/// A phone in the call: what it says, which number it calls, what a command makes of it, and who hears it afterwards.
struct Role {
    name: &'static str,
    number: &'static str,
    tone: u32,
    commands: &'static [&'static str],
    heard_by: &'static [&'static str],
}

/// Every extension says the opposite of the commands.
const ROLES: [Role; 7] = [
    Role { name: "customer", number: "customer", tone: 500, commands: &[], heard_by: EVERYONE },
    Role { name: "agent", number: "open", tone: 700, commands: &["tag agent"], heard_by: EVERYONE },
    Role { name: "former", number: "agent", tone: 900, commands: &["untag"], heard_by: EVERYONE },
    Role { name: "changed", number: "set-agent", tone: 1100, commands: &["tag night"], heard_by: EVERYONE },
    Role { name: "opened", number: "set-whisper", tone: 1300, commands: &["uncoach"], heard_by: EVERYONE },
    Role {
        name: "nights",
        number: "unset",
        tone: 1500,
        commands: &["coach agent", "coach night"],
        heard_by: &["changed"],
    },
    Role { name: "coach", number: "customer", tone: 1700, commands: &["coach agent"], heard_by: &["agent"] },
];

fn crashes(room: &str, after: f64) -> Outcome {
    let switch = Switch::start_as(Setup { tracks_calls: true, ..Setup::default() })?;
    let scene = Scene::new(&switch, room, "narrow")?;
    let call = |role: &Role| {
        let number = format!("{}-{room}", role.number);
        let phone = Phone::call_without_jitter_buffer;
        Caller::calls_by(phone, &scene, role.name, &number, WIDE, role.tone, role.heard_by)
    };
    let phones = ROLES.iter().map(call).collect::<Outcome<Vec<_>>>()?;
    scene.until("all there", || Ok(scene.api(&format!("coach show {room}"))?.contains("7 members")))?;
    // Until the core has stored a call for the first time, it cannot be recovered at all.
    scene.wait(1.0);
    // In the order in which they called.
    let members = scene.api(&format!("coach show {room} as json"))?;
    let members: serde_json::Value = serde_json::from_str(&members).map_err(|e| format!("{e}: {members}"))?;
    let mut numbers: Vec<u64> =
        members["members"].as_array().into_iter().flatten().filter_map(|member| member["number"].as_u64()).collect();
    numbers.sort_unstable();
    for (role, number) in ROLES.iter().zip(numbers) {
        for command in role.commands {
            let (word, tags) = command.split_once(' ').unwrap_or((command, ""));
            scene.api(format!("coach {word} {room} {number} {tags}").trim())?;
        }
    }
    scene.wait(after);
    drop(scene);
    switch.crash_and_start()?;
    let scene = Scene::new(&switch, room, "narrow")?;
    let clock = |caller: &Caller| caller.phone.clock().map_err(|e| format!("{}: {e}", caller.name));
    let crashed = phones.iter().map(clock).collect::<Outcome<Vec<_>>>()?;
    let recovered = scene.api("sofia recover")?;
    scene
        .until("all back", || {
            Ok(scene.api(&format!("coach show {room}")).is_ok_and(|shown| shown.contains("7 members")))
        })
        .map_err(|e| format!("{e}: {recovered} {:?}", scene.api(&format!("coach show {room}"))))?;
    scene.wait(2.5);
    let shown = scene.api(&format!("coach show {room}"))?;
    let mut wrong = Vec::new();
    // Before any of them hangs up.
    let until = phones.iter().map(clock).collect::<Outcome<Vec<_>>>()?;
    for (caller, (crashed, until)) in phones.into_iter().zip(crashed.into_iter().zip(until)) {
        let name = caller.name;
        // From the first moment on that it hears the switch again.
        let heard = caller.phone.hang_up().map_err(|e| format!("{name}'s phone: {e}"))?.between(crashed, until);
        let length = heard.samples.len() as f64 / f64::from(heard.rate);
        if length < 2.0 {
            return Err(format!("{name} recorded {length:.2} s since the crash"));
        }
        let settled = heard.between(length - 1.2, length);
        wrong.extend(
            ROLES.iter().filter(|role| role.name != name).filter_map(|role| judge(name, role, &heard, &settled)),
        );
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{shown}", wrong.join("\n"))) }
}

fn judge(name: &str, role: &Role, all: &Recording, settled: &Recording) -> Option<String> {
    let tone = f64::from(role.tone);
    let others: Vec<f64> = ROLES.iter().map(|role| role.tone.into()).filter(|&other| other != tone).collect();
    let may_hear = role.heard_by == EVERYONE || role.heard_by.contains(&name);
    let wrong = match may_hear {
        true => settled.levels(tone).heard_at(LEVEL).err(),
        false => all.tones(tone, &others).unheard(&[]).err(),
    };
    wrong.map(|what| format!("{name} of {}: {what}", role.name))
}

pub fn commands_survive_a_crash_at_once(_: &Stage, room: &str) -> Outcome {
    crashes(room, 0.0)
}

pub fn commands_survive_a_crash_later(_: &Stage, room: &str) -> Outcome {
    crashes(room, 1.0)
}
