//! Ways into a conference: in each of them the coach speaks before it is in.

use crate::{
    Stage,
    scene::{EVERYONE, NOBODY, Outcome, Party, Scene},
    switch::Switch,
    tones,
};

/// The proof that a leak is found: the same call on a switch that knows nothing of Coach.
pub fn without_the_module_everyone_hears_the_coach(_: &Stage, room: &str) -> Outcome {
    let stock = Switch::start(false)?;
    let scene = Scene::new(&stock, room, "narrow")?;
    scene.call("customer").joins()?;
    scene.call("agent").with("set:memberTag=agent").joins()?;
    scene.call("coach").with("set:speakOnlyTo=agent").saying(&["agent"]).joins()?;
    scene.wait(1.5);
    match scene.finish()?.judge() {
        Err(found) if found.lines().count() == 1 && found.contains("customer of coach's") => Ok(()),
        Err(found) => Err(format!("more was found than there was: {found}")),
        Ok(()) => Err("the customer heard the coach, and the judge did not".into()),
    }
}

/// A coach that speaks privately, and openly afterwards. Nobody else says anything: no edge
/// of anybody's can hide what should not be heard.
fn whispers_and_opens(scene: &Scene, coach: &Party) -> Outcome {
    scene.wait(1.5);
    coach.opens_between_words()?;
    scene.wait(1.6);
    Ok(())
}

/// An agent, a coach that joins in one way or another, and a customer.
fn whispers(scene: Scene<'_>, agent_does: &str, coach_does: &str) -> Outcome {
    scene.call("customer").silently().joins()?;
    scene.call("agent").with(agent_does).silently().joins()?;
    let coach = scene.call("coach").with(coach_does).saying(&["agent"]).joins()?;
    whispers_and_opens(&scene, &coach)?;
    scene.finish()?.judge()
}

pub fn joined_by_application(stage: &Stage, room: &str) -> Outcome {
    whispers(stage.scene(room, "narrow")?, "coach:memberTag=agent", "coach:speakOnlyTo=agent")
}

pub fn joined_by_variables(stage: &Stage, room: &str) -> Outcome {
    whispers(stage.scene(room, "narrow")?, "set:memberTag=agent", "set:speakOnlyTo=agent")
}

/// A channel may ask for hooks to sleep until the call is answered. This one must not.
pub fn joined_with_media_bug_answer_req(stage: &Stage, room: &str) -> Outcome {
    let awaits = "set:media_bug_answer_req=true^set:speakOnlyTo=agent";
    whispers(stage.scene(room, "narrow")?, "coach:memberTag=agent", awaits)
}

pub fn joined_by_lua(stage: &Stage, room: &str) -> Outcome {
    let script = |name: &str, value: &str| -> Outcome<String> {
        let path = stage.switch()?.folder.join(format!("{name}.lua"));
        std::fs::write(&path, format!("session:setVariable('{name}', '{value}')\n")).map_err(|e| e.to_string())?;
        Ok(format!("lua:{name}.lua"))
    };
    let (tag, only) = (script("memberTag", "agent")?, script("speakOnlyTo", "agent")?);
    whispers(stage.scene(room, "narrow")?, &tag, &only)
}

pub fn joined_by_event_socket(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    let agent = scene.call("agent").silently().answers("park")?;
    let coach = scene.call("coach").saying(&["agent"]).answers("park")?;
    for (party, name) in [(agent, "memberTag"), (coach, "speakOnlyTo")] {
        scene.api(&format!("uuid_setvar {} {name} agent", party.near()))?;
        scene.execute(&party.near(), "conference", &format!("{room}@narrow"))?;
        party.comes_to(room)?;
    }
    coach.says(&["agent"])?;
    whispers_and_opens(&scene, &coach)?;
    scene.finish()?.judge()
}

pub fn joined_by_originate(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").silently().joins()?;
    scene.call("agent").originated("memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").originated("speakOnlyTo=agent").saying(&["agent"]).joins()?;
    whispers_and_opens(&scene, &coach)?;
    scene.finish()?.judge()
}

/// Each way in which several tags are set, where a comma can be something else.
pub fn several_tags_are_set_in_every_way(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let hears = ["escaped", "separated", "set", "applied"];
    scene.call("customer").silently().joins()?;
    scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
    scene.call("escaped").originated("memberTag=agent\\,night-shift").silently().joins()?;
    // The scene's own calls are made with `^^!`.
    scene.call("separated").variables("!memberTag=agent,night-shift").silently().joins()?;
    scene.call("set").with("set:memberTag=agent,night-shift").silently().joins()?;
    scene.call("applied").with("coach:memberTag=agent,night-shift").silently().joins()?;
    scene.call("coach").with("coach:speakOnlyTo=night-shift").saying(&hears).joins()?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

/// Who is bridged gets the tag that was exported, and the one that was set does not pass.
pub fn an_exported_tag_passes_to_who_is_bridged(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    for (application, passes) in [("export", true), ("bridge_export", true), ("set", false)] {
        let sets = format!("{application}:memberTag=agent");
        let bridge = "bridge:loopback/m:;:answer;park/callers/inline";
        let caller = scene.call(application).with(&sets).silently().answers(bridge)?;
        let var = |uuid: &str, name: &str| {
            Ok::<_, String>(scene.api(&format!("uuid_getvar {uuid} {name}"))?.trim().to_owned())
        };
        scene.until("it is bridged", || Ok(var(&caller.near(), "signal_bond")? != "_undef_"))?;
        let bridged = var(&caller.near(), "signal_bond")?;
        let (own, passed) = (var(&caller.near(), "memberTag")?, var(&bridged, "memberTag")?);
        if passed != if passes { "agent" } else { "_undef_" } {
            return Err(format!("{application}: the caller has {own}, and whom it is bridged with has {passed}"));
        }
    }
    scene.finish().map(drop)
}

pub fn joined_by_a_loopback_that_runs_the_conference_itself(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let customer = scene.call("customer").silently().joins()?;
    // Nothing but the list of members tells that such a leg is in the conference; a caller's name in it may be no text.
    scene.execute(&customer.near(), "set_profile_var", "caller_id_name=${url_decode(Jos%E9)}")?;
    scene.call("agent").bare().variables("!memberTag=agent").silently().joins()?;
    let coach = scene.call("coach").bare().variables("!speakOnlyTo=agent").saying(&["agent"]).joins()?;
    whispers_and_opens(&scene, &coach)?;
    scene.finish()?.judge()
}

/// What is no list of tags is private to nobody: a variable that was never set, for one.
pub fn empty_and_unset_settings_are_private_to_nobody(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    scene.call("customer").joins()?;
    scene.call("agent").with("coach:memberTag=agent").joins()?;
    scene.call("empty").with("coach:speakOnlyTo=").saying(NOBODY).joins()?;
    let unset = scene.call("unset").saying(NOBODY).answers("park")?;
    unset.is_sent_to(&format!("coach:speakOnlyTo=${{nobody_has_set_this}}^conference:{room}@narrow"))?;
    unset.comes_to(room)?;
    scene.call("malformed").with("coach:speakOnlyTo=agent,,boss").saying(NOBODY).joins()?;
    scene.call("listless").with("set:speakOnlyTo=agent,,boss").saying(NOBODY).joins()?;
    scene.call("undone").with("set:speakOnlyTo=").saying(NOBODY).joins()?;
    let monitor = scene.call("monitor").with("coach:speakOnlyTo=-").saying(NOBODY).joins()?;
    scene.wait(1.2);
    // Whoever meant something else finds it in the log.
    let said = scene.switch.log_of("[WARNING] mod_coach").lines().count();
    if said < 5 {
        return Err(format!("{said} warnings for 5 settings that say nothing"));
    }
    monitor.coach("coach agent")?;
    monitor.says(&["agent"])?;
    scene.wait(1.2);
    scene.finish()?.judge()
}

/// Neither tag nor mode: an open member as ever, with no hook.
pub fn a_member_without_settings_is_open_and_has_no_hook(stage: &Stage, room: &str) -> Outcome {
    let scene = stage.scene(room, "narrow")?;
    let customer = scene.call("customer").joins()?;
    scene.call("agent").joins()?;
    scene.wait(1.2);
    let hooks = scene.api(&format!("uuid_buglist {}", customer.near()))?;
    if hooks.contains("coach") {
        return Err(format!("a hook that nobody needs: {hooks}"));
    }
    scene.finish()?.judge()
}

/// The endpoint holds its lock on the call meanwhile: with a hook it would hang, and could not be hung up. A call that Coach has no
/// business with joins as ever.
pub fn joined_out_of_execute_on_answer(_: &Stage, room: &str) -> Outcome {
    let switch = Switch::start(true)?;
    for (name, variable, before, settings, tone, heard_by) in [
        ("coach", "answer", "", "!speakOnlyTo=agent", 500, NOBODY),
        ("other", "answer", "", "!memberTag=agent", 900, NOBODY),
        ("open", "answer", "", "", 1300, EVERYONE),
        ("media", "media", "", "!speakOnlyTo=agent", 500, NOBODY),
        ("early", "pre_answer", "pre_answer^sleep:300^", "!speakOnlyTo=agent", 500, NOBODY),
        ("ring", "ring", "ring_ready^sleep:300^", "!speakOnlyTo=agent", 500, NOBODY),
    ] {
        let room = format!("{room}-{name}");
        let scene = Scene::new(&switch, &room, "narrow")?;
        scene.call("customer").silently().joins()?;
        scene.call("agent").with("coach:memberTag=agent").silently().joins()?;
        let members = || Ok::<_, String>(scene.api(&format!("conference {room} list"))?.lines().count());
        let (uuid, file) = (format!("{room}-call"), tones::file(tone, None)?);
        if heard_by == NOBODY {
            scene.says_by_itself(name, tone, heard_by);
        }
        scene.api(&format!(
            "bgapi originate {{^^!origination_uuid={uuid}!absolute_codec_string=PCMU\
             !execute_on_{variable}=conference:{room}@narrow!sip_h_X-Does=m:^:{before}answer^playback:{file}{settings}}}\
             sofia/test/member@127.0.0.1:{} &park()",
            switch.sip_port
        ))?;
        // Where it rings there is no media yet, and the core itself refuses.
        let why = if variable == "ring" { "does not have media established" } else { "right is `&conference" };
        let told = || switch.log_of(&uuid).contains(why);
        scene.until(&format!("{name} joins"), || Ok(told() || switch.log_of(&uuid).contains("has been answered")))?;
        scene.wait(1.0);
        if heard_by == EVERYONE {
            scene.until("it is in", || Ok(members()? == 3))?;
            scene.says_by_itself(name, tone, heard_by);
            scene.refused(&format!("uuid_coach {uuid} coach agent"))?;
            scene.refused(&format!("uuid_coach {uuid} tag agent"))?;
            scene.wait(1.5);
            scene.falls_silent(name);
        } else if !told() {
            return Err(format!("{name}: the log does not say {why}"));
        }
        let _ = scene.api(&format!("uuid_kill {uuid}"));
        let exists = || Ok::<_, String>(scene.api(&format!("uuid_exists {uuid}"))?.trim() == "true");
        scene.until(&format!("{name} is gone"), || Ok(!exists()? && members()? == 2))?;
        scene.finish()?.judge()?;
    }
    switch.stop().map(drop)
}
