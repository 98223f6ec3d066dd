//! Plays a schedule on one or more engines in lockstep, with a clock of 10 ms slots, as a host would: in each slot the
//! read hooks, the ticks of engine-mixed rooms, the write hooks. A judge makes what is said and looks at what comes out.

use super::{
    Done, Engine, Member, NewMember, Refused, Room,
    abi::{
        COACH_ERR_STATE, COACH_MEMBER_DEAF, COACH_MEMBER_ENDS, COACH_MEMBER_MUTED, COACH_MEMBER_STARTS,
        coach_media_time,
    },
    mixer::Mixer,
    rule::{Leg, Rule},
    schedule::{Party, RoomPlan, Schedule, Step, Timed, audience_words, words},
    signal::{Format, Noise},
};

/// Slots played after the last step, so that what it did is heard.
const AFTERMATH: u32 = 40;

/// What is known at a hook call.
pub struct Hook<'a> {
    pub rule: &'a Rule,
    pub slot: u32,
    pub member: usize,
    pub format: Format,
    pub ms: u32,
    /// The format can be handled.
    pub sound: bool,
}

/// A frame of one hook call in one of the engines.
pub struct Heard {
    pub before: Vec<i16>,
    pub after: Vec<i16>,
    pub status: i32,
}

/// Who makes what is said, and judges what is heard. An error ends the play and says what would be right.
pub trait Judge {
    /// The opening guard that this judge believes in.
    fn guard_ms(&self, schedule: &Schedule) -> u32 {
        schedule.guard_ms
    }
    /// What the member says in this frame, in each engine.
    fn says(&mut self, hook: &Hook) -> Vec<Vec<i16>>;
    /// The read hook has had that frame.
    fn read(&mut self, hook: &Hook, heard: &[Heard]) -> Result<(), String>;
    /// The write hook has had a frame.
    fn written(&mut self, hook: &Hook, heard: &[Heard]) -> Result<(), String>;
    /// The engine-mixed room has been summed.
    fn ticked(&mut self, _rule: &Rule, _room: usize) {}
    /// The schedule is over.
    fn finished(&mut self, _rule: &Rule, _stages: &[Stage]) -> Result<(), String> {
        Ok(())
    }
    /// Something has happened to the control plane of every engine.
    fn stepped(&mut self, _rule: &Rule, _step: &Step, _stages: &[Stage]) -> Result<(), String> {
        Ok(())
    }
}

/// One engine with its rooms and members.
pub struct Stage<'e> {
    pub engine: &'e Engine,
    pub rooms: Vec<Room<'e>>,
    pub members: Vec<Member<'e>>,
}

/// A leg's audio, as its codec and network make it.
struct Line {
    format: Format,
    read_ms: u32,
    write_ms: u32,
    phase: u32,
    stamped: bool,
    lose: u32,
    late: u32,
    at_once: u32,
    /// The slots in which frames were said that are on their way.
    owed: Vec<u32>,
    bad: Option<(Format, u32)>,
}

/// The name of a room.
pub fn room_name(room: usize) -> String {
    format!("room-{room}")
}

/// The call id of a member.
pub fn call_id(member: usize) -> String {
    format!("call-{member}")
}

/// The number that a member has in every room.
pub fn number(member: usize) -> u32 {
    member as u32 + 1
}

/// Plays `schedule` on `engines` fresh engines.
pub fn play(schedule: &Schedule, engines: usize, judge: &mut impl Judge) -> Result<(), String> {
    let engines: Vec<_> = (0..engines).map(|_| Engine::with_guard(schedule.guard_ms)).collect();
    let stages = engines.iter().map(|engine| set_up(engine, schedule)).collect();
    let mut show = Show {
        schedule,
        stages,
        rule: Rule {
            guard_ms: judge.guard_ms(schedule),
            now: Some(0),
            legs: schedule.parties.iter().map(leg).collect(),
            engine_mixed: schedule.rooms.iter().map(|room| *room != RoomPlan::Host).collect(),
        },
        lines: schedule.parties.iter().map(line).collect(),
        mixer: Mixer::default(),
        hiss: Noise::new(99, 3000),
        slot: 0,
    };
    for (member, party) in schedule.parties.iter().enumerate() {
        if let Some(room) = party.room {
            show.step(&Step::Join { member, room }, false, judge)?;
        }
    }
    show.run(judge)
}

fn set_up<'e>(engine: &'e Engine, schedule: &Schedule) -> Stage<'e> {
    let rooms = (0..schedule.rooms.len()).map(|room| open(engine, schedule, room)).collect();
    let members = schedule.parties.iter().enumerate().map(|(member, party)| attach(engine, member, party)).collect();
    Stage { engine, rooms, members }
}

fn open<'e>(engine: &'e Engine, schedule: &Schedule, room: usize) -> Room<'e> {
    match schedule.rooms[room] {
        RoomPlan::Host => engine.host_room(&room_name(room)),
        RoomPlan::Engine { format, tick_ms } => engine.engine_room(&room_name(room), format, tick_ms),
    }
}

fn attach<'e>(engine: &'e Engine, member: usize, party: &Party) -> Member<'e> {
    let mut flags = COACH_MEMBER_STARTS;
    for (wanted, flag) in
        [(party.ends, COACH_MEMBER_ENDS), (party.muted, COACH_MEMBER_MUTED), (party.deaf, COACH_MEMBER_DEAF)]
    {
        flags |= if wanted { flag } else { 0 };
    }
    let (call_id, tags, to) = (call_id(member), words(party.tags), party.speak_only_to.map(audience_words));
    let new = NewMember { call_id: &call_id, tags: &tags, speak_only_to: to.as_deref(), flags };
    engine.attach_as(&new).expect("a member with a free call id is attached")
}

fn leg(party: &Party) -> Leg {
    Leg {
        tags: party.tags,
        speak_only_to: party.speak_only_to,
        muted: party.muted,
        deaf: party.deaf,
        ends: party.ends,
        ..Leg::default()
    }
}

fn line(party: &Party) -> Line {
    let Party { format, read_ms, write_ms, phase, stamped, .. } = *party;
    Line { format, read_ms, write_ms, phase, stamped, lose: 0, late: 0, at_once: 1, owed: Vec::new(), bad: None }
}

impl Line {
    fn due(&self, slot: u32, ms: u32) -> bool {
        (slot + self.phase).is_multiple_of(ms / 10)
    }

    /// The frames that the network brings now: the slots in which they were said.
    fn arriving(&mut self, slot: u32) -> Vec<u32> {
        if self.lose > 0 {
            self.lose -= 1;
            return Vec::new();
        }
        self.owed.push(slot);
        if self.late > 0 {
            self.late -= 1;
            return Vec::new();
        }
        let now = self.owed.len().min(self.at_once as usize);
        self.owed.drain(..now).collect()
    }
}

/// A play that is running.
struct Show<'e, 's> {
    schedule: &'s Schedule,
    stages: Vec<Stage<'e>>,
    rule: Rule,
    lines: Vec<Line>,
    mixer: Mixer,
    /// What an engine-mixed room has to replace.
    hiss: Noise,
    slot: u32,
}

impl Show<'_, '_> {
    fn run(&mut self, judge: &mut impl Judge) -> Result<(), String> {
        let mut steps = self.schedule.steps.iter().peekable();
        let mut next = steps.peek().map_or(0, |timed: &&Timed| timed.after);
        let mut end = AFTERMATH;
        while self.slot < end {
            self.rule.now = Some(self.slot);
            for middle in [false, true] {
                while let Some(timed) = steps.next_if(|timed| next <= self.slot && (middle || !timed.middle)) {
                    self.step(&timed.step, timed.text, judge)?;
                    next += steps.peek().map_or(0, |timed| timed.after);
                }
                if !middle {
                    self.reads(judge)?;
                }
            }
            self.ticks(judge);
            self.writes(judge)?;
            for stage in &self.stages {
                stage.engine.service();
                stage.engine.advance(10_000_000);
            }
            self.slot += 1;
            if steps.peek().is_some() {
                end = self.slot + AFTERMATH;
            }
        }
        judge.finished(&self.rule, &self.stages)
    }

    fn reads(&mut self, judge: &mut impl Judge) -> Result<(), String> {
        for member in 0..self.lines.len() {
            let line = &mut self.lines[member];
            if !line.due(self.slot, line.read_ms) {
                continue;
            }
            for said in line.arriving(self.slot) {
                self.read(member, said, judge)?;
            }
        }
        Ok(())
    }

    fn read(&mut self, member: usize, said: u32, judge: &mut impl Judge) -> Result<(), String> {
        let line = &self.lines[member];
        let time = line.stamped.then(|| coach_media_time {
            size: size_of::<coach_media_time>() as u32,
            flags: 0,
            stamp: 80 * u64::from(said) + 123_456,
            clock_rate: 8_000,
            reserved: 0,
        });
        self.rule.comes(member, line.stamped.then_some(said));
        let (format, ms) = line.bad.unwrap_or((line.format, line.read_ms));
        let hook = Hook { rule: &self.rule, slot: self.slot, member, format, ms, sound: line.bad.is_none() };
        let said = judge.says(&hook);
        let heard: Vec<_> = self
            .stages
            .iter()
            .zip(said)
            .map(|(stage, before)| {
                let mut after = before.clone();
                let status = stage.members[member].read_at(format, &mut after, time.as_ref());
                Heard { before, after, status }
            })
            .collect();
        judge.read(&hook, &heard)?;
        if hook.sound {
            self.mixer.take(member, format, &heard[0].after);
        }
        self.rule.captured(member, ms);
        Ok(())
    }

    fn ticks(&mut self, judge: &mut impl Judge) {
        for (room, plan) in self.schedule.rooms.iter().enumerate() {
            let RoomPlan::Engine { tick_ms, .. } = plan else { continue };
            if self.slot.is_multiple_of(tick_ms / 10) {
                self.stages.iter().for_each(|stage| stage.rooms[room].tick());
                judge.ticked(&self.rule, room);
            }
        }
    }

    fn writes(&mut self, judge: &mut impl Judge) -> Result<(), String> {
        for member in 0..self.lines.len() {
            let line = &mut self.lines[member];
            if !line.due(self.slot, line.write_ms) {
                continue;
            }
            // A bad format lasts for one frame in each direction.
            let bad = line.bad.take();
            let (format, ms) = bad.unwrap_or((line.format, line.write_ms));
            let host_mixes = self.rule.legs[member].room.is_some_and(|room| !self.rule.engine_mixed[room]);
            let before = if host_mixes && bad.is_none() {
                self.mixer.frame(&self.rule, member, format, ms)
            } else {
                self.hiss.frame(format, ms)
            };
            let heard: Vec<_> = self
                .stages
                .iter()
                .map(|stage| {
                    let mut after = before.clone();
                    let status = stage.members[member].write(format, &mut after);
                    Heard { before: before.clone(), after, status }
                })
                .collect();
            let hook = Hook { rule: &self.rule, slot: self.slot, member, format, ms, sound: bad.is_none() };
            judge.written(&hook, &heard)?;
        }
        Ok(())
    }

    /// One step, in every engine and in the rule.
    fn step(&mut self, step: &Step, text: bool, judge: &mut impl Judge) -> Result<(), String> {
        let step = self.as_calls(self.in_range(step));
        let mut done = true;
        for stage in &mut self.stages {
            match carry_out(stage, &self.rule, self.schedule, &step, text) {
                Ok(()) => {}
                Err(refused) if refused.status == COACH_ERR_STATE => done = false,
                Err(refused) => return Err(format!("{step:?} should be carried out, but: {refused:?}")),
            }
        }
        if done {
            self.note(&step);
        }
        judge.stepped(&self.rule, &step, &self.stages)
    }

    /// The step with its members and rooms taken modulo how many there are.
    fn in_range(&self, step: &Step) -> Step {
        use Step::*;
        let mut step = step.clone();
        let (members, rooms) = (self.lines.len(), self.schedule.rooms.len());
        match &mut step {
            Join { member, room } => (*member, *room) = (*member % members, *room % rooms),
            Reopen { room } => *room %= rooms,
            Leave { member }
            | Tag { member, .. }
            | Coach { member, .. }
            | Uncoach { member }
            | Mute { member, .. }
            | Deaf { member, .. }
            | Hold { member, .. }
            | Bypass { member, .. }
            | Replace { member, .. }
            | TakeOver { member }
            | Recover { member }
            | Format { member, .. }
            | Lose { member, .. }
            | Late { member, .. }
            | Bad { member, .. } => *member %= members,
        }
        step
    }

    /// What becomes of a seat, as the call that has it from then on.
    fn as_calls(&self, step: Step) -> Step {
        let leg = |member: usize| &self.rule.legs[member];
        match step {
            Step::TakeOver { member } => Step::Replace { member, tags: 0, speak_only_to: leg(member).speak_only_to },
            Step::Recover { member } => {
                Step::Replace { member, tags: leg(member).tags, speak_only_to: leg(member).speak_only_to }
            }
            step => step,
        }
    }

    /// What a step changes in the rule and on the lines.
    fn note(&mut self, step: &Step) {
        let rule = &mut self.rule;
        match *step {
            Step::Join { member, room } => rule.join(member, room),
            Step::Leave { member } => rule.leave(member),
            Step::Tag { member, tags } => rule.tag(member, tags),
            Step::Coach { member, tags } => rule.coach(member, tags),
            Step::Uncoach { member } => rule.uncoach(member),
            Step::Mute { member, on } => rule.change(member, |leg| leg.muted = on),
            Step::Deaf { member, on } => rule.change(member, |leg| leg.deaf = on),
            Step::Hold { member, on } => rule.change(member, |leg| leg.held = on),
            Step::Bypass { member, on } => rule.bypass(member, on),
            Step::Replace { member, tags, speak_only_to } => {
                rule.leave(member);
                rule.attach(member, Leg { tags, speak_only_to, ..Leg::default() });
            }
            Step::TakeOver { .. } | Step::Recover { .. } => unreachable!("made a Replace of"),
            Step::Reopen { room } => rule.close(room),
            Step::Format { member, format, read_ms, write_ms } => {
                let line = &mut self.lines[member];
                (line.format, line.read_ms, line.write_ms) = (format, read_ms, write_ms);
            }
            Step::Lose { member, frames } => self.lines[member].lose = frames,
            Step::Late { member, frames, at_once } => {
                (self.lines[member].late, self.lines[member].at_once) = (frames, at_once);
            }
            Step::Bad { member, format, ms } => self.lines[member].bad = Some((format, ms)),
        }
    }
}

/// Carries a step out in one engine.
fn carry_out(stage: &mut Stage, rule: &Rule, schedule: &Schedule, step: &Step, text: bool) -> Done {
    let member_of = |member: usize| &stage.members[member];
    match *step {
        Step::Join { member, room } => member_of(member).join(&stage.rooms[room], number(member)),
        Step::Leave { member } => member_of(member).leave(),
        Step::Tag { member, tags } => {
            if let Some(place) = rule.legs[member].room.filter(|_| text) {
                let verb = if tags == 0 { "untag" } else { "tag" };
                return command(stage, verb, place, member, &words(tags));
            }
            if tags == 0 { member_of(member).untag() } else { member_of(member).tag(&words(tags)) }
        }
        Step::Coach { member, tags } => match rule.legs[member].room.filter(|_| text) {
            Some(place) => command(stage, "coach", place, member, &audience_words(tags)),
            None => member_of(member).coach(&audience_words(tags)),
        },
        Step::Uncoach { member } => match rule.legs[member].room.filter(|_| text) {
            Some(place) => command(stage, "uncoach", place, member, ""),
            None => member_of(member).uncoach(),
        },
        Step::Mute { member, on } => member_of(member).mute(on),
        Step::Deaf { member, on } => member_of(member).deaf(on),
        Step::Hold { member, on } => member_of(member).hold(on),
        Step::Bypass { member, on } => member_of(member).bypass(on),
        Step::Replace { member, tags, speak_only_to } => {
            // The old one goes first: its call id is in use until then.
            stage.members[member].detach();
            stage.members[member] =
                stage.engine.attach(&call_id(member), &words(tags), speak_only_to.map(audience_words).as_deref());
            Ok(())
        }
        Step::TakeOver { .. } | Step::Recover { .. } => unreachable!("made a Replace of"),
        Step::Reopen { room } => {
            stage.rooms[room].shut();
            stage.rooms[room] = open(stage.engine, schedule, room);
            Ok(())
        }
        Step::Format { .. } | Step::Lose { .. } | Step::Late { .. } | Step::Bad { .. } => Ok(()),
    }
}

fn command(stage: &Stage, verb: &str, room: usize, member: usize, tags: &str) -> Done {
    // Number and call id name the same member: take turns.
    let who = if member.is_multiple_of(2) { number(member).to_string() } else { call_id(member) };
    let reply = stage.engine.command(format!("{verb} {} {who} {tags}", room_name(room)).trim_end());
    if reply.starts_with("+OK") { Ok(()) } else { Err(Refused { status: 0, message: reply }) }
}
