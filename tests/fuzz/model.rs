//! A simple model of who may hear what, with which the fuzzer compares the library.

pub const PLACES: usize = 6;

/// A member as the control calls that succeeded have left it.
#[derive(Clone, Default)]
pub struct Member {
    pub room: Option<usize>,
    pub tags: Vec<String>,
    /// Present: private to these.
    pub only_to: Option<Vec<String>>,
    pub muted: bool,
    pub deaf: bool,
    pub held: bool,
    pub pass: bool,
    /// Ends the conference of an engine-mixed room when it leaves.
    pub ends: bool,
}

/// What a listener may still get to hear of the private speech of one speaker.
#[derive(Default)]
pub struct Model {
    pub members: [Option<Member>; PLACES],
    /// [speaker][listener]: private speech was captured for it, and nothing has come between them since.
    queued: [[bool; PLACES]; PLACES],
    /// [listener]: microseconds in which a voice that was closed may decay.
    fade: [u32; PLACES],
    /// [speaker]: microseconds of the opening guard of `uncoach` that are left, and who could hear it before.
    guard: [(u32, [bool; PLACES]); PLACES],
    /// [speaker][listener]: microseconds left of the guard of a tag that opened private speech to this listener.
    opening: [[u32; PLACES]; PLACES],
    /// Whom a private speaker spoke to when it left its last room.
    left: [Option<[bool; PLACES]>; PLACES],
}

pub const GUARD_MS: u32 = 60;
const FADE_US: u32 = 4_000;

impl Model {
    /// Whether what the speaker says is for this listener, whatever their mutes and holds.
    fn addressed(&self, speaker: usize, listener: usize) -> bool {
        let (Some(s), Some(l)) = (&self.members[speaker], &self.members[listener]) else { return false };
        let addressed = s.only_to.as_ref().is_none_or(|tags| tags.iter().any(|tag| l.tags.contains(tag)));
        speaker != listener && s.room.is_some() && s.room == l.room && addressed
    }

    pub fn may_hear(&self, speaker: usize, listener: usize) -> bool {
        let (Some(s), Some(l)) = (&self.members[speaker], &self.members[listener]) else { return false };
        self.addressed(speaker, listener) && !(s.muted || s.held || s.pass || l.deaf || l.held || l.pass)
    }

    /// A member has entered a room: if it comes from others than it speaks to now, all of them wait for the opening guard.
    pub fn joined(&mut self, place: usize, room: usize) {
        let left = self.left[place].take();
        let Some(member) = &mut self.members[place] else { return };
        member.room = Some(room);
        let Some(left) = left.filter(|_| member.only_to.is_some() && !member.pass) else { return };
        if (0..PLACES).any(|listener| self.addressed(place, listener) && !left[listener]) {
            self.opening[place] = [GUARD_MS * 1_000; PLACES];
        }
    }

    /// These leave their room, all at once.
    pub fn leave(&mut self, leaving: &[usize]) {
        for &place in leaving {
            let private = self.members[place].as_ref().is_some_and(|m| m.only_to.is_some());
            self.left[place] = private.then(|| std::array::from_fn(|listener| self.addressed(place, listener)));
        }
        for &place in leaving {
            if let Some(member) = &mut self.members[place] {
                member.room = None;
            }
        }
    }

    /// A room ends for everyone in it.
    pub fn end(&mut self, room: usize) {
        let inside = |place: &usize| self.members[*place].as_ref().is_some_and(|m| m.room == Some(room));
        let inside: Vec<usize> = (0..PLACES).filter(inside).collect();
        self.leave(&inside);
    }

    /// A member is no more, and who gets its place is somebody else.
    pub fn gone(&mut self, place: usize) {
        self.members[place] = None;
        self.left[place] = None;
        self.left.iter_mut().flatten().for_each(|left| left[place] = false);
    }

    /// After a control call that succeeded: where a pair came apart, nothing that was queued is heard any more.
    pub fn changed(&mut self) {
        for speaker in 0..PLACES {
            for listener in 0..PLACES {
                if !self.may_hear(speaker, listener) {
                    self.guard[speaker].1[listener] = false;
                    self.opening[speaker][listener] = 0;
                    if std::mem::take(&mut self.queued[speaker][listener]) {
                        self.fade[listener] = FADE_US;
                    }
                }
            }
        }
    }

    /// Who may hear whom now.
    pub fn audiences(&self) -> [[bool; PLACES]; PLACES] {
        std::array::from_fn(|speaker| std::array::from_fn(|listener| self.may_hear(speaker, listener)))
    }

    /// After a command on tags: who hears private speech since then, and did not `before`, waits for the opening guard.
    pub fn widened(&mut self, before: [[bool; PLACES]; PLACES]) {
        for (speaker, heard) in before.iter().enumerate() {
            for (listener, heard) in heard.iter().enumerate() {
                if !heard && self.may_hear(speaker, listener) {
                    self.opening[speaker][listener] = GUARD_MS * 1_000;
                }
            }
        }
    }

    /// Before `uncoach` is applied: those who hear the speaker now hear what the opening guard keeps from others.
    pub fn guard_begins(&mut self, speaker: usize) {
        if self.members[speaker].as_ref().is_some_and(|m| m.only_to.is_some() && m.room.is_some() && !m.pass) {
            self.guard[speaker] = (GUARD_MS * 1_000, std::array::from_fn(|l| self.may_hear(speaker, l)));
        }
    }

    /// A call that makes it hard to say how long the guard lasts: from here on, the speaker says nothing that is guarded.
    pub fn guard_is_over(&mut self, speaker: usize) {
        self.guard[speaker] = (0, [false; PLACES]);
    }

    /// Whether the next frame of this length is private for certain: so loud speech is said in it.
    pub fn speaks_privately(&self, speaker: usize, us: u32) -> bool {
        let Some(member) = &self.members[speaker] else { return false };
        !member.pass && (member.only_to.is_some() || us <= self.guard[speaker].0)
    }

    /// A loud private frame was captured.
    pub fn captured(&mut self, speaker: usize, us: u32) {
        let private = self.members[speaker].as_ref().is_some_and(|m| m.only_to.is_some());
        for listener in 0..PLACES {
            let guarded = self.guard[speaker].1[listener];
            let closed = us <= self.opening[speaker][listener];
            self.queued[speaker][listener] |= self.may_hear(speaker, listener) && !closed && (private || guarded);
        }
    }

    /// The speaker's own audio went by: guards are counted in it.
    pub fn time_passed(&mut self, speaker: usize, us: u32) {
        self.guard[speaker].0 = self.guard[speaker].0.saturating_sub(us);
        self.opening[speaker].iter_mut().for_each(|left| *left = left.saturating_sub(us));
    }

    /// Microseconds of the listener's next frame that may hold private speech or a voice's decay.
    pub fn audible_us(&mut self, listener: usize, us: u32) -> u32 {
        if self.queued.iter().any(|heard| heard[listener]) {
            return us;
        }
        let fade = self.fade[listener].min(us);
        self.fade[listener] -= fade;
        fade
    }
}
