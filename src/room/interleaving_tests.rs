//! Changes that come between any two steps of a hook, and hooks that run between any two steps of a change: whoever hears a frame was in the
//! audience when it was captured, and has been ever since. All on one thread, so that each step may be the one where others act.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
};

use super::{
    engine::{Config, Engine},
    settings::Toggle,
    state::{Member, Mixer, NewMember, RoomState},
};
use crate::{
    audio::host_mix::HostMix,
    faults::{self, Where},
    route::Speaks,
    sys,
};

/// The speakers' frames differ by their number up to this, in a digit for each speaker.
const DIGIT: usize = 31;
const SPEAKERS: usize = 3;
const SEEDS: u64 = 40;
const TAGS: [&str; 5] = ["agent", "b", "agent,b", "c", "b,c"];

/// Who may hear whom, while nothing changes; a change that stops half-way leaves undecided what its member says and hears.
#[derive(Clone)]
enum Phase {
    Quiet(Rc<BTreeSet<(u64, u64)>>),
    Change(u64, bool),
}

/// Which frame, and the phases in which it was captured or heard.
struct Captured {
    frame: usize,
    span: (usize, usize),
}

struct Heard {
    listener: u64,
    speaker: usize,
    frame: usize,
    span: (usize, usize),
}

struct World {
    engine: Arc<Engine>,
    rooms: Vec<u64>,
    members: Vec<u64>,
    random: Cell<u64>,
    now: Cell<u64>,
    phases: RefCell<Vec<Phase>>,
    captured: RefCell<[Vec<Captured>; SPEAKERS]>,
    heard: RefCell<Vec<Heard>>,
    log: RefCell<Vec<String>>,
    depth: Cell<usize>,
    changing: Cell<bool>,
    /// So often at most a change is stopped.
    faults: usize,
    count: Cell<usize>,
    nested: Cell<usize>,
    stopped: Cell<usize>,
}

fn may(from: &Member, to: &Member) -> bool {
    let (s, l) = (&from.facts, &to.facts);
    let spoken_to = match &s.speaks {
        Speaks::Openly => true,
        Speaks::ToNobody => false,
        Speaks::To(tags) => tags.iter().any(|tag| l.tags.iter().any(|other| tag == other)),
    };
    spoken_to && !(s.passing || s.muted || s.held || l.passing || l.deaf || l.held)
}

impl World {
    fn new(seed: u64, guard_ms: u32, faults: usize) -> Rc<Self> {
        let engine = Engine::create(Config::for_tests(guard_ms));
        let nothing = || (std::ptr::null_mut(), None);
        let rooms: Vec<u64> = ["one", "two"]
            .map(|name| engine.open_room(name, Mixer::Host(HostMix::Unknown), nothing()).expect("is opened"))
            .into();
        let members: Vec<u64> = (0..7)
            .map(|number| {
                let (tags, to) = if number < SPEAKERS { (None, Some("agent")) } else { (Some("agent"), None) };
                let call_id = format!("call-{number}");
                let member = engine.attach(&NewMember::for_tests(&call_id, tags, to)).expect("is attached");
                engine.join(member, rooms[0], number as u32).expect("enters");
                member
            })
            .collect();
        let world = Rc::new(Self {
            engine,
            rooms,
            members,
            random: Cell::new(seed),
            now: Cell::new(1_000_000_000),
            phases: RefCell::default(),
            captured: RefCell::default(),
            heard: RefCell::default(),
            log: RefCell::default(),
            depth: Cell::new(0),
            changing: Cell::new(false),
            faults,
            count: Cell::new(0),
            nested: Cell::new(0),
            stopped: Cell::new(0),
        });
        let quiet = world.rule();
        world.phases.borrow_mut().push(quiet);
        let inner = Rc::downgrade(&world);
        faults::meanwhile_in(Some(Rc::new(move |hook| {
            if let Some(world) = inner.upgrade() {
                world.meanwhile(hook);
            }
        })));
        world
    }

    fn below(&self, end: usize) -> usize {
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        (random >> 16) as usize % end
    }

    fn rule(&self) -> Phase {
        let mut all = BTreeSet::new();
        for state_lock in self.engine.state_locks().expect("it is there") {
            let state = state_lock.lock();
            let inside: Vec<_> = state.inside().map(|(_, handle, member)| (handle, member)).collect();
            for (from, speaker) in &inside {
                let hear = inside.iter().filter(|(to, listener)| to != from && may(speaker, listener));
                all.extend(hear.map(|(to, _)| (*from, *to)));
            }
        }
        Phase::Quiet(Rc::new(all))
    }

    fn phase(&self) -> usize {
        self.phases.borrow().len() - 1
    }

    fn note(&self, line: impl FnOnce() -> String) {
        self.log.borrow_mut().push(format!("{}{}", "  ".repeat(self.depth.get()), line()));
    }

    fn meanwhile(&self, hook: bool) {
        let depth = self.depth.get();
        if depth > 2 || self.below(if hook { 8 } else { 4 }) > 0 {
            return;
        }
        self.depth.set(depth + 1);
        self.nested.set(self.nested.get() + 1);
        for _ in 0..=self.below(4) {
            if hook && !self.changing.get() && self.below(2) == 0 {
                self.change();
            } else {
                self.any_hook();
            }
        }
        self.depth.set(depth);
    }

    fn any_hook(&self) {
        if self.below(2) == 0 { self.says(self.below(SPEAKERS)) } else { _ = self.hears(self.members[self.below(7)]) }
    }

    fn says(&self, speaker: usize) {
        let frame = self.captured.borrow()[speaker].last().map_or(1, |last| last.frame + 1);
        let digit = (frame % (DIGIT - 1) + 1) as i16;
        let value = digit * DIGIT.pow(speaker as u32) as i16;
        let mut data = [value; 160];
        let begin = self.phase();
        // It is known before it is in the stream: others may hear it meanwhile.
        self.captured.borrow_mut()[speaker].push(Captured { frame, span: (begin, usize::MAX) });
        // SAFETY: the frame is of that many samples.
        let status = unsafe { sys::coach_read(self.members[speaker], data.as_mut_ptr(), 8_000, 1, 160) };
        let end = self.phase();
        self.note(|| format!("speaker {speaker} says {frame} ({digit}) in {begin}..{end}: {status}"));
        let mut captured = self.captured.borrow_mut();
        let captured = captured[speaker].iter_mut().find(|captured| captured.frame == frame).expect("it is there");
        captured.span.1 = end;
    }

    fn hears(&self, listener: u64) -> [usize; SPEAKERS] {
        let mut data = [0i16; 160];
        let begin = self.phase();
        // SAFETY: the frame is of that many samples.
        unsafe { sys::coach_write(listener, data.as_mut_ptr(), 8_000, 1, 160) };
        let end = self.phase();
        let (mut left, mut digits) = (data[159] as usize, [0; SPEAKERS]);
        for (speaker, digit) in digits.iter_mut().enumerate() {
            *digit = left % DIGIT;
            left /= DIGIT;
            if *digit > 0 {
                self.count.set(self.count.get() + 1);
                self.heard.borrow_mut().push(Heard { listener, speaker, frame: *digit, span: (begin, end) });
            }
        }
        self.note(|| format!("{} hears {digits:?} in {begin}..{end}", self.name(listener)));
        assert_eq!(left, 0, "{:?}", &data[150..]);
        digits
    }

    fn name(&self, member: u64) -> usize {
        self.members.iter().position(|other| *other == member).expect("it is one")
    }

    fn change(&self) {
        let Self { engine, .. } = self;
        let member = self.members[self.below(7)];
        self.changing.set(true);
        let which = self.below(14);
        let stops = self.faults > 0 && self.below(3) == 0;
        self.phases.borrow_mut().push(Phase::Change(member, stops));
        if stops {
            let at = [Where::Pair, Where::Change, Where::Plan][self.below(3)];
            faults::arm(at, self.below(6), 1 + self.below(self.faults));
        }
        let (on, tags) = (self.below(3) == 0, TAGS[self.below(5)]);
        let speaks = self.below(4) > 0;
        self.note(|| format!("change {which} of {} {tags} {on} {stops}, phase {}", self.name(member), self.phase()));
        let done = catch_unwind(AssertUnwindSafe(|| match which {
            0..3 => engine.act_on(member, |state| state.tag(member, tags)),
            3 => engine.act_on(member, |state| state.untag(member)),
            4..6 if speaks => engine.act_on(member, |state| state.coach(member, tags)),
            6 => engine.act_on(member, |state| state.uncoach(member)),
            7 => engine.act_on(member, |state| state.set_toggle(member, Toggle::Mute, on)),
            8 => engine.act_on(member, |state| state.set_toggle(member, Toggle::Deaf, on)),
            9 => engine.act_on(member, |state| state.set_toggle(member, Toggle::Hold, on)),
            10 => engine.act_on(member, |state| state.leave(member)),
            11 | 12 => engine.join(member, self.rooms[usize::from(self.below(4) == 0)], self.name(member) as u32),
            13 => engine.act_on(member, |state| state.bypass(member, on)),
            _ => Ok(()),
        }));
        faults::disarm();
        let failed = done.is_err();
        self.stopped.set(self.stopped.get() + usize::from(failed));
        let quiet = self.rule();
        self.phases.borrow_mut().push(quiet);
        self.note(|| format!("done, phase {}, stopped {failed}", self.phase()));
        self.changing.set(false);
    }

    /// Whether the pair may have been unbroken from some phase of the first span to some phase of the second.
    fn unbroken(&self, pair: (u64, u64), captured: (usize, usize), heard: (usize, usize)) -> bool {
        let phases = self.phases.borrow();
        let quiet = |phase: usize| match phases.get(phase) {
            Some(Phase::Quiet(all)) => all.contains(&pair),
            _ => false,
        };
        let allowed = |phase: usize| match &phases[phase] {
            Phase::Quiet(_) => quiet(phase),
            Phase::Change(member, stops) => {
                quiet(phase - 1) || quiet(phase + 1) || (*stops && (*member == pair.0 || *member == pair.1))
            }
        };
        let last = phases.len() - 1;
        (captured.0..=captured.1.min(heard.1).min(last))
            .any(|from| (heard.0.max(from)..=heard.1).any(|to| (from..=to).all(allowed)))
    }

    fn check(&self) {
        let captured = self.captured.borrow();
        for Heard { listener, speaker, frame: digit, span } in self.heard.borrow_mut().drain(..) {
            // Of those of a number one is enough: an unbroken pair may hear all that was said since.
            let mut said = captured[speaker].iter().filter(|captured| captured.frame % (DIGIT - 1) + 1 == digit);
            let pair = (self.members[speaker], listener);
            let fits = said.any(|captured| self.unbroken(pair, captured.span, span));
            if !fits {
                let log = self.log.borrow();
                eprintln!("{}", log[log.len().saturating_sub(1500)..].join("\n"));
                panic!("{} should not hear {digit} of {speaker} in {span:?}", self.name(listener));
            }
        }
    }

    /// Nothing changes: whoever is in an audience hears, and nobody else does.
    fn settle(&self) {
        self.depth.set(9);
        self.engine.serve();
        let mut last = BTreeMap::new();
        for _ in 0..40 {
            self.now.set(self.now.get() + 20_000_000);
            self.engine.shared.clock.set(self.now.get());
            (0..SPEAKERS).for_each(|speaker| self.says(speaker));
            last = self.members.iter().map(|member| (*member, self.hears(*member))).collect();
        }
        let phases = self.phases.borrow();
        let Some(Phase::Quiet(rule)) = phases.last() else { panic!("nothing changes") };
        for (listener, digits) in last {
            for (speaker, digit) in digits.into_iter().enumerate() {
                let from = self.members[speaker];
                let private = self.engine.act_on(from, |state| Ok(state.members[&from].facts.speaks.privately()));
                let due = rule.contains(&(from, listener));
                // Of who speaks openly again, the end may be on its way still.
                if private.expect("it is there") && due != (digit > 0) {
                    eprintln!("{}", self.log.borrow()[self.log.borrow().len().saturating_sub(1500)..].join("\n"));
                    panic!("{} hears {speaker}: {digit}, due {due}", self.name(listener));
                }
            }
        }
        self.depth.set(0);
    }
}

fn explore(guard_ms: u32, stops: usize) {
    let (mut count, mut nested, mut stopped) = (0, 0, 0);
    for seed in 1..=SEEDS {
        let world = World::new(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed), guard_ms, stops);
        for _ in 0..12 {
            for _ in 0..40 {
                world.now.set(world.now.get() + 5_000_000);
                world.engine.shared.clock.set(world.now.get());
                match world.below(10) {
                    0 | 1 => world.change(),
                    2 => _ = world.engine.serve(),
                    _ => world.any_hook(),
                }
                world.check();
            }
            if stops > 0 {
                // What has stopped twice is made anew by the next change.
                world.depth.set(9);
                for next in world.members.iter().copied() {
                    let change = |state: &mut RoomState| state.set_toggle(next, Toggle::Deaf, false);
                    world.engine.act_on(next, change).expect("the room goes on");
                    let quiet = world.rule();
                    world.phases.borrow_mut().extend([Phase::Change(next, false), quiet]);
                }
                world.depth.set(0);
            }
            world.settle();
            world.check();
        }
        count += world.count.get();
        nested += world.nested.get();
        stopped += world.stopped.get();
        faults::meanwhile_in(None);
        world.engine.destroy().expect("it ends");
    }
    println!("guard {guard_ms}: {count} voices heard, {nested} times in between, {stopped} changes stopped");
}

#[test]
fn between_steps_nobody_hears_what_it_may_not() {
    explore(0, 0);
}

#[test]
fn between_steps_and_guarded_nobody_hears_what_it_may_not() {
    explore(60, 0);
}

#[test]
fn between_steps_of_changes_that_stop_nobody_hears_what_it_may_not() {
    explore(0, 1);
}

#[test]
fn between_steps_of_changes_that_stop_twice_nobody_hears_what_it_may_not() {
    explore(0, 2);
}
