//! Scenarios that need an instance of their own.

use crate::{
    conference::{AGENT, CUSTOMER, Conference, MANAGER, Role, seconds},
    line::Format,
    pbx::{Pbx, Setup},
};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("unloading_is_refused_while_somebody_speaks_privately", unloading),
    ("unloading_is_refused_while_what_was_said_privately_is_on_its_way", unloading_in_a_stall),
    ("unloading_waits_for_calls_that_hang_up", unloading_while_hanging_up),
    ("a_forced_unload_changes_nothing_while_somebody_speaks_privately", unloading_by_force),
    ("without_the_module_a_coachs_call_ends", without_module),
    ("without_conversion_between_rates_nothing_private_passes", without_resampling),
    ("what_asterisk_cannot_convert_at_all_is_private_too", without_conversion),
    ("valgrind_finds_no_fault", valgrind),
];

fn unloading() {
    let pbx = Pbx::start("unloading", Setup::default());
    let mut c = Conference::new(&pbx, "unloading");
    let (customer, agent, manager) = (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", MANAGER));
    for unload in ["module unload res_coach.so", "module unload -f res_coach.so"] {
        let said = pbx.console(unload);
        assert!(said.contains("Unable to unload"), "{unload}: {said}");
        let show = c.manager.command("module show like res_coach");
        assert!(show.contains("1 modules loaded"), "{unload}: {show}");
        c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
    }
    c.never_heard(&customer, &manager);

    // In an ordinary call it is heard, but it may come back.
    let goes = |exten| [("Context", "members"), ("Exten", exten), ("Priority", "1")];
    c.act("Redirect", &manager, &goes("after"));
    c.wait_until("the manager leaves", |c| !c.knows(&manager));
    assert!(
        pbx.console("module unload res_coach.so").contains("Unable to unload"),
        "it speaks privately when it is back"
    );
    c.act("Redirect", &manager, &goes("again"));
    c.wait_until("the manager comes back", |c| c.knows(&manager));

    c.coach("uncoach", &manager, "");
    seconds(0.5);
    let said = pbx.console("module unload res_coach.so");
    assert!(c.manager.command("module show like res_coach").contains("0 modules loaded"), "{said}");
    assert!(c.manager.command("coach rooms").starts_with("No such command"), "no command stays");
    c.hears(&[(&customer, &[&agent, &manager]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);

    // Loaded again, it takes the conferences up that are there, with their tags.
    let load = || {
        let said = pbx.console("module load res_coach.so");
        assert!(said.contains("Loaded"), "{said}");
    };
    load();
    c.coach("coach", &manager, "agent");
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);

    // While it waits for what is still on its way, nobody turns private.
    c.coach("uncoach", &manager, "");
    std::thread::scope(|scope| {
        let unload = scope.spawn(|| pbx.console("module unload res_coach.so"));
        seconds(0.06);
        let said = c.manager.command(&format!("coach coach unloading {} agent", manager.id));
        assert!(!said.starts_with("+OK"), "the module goes: {said}");
        unload.join().expect("the console answers");
    });
    assert!(c.manager.command("module show like res_coach").contains("0 modules loaded"));
    load();
    assert!(c.manager.command("coach show unloading").contains("openly"), "and nobody is");
    drop(c);
    drop((customer, agent, manager));
    assert!(pbx.stop().success(), "Asterisk ends well");
}

/// `-h` goes past the module's refusal. It stays in memory and goes on, and is the same when it is loaded again.
fn unloading_by_force() {
    let pbx = Pbx::start("by_force", Setup::default());
    let mut c = Conference::new(&pbx, "by_force");
    let (customer, agent, manager) = (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", MANAGER));
    for _ in 0..2 {
        pbx.console("module unload -h res_coach.so");
        c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
        let said = pbx.console("module load res_coach.so");
        assert!(said.contains("Loaded"), "{said}");
        c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
    }
    c.never_heard(&customer, &manager);

    // Nothing of it keeps it in memory when it may go.
    let maps = || std::fs::read_to_string(format!("/proc/{}/maps", pbx.id())).expect("it runs");
    assert!(pbx.console("module unload res_coach.so").contains("Unable to unload"));
    c.coach("uncoach", &manager, "");
    seconds(0.5);
    assert!(maps().contains("res_coach.so"));
    let said = pbx.console("module unload res_coach.so");
    assert!(said.contains("Unloaded") && !maps().contains("res_coach.so"), "{said}");
    let said = pbx.console("module load res_coach.so");
    assert!(said.contains("Loaded"), "{said}");
    c.coach("coach", &manager, "agent");
    c.hears(&[(&customer, &[&agent]), (&agent, &[&customer, &manager]), (&manager, &[&customer, &agent])]);
    pbx.console("module unload -h res_coach.so");
    drop(c);
    drop((customer, agent, manager));
    assert!(pbx.stop().success(), "Asterisk ends well");
}

/// The network holds back what the coach said before the `uncoach`: without the module everyone would hear it.
fn unloading_in_a_stall() {
    let pbx = Pbx::start("unloading_in_a_stall", Setup::default());
    let mut c = Conference::new(&pbx, "in_a_stall");
    let (customer, manager) = (c.join("customer", CUSTOMER), c.join("manager", MANAGER));
    seconds(1.0);
    manager.line.stall(true);
    seconds(0.5);
    c.coach("uncoach", &manager, "");
    manager.line.hush();
    let said = pbx.console("module unload res_coach.so");
    manager.line.stall(false);
    seconds(1.0);
    c.never_heard(&customer, &manager);
    assert!(said.contains("Unable to unload"), "{said}");
    // It stays as it was, and goes once the burst has come.
    c.coach("coach", &manager, "agent");
    c.coach("uncoach", &manager, "");
    let said = pbx.console("module unload res_coach.so");
    assert!(c.manager.command("module show like res_coach").contains("0 modules loaded"), "{said}");
    drop(c);
    drop((customer, manager));
    assert!(pbx.stop().success(), "Asterisk ends well");
}

/// What they still have to do is done in the module.
fn unloading_while_hanging_up() {
    let pbx = Pbx::start("hanging_up", Setup::default());
    let mut c = Conference::new(&pbx, "hanging_up");
    for round in 0..8 {
        let agents: Vec<_> = (0..12).map(|n| c.enter(&format!("agent_{round}_{n}"), AGENT)).collect();
        let channels: Vec<_> = agents.iter().map(|agent| c.channel(agent).expect("it is there")).collect();
        std::thread::scope(|scope| {
            let unload = scope.spawn(|| pbx.console("module unload res_coach.so"));
            for channel in &channels {
                c.manager.action("Hangup", &[("Channel", channel)]);
                seconds(0.004);
            }
            let said = unload.join().expect("the console answers");
            assert!(said.contains("Unloaded"), "{said}");
        });
        let said = pbx.console("module load res_coach.so");
        assert!(said.contains("Loaded"), "{said}");
    }
    drop(c);
    assert!(pbx.stop().success(), "Asterisk ends well");
}

/// Where the application is missing, a coach does not get into the conference; and the judge hears one who does.
fn without_module() {
    let pbx = Pbx::start("without_module", Setup { without: &["res_coach.so"], ..Setup::default() });
    let mut c = Conference::new(&pbx, "without_module");
    let customer = c.join("customer", CUSTOMER);
    let manager = c.call("manager", MANAGER, 1000.0);
    seconds(1.5);
    assert!(!c.has(&manager), "the dialplan ends where the application is missing");
    let open = c.join("open", CUSTOMER);
    seconds(0.5);
    c.judge_last(&customer, 0.3, open.tone, false).expect_err("a coach without Coach is heard");
}

/// Asterisk converts between rates by way of Opus then, badly.
fn without_resampling() {
    let pbx = Pbx::start("without_resampling", Setup { without: &["codec_resample.so"], ..Setup::default() });
    for rate in [8000, 16000] {
        let mut c = Conference::new(&pbx, &format!("mixed_at_{rate}"));
        let at = |of, role| Role {
            format: Format::at(of),
            bridge: if rate == 8000 { "mixed_at_8000" } else { "mixed_at_16000" },
            ..role
        };
        let customers = [c.enter("low", at(8000, CUSTOMER)), c.enter("high", at(16000, CUSTOMER))];
        let agent = c.enter("agent", at(rate, AGENT));
        let mixed = Format { speaks_at: Some(24_000 - rate), ..Format::at(rate) };
        for (n, format) in [8000, 16000, 24000].map(Format::at).into_iter().chain([mixed]).enumerate() {
            let manager = c.enter(&format!("manager_{n}"), Role { format, ..at(rate, MANAGER) });
            seconds(1.0);
            for customer in &customers {
                c.never_heard(customer, &manager);
            }
            if format.rate == rate {
                c.judge_last(&agent, 0.4, manager.tone, true).expect("who came in at the conference's rate is heard");
            }
            c.coach("uncoach", &manager, "");
            seconds(0.5);
            c.coach("coach", &manager, "agent");
            c.hang_up(manager);
        }
    }
}

/// Frames that Asterisk cannot convert go around what converts them, never around Coach. With no way left, a leg comes into a
/// conference at its own rate, or not at all; but then it may speak at another.
fn without_conversion() {
    let without = &["codec_resample.so", "codec_opus_open_source.so", "codec_g722.so"];
    let pbx = Pbx::start("without_conversion", Setup { without, ..Setup::default() });
    let mut c = Conference::new(&pbx, "without_conversion");
    let speaks_at =
        |rate, role| Role { format: Format { speaks_at: rate, ..Format::at(8_000) }, bridge: "mixed_at_8000", ..role };
    let wide = Some(16_000);
    let customers = [c.enter("customer", speaks_at(None, CUSTOMER)), c.enter("other", speaks_at(wide, CUSTOMER))];
    let agents = [c.enter("agent", speaks_at(None, AGENT)), c.enter("second", speaks_at(wide, AGENT))];
    let manager = c.join("manager", speaks_at(wide, MANAGER));
    seconds(1.0);
    for agent in &agents {
        c.judge_last(agent, 0.4, manager.tone, true).expect("Coach converts what is private");
    }
    c.coach("uncoach", &manager, "");
    seconds(1.0);
    c.judge_last(&agents[0], 0.4, manager.tone, false).expect("Asterisk cannot convert what is open");
    for customer in &customers {
        c.never_heard(customer, &manager);
    }
}

fn valgrind() {
    let pbx = Pbx::start("valgrind", Setup { valgrind: true, ..Setup::default() });
    let mut c = Conference::new(&pbx, "valgrind");
    let (_customer, agent, manager) =
        (c.join("customer", CUSTOMER), c.join("agent", AGENT), c.join("manager", MANAGER));
    seconds(2.0);
    c.coach("uncoach", &manager, "");
    c.coach("tag", &agent, "night-shift");
    c.coach("coach", &manager, "night-shift");
    for command in ["coach rooms", "coach show valgrind as json", "coach stats", "core show help coach tag"] {
        c.manager.command(command);
    }
    c.confbridge("mute", &manager);
    seconds(1.0);
    c.act("Redirect", &agent, &[("Context", "members"), ("Exten", "after"), ("Priority", "1")]);
    // Of two legs with hooks one gives way, while the other's channel goes on speaking.
    let other = c.join("other", AGENT);
    c.wait_until("Coach has it", |c| c.knows(&other));
    let _heir = c.replace_as("private_line", 1, &other);
    c.wait_until("the leg is replaced", |c| c.channel(&other).is_none());
    seconds(1.0);
    let channel = c.channel_of("private_line").expect("it has the other's place");
    c.manager.action("Hangup", &[("Channel", &channel)]);
    c.wait_until("it hangs up", |c| c.channel_of("private_line").is_none());
    // Of another one, the only leg with a hook goes on with another call.
    let another = c.join("another", AGENT);
    c.wait_until("Coach has it", |c| c.knows(&another));
    let _stranger = c.replace_as("several_line", 1, &another);
    c.wait_until("the leg is replaced", |c| c.channel(&another).is_none());
    seconds(1.0);
    let channel = c.channel_of("several_line").expect("it has the other's place");
    c.manager.action("Hangup", &[("Channel", &channel)]);
    c.wait_until("it hangs up", |c| c.channel_of("several_line").is_none());
    c.hang_up(manager);
    // What it leaves behind is a leak only when it has gone.
    pbx.console("module unload res_coach.so");
    assert!(c.manager.command("module show like res_coach").contains("0 modules loaded"), "it can be unloaded");
    drop(c);
    let log = pbx.folder().join("valgrind.log");
    let status = pbx.stop();
    let said = std::fs::read_to_string(&log).expect("Valgrind has a log");
    assert!(status.success() && said.contains("ERROR SUMMARY"), "{status}: {}", log.display());
    assert!(faults(&said).is_empty(), "{}:\n{}", log.display(), faults(&said).join("\n"));
    for seen in FAULTS {
        assert_eq!(faults(&format!("{said}== \n{seen}")).len(), 1, "this would be seen:\n{seen}");
    }
}

/// What Valgrind says of faults in the module: it names functions and source files, but not the library.
const FAULTS: [&str; 3] = [
    "== 8 bytes in 1 blocks are definitely lost\n==7==    by 0xD5: leg_make (/home/me/coach/src/host/asterisk/leg.c:96)\n",
    "== Invalid read of size 8\n==7==    at 0xD6: coach::audio::read::taken (read.rs:12)\n",
    "== Invalid write of size 2\n==7==    at 0xD7: coach_write (hooks.rs:80)\n==7==    by 0xD8: mix (heard.c:27)\n",
];

/// What it says of this module's code.
fn faults(log: &str) -> Vec<&str> {
    let ours = ["/src/host/asterisk/", ": coach::", ": <coach::", ": coach_"];
    log.split("== \n").filter(|part| ours.iter().any(|code| part.contains(code))).collect()
}
