//! Measures the memory that a member takes, as the C library's allocator counts it: libcoach.so allocates there, too.

use crate::{
    cases::speech,
    host::{Engine, Member, Room, SAMPLES, done},
};

const MEMBERS: usize = 1_000;

/// Bytes a member of a host-mixed room that never spoke privately.
pub fn open() -> usize {
    a_member(Engine::host_mixed, |engine, room, n| engine.member(room, n, "sales", None))
}

/// Bytes a member of a host-mixed room that speaks privately, at 8 kHz, to one listener.
pub fn private() -> usize {
    a_member(Engine::host_mixed, |engine, room, n| match n {
        1 => engine.member(room, n, "agent", None),
        _ => engine.member(room, n, "sales", Some("agent")),
    })
}

/// Bytes a member of an engine-mixed room.
pub fn mixed() -> usize {
    a_member(Engine::engine_mixed, |engine, room, n| engine.member(room, n, "sales", None))
}

fn a_member(open: fn(&Engine, &str) -> Room, join: fn(&Engine, &Room, u32) -> Member) -> usize {
    let engine = Engine::serviced_here();
    let room = open(&engine, "hall");
    let mut members = Vec::with_capacity(MEMBERS);
    let before = in_use();
    for n in 1..=MEMBERS {
        members.push(join(&engine, &room, n as u32));
        // Routes that no hook uses any more are given back, as they are by the service thread.
        engine.service();
    }
    for _ in 0..5 {
        members.iter().for_each(|m| done(m.read(&mut speech(1))));
        room.tick();
        members.iter().for_each(|m| done(m.write(&mut [0; SAMPLES])));
        engine.service();
    }
    (in_use() - before) / MEMBERS
}

fn in_use() -> usize {
    // SAFETY: it reads counters of the allocator.
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}
