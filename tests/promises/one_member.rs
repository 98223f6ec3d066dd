//! What a host asks and commands of one member by its handle, without a room's name or a number: the modules act on the call they are told
//! of in this way.

use crate::support::*;

/// In `sales`: the coach is 1, the agent 2.
fn sales(engine: &Engine) -> (Room<'_>, Member<'_>, Member<'_>) {
    let room = engine.host_room("sales");
    let (coach, agent) = engine.coach_and_agent(&room);
    (room, coach, agent)
}

#[test]
fn a_command_about_a_member_does_and_says_what_it_does_by_room_and_number() {
    let (engine, other) = (Engine::new(), Engine::new());
    let ((_room, coach, _agent), _other) = (sales(&engine), sales(&other));
    for (one, by_name) in [
        ("coach agent,boss", "coach sales 1 agent,boss"),
        ("coach -", "coach sales 1 -"),
        ("uncoach", "uncoach sales 1"),
        ("explain", "explain sales 1"),
        ("explain as json", "explain sales 1 as json"),
        ("tag boss", "tag sales 1 boss"),
        (" tag  night,boss ", "tag sales 1 night,boss"),
        ("untag", "untag sales 1"),
    ] {
        let reply = coach.command(one).expect("is done");
        assert_eq!(reply, other.command(by_name), "{one:?}");
        if !one.starts_with("explain") {
            assert!(reply.starts_with("+OK 1 in sales "), "{one:?}: it says who is meant: {reply}");
        }
        let state = |engine: &Engine| engine.state(Some("sales")).expect("it is there");
        assert_eq!(state(&engine), state(&other), "after {one:?}");
    }
}

#[test]
fn a_command_about_a_member_outside_rooms_names_its_call() {
    let engine = Engine::new();
    let member = engine.attach("call-1", "", None);
    for (command, reply) in [
        ("tag agent", "+OK call-1 has the tags agent"),
        ("untag", "+OK call-1 has no tags"),
        ("coach agent", "+OK call-1 speaks only to agent; nobody hears it now"),
        ("uncoach", "+OK call-1 speaks openly after 200 ms of its audio"),
    ] {
        assert_eq!(member.command(command).expect("is done"), reply);
    }
    let refused = member.command("explain").expect_err("nobody hears another");
    assert_eq!(refused.status, COACH_ERR_STATE, "{refused:?}");
}

#[test]
fn what_is_no_command_about_a_member_is_refused_with_what_is_right() {
    let engine = Engine::new();
    let (_room, coach, _agent) = sales(&engine);
    for (command, status, right) in [
        ("", COACH_ERR_VALUE, "tag, untag, coach, uncoach and explain are"),
        ("help", COACH_ERR_VALUE, "tag, untag, coach, uncoach and explain are"),
        ("show", COACH_ERR_VALUE, "tag, untag, coach, uncoach and explain are"),
        ("gettag", COACH_ERR_VALUE, "tag, untag, coach, uncoach and explain are"),
        ("tag", COACH_ERR_VALUE, "usage: tag <room> <member> <tag>"),
        ("untag boss", COACH_ERR_VALUE, "usage: untag <room> <member>"),
        ("explain more", COACH_ERR_VALUE, "usage: explain <room> <member>"),
        ("coach agent boss", COACH_ERR_TAG, "white space"),
    ] {
        let before = engine.state(None).expect("it can be read");
        let refused = coach.command(command).expect_err("it is refused");
        assert_eq!(refused.status, status, "{command:?}: {refused:?}");
        assert!(refused.message.contains(right), "{command:?}: {refused:?}");
        assert_eq!(engine.state(None).expect("it can be read"), before, "{command:?} changes nothing");
    }
}

#[test]
fn the_info_of_a_member_is_how_it_is() {
    let engine = Engine::new();
    let (room, coach, agent) = sales(&engine);
    let how = |member: &Member| {
        let info = member.info().expect("it is there");
        assert_eq!(info.size as usize, size_of::<coach_member_info>());
        (info.flags, info.room, info.number, info.opens_in_ms)
    };
    assert_eq!(how(&coach), (COACH_INFO_PRIVATE, room.handle, 1, 0));
    assert_eq!(how(&agent), (COACH_INFO_ADDRESSED | COACH_INFO_NEEDS_WRITE, room.handle, 2, 0));
    coach.uncoach().expect("opens");
    agent.mute(true).expect("is muted");
    assert_eq!(how(&coach), (0, room.handle, 1, 200));
    assert_eq!(how(&agent), (COACH_INFO_MUTED, room.handle, 2, 0));
    agent.mute(false).expect("is set");
    type Change = fn(&Member) -> Done;
    let flags: [(Change, u32); 3] = [
        (|member| member.deaf(true), COACH_INFO_DEAF),
        (|member| member.hold(true), COACH_INFO_DEAF | COACH_INFO_HELD),
        (|member| member.bypass(true), COACH_INFO_DEAF | COACH_INFO_HELD | COACH_INFO_BYPASSED),
    ];
    for (change, flags) in flags {
        change(&agent).expect("is set");
        assert_eq!(how(&agent), (flags, room.handle, 2, 0));
    }
    coach.leave().expect("leaves");
    assert_eq!(how(&coach), (0, 0, 0, 200));
    let mixed = engine.engine_room("mixed", Format::mono(8_000), 20);
    coach.join(&mixed, 7).expect("enters");
    assert_eq!(how(&coach), (COACH_INFO_NEEDS_WRITE, mixed.handle, 7, 200));
}
