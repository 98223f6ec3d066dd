//! Members that join through Local channels: Coach then hooks not the phone's own leg, but one half of a channel whose other half is
//! bridged with the phone, in another codec and at another rate.

use crate::{
    conference::{AGENT, CUSTOMER, Conference, MANAGER, Role, seconds},
    line::Format,
    pbx::{Pbx, Scenario},
};

pub const SCENARIOS: &[Scenario] = &[("members_come_through_local_channels", local)];

fn local(pbx: &Pbx) {
    let mut c = Conference::new(pbx, "local");
    let through = |codec, rate, role| Role { local: Some(codec), format: Format::at(rate), ..role };
    let coach = |codec, rate, packet_ms, user| Role {
        user,
        format: Format { packet_ms, ..Format::at(rate) },
        ..through(codec, rate, MANAGER)
    };
    // Nobody but the coach says anything: codecs make noise, and in a Local channel a voice comes late now and then. Both would be
    // heard at every frequency.
    let customer = c.enter("customer", through("slin16", 48000, CUSTOMER));
    let narrow = c.enter("narrow", through("slin", 16000, CUSTOMER));
    let agents = [c.enter("agent", through("g722", 8000, AGENT)), c.enter("other", through("alaw", 24000, AGENT))];
    for (codec, rate, packet_ms, user) in [
        ("ulaw", 48000, 20, "default_user"),
        ("g722", 16000, 10, "default_user"),
        ("slin48", 12000, 60, "default_user"),
        ("slin", 8000, 20, "jitter_buffer"),
    ] {
        let manager = c.join(codec, coach(codec, rate, packet_ms, user));
        seconds(1.5);
        for listener in [&customer, &narrow] {
            c.never_heard(listener, &manager);
        }
        for agent in &agents {
            c.judge_last(agent, 0.8, manager.tone, true).unwrap_or_else(|said| panic!("{}, {codec}: {said}", agent.id));
        }
        c.coach("uncoach", &manager, "");
        seconds(0.8);
        for listener in [&customer, &narrow] {
            c.judge_last(listener, 0.4, manager.tone, true)
                .unwrap_or_else(|said| panic!("{} of an open voice, {codec}: {said}", listener.id));
        }
        // Its open word has to be over before it speaks privately again.
        manager.line.hush();
        seconds(0.5);
        c.coach("coach", &manager, "agent");
        let from = [customer.line.clock(), narrow.line.clock()];
        manager.speak();
        seconds(1.0);
        for (listener, from) in [&customer, &narrow].into_iter().zip(from) {
            c.judge(listener, from, manager.tone, false)
                .unwrap_or_else(|said| panic!("{}, {codec}: {said}", listener.id));
        }
        c.hang_up(manager);
    }
}
