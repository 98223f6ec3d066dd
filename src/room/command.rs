//! The text commands: one grammar on every switch.

use std::{ffi::CStr, sync::Arc};

use serde::Serialize;

use super::{
    engine::Engine,
    error::{Error, Result},
    event_builder::{numbers, opens_in},
    report::{CounterSums, Stats, table},
    state::RoomState,
};
use crate::sys;

/// Commands: name, arguments, meaning; as a host written in C gets them too.
pub const COMMANDS: [(&CStr, &CStr, &CStr); 11] = [
    (c"rooms", c"[as json]", c"every room: members, private speakers"),
    (c"show", c"<room> [as json]", c"every member: number, call id, tags, speakOnlyTo, who hears it"),
    (c"explain", c"<room> <member> [as json]", c"who hears this member and why; who does not and why"),
    (c"tag", c"<room> <member> <tag>[,<tag>...]", c"set the member's tags (replaces)"),
    (c"untag", c"<room> <member>", c"remove them"),
    (
        c"coach",
        c"<room> <member> <tag>[,<tag>...]",
        c"private: heard only by members with one of these tags; `-`: by nobody",
    ),
    (c"uncoach", c"<room> <member>", c"open again: heard by everyone"),
    (c"gettag", c"<room> <tag> [nomatch] [as json]", c"member numbers that have (have not) the tag"),
    (c"stats", c"[<room>] [as json]", c"counters"),
    (c"version", c"[as json]", c"Coach's version"),
    (c"help", c"", c"this"),
];

/// The answer to `text`: `+OK ...`, `-ERR ...`, or JSON.
pub fn answer(engine: &Arc<Engine>, text: &str) -> String {
    run(engine, text).unwrap_or_else(|error| format!("-ERR {}", error.message))
}

fn run(engine: &Arc<Engine>, text: &str) -> Result<String> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let json = words.len() > 2 && words.ends_with(&["as", "json"]);
    if json {
        words.truncate(words.len() - 2);
    }
    let reads = ["rooms", "show", "explain", "gettag", "stats", "version"];
    if json && !reads.contains(&words[0]) {
        return Err(Error::value(format!("`as json` goes with {}", reads.join(", "))));
    }
    // What is read is made text of once the room is free for others again.
    match words[..] {
        ["rooms"] => {
            let rooms = engine.every_room(RoomState::room_line)?;
            if json {
                return to_json(&rooms);
            }
            let rows: Vec<_> = rooms
                .iter()
                .map(|r| vec![r.name.clone(), r.mixer.into(), r.members.to_string(), r.private.to_string()])
                .collect();
            let head = format!("+OK {} rooms", rows.len());
            Ok(if rows.is_empty() { head } else { head + &table(&["room", "mixed by", "members", "private"], &rows) })
        }
        ["show", room] => {
            let report = engine.in_room(room, |state| state.room_report())?;
            if json { to_json(&report) } else { Ok(report.text()) }
        }
        ["explain", room, member] => {
            let explanation = engine.in_room(room, |state| {
                let (number, handle) = find(state, room, member)?;
                state.explain(number, state.member(handle)?)
            })?;
            if json { to_json(&explanation) } else { Ok(explanation.text()) }
        }
        [action @ ("tag" | "coach"), room, member, tags] => named(engine, room, member, action, tags),
        [action @ ("untag" | "uncoach"), room, member] => named(engine, room, member, action, ""),
        ["gettag", room, tag] => gettag(engine, room, tag, true, json),
        ["gettag", room, tag, "nomatch"] => gettag(engine, room, tag, false, json),
        ["stats"] => stats(engine.stats()?, json),
        ["stats", room] => {
            let counted = engine.in_room(room, |state| {
                let mut counted = CounterSums::default();
                state.count(&mut counted);
                Ok(counted)
            })?;
            stats(counted.stats(), json)
        }
        ["version"] if json => to_json(&serde_json::json!({ "version": crate::VERSION })),
        ["version"] => Ok(format!("+OK {}", crate::VERSION)),
        ["help"] => {
            let rows: Vec<_> = grammar().map(|(a, b, c)| vec![a.into(), b.into(), c.into()]).collect();
            Ok("+OK".to_string() + &table(&["command", "arguments", ""], &rows))
        }
        [] => Err(Error::value(format!("no command; give one of {}", names()))),
        [name, ..] => Err(match grammar().find(|(command, ..)| *command == name) {
            Some((command, arguments, _)) => Error::value(format!("usage: {command} {arguments}")),
            None => Error::value(format!("no command called {name}; give one of {}", names())),
        }),
    }
}

fn names() -> String {
    grammar().map(|(name, ..)| name).collect::<Vec<_>>().join(", ")
}

/// The commands: name, arguments, meaning.
fn grammar() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let text = |text: &'static CStr| text.to_str().unwrap_or_default();
    COMMANDS.iter().map(move |(name, arguments, does)| (text(name), text(arguments), text(does)))
}

/// The answer to `text` about one member: `tag agent`, `explain as json`.
pub fn about(engine: &Arc<Engine>, member: u64, text: &str) -> Result<String> {
    let (word, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
    match (word, rest.split_whitespace().collect::<Vec<_>>().join(" ").as_str()) {
        ("explain", how @ ("" | "as json")) => {
            let explanation = engine.act_on(member, |state| {
                let member = state.member(member)?;
                let place = member.place.ok_or_else(|| {
                    Error::new(
                        sys::COACH_ERR_STATE,
                        "the member is in no room, where nobody hears another; have it join one",
                    )
                })?;
                state.explain(place.number, member)
            })?;
            if how.is_empty() { Ok(explanation.text()) } else { to_json(&explanation) }
        }
        // All that follows: what is wrong with tags, the rule for them says.
        (action @ ("tag" | "coach"), tags) if !tags.is_empty() => {
            engine.act_on(member, |state| act(state, member, action, tags))
        }
        (action @ ("untag" | "uncoach"), "") => engine.act_on(member, |state| act(state, member, action, "")),
        _ => Err(Error::value(
            match grammar().find(|(name, arguments, _)| *name == word && arguments.contains("<member>")) {
                Some((name, arguments, _)) => format!("usage: {name} {arguments}"),
                None => format!("{word} is no command about one member; tag, untag, coach, uncoach and explain are"),
            },
        )),
    }
}

/// The same of a member in a room, both by name.
fn named(engine: &Arc<Engine>, room: &str, member: &str, action: &str, tags: &str) -> Result<String> {
    engine.in_room(room, |state| {
        let (_, handle) = find(state, room, member)?;
        act(state, handle, action, tags)
    })
}

/// Does what changes a member, and says what holds now.
fn act(state: &mut RoomState, handle: u64, action: &str, tags: &str) -> Result<String> {
    match action {
        "tag" => state.tag(handle, tags)?,
        "untag" => state.untag(handle)?,
        "coach" => state.coach(handle, tags)?,
        _ => state.uncoach(handle)?,
    }
    let member = state.member(handle)?;
    let who = match (member.place, &state.room) {
        (Some(place), Some(room)) => format!("{} in {}", place.number, room.name),
        _ => member.call_id.to_string(),
    };
    let does = match action {
        "tag" => format!("has the tags {}", member.facts.tags),
        "untag" => "has no tags".into(),
        "coach" if tags == "-" => "speaks to nobody".into(),
        "coach" => match &state.heard_by(handle)[..] {
            [] => format!("speaks only to {tags}; nobody hears it now"),
            heard_by => format!("speaks only to {tags}; heard by {}", numbers(heard_by)),
        },
        _ => {
            let opens = opens_in(member);
            format!("speaks openly{}", opens.map(|ms| format!(" after {ms} ms of its audio")).unwrap_or_default())
        }
    };
    Ok(format!("+OK {who} {does}"))
}

/// A member by number or call id: its number and handle.
fn find(state: &RoomState, room: &str, member: &str) -> Result<(u32, u64)> {
    let number = member.bytes().all(|b| b.is_ascii_digit()).then(|| member.parse::<u32>().ok());
    let found = state.inside().find(|(n, _, m)| match number {
        Some(number) => Some(*n) == number,
        None => *m.call_id == *member,
    });
    let Some((number, handle, _)) = found else {
        let message = format!("no member {member} in {room}; `show {room}` lists its members by number and call id");
        return Err(Error::new(sys::COACH_ERR_HANDLE, message));
    };
    Ok((number, handle))
}

fn gettag(engine: &Arc<Engine>, room: &str, tag: &str, has: bool, json: bool) -> Result<String> {
    let found: Vec<u32> = engine.in_room(room, |state| {
        let tags = crate::route::Tags::parse(tag).map_err(|e| Error::tag("tag", &e))?;
        match tags.iter().count() {
            1 => {}
            count => return Err(Error::value(format!("{count} tags; gettag takes one"))),
        }
        Ok(state.inside().filter(|(.., m)| m.facts.tags.has(tag) == has).map(|(number, ..)| number).collect())
    })?;
    if json { to_json(&found) } else { Ok(format!("+OK {}", numbers(&found)).trim_end().into()) }
}

fn stats(stats: Stats, json: bool) -> Result<String> {
    if json {
        return to_json(&stats);
    }
    let value = serde_json::to_value(stats).unwrap_or_default();
    let rows: Vec<Vec<String>> =
        value.as_object().into_iter().flatten().map(|(name, value)| vec![name.clone(), value.to_string()]).collect();
    Ok("+OK".to_string() + &table(&["counter", "value"], &rows))
}

/// JSON in one line.
pub fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::value(error.to_string()))
}
