//! The text commands: one grammar on every switch.

use serde::Serialize;

use super::{
    control::{Control, Place},
    error::{Error, Result},
    report::table,
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
pub fn answer(control: &mut Control, text: &str) -> String {
    run(control, text).unwrap_or_else(|error| format!("-ERR {}", error.message))
}

fn run(control: &mut Control, text: &str) -> Result<String> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let json = words.len() > 2 && words.ends_with(&["as", "json"]);
    if json {
        words.truncate(words.len() - 2);
    }
    let reads = ["rooms", "show", "explain", "gettag", "stats", "version"];
    if json && !reads.contains(&words[0]) {
        return Err(Error::value(format!("`as json` goes with {}", reads.join(", "))));
    }
    match words[..] {
        ["rooms"] => {
            let rooms = control.room_lines();
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
            let report = control.room_report(control.find_room(room)?)?;
            if json { to_json(&report) } else { Ok(report.text()) }
        }
        ["explain", room, member] => {
            let (place, handle) = find(control, room, member)?;
            let explanation = control.explain(place.room, place.number, control.member(handle)?)?;
            if json { to_json(&explanation) } else { Ok(explanation.text()) }
        }
        ["tag", room, member, tags] => {
            let (place, handle) = find(control, room, member)?;
            control.tag(handle, tags)?;
            let tags = &control.member(handle)?.facts.tags;
            Ok(format!("+OK {} in {room} has the tags {tags}", place.number))
        }
        ["untag", room, member] => {
            let (place, handle) = find(control, room, member)?;
            control.untag(handle)?;
            Ok(format!("+OK {} in {room} has no tags", place.number))
        }
        ["coach", room, member, tags] => {
            let (place, handle) = find(control, room, member)?;
            control.coach(handle, tags)?;
            Ok(match (tags, &control.heard_by(handle)[..]) {
                ("-", _) => format!("+OK {} in {room} speaks to nobody", place.number),
                (_, []) => format!("+OK {} in {room} speaks only to {tags}; nobody hears it now", place.number),
                (_, heard_by) => {
                    format!("+OK {} in {room} speaks only to {tags}; heard by {}", place.number, numbers(heard_by))
                }
            })
        }
        ["uncoach", room, member] => {
            let (place, handle) = find(control, room, member)?;
            control.uncoach(handle)?;
            let opens = opens_in(control.member(handle)?);
            let after = opens.map(|ms| format!(" after {ms} ms of its audio")).unwrap_or_default();
            Ok(format!("+OK {} in {room} speaks openly{after}", place.number))
        }
        ["gettag", room, tag] => gettag(control, room, tag, true, json),
        ["gettag", room, tag, "nomatch"] => gettag(control, room, tag, false, json),
        ["stats"] => stats(control, None, json),
        ["stats", room] => stats(control, Some(control.find_room(room)?), json),
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

/// A member by number or call id.
fn find(control: &Control, room: &str, member: &str) -> Result<(Place, u64)> {
    let handle = control.find_room(room)?;
    let number = member.bytes().all(|b| b.is_ascii_digit()).then(|| member.parse::<u32>().ok());
    let found = control.inside(handle).find(|(n, _, m)| match number {
        Some(number) => Some(*n) == number,
        None => m.call_id == member,
    });
    let Some((number, member_handle, _)) = found else {
        let message = format!("no member {member} in {room}; `show {room}` lists its members by number and call id");
        return Err(Error::new(sys::COACH_ERR_HANDLE, message));
    };
    Ok((Place { room: handle, number }, member_handle))
}

fn gettag(control: &Control, room: &str, tag: &str, has: bool, json: bool) -> Result<String> {
    let room = control.find_room(room)?;
    crate::route::Tags::parse(tag).map_err(|e| Error::tag("tag", &e)).and_then(|tags| match tags.iter().count() {
        1 => Ok(()),
        count => Err(Error::value(format!("{count} tags; gettag takes one"))),
    })?;
    let found: Vec<u32> =
        control.inside(room).filter(|(.., m)| m.facts.tags.has(tag) == has).map(|(number, ..)| number).collect();
    if json { to_json(&found) } else { Ok(format!("+OK {}", numbers(&found)).trim_end().into()) }
}

fn stats(control: &Control, room: Option<u64>, json: bool) -> Result<String> {
    let stats = control.stats(room);
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
