//! One conference with its callers. Each caller says tones, a new one each time it says something, and records what it
//! hears; who may hear which tone is written down as the call goes on, and judged when it is over.
//!
//! A call has two legs: the *near* one is in the conference, as any caller's; the *far* one is the caller's telephone, which
//! plays and records.

mod call;
mod party;

use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

pub use call::Call;
pub use party::Party;

use crate::{
    judge::Recording,
    socket::Socket,
    switch::Switch,
    tones,
    verdict::{AFTER, Listener, Played, Said},
};

/// For `says`: every other member.
pub const EVERYONE: &[&str] = &["*"];
/// For `says`: not a soul.
pub const NOBODY: &[&str] = &[];

/// A tone is not said again before nobody can mix it up with the last time.
const TONE_RESTS: f64 = 2.0 * AFTER + 1.0;

/// A part of the opening guard, in seconds: some frames, and time enough to say something else.
pub const MOMENT: f64 = 0.06;
/// The whole of it, and some more.
const GUARD: f64 = 0.4;

/// What was said before an audience was widened is kept from the wider one for so many seconds, as stock: who says something else until
/// then is sure that nobody new hears it. Less what is on its way from the telephone to the hook.
const KEPT: f64 = 0.2 - 0.04;

/// How much later than it happened a call's end is seen, in seconds, at most.
const SEEN_WITHIN: f64 = 2.0;

/// What a step of a scenario comes to; an error says what was wrong.
pub type Outcome<T = ()> = Result<T, String>;

pub struct Scene<'s> {
    pub switch: &'s Switch,
    /// The conference's name.
    pub room: String,
    profile: &'static str,
    /// The mixer adds two channels up for one.
    added_up: Cell<bool>,
    /// Private speech is not spoken: what is heard all the same was not private speech.
    control: bool,
    socket: RefCell<Socket>,
    legs: RefCell<Vec<Leg>>,
    said: RefCell<Vec<Said>>,
    /// Whose mode has changed, and when.
    changes: RefCell<Vec<(String, f64)>>,
    /// When a command changed something last.
    changed: Cell<f64>,
    /// Somebody whom the last change made heard by others said something else so late that they heard what it said before.
    too_slow: Cell<bool>,
    begin: Instant,
}

/// A caller's telephone.
struct Leg {
    name: String,
    far: String,
    near: String,
    recording: PathBuf,
    /// The command that ends the recording.
    stop: String,
    /// Its recording's first moment.
    started: f64,
    joined: f64,
    /// Out of the conference.
    left: Option<f64>,
    /// Its call is over, the recording too.
    over: bool,
}

impl Leg {
    /// Whose recording begins now, until this command ends it.
    fn recorded(name: &str, recording: PathBuf, stop: String, now: f64) -> Self {
        Self {
            name: name.into(),
            far: String::new(),
            near: String::new(),
            recording,
            stop,
            started: now,
            joined: now,
            left: None,
            over: false,
        }
    }
}

impl<'s> Scene<'s> {
    pub fn new(switch: &'s Switch, room: &str, profile: &'static str) -> Outcome<Self> {
        Ok(Self {
            switch,
            room: room.into(),
            profile,
            added_up: Cell::new(profile == "stereo"),
            control: false,
            socket: RefCell::new(switch.socket()?),
            legs: RefCell::default(),
            said: RefCell::default(),
            changes: RefCell::default(),
            changed: Cell::new(f64::NEG_INFINITY),
            too_slow: Cell::new(false),
            begin: Instant::now(),
        })
    }

    /// The same, with nobody speaking privately: what coded legs make of the others' tones.
    pub fn control(switch: &'s Switch, room: &str, profile: &'static str) -> Outcome<Self> {
        Ok(Self { control: true, ..Self::new(switch, room, profile)? })
    }

    /// Calls somebody into the conference.
    pub fn call<'a>(&'a self, name: &'a str) -> Call<'a> {
        Call::new(self, name)
    }

    /// Runs an API command; what is no success is an error.
    pub fn api(&self, command: &str) -> Outcome<String> {
        if command.starts_with("coach ") || command.starts_with("uuid_coach ") {
            self.changed.set(self.now());
        }
        let reply = self.socket.borrow_mut().api(command)?;
        let refused = ["-ERR", "-USAGE"].iter().any(|bad| reply.trim_start().starts_with(bad));
        if refused { Err(format!("`{command}` was answered with {}", reply.trim())) } else { Ok(reply) }
    }

    /// Runs an API command that has to be refused; the refusal.
    pub fn refused(&self, command: &str) -> Outcome<String> {
        let reply = self.socket.borrow_mut().api(command)?;
        if reply.starts_with("-ERR") { Ok(reply) } else { Err(format!("`{command}` was answered with {reply}")) }
    }

    /// Executes an application on a leg, wherever that leg is.
    pub fn execute(&self, uuid: &str, application: &str, data: &str) -> Outcome {
        let message =
            format!("sendmsg {uuid}\ncall-command: execute\nexecute-app-name: {application}\nexecute-app-arg: {data}");
        self.socket.borrow_mut().request(&message).map(drop)
    }

    /// A recording that the switch makes: it listens under this name. `{}` in the commands stands for its file.
    pub fn records(&self, name: &str, start: &str, stop: &str) -> Outcome {
        let recording = self.switch.folder.join(format!("{}-{name}.wav", self.room));
        let command = |command: &str| command.replace("{}", &recording.to_string_lossy());
        self.api(&command(start))?;
        let leg = Leg::recorded(name, recording.clone(), command(stop), self.now());
        self.legs.borrow_mut().push(leg);
        Ok(())
    }

    /// Plays a tone to the whole conference, until it stops.
    pub fn announces(&self) -> Outcome {
        let tone = self.speech("announcement", EVERYONE, None, false)?;
        self.api(&format!("conference {} play {}", self.room, tone.trim_start_matches("playback:"))).map(drop)
    }

    /// Stops what it plays.
    pub fn falls_quiet(&self) -> Outcome {
        self.falls_silent("announcement");
        self.api(&format!("conference {} stop all", self.room)).map(drop)
    }

    /// Coach's events from now on.
    pub fn events(&self) -> Outcome<Socket> {
        let mut socket = self.switch.socket()?;
        socket.request("event json CUSTOM coach::maintenance")?;
        Ok(socket)
    }

    /// Lets time pass.
    pub fn wait(&self, seconds: f64) {
        sleep(Duration::from_secs_f64(seconds));
    }

    /// Waits until something is so. The bound is for what never comes: a busy machine is slow.
    pub fn until(&self, what: &str, is: impl Fn() -> Outcome<bool>) -> Outcome {
        for _ in 0..1_500 {
            if is()? {
                return Ok(());
            }
            self.wait(0.02);
        }
        Err(format!("after 30 s: not {what}"))
    }

    /// Hangs up; what everyone heard.
    pub fn finish(self) -> Outcome<Played> {
        self.wait(0.2);
        let over = self.now();
        // Stopped, a file is whole; whoever is no longer there has stopped. Nobody hears the others hang up.
        for leg in self.legs.borrow().iter() {
            let _ = self.api(&leg.stop);
        }
        for leg in self.legs.borrow().iter().filter(|leg| !leg.far.is_empty()) {
            let _ = self.api(&format!("uuid_kill {}", leg.far));
        }
        let changes = self.changes.take();
        let listeners = self.legs.take().into_iter().map(|leg| {
            let left = leg.left.unwrap_or(over);
            // The switch ends a file when it comes to it.
            self.until("recorded", || Ok(Recording::read(&leg.recording).is_ok_and(|wav| !wav.samples.is_empty())))?;
            // A call that has ended may have done so some time before it was seen.
            let (until, seen) = if leg.over { (left, SEEN_WITHIN) } else { (over, 0.0) };
            Listener::read(leg.name, &leg.recording, leg.started..until, seen, leg.joined..left)
        });
        let mut said = self.said.take();
        said.iter_mut().for_each(|said| said.until = said.until.min(over));
        let level = tones::LEVEL + if self.added_up.get() { 20.0 * 2f64.log10() } else { 0.0 };
        let (listeners, too_slow) = (listeners.collect::<Outcome<_>>()?, self.too_slow.get());
        Ok(Played { level, listeners, said, changes, too_slow })
    }

    /// Seconds since it began.
    pub fn now(&self) -> f64 {
        self.begin.elapsed().as_secs_f64()
    }

    /// Writes down that somebody says a tone from now on, whose phone does so without being told.
    pub fn says_by_itself(&self, name: &str, tone: u32, heard_by: &[&str]) {
        let heard_by = heard_by.iter().map(|name| (*name).into()).collect();
        let (from, until) = (self.now(), f64::INFINITY);
        let said = Said { by: name.into(), tone, heard_by, murmured: false, from, until, played: true };
        self.said.borrow_mut().push(said);
    }

    /// Writes down that somebody's mode changes now.
    fn changes(&self, name: &str) {
        self.changes.borrow_mut().push((name.into(), self.now()));
    }

    /// What somebody said last.
    pub fn tone_of(&self, name: &str) -> Option<u32> {
        self.said.borrow().iter().rev().find(|said| said.by == name).map(|said| said.tone)
    }

    /// Ends what a caller says.
    pub fn falls_silent(&self, name: &str) {
        let now = self.now();
        for said in self.said.borrow_mut().iter_mut().filter(|said| said.by == name) {
            said.until = said.until.min(now);
        }
    }

    /// The tone that has rested longest, if it has long enough.
    pub fn free_tone(&self) -> Option<u32> {
        let said = self.said.borrow();
        let last =
            |tone: u32| said.iter().filter(|said| said.tone == tone).map(|said| said.until).fold(-TONE_RESTS, f64::max);
        let rested = tones::TONES.into_iter().min_by(|a, b| last(*a).total_cmp(&last(*b)))?;
        (last(rested) + TONE_RESTS <= self.now()).then_some(rested)
    }

    /// A tone for something new that is said; where there is none to be played: silence.
    fn speech(&self, name: &str, heard_by: &[&str], seconds: Option<f64>, murmured: bool) -> Outcome<String> {
        self.falls_silent(name);
        let tone = self.free_tone().ok_or("more is said than there are tones")?;
        let now = self.now();
        let mut said = self.said.borrow_mut();
        let heard_by: Vec<String> = heard_by.iter().map(|name| (*name).into()).collect();
        let played = !self.control || heard_by == EVERYONE;
        let until = now + seconds.unwrap_or(f64::INFINITY);
        said.push(Said { by: name.into(), tone, heard_by, murmured, from: now, until, played });
        let file = tones::file(tone, seconds)?;
        Ok(match seconds {
            _ if !played => HUSH.into(),
            Some(_) => format!("playback:{file}^{HUSH}"),
            None => format!("playback:{file}"),
        })
    }
}

/// What a telephone does, as a dialplan.
const HUSH: &str = "playback:silence_stream://-1";
