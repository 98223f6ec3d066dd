//! Any text as commands, a line each, in an engine with members of every kind.

use crate::abi::*;
use std::{
    ffi::{CStr, CString},
    ptr,
};

pub fn play(data: &[u8]) {
    let engine = conference();
    let mut before = state(engine);
    for line in data.split(|byte| *byte == b'\n').take(32) {
        let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
        before = command(engine, &CString::new(line).expect("it ends before NUL"), before);
    }
    json(&before);
    // SAFETY: any number may be passed as a handle.
    done(unsafe { coach_engine_destroy(engine) });
}

/// Runs one command; the state after it.
fn command(engine: coach_engine_t, line: &CStr, before: String) -> String {
    let mut reply = ptr::null_mut();
    // SAFETY: the text ends in NUL, the pointer is to a value that outlives the call.
    let status = check(unsafe { coach_command(engine, line.as_ptr(), &mut reply) });
    let Ok(line) = line.to_str() else {
        assert_eq!(status, COACH_ERR_TEXT, "what is not UTF-8 should be refused");
        assert!(reply.is_null(), "outputs should be written only on success");
        assert_eq!(state(engine), before, "a call that fails should change nothing");
        return before;
    };
    assert_eq!(status, COACH_OK, "text should be answered: {line:?}");
    let reply = taken(reply);
    let after = state(engine);
    let changes = matches!(line.split_whitespace().next(), Some("tag" | "untag" | "coach" | "uncoach"));
    if reply.starts_with("-ERR ") {
        assert!(!reply.trim_end().contains('\n'), "an error should be one line: {reply:?}");
        assert_eq!(after, before, "a refused command should change nothing: {line:?}");
        return after;
    }
    assert!(changes || after == before, "reading should change nothing: {line:?}");
    if !reply.starts_with("+OK") {
        assert!(line.trim_end().ends_with("json"), "+OK or -ERR should begin the answer: {line:?} {reply:?}");
        json(&reply);
    }
    after
}

/// A host-mixed and an engine-mixed room with an agent, a manager that speaks to it, and a customer in each.
fn conference() -> coach_engine_t {
    let config = coach_engine_config_t {
        size: size_of::<coach_engine_config_t>() as u32,
        flags: COACH_ENGINE_HOST_SERVICE,
        guard_ms: 200,
        reserved: 0,
        on_event: None,
        user: ptr::null_mut(),
    };
    let mut engine = 0;
    // SAFETY: the pointers are to values that outlive the call.
    done(unsafe { coach_engine_create(COACH_ABI_VERSION, &config, &mut engine) });
    let size = size_of::<coach_room_config_t>() as u32;
    for (name, mixer, rate, channels, tick_ms) in
        [(c"sales", COACH_MIXER_HOST, 0, 0, 0), (c"help", COACH_MIXER_ENGINE, 8_000, 1, 20)]
    {
        let config =
            coach_room_config_t { size, mixer, rate, channels, tick_ms, clock: COACH_CLOCK_HOST, ..Default::default() };
        let mut room = 0;
        // SAFETY: the text ends in NUL, the pointers are to values that outlive the call.
        done(unsafe { coach_room_open(engine, name.as_ptr(), &config, &mut room) });
        for (number, tags, speak_only_to) in [(1, c"", None), (2, c"agent", None), (3, c"", Some(c"agent"))] {
            let call_id = CString::new(format!("{}-{number}", name.to_str().expect("ASCII"))).expect("no NUL in it");
            let config = coach_member_config_t {
                size: size_of::<coach_member_config_t>() as u32,
                flags: COACH_MEMBER_STARTS,
                call_id: call_id.as_ptr(),
                tags: tags.as_ptr(),
                speak_only_to: speak_only_to.map_or(ptr::null(), CStr::as_ptr),
                ..Default::default()
            };
            let mut member = 0;
            // SAFETY: the texts end in NUL, the pointers are to values that outlive the calls.
            unsafe {
                done(coach_member_attach(engine, &config, &mut member));
                done(coach_member_join(member, room, number));
            }
        }
    }
    engine
}
