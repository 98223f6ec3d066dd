//! One conference with its callers. Each caller says tones, a new one each time it says something, and records what it
//! hears; who may hear which tone is written down as the call goes on, and judged when it is over.
//!
//! A call has two legs: the *near* one is in the conference, as any caller's; the *far* one is the caller's telephone, which
//! plays and records.

use std::{
    cell::RefCell,
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    judge::Recording,
    socket::Socket,
    switch::Switch,
    tones,
    verdict::{Listener, NEAR, Played, Said},
};

/// For `says`: every other member.
pub const EVERYONE: &[&str] = &["*"];
/// For `says`: not a soul.
pub const NOBODY: &[&str] = &[];

/// A tone is not said again before nobody can mix it up with the last time.
const TONE_RESTS: f64 = 2.0 * NEAR + 1.0;

pub type Outcome<T = ()> = Result<T, String>;

pub struct Scene<'s> {
    pub switch: &'s Switch,
    /// The conference's name.
    pub room: String,
    profile: &'static str,
    /// Private speech is not spoken: what is heard all the same was not private speech.
    control: bool,
    socket: RefCell<Socket>,
    legs: RefCell<Vec<Leg>>,
    said: RefCell<Vec<Said>>,
    begin: Instant,
}

/// A caller's telephone.
struct Leg {
    name: String,
    far: String,
    near: String,
    recording: PathBuf,
    /// Commands that end the recording.
    stop: Vec<String>,
    /// Its recording's first moment.
    started: f64,
    joined: f64,
    /// Out of the conference.
    left: Option<f64>,
    /// Its call is over, the recording too.
    over: bool,
}

impl<'s> Scene<'s> {
    pub fn new(switch: &'s Switch, room: &str, profile: &'static str) -> Outcome<Self> {
        Ok(Self {
            switch,
            room: room.into(),
            profile,
            control: false,
            socket: RefCell::new(switch.socket()?),
            legs: RefCell::default(),
            said: RefCell::default(),
            begin: Instant::now(),
        })
    }

    /// The same, with nobody speaking privately: what coded legs make of the others' tones.
    pub fn control(switch: &'s Switch, room: &str, profile: &'static str) -> Outcome<Self> {
        Ok(Self { control: true, ..Self::new(switch, room, profile)? })
    }

    /// Calls somebody into the conference.
    pub fn call<'a>(&'a self, name: &'a str) -> Call<'a> {
        Call {
            scene: self,
            name,
            room: &self.room,
            codec: None,
            before: Vec::new(),
            variables: String::new(),
            originated: None,
            silent: false,
            says: EVERYONE,
        }
    }

    /// Runs an API command; what is no success is an error.
    pub fn api(&self, command: &str) -> Outcome<String> {
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
        let (now, stop) = (self.now(), vec![command(stop)]);
        let (far, near) = (String::new(), String::new());
        self.legs.borrow_mut().push(Leg {
            name: name.into(),
            far,
            near,
            recording,
            stop,
            started: now,
            joined: now,
            left: None,
            over: false,
        });
        Ok(())
    }

    /// Plays a tone to the whole conference, until it stops.
    pub fn announces(&self) -> Outcome {
        let tone = self.speech("announcement", EVERYONE, false)?;
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

    /// Waits until something is so.
    pub fn until(&self, what: &str, is: impl Fn() -> Outcome<bool>) -> Outcome {
        for _ in 0..250 {
            if is()? {
                return Ok(());
            }
            self.wait(0.02);
        }
        Err(format!("after 5 s: not {what}"))
    }

    /// Hangs up; what everyone heard.
    pub fn finish(self) -> Outcome<Played> {
        self.wait(0.2);
        let over = self.now();
        // Stopped, a file is whole; whoever is no longer there has stopped.
        for stop in self.legs.borrow().iter().flat_map(|leg| &leg.stop) {
            let _ = self.api(stop);
        }
        let listeners = self.legs.take().into_iter().map(|leg| {
            let left = leg.left.unwrap_or(over);
            // Of a call that has ended we know when we saw it.
            let until = (!leg.over).then_some(over);
            // The switch ends a file when it comes to it.
            self.until("recorded", || Ok(Recording::read(&leg.recording).is_ok_and(|wav| !wav.samples.is_empty())))?;
            Listener::read(leg.name, &leg.recording, leg.started, until, leg.joined..left)
        });
        let mut said = self.said.take();
        said.iter_mut().for_each(|said| said.until = said.until.min(over));
        // The two sides of a stereo conference are added up for a mono leg.
        let open_level = tones::LEVEL + if self.profile == "stereo" { 20.0 * 2f64.log10() } else { 0.0 };
        Ok(Played { open_level, listeners: listeners.collect::<Outcome<_>>()?, said })
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
    fn speech(&self, name: &str, heard_by: &[&str], murmured: bool) -> Outcome<String> {
        self.falls_silent(name);
        let tone = self.free_tone().ok_or("more is said than there are tones")?;
        let now = self.now();
        let mut said = self.said.borrow_mut();
        let heard_by: Vec<String> = heard_by.iter().map(|name| (*name).into()).collect();
        let played = !self.control || heard_by == EVERYONE;
        said.push(Said { by: name.into(), tone, heard_by, murmured, from: now, until: f64::INFINITY, played });
        Ok(if played { format!("playback:{}", tones::file(tone)?) } else { HUSH.into() })
    }
}

/// What a telephone does, as a dialplan.
const HUSH: &str = "playback:silence_stream://-1";

/// Somebody about to be called.
pub struct Call<'a> {
    scene: &'a Scene<'a>,
    name: &'a str,
    room: &'a str,
    codec: Option<&'a str>,
    before: Vec<&'a str>,
    variables: String,
    originated: Option<&'a str>,
    silent: bool,
    says: &'a [&'a str],
}

impl<'a> Call<'a> {
    /// Into another conference than the scene's.
    pub fn to(self, room: &'a str) -> Self {
        Self { room, ..self }
    }

    /// Over SIP and RTP with this codec, such as `PCMU@8000h@10i`; otherwise linear, 8 kHz, within the switch.
    pub fn over(self, codec: &'a str) -> Self {
        Self { codec: Some(codec), ..self }
    }

    /// Over one codec or another, or linear.
    pub fn over_any(self, codec: Option<&'a str>) -> Self {
        Self { codec, ..self }
    }

    /// What the dialplan does before `conference`: applications with their data, `coach:memberTag=agent`.
    pub fn with(mut self, application: &'a str) -> Self {
        self.before.push(application);
        self
    }

    /// Called by the switch, with these channel variables.
    pub fn originated(self, variables: &'a str) -> Self {
        Self { originated: Some(variables), ..self }
    }

    /// With these channel variables on its telephone's leg, each with a `!` in front: headers of its call, say.
    pub fn variables(self, variables: &str) -> Self {
        Self { variables: variables.into(), ..self }
    }

    /// Says nothing from the first moment on.
    pub fn silently(self) -> Self {
        Self { silent: true, ..self }
    }

    /// Who may hear what is said from the first moment on. Without: everyone.
    pub fn saying(self, heard_by: &'a [&'a str]) -> Self {
        Self { says: heard_by, ..self }
    }

    /// Calls, and waits until the member is in the conference.
    pub fn joins(self) -> Outcome<Party<'a>> {
        let scene = self.scene;
        let room = self.room;
        let party = self.answers(&format!("conference:{room}@{}", scene.profile))?;
        party.comes_to(room)?;
        scene.legs.borrow_mut()[party.leg].joined = scene.now();
        Ok(party)
    }

    /// Calls; the near leg does something else than joining.
    pub fn answers(self, does: &str) -> Outcome<Party<'a>> {
        let (scene, name) = (self.scene, self.name);
        let id = format!("{}-{name}", scene.room);
        let recording = scene.switch.folder.join(format!("{id}.wav"));
        let speech = if self.silent { HUSH.into() } else { scene.speech(name, self.says, false)? };
        let plays = format!("set:RECORD_READ_ONLY=true^record_session:{}^{speech}", recording.display());
        let (far, near) = match self.originated {
            None => self.calls_in(&id, does, &plays)?,
            Some(variables) => self.rings(&id, variables, does, &plays)?,
        };
        let stop = vec![format!("uuid_record {far} stop {}", recording.display()), format!("uuid_kill {far}")];
        let now = scene.now();
        let mut legs = scene.legs.borrow_mut();
        legs.push(Leg {
            name: name.into(),
            far,
            near,
            recording,
            stop,
            started: now,
            joined: now,
            left: None,
            over: false,
        });
        Ok(Party { scene, name, leg: legs.len() - 1 })
    }

    /// The near leg is an incoming call. It waits a little before it does anything, so that the caller speaks by then.
    fn calls_in(self, id: &str, does: &str, plays: &str) -> Outcome<(String, String)> {
        let (scene, near) = (self.scene, format!("{id}-near"));
        let plan = ["answer", "sleep:400"].into_iter().chain(self.before).chain([does]).collect::<Vec<_>>().join("^");
        // The other leg of a loopback has the variables of the first. A plan has commas: variables are separated by something else.
        let mut variables = format!("^^!origination_uuid={id}!sip_h_X-Does=m:^:{plan}{}", self.variables);
        let to = match self.codec {
            None => "loopback/member/callers".into(),
            Some(codec) => {
                variables += &format!("!absolute_codec_string={codec}!sip_invite_call_id={near}");
                format!("sofia/test/member@127.0.0.1:{}", scene.switch.sip_port)
            }
        };
        scene.api(&format!("originate {{{variables}}}{to} 'm:^:{plays}' inline"))?;
        let near = match self.codec {
            None => scene.api(&format!("uuid_getvar {id} other_loopback_leg_uuid"))?.trim().into(),
            Some(_) => near,
        };
        Ok((id.into(), near))
    }

    /// The near leg is an outgoing call of the switch's.
    fn rings(self, id: &str, variables: &str, does: &str, plays: &str) -> Outcome<(String, String)> {
        let (scene, near) = (self.scene, format!("{id}-near"));
        let to = "loopback/m:^:answer^park/callers/inline";
        scene.api(&format!("originate {{origination_uuid={near},{variables}}}{to} 'm:^:sleep:600^{does}' inline"))?;
        let far: String = scene.api(&format!("uuid_getvar {near} other_loopback_leg_uuid"))?.trim().into();
        scene.api(&format!("uuid_transfer {far} m:^:{plays} inline"))?;
        Ok((far, near))
    }
}

/// Somebody in the call.
#[derive(Clone, Copy)]
pub struct Party<'a> {
    scene: &'a Scene<'a>,
    pub name: &'a str,
    leg: usize,
}

impl Party<'_> {
    /// The leg in the conference.
    pub fn near(&self) -> String {
        self.scene.legs.borrow()[self.leg].near.clone()
    }

    /// The telephone.
    pub fn far(&self) -> String {
        self.scene.legs.borrow()[self.leg].far.clone()
    }

    /// Its number in the conference.
    pub fn number(&self) -> Outcome<u32> {
        let number = self.scene.api(&format!("uuid_getvar {} conference_member_id", self.near()))?;
        number.trim().parse().map_err(|_| format!("{} is in no conference", self.name))
    }

    /// Says something new from now on, that only these may hear.
    pub fn says(&self, heard_by: &[&str]) -> Outcome {
        let does = self.scene.speech(self.name, heard_by, false)?;
        self.does(&does)
    }

    /// Its place in a conference of another name; none while it is elsewhere.
    pub fn number_in(&self, room: &str) -> Outcome<Option<u32>> {
        let list = self.scene.socket.borrow_mut().api(&format!("conference {room} list"))?;
        let line = list.lines().find(|line| line.contains(&self.near()));
        Ok(line.and_then(|line| line.split(';').next()?.parse().ok()))
    }

    /// Waits until it has come into a conference.
    pub fn comes_to(&self, room: &str) -> Outcome {
        self.scene.until(&format!("{} in {room}", self.name), || Ok(self.number_in(room)?.is_some()))
    }

    /// Sends its near leg elsewhere in the dialplan.
    pub fn is_sent_to(&self, plan: &str) -> Outcome {
        self.scene.api(&format!("uuid_transfer {} m:^:{plan} inline", self.near())).map(drop)
    }

    /// A command of mod_conference about this member: `mute` is `conference <room> mute <number>`.
    pub fn conference(&self, word: &str) -> Outcome<String> {
        self.scene.api(&format!("conference {} {word} {}", self.scene.room, self.number()?))
    }

    /// Has left the conference, for the judgement.
    pub fn has_left(&self) {
        self.scene.legs.borrow_mut()[self.leg].left = Some(self.scene.now());
    }

    /// Its call has ended, for the judgement.
    pub fn is_gone(&self) {
        self.scene.falls_silent(self.name);
        self.has_left();
        self.scene.legs.borrow_mut()[self.leg].over = true;
    }

    /// Says something that only these may hear, and that they may miss: while things change.
    pub fn murmurs(&self, heard_by: &[&str]) -> Outcome {
        let does = self.scene.speech(self.name, heard_by, true)?;
        self.does(&does)
    }

    /// How another call names this one's dialog at the far end of its near leg: call id and tags, as Replaces does.
    pub fn dialog(&self) -> Outcome<String> {
        let near = self.near();
        let tag = |side: &str| {
            Ok::<_, String>(self.scene.api(&format!("uuid_getvar {near} sip_{side}_tag"))?.trim().to_string())
        };
        Ok(format!("{near};to-tag={};from-tag={}", tag("to")?, tag("from")?))
    }

    /// Says nothing more.
    pub fn hushes(&self) -> Outcome {
        self.scene.falls_silent(self.name);
        self.does(HUSH)
    }

    /// Says nothing, and sends no packet either.
    pub fn sends_nothing(&self) -> Outcome {
        self.scene.falls_silent(self.name);
        self.does("park")
    }

    /// A command about this member: `tag agent` is `coach tag <room> <number> agent`.
    pub fn coach(&self, command: &str) -> Outcome<String> {
        let (word, tags) = command.split_once(' ').unwrap_or((command, ""));
        self.scene.api(format!("coach {word} {} {} {tags}", self.scene.room, self.number()?).trim())
    }

    /// Hangs up in the middle of a word.
    pub fn hangs_up(&self) -> Outcome {
        self.scene.api(&format!("uuid_kill {}", self.far()))?;
        self.is_gone();
        Ok(())
    }

    fn does(&self, what: &str) -> Outcome {
        self.scene.api(&format!("uuid_transfer {} m:^:{what} inline", self.far()))?;
        Ok(())
    }
}
