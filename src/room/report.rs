//! What can be read: rooms, members, who hears whom and why, counters. As values, which become JSON or text.

use std::{fmt::Write, iter};

use serde::Serialize;

use super::{
    error::Result,
    event_builder::{guard_floor, numbers, opens_in, speak_only_to, unserved},
    shared::DepartedCounters,
    state::{Member, RoomState},
};
use crate::{
    audio::{counters::Sums, format::UNITS_PER_MS},
    route::{Speaks, Verdict, hears},
};

/// A member, as `show` tells it.
#[derive(Serialize)]
pub struct MemberReport {
    pub number: u32,
    pub call_id: String,
    pub tags: Vec<String>,
    pub speak_only_to: Option<Vec<String>>,
    pub muted: bool,
    pub deaf: bool,
    pub held: bool,
    pub passing: bool,
    pub starts: bool,
    pub ends: bool,
    pub heard_by: HeardBy,
    pub opens_in_ms: u32,
}

/// Who hears a member when it speaks, once every guard has opened.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HeardBy {
    /// All in `hear_open` but itself. A list for each would be as long as the room.
    All,
    #[serde(untagged)]
    These(Vec<u32>),
}

/// A room.
#[derive(Serialize)]
pub struct RoomReport {
    pub name: String,
    pub mixer: &'static str,
    pub waiting: bool,
    /// Numbers of the members that hear open speech.
    pub hear_open: Vec<u32>,
    pub members: Vec<MemberReport>,
}

/// A line of `rooms`.
#[derive(Serialize)]
pub struct RoomLine {
    pub name: String,
    pub mixer: &'static str,
    pub members: usize,
    pub private: usize,
}

/// One listener of an explained member.
#[derive(Serialize)]
pub struct ListenerReport {
    pub number: u32,
    pub call_id: String,
    pub hears: bool,
    pub why: String,
}

/// `explain`
#[derive(Serialize)]
pub struct Explanation {
    pub room: String,
    pub number: u32,
    pub call_id: String,
    pub speaks: String,
    pub opens_in_ms: u32,
    pub listeners: Vec<ListenerReport>,
}

/// `stats`
#[derive(Clone, Copy, Serialize)]
pub struct Stats {
    pub members: usize,
    pub frames_read: u64,
    pub frames_written: u64,
    pub private_captured: u64,
    pub private_delivered: u64,
    pub underruns: u64,
    pub skips: u64,
    pub skipped_ms: u64,
    pub conversions_waited: u64,
    pub refused: u64,
    pub hook_ns_mean: u64,
    pub hook_ns_max: u64,
}

impl RoomState {
    pub fn room_line(&self) -> Result<RoomLine> {
        let room = self.room()?;
        Ok(RoomLine {
            name: room.name.clone(),
            mixer: mixer(room.bus().is_some()),
            members: room.members.len(),
            private: self.inside().filter(|(.., m)| m.facts.speaks.privately()).count(),
        })
    }

    pub fn room_report(&self) -> Result<RoomReport> {
        let room = self.room()?;
        let hear_open = self.hear_open();
        let heard_by = |number, handle, member: &Member| match () {
            () if member.facts.speaks.privately() => HeardBy::These(self.heard_by(handle)),
            () if self.is_heard_openly(member) && hear_open.iter().any(|other| *other != number) => HeardBy::All,
            () => HeardBy::These(Vec::new()),
        };
        let members = self.inside().map(|(number, handle, member)| MemberReport {
            number,
            call_id: member.call_id.to_string(),
            tags: member.facts.tags.iter().map(Into::into).collect(),
            speak_only_to: match &member.facts.speaks {
                Speaks::Openly => None,
                Speaks::ToNobody => Some(Vec::new()),
                Speaks::To(tags) => Some(tags.iter().map(Into::into).collect()),
            },
            muted: member.facts.muted,
            deaf: member.facts.deaf,
            held: member.facts.held,
            passing: member.facts.passing,
            starts: member.starts,
            ends: member.ends,
            heard_by: heard_by(number, handle, member),
            opens_in_ms: opens_in(member).unwrap_or(0),
        });
        Ok(RoomReport {
            name: room.name.clone(),
            mixer: mixer(room.bus().is_some()),
            waiting: room.waiting(),
            members: members.collect(),
            hear_open,
        })
    }

    pub fn explain(&self, number: u32, member: &Member) -> Result<Explanation> {
        let here = self.room()?;
        let opens = opens_in(member).unwrap_or(0);
        let floor = guard_floor(member);
        let listeners = self.inside().filter(|(other, ..)| *other != number).map(|(number, _, listener)| {
            let verdict = hears(&member.facts, &listener.facts);
            let heard_before =
                |floor| member.linked(number).is_ok_and(|at| member.listeners[at].subscription.since() <= floor);
            let (hears, why) = match verdict {
                _ if here.waiting() => (false, "the room waits for a member that starts it".into()),
                Verdict::NoTag => {
                    (false, format!("it has none of the tags {}", speak_only_to(&member.facts).unwrap_or_default()))
                }
                verdict if verdict.hears() && floor.is_some_and(|floor| !heard_before(floor)) => {
                    // One that the last guard does not keep away waits for an earlier one.
                    let at_most = if heard_before(member.opening.floor) { "at most " } else { "" };
                    (false, format!("not yet: after {at_most}{opens} ms of the speaker's audio, as {verdict}"))
                }
                verdict => match unserved(here, member, listener).filter(|_| verdict.hears()) {
                    Some(why) => (false, why.into()),
                    None => (verdict.hears(), verdict.to_string()),
                },
            };
            ListenerReport { number, call_id: listener.call_id.to_string(), hears, why }
        });
        Ok(Explanation {
            room: here.name.clone(),
            number,
            call_id: member.call_id.to_string(),
            speaks: match speak_only_to(&member.facts).as_deref() {
                None => "openly".into(),
                Some("-") => "privately, to nobody".into(),
                Some(tags) => format!("privately, to {tags}"),
            },
            opens_in_ms: opens,
            listeners: listeners.collect(),
        })
    }

    /// Counters of the members here, added to those of others.
    pub fn count(&self, counted: &mut CounterSums) {
        for member in self.members.values() {
            let audio = member.lease.get();
            let total = &mut counted.sums;
            total.read.add(&audio.read.counts);
            total.write.add(&audio.write.counts);
            if let Some(input) = &member.input {
                total.input.add(&input.counts);
            }
            let slowest = audio.read.counts.slowest.get().max(audio.write.counts.slowest.get());
            total.slowest = total.slowest.max(slowest);
            counted.members += 1;
        }
    }
}

/// Members and their counts.
#[derive(Default)]
pub struct CounterSums {
    pub members: usize,
    pub sums: DepartedCounters,
}

impl CounterSums {
    pub fn stats(self) -> Stats {
        let DepartedCounters { read, write, input, slowest } = self.sums;
        let mut all = Sums::default();
        [read, write, input].iter().for_each(|sums| all.join(sums));
        Stats {
            members: self.members,
            frames_read: read.frames,
            frames_written: write.frames,
            private_captured: read.private,
            private_delivered: write.private,
            underruns: all.underruns,
            skips: all.skips,
            skipped_ms: all.skipped / UNITS_PER_MS,
            conversions_waited: all.waited,
            refused: all.refused,
            hook_ns_mean: all.nanoseconds.checked_div(all.timed).unwrap_or(0),
            hook_ns_max: slowest,
        }
    }
}

fn mixer(engine: bool) -> &'static str {
    if engine { "engine" } else { "host" }
}

/// Rows under a head, in columns.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    let head: Vec<String> = head.iter().map(|cell| (*cell).into()).collect();
    for row in [&head].into_iter().chain(rows) {
        text += "\n";
        // Not a width of `format!`, which panics above 65,535. Nothing is padded that nothing follows.
        let mut padding = 0;
        for (cell, width) in row.iter().zip(&widths) {
            if !cell.is_empty() {
                text.extend(iter::repeat_n(' ', padding));
                text += cell;
                padding = 0;
            }
            padding += width - cell.chars().count() + 2;
        }
    }
    text
}

impl RoomReport {
    pub fn text(&self) -> String {
        let or_dash = |text: String| if text.is_empty() { "-".into() } else { text };
        let mut hear_open = self.hear_open.iter().peekable();
        let numbered = self.members.iter().map(|member| member.number);
        let deaf: Vec<u32> = numbered.filter(|number| hear_open.next_if_eq(&number).is_none()).collect();
        let rows = self.members.iter().map(|member| {
            let mut state: Vec<String> =
                [(member.muted, "muted"), (member.deaf, "deaf"), (member.held, "held"), (member.passing, "passing")]
                    .iter()
                    .filter(|(on, _)| *on)
                    .map(|(_, name)| (*name).into())
                    .collect();
            if member.opens_in_ms > 0 {
                state.push(format!("opens in {} ms", member.opens_in_ms));
            }
            let speaks = match &member.speak_only_to {
                None => "openly".into(),
                Some(tags) if tags.is_empty() => "nobody".into(),
                Some(tags) => tags.join(","),
            };
            vec![
                member.number.to_string(),
                member.call_id.to_string(),
                or_dash(member.tags.join(",")),
                speaks,
                match &member.heard_by {
                    HeardBy::All => all_but(&deaf, member.number),
                    HeardBy::These(listeners) => or_dash(numbers(listeners)),
                },
                state.join(", "),
            ]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        let waiting = if self.waiting { ", waiting for a member that starts it" } else { "" };
        let head = format!("+OK {}: {}-mixed, {} members{waiting}", self.name, self.mixer, self.members.len());
        if rows.is_empty() {
            return head;
        }
        head + &table(&["number", "call id", "memberTag", "speakOnlyTo", "heard by", ""], &rows)
    }
}

/// So many members at most are named as not hearing open speech; of more, the count is told.
const NAMED: usize = 8;

/// Whom an open member is heard by, if `deaf`, in order, do not hear open speech.
fn all_but(deaf: &[u32], itself: u32) -> String {
    let others = deaf.len() - usize::from(deaf.binary_search(&itself).is_ok());
    match others {
        0 => "all".into(),
        _ if others > NAMED => format!("all but {others}"),
        _ => {
            let others: Vec<u32> = deaf.iter().copied().filter(|number| *number != itself).collect();
            format!("all but {}", numbers(&others))
        }
    }
}

impl Explanation {
    pub fn text(&self) -> String {
        let mut text = format!("+OK {} ({}) in {} speaks {}", self.number, self.call_id, self.room, self.speaks);
        for listener in &self.listeners {
            let hears = if listener.hears { "hears it" } else { "does not hear it" };
            let _ = write!(text, "\n{} ({}) {hears}: {}", listener.number, listener.call_id, listener.why);
        }
        text
    }
}
