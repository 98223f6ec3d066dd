//! How variables are called: white space, other spellings, and what the switch itself makes of what assigns them.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use proptest::{prelude::*, sample::select, test_runner::TestRunner};

use crate::{
    Stage, assignments,
    scene::{EVERYONE, NOBODY, Outcome, Party, Scene},
    socket::Socket,
    switch::Switch,
    tones,
};

/// Somebody who joins the scene's conference after an application has run on the call.
fn joins_after<'a>(
    scene: &'a Scene<'a>,
    socket: &mut Socket,
    name: &'a str,
    application: &str,
    data: &str,
) -> Outcome<Party<'a>> {
    let party = scene.call(name).silently().answers("park")?;
    socket.execute(&party.near(), application, data)?;
    scene.execute(&party.near(), "conference", &format!("{}@narrow", scene.room))?;
    party.comes_to(&scene.room)?;
    Ok(party)
}

/// Every way to write it that the switch takes: private, or the call does not join.
pub fn white_space_in_a_name_keeps_nobody_open(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let mut socket = scene.switch.socket()?;
    let mut joins = |name, application, data| joins_after(&scene, &mut socket, name, application, data);
    joins("customer", "set", "x=y")?;
    joins("agent", "set", "memberTag = agent")?;
    for (name, application, data) in [
        ("one", "set", "speakOnlyTo = agent"),
        ("two", "set", "speakOnlyTo =agent"),
        ("three", "set", "speakOnlyTo,agent"),
        ("four", "export", "speakonlyto = agent"),
        ("five", "multiset", "^^;x=y; speakOnlyTo = agent"),
        ("six", "multiset", "x=y speakOnlyTo=agent"),
        ("seven", "push", "speakOnlyTo = agent"),
    ] {
        joins(name, application, data)?.says(&["agent"])?;
    }
    joins("empty", "set", "speakOnlyTo =")?.says(NOBODY)?;
    scene.wait(1.5);
    scene.finish()?.judge()
}

pub fn a_misspelt_name_is_told_of(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    let coach = scene.call("coach").with("set:speak_only_to=agent").saying(EVERYONE).joins()?;
    let warned = scene.switch.log_of("`speak_only_to`");
    if !warned.contains(&coach.near()) || !warned.contains("[WARNING]") || !warned.contains("right is speakOnlyTo") {
        return Err(format!("the log does not say what would be right: {warned}"));
    }
    scene.wait(1.0);
    scene.finish()?.judge()
}

/// What other variables hold, and what other applications' data say, is nobody's mode: only the name that is assigned counts.
pub fn somebody_elses_variable_silences_nobody(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let mut socket = scene.switch.socket()?;
    let mut joins = |name, application, data| joins_after(&scene, &mut socket, name, application, data);
    joins("agent", "set", "memberTag=agent")?;
    for (name, application, data) in [
        ("one", "set", "conference_auto_outcall_prefix={speakOnlyTo=agent}"),
        ("two", "set", "note=the coach has speakOnlyTo=agent"),
        ("three", "export", "note=speakOnlyTo=agent"),
        ("four", "multiset", "^^;x=y;note='; speakOnlyTo=agent'"),
        ("five", "push", "note=speakOnlyTo"),
        ("six", "log", "INFO speakOnlyTo=agent"),
    ] {
        joins(name, application, data)?.says(EVERYONE)?;
    }
    // Among the same text, the name is assigned.
    joins("coach", "multiset", "^^;note=speakOnlyTo=boss;speakOnlyTo=agent")?.says(&["agent"])?;
    scene.wait(1.5);
    scene.finish()?.judge()
}

/// What mod_conference takes for names, and how Coach writes them.
const NAMES: [(&str, &str); 4] = [
    ("@acme.example", "@acme.example"),
    ("-o'brien", "-o'brien"),
    (" team", "%20team"),
    ("-100% \u{e9}", "-100%25%20\u{e9}"),
];

/// A customer, an agent and a coach whose variables are set, in a conference of that name. They get there by the event socket: a dialplan
/// would have to quote the name.
fn meet<'s>(scene: &'s Scene<'s>, name: &str) -> Outcome<[Party<'s>; 3]> {
    let mut socket = scene.switch.socket()?;
    let settings = [("customer", "x=y"), ("agent", "memberTag=agent"), ("coach", "speakOnlyTo=agent")];
    let parties = settings.map(|(who, setting)| {
        let party = scene.call(who).silently().answers("park")?;
        socket.execute(&party.near(), "set", setting)?;
        socket.execute(&party.near(), "conference", &format!("{name}@narrow"))?;
        scene.until(&format!("{who} in {name}"), || Ok(scene.api("conference list")?.contains(&party.near())))?;
        Ok::<_, String>(party)
    });
    let [customer, agent, coach] = parties;
    Ok([customer?, agent?, coach?])
}

/// The coach whispers; out of the conference it is an ordinary call, and the module can go.
fn whispers_and_leaves(scene: &Scene, room: &str, [_, agent, coach]: [Party; 3], written: &str) -> Outcome {
    coach.says(&["agent"])?;
    scene.wait(1.0);
    agent.says(EVERYONE)?;
    let shown = scene.api(&format!("coach show {room}{written}"))?;
    if !shown.contains("3 members") {
        return Err(format!("`coach show {room}{written}` answers {shown}"));
    }
    scene.wait(1.0);
    coach.is_sent_to("echo")?;
    coach.has_left();
    coach.hushes()?;
    scene.until("free to unload", || Ok(scene.api("unload mod_coach").is_ok()))
}

pub fn conferences_of_any_name_are_served(_: &Stage, room: &str) -> Outcome {
    let switch = Switch::start(true)?;
    for (n, (name, written)) in NAMES.into_iter().enumerate() {
        let room = format!("{room}-{n}");
        let scene = Scene::new(&switch, &room, "narrow")?;
        let mut events = scene.events()?;
        let parties = meet(&scene, &format!("{room}{name}"))?;
        events.event(2.0, |event| event["Conference-Name"] == format!("{room}{name}"))?;
        let done = whispers_and_leaves(&scene, &room, parties, written).and_then(|()| scene.finish()?.judge());
        done.map_err(|why| format!("{name}: {why}"))?;
        switch.socket()?.api("load mod_coach")?;
    }
    Ok(())
}

pub fn conferences_of_any_name_are_served_from_a_late_load_on(_: &Stage, room: &str) -> Outcome {
    let switch = Switch::start(true)?;
    for (n, (name, written)) in NAMES.into_iter().enumerate() {
        let room = format!("{room}-{n}");
        let scene = Scene::new(&switch, &room, "narrow")?;
        scene.api("unload mod_coach")?;
        let parties = meet(&scene, &format!("{room}{name}"))?;
        scene.api("load mod_coach")?;
        let done = whispers_and_leaves(&scene, &room, parties, written).and_then(|()| scene.finish()?.judge());
        done.map_err(|why| format!("{name}: {why}"))?;
        switch.socket()?.api("load mod_coach")?;
    }
    Ok(())
}

/// Whoever makes a call can give it a UUID.
pub fn calls_of_any_uuid_are_served(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    let members = || Ok::<_, String>(scene.api(&format!("conference {room} list"))?.lines().count());
    let longest = format!("{room}-{}", "v".repeat(255 - room.len()));
    let uuids = [longest, format!("'{room} one'"), format!("{room}\t%20")];
    for (settings, tone, heard_by) in [("", 500, EVERYONE), ("!speakOnlyTo=agent", 700, &["agent"])] {
        for (uuid, tone) in uuids.iter().zip([tone, tone + 600, tone + 1200]) {
            let before = members()?;
            let file = tones::file(tone, None)?;
            scene.api(&format!(
                "originate {{^^!origination_uuid={uuid}!sip_h_X-Does=m:^:answer^playback:{file}{settings}}}loopback/member/callers \
                 'conference:{room}@narrow' inline"
            ))?;
            scene.until("it is there", || Ok(members()? == before + 1))?;
            scene.says_by_itself(uuid, tone, heard_by);
            scene.wait(1.0);
            if members()? != before + 1 {
                return Err(format!("a call is gone: {uuid}{settings}"));
            }
            let number = scene.api(&format!("conference {room} list"))?;
            let number = number.lines().filter_map(|line| line.split(';').next()?.parse::<u32>().ok()).max();
            scene.api(&format!("conference {room} kick {}", number.unwrap_or_default()))?;
            scene.falls_silent(uuid);
            scene.until("it is gone", || Ok(members()? == before))?;
        }
    }
    scene.finish()?.judge()
}

/// Data for applications: made of what means something to one or another of them. No backslash stays one: the switch writes a name that has
/// one into its events as no JSON.
fn data() -> impl Strategy<Value = String> {
    let parts = [
        "speakOnlyTo",
        "SPEAKONLYTO",
        "speak_only_to",
        "x",
        "agent",
        "=",
        "=",
        "=",
        ",",
        " ",
        " ",
        "  ",
        ";",
        "^^;",
        "^^",
        "'",
        "''",
        "\\s",
        "\\n",
        "nolocal:",
        "_nolocal_",
        "\t",
    ];
    prop::collection::vec(select(parts.to_vec()), 1..9).prop_map(|parts| parts.concat())
}

/// A leg that runs applications, and tells what it has made of them.
struct Runner {
    events: RefCell<Socket>,
    near: String,
}

impl Runner {
    /// Runs one; its data as it got them, and the names of all variables afterwards.
    fn runs(&self, application: &str, data: &str) -> Outcome<(String, BTreeSet<String>)> {
        let mut events = self.events.borrow_mut();
        events.execute(&self.near, application, data)?;
        let done = events.event(5.0, |event| {
            event["Event-Name"] == "CHANNEL_EXECUTE_COMPLETE"
                && event["Unique-ID"] == self.near.as_str()
                && event["Application"] == application
        })?;
        let headers = done.as_object().into_iter().flatten();
        let names = headers.filter_map(|(name, _)| name.strip_prefix("variable_")).map(str::to_ascii_lowercase);
        Ok((done["Application-Data"].as_str().unwrap_or_default().into(), names.collect()))
    }

    /// An application sets variables of no other names than the module reads in its data.
    fn compares(&self, application: &str, data: &str) -> Outcome<usize> {
        // What is there already would not be new.
        for name in assignments::names(application, data) {
            self.runs("unset", &name)?;
        }
        let (_, before) = self.runs("set", "nothing=")?;
        let (data, after) = self.runs(application, data)?;
        let read: BTreeSet<String> =
            assignments::names(application, &data).into_iter().map(|name| name.to_ascii_lowercase()).collect();
        let set: Vec<&String> = after.difference(&before).filter(|name| !name.ends_with("export_vars")).collect();
        match set.iter().find(|name| !read.contains(**name)) {
            Some(name) => Err(format!("{application} {data:?} sets {name:?}; the module reads {read:?}")),
            None => Ok(set.len()),
        }
    }
}

/// Random data, each given to every application that sets variables.
pub fn assignments_are_read_as_the_switch_reads_them(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let party = scene.call("party").silently().answers("park")?;
    let mut events = scene.switch.socket()?;
    events.request("event json CHANNEL_EXECUTE_COMPLETE")?;
    let runs = Runner { events: RefCell::new(events), near: party.near() };
    let config = ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() };
    let set = Cell::new(0);
    let all = TestRunner::new(config).run(&data(), |data| {
        for application in ["set", "export", "bridge_export", "multiset", "push", "unshift"] {
            set.set(set.get() + runs.compares(application, &data).map_err(TestCaseError::fail)?);
        }
        Ok(())
    });
    all.map_err(|e| e.to_string())?;
    if set.get() < 100 {
        return Err(format!("no more than {} variables were set: the data hold none", set.get()));
    }
    scene.finish().map(drop)
}
