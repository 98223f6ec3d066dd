//! The rule of who may hear whom, as the contract words it. Tests judge the engine by this; it shares no code with it.
//!
//! Members, rooms and tags are small numbers here; a set of members or tags is a bit mask.

/// A set of members or of tags: bit 0 is the first.
pub type Set = u8;

/// One member, as the control plane knows it.
#[derive(Debug, Clone, Default)]
pub struct Leg {
    pub room: Option<usize>,
    pub tags: Set,
    /// Absent: open. No bit: private to nobody.
    pub speak_only_to: Option<Set>,
    pub muted: bool,
    pub deaf: bool,
    pub held: bool,
    pub pass: bool,
    /// It ends the conference when it leaves.
    pub ends: bool,
    /// Whom it spoke to when it left its last room, if it spoke privately.
    pub left: Option<Set>,
    /// The opening guards that are not over yet.
    pub guards: Vec<Guard>,
    /// When the frame was said that it says now, or that it said last, where the host knows it.
    pub said: Option<u32>,
    /// When a frame of it came without delay last, of those that the engine's read hook has compared with its clock.
    pub on_time: Option<u32>,
}

impl Leg {
    /// Out of its room, where what it says is for `audience`.
    fn go(&mut self, audience: Set) {
        self.room = None;
        self.left = self.speak_only_to.map(|_| audience);
    }
}

/// An opening guard of one speaker.
#[derive(Debug, Clone)]
pub struct Guard {
    left_ms: u32,
    /// When the command was given.
    from: u32,
    /// When it ends by the clock, once a frame has come.
    until: Option<u32>,
    /// When it ends by the sender's clock, if that is known.
    said_until: Option<u32>,
    /// Who could hear it before, and has been able to ever since.
    before: Set,
}

/// Everybody, and the rule between them.
///
/// Times are in slots of 10 ms. Without `now` guards go by the speaker's audio alone.
#[derive(Debug, Clone)]
pub struct Rule {
    pub guard_ms: u32,
    pub now: Option<u32>,
    pub legs: Vec<Leg>,
    /// Which rooms the engine mixes.
    pub engine_mixed: Vec<bool>,
}

/// For so many slots after a frame without delay it counts that there was one.
const SURE: u32 = 300;

fn bit(member: usize) -> Set {
    1 << member
}

impl Rule {
    /// Does what `speaker` speaks to include `listener`, whatever their mutes and holds?
    fn addressed(&self, listener: usize, speaker: usize) -> bool {
        let (l, s) = (&self.legs[listener], &self.legs[speaker]);
        let together = listener != speaker && l.room.is_some() && l.room == s.room;
        together && s.speak_only_to.is_none_or(|tags| tags & l.tags != 0)
    }

    /// Everybody that what `speaker` says is for.
    fn addressees(&self, speaker: usize) -> Set {
        (0..self.legs.len()).filter(|&listener| self.addressed(listener, speaker)).map(bit).sum()
    }

    /// May `listener` hear `speaker` now, opening guards aside?
    pub fn hears(&self, listener: usize, speaker: usize) -> bool {
        let (l, s) = (&self.legs[listener], &self.legs[speaker]);
        self.addressed(listener, speaker) && !s.muted && !s.held && !l.deaf && !l.held && !l.pass
    }

    /// Is what `speaker` says now kept from those outside its audience? Also in the guard after it opened.
    pub fn private(&self, speaker: usize) -> bool {
        let leg = &self.legs[speaker];
        leg.speak_only_to.is_some() && !leg.pass || leg.guards.iter().any(|guard| self.holds(guard, leg.said))
    }

    /// Does the guard hold a frame that comes now?
    fn holds(&self, guard: &Guard, said: Option<u32>) -> bool {
        let by_clock = self.now.is_some_and(|now| guard.until.is_none_or(|until| now < until));
        let late = guard.said_until.zip(said).is_some_and(|(until, said)| said < until);
        guard.left_ms > 0 || by_clock || late
    }

    /// Is `listener` due a frame of `speaker` that is captured now? Guarded ones go to those who could hear it before too.
    pub fn due(&self, listener: usize, speaker: usize) -> bool {
        let leg = &self.legs[speaker];
        let mut holding = leg.guards.iter().filter(|guard| self.holds(guard, leg.said));
        self.hears(listener, speaker) && holding.all(|guard| guard.before & bit(listener) != 0)
    }

    /// A frame of `speaker` comes, which was said in slot `said` if the host knows that.
    pub fn comes(&mut self, speaker: usize, said: Option<u32>) {
        let (now, length) = (self.now, self.guard_ms / 10);
        let leg = &mut self.legs[speaker];
        leg.said = said;
        if leg.speak_only_to.is_none() && leg.guards.is_empty() {
            leg.on_time = None;
        } else if said.is_some() && said == now {
            leg.on_time = now;
        }
        // The sender's clock is known for sure while a frame without delay is not long ago.
        let known = leg.on_time.zip(now).is_some_and(|(on_time, now)| now < on_time + SURE);
        for guard in leg.guards.iter_mut().filter(|guard| guard.until.is_none()) {
            guard.until = now.map(|now| guard.from.max(now) + length);
            guard.said_until = known.then_some(guard.from + length);
        }
    }

    /// A frame of `speaker` has been captured: its guards run down by as much.
    pub fn captured(&mut self, speaker: usize, ms: u32) {
        let mut guards = std::mem::take(&mut self.legs[speaker].guards);
        guards.retain_mut(|guard| {
            guard.left_ms = guard.left_ms.saturating_sub(ms);
            self.holds(guard, self.legs[speaker].said)
        });
        self.legs[speaker].guards = guards;
    }

    /// A new member in this place: it inherits nothing.
    pub fn attach(&mut self, member: usize, leg: Leg) {
        self.change(member, |old| *old = leg);
        for leg in &mut self.legs {
            leg.left = leg.left.map(|left| left & !bit(member));
        }
    }

    /// Enters a room. A private speaker that comes to others than those it spoke to in its last room passes a guard.
    pub fn join(&mut self, member: usize, room: usize) {
        let mut after = self.clone();
        after.legs[member].room = Some(room);
        let left = self.legs[member].left.filter(|_| self.legs[member].speak_only_to.is_some());
        if left.is_some_and(|left| after.addressees(member) & !left != 0) {
            self.widen(member);
        }
        self.change(member, |leg| (leg.room, leg.left) = (Some(room), None));
    }

    /// Leaves. A member that ends the conference takes everyone out of an engine-mixed room.
    pub fn leave(&mut self, member: usize) {
        let room = self.legs[member].room;
        let audience = self.addressees(member);
        self.change(member, |leg| leg.go(audience));
        if let Some(room) = room.filter(|&room| self.legs[member].ends && self.engine_mixed[room]) {
            self.close(room);
        }
    }

    /// The room ends for everyone in it.
    pub fn close(&mut self, room: usize) {
        let before = self.clone();
        for member in (0..self.legs.len()).filter(|&member| before.legs[member].room == Some(room)) {
            self.change(member, |leg| leg.go(before.addressees(member)));
        }
    }

    /// Sets the tags of `member`: private speakers that this adds a listener to pass a guard.
    pub fn tag(&mut self, member: usize, tags: Set) {
        for speaker in 0..self.legs.len() {
            let mut after = self.clone();
            after.legs[member].tags = tags;
            let private = self.legs[speaker].speak_only_to.is_some();
            if private && !self.addressed(member, speaker) && after.addressed(member, speaker) {
                self.widen(speaker);
            }
        }
        self.change(member, |leg| leg.tags = tags);
    }

    /// Speaks only to these tags.
    pub fn coach(&mut self, speaker: usize, tags: Set) {
        let mut after = self.clone();
        after.legs[speaker].speak_only_to = Some(tags);
        let leg = &self.legs[speaker];
        let elsewhere = leg.room.is_none() && leg.speak_only_to.is_some_and(|old| tags & !old != 0);
        if elsewhere || (0..self.legs.len()).any(|l| after.addressed(l, speaker) && !self.addressed(l, speaker)) {
            self.widen(speaker);
        }
        self.change(speaker, |leg| leg.speak_only_to = Some(tags));
    }

    /// Speaks to everyone.
    pub fn uncoach(&mut self, speaker: usize) {
        if self.legs[speaker].speak_only_to.is_some() {
            self.widen(speaker);
        }
        self.change(speaker, |leg| leg.speak_only_to = None);
    }

    /// Its hooks pass everything, or act again.
    pub fn bypass(&mut self, member: usize, on: bool) {
        if on && self.legs[member].speak_only_to.is_some() {
            self.widen(member);
        }
        self.change(member, |leg| leg.pass = on);
    }

    /// Any change that needs no guard: what it breaks is no longer "before" when it comes back.
    pub fn change(&mut self, member: usize, change: impl FnOnce(&mut Leg)) {
        change(&mut self.legs[member]);
        for speaker in 0..self.legs.len() {
            let mut hearing = 0;
            for listener in 0..self.legs.len() {
                hearing |= if self.hears(listener, speaker) { bit(listener) } else { 0 };
            }
            self.legs[speaker].guards.iter_mut().for_each(|guard| guard.before &= hearing);
        }
    }

    /// The audience of `speaker` is about to grow. A leg that passes everything is open already.
    fn widen(&mut self, speaker: usize) {
        if self.guard_ms == 0 || self.legs[speaker].pass {
            return;
        }
        let hears = |listener: &usize| self.hears(*listener, speaker);
        let before = (0..self.legs.len()).filter(hears).map(bit).sum();
        let from = self.now.unwrap_or(0);
        self.legs[speaker].guards.push(Guard { left_ms: self.guard_ms, from, until: None, said_until: None, before });
    }
}
