//! The text commands: one grammar on every switch.

use std::sync::Arc;

use serde::Serialize;

use super::{
    control::Control,
    engine::Engine,
    error::{Error, Result},
    report::{Counted, Stats, table},
    tell::{numbers, opens_in},
};
use crate::sys;

/// Commands: name, arguments, meaning.
const COMMANDS: [(&str, &str, &str); 11] = [
    ("rooms", "[as json]", "every room: members, private speakers"),
    ("show", "<room> [as json]", "every member: number, call id, tags, speakOnlyTo, who hears it"),
    ("explain", "<room> <member> [as json]", "who hears this member and why; who does not and why"),
    ("tag", "<room> <member> <tag>[,<tag>...]", "set the member's tags (replaces)"),
    ("untag", "<room> <member>", "remove them"),
    (
        "coach",
        "<room> <member> <tag>[,<tag>...]",
        "private: heard only by members with one of these tags; `-`: by nobody",
    ),
    ("uncoach", "<room> <member>", "open again: heard by everyone"),
    ("gettag", "<room> <tag> [nomatch] [as json]", "member numbers that have (have not) the tag"),
    ("stats", "[<room>] [as json]", "counters"),
    ("version", "[as json]", "Coach's version"),
    ("help", "", "this"),
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
            let rooms = engine.every_room(Control::room_line)?;
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
            let report = engine.in_room(room, |control| control.room_report())?;
            if json { to_json(&report) } else { Ok(report.text()) }
        }
        ["explain", room, member] => {
            let explanation = engine.in_room(room, |control| {
                let (number, handle) = find(control, room, member)?;
                control.explain(number, control.member(handle)?)
            })?;
            if json { to_json(&explanation) } else { Ok(explanation.text()) }
        }
        ["tag", room, member, tags] => engine.in_room(room, |control| {
            let (number, handle) = find(control, room, member)?;
            control.tag(handle, tags)?;
            let tags = &control.member(handle)?.facts.tags;
            Ok(format!("+OK {number} in {room} has the tags {tags}"))
        }),
        ["untag", room, member] => engine.in_room(room, |control| {
            let (number, handle) = find(control, room, member)?;
            control.untag(handle)?;
            Ok(format!("+OK {number} in {room} has no tags"))
        }),
        ["coach", room, member, tags] => engine.in_room(room, |control| {
            let (number, handle) = find(control, room, member)?;
            control.coach(handle, tags)?;
            Ok(match (tags, &control.heard_by(handle)[..]) {
                ("-", _) => format!("+OK {number} in {room} speaks to nobody"),
                (_, []) => {
                    format!("+OK {number} in {room} speaks only to {tags}; nobody hears it now")
                }
                (_, heard_by) => {
                    format!("+OK {number} in {room} speaks only to {tags}; heard by {}", numbers(heard_by))
                }
            })
        }),
        ["uncoach", room, member] => engine.in_room(room, |control| {
            let (number, handle) = find(control, room, member)?;
            control.uncoach(handle)?;
            let opens = opens_in(control.member(handle)?);
            let after = opens.map(|ms| format!(" after {ms} ms of its audio")).unwrap_or_default();
            Ok(format!("+OK {number} in {room} speaks openly{after}"))
        }),
        ["gettag", room, tag] => gettag(engine, room, tag, true, json),
        ["gettag", room, tag, "nomatch"] => gettag(engine, room, tag, false, json),
        ["stats"] => stats(engine.stats()?, json),
        ["stats", room] => {
            let counted = engine.in_room(room, |control| {
                let mut counted = Counted::default();
                control.count(&mut counted);
                Ok(counted)
            })?;
            stats(counted.stats(), json)
        }
        ["version"] if json => to_json(&serde_json::json!({ "version": crate::VERSION })),
        ["version"] => Ok(format!("+OK {}", crate::VERSION)),
        ["help"] => {
            let rows: Vec<_> = COMMANDS.iter().map(|(a, b, c)| vec![(*a).into(), (*b).into(), (*c).into()]).collect();
            Ok("+OK".to_string() + &table(&["command", "arguments", ""], &rows))
        }
        [] => Err(Error::value(format!("no command; give one of {}", names()))),
        [name, ..] => Err(match COMMANDS.iter().find(|(command, ..)| *command == name) {
            Some((command, arguments, _)) => Error::value(format!("usage: {command} {arguments}")),
            None => Error::value(format!("no command called {name}; give one of {}", names())),
        }),
    }
}

fn names() -> String {
    COMMANDS.map(|(name, ..)| name).join(", ")
}

/// A member by number or call id: its number and handle.
fn find(control: &Control, room: &str, member: &str) -> Result<(u32, u64)> {
    let number = member.bytes().all(|b| b.is_ascii_digit()).then(|| member.parse::<u32>().ok());
    let found = control.inside().find(|(n, _, m)| match number {
        Some(number) => Some(*n) == number,
        None => m.call_id == member,
    });
    let Some((number, handle, _)) = found else {
        let message = format!("no member {member} in {room}; `show {room}` lists its members by number and call id");
        return Err(Error::new(sys::COACH_ERR_HANDLE, message));
    };
    Ok((number, handle))
}

fn gettag(engine: &Arc<Engine>, room: &str, tag: &str, has: bool, json: bool) -> Result<String> {
    let found: Vec<u32> = engine.in_room(room, |control| {
        let tags = crate::route::Tags::parse(tag).map_err(|e| Error::tag("tag", &e))?;
        match tags.iter().count() {
            1 => {}
            count => return Err(Error::value(format!("{count} tags; gettag takes one"))),
        }
        Ok(control.inside().filter(|(.., m)| m.facts.tags.has(tag) == has).map(|(number, ..)| number).collect())
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
