//! A test call: a room, members on lines of the test's own, what they do, and what each heard of the others.

use crate::{
    judge::Recording,
    line::{Format, LEVEL, Line},
    manager::Manager,
    pbx::Pbx,
};
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// A tone at this level, in dB, is not heard: what conversions between rates and the rounding to 16 bits leave is below.
const UNHEARD: f64 = -80.0;
/// From a change until everything said before has been heard: packets, jitter buffers and mixing.
const SETTLE: f64 = 0.4;
/// For how long a state is listened to.
const LISTEN: f64 = 0.8;

/// Who joins, and how.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    pub format: Format,
    pub tags: &'static str,
    pub speak_only_to: &'static str,
    /// Profiles in conf/confbridge.conf.
    pub bridge: &'static str,
    pub user: &'static str,
}

/// An ordinary participant.
pub const CUSTOMER: Role =
    Role { format: Format::at(16000), tags: "", speak_only_to: "", bridge: "mixed_at_16000", user: "default_user" };
/// One with the tag `agent`.
pub const AGENT: Role = Role { tags: "agent", ..CUSTOMER };
/// One who speaks to agents alone.
pub const MANAGER: Role = Role { speak_only_to: "agent", ..CUSTOMER };

/// Somebody in the room. It says its own tone from before it comes in.
pub struct Member {
    /// The call's unique id.
    pub id: String,
    pub tone: f64,
    pub line: Line,
}

/// A room on an instance.
pub struct Conference<'a> {
    pub manager: Manager,
    pub pbx: &'a Pbx,
    pub room: String,
    joined: u32,
}

impl<'a> Conference<'a> {
    pub fn new(pbx: &'a Pbx, room: &str) -> Self {
        Self { manager: pbx.manager(), pbx, room: room.to_owned(), joined: 0 }
    }

    /// Calls somebody into the room, who says a tone of its own: a private speaker from before it comes in, the others
    /// afterwards. Returns when the conference has it.
    pub fn join(&mut self, name: &str, role: Role) -> Member {
        let tone = 400.0 + 150.0 * f64::from(self.joined);
        self.joined += 1;
        let member = self.call(name, role, tone);
        self.wait_until(&format!("{name} joins"), |conference| conference.channel(&member).is_some());
        member.line.say(tone);
        member
    }

    /// Calls somebody into the room and does not wait.
    pub fn call(&mut self, name: &str, role: Role, tone: f64) -> Member {
        let line = Line::new(role.format);
        if !role.speak_only_to.is_empty() {
            line.say(tone);
        }
        let id = format!("{}-{name}", self.room);
        let variables = [
            ("Variable", format!("ROOM={}", self.room)),
            ("Variable", format!("TAGS={}", role.tags)),
            ("Variable", format!("SPEAK_ONLY_TO={}", role.speak_only_to)),
            ("Variable", format!("BRIDGE={}", role.bridge)),
            ("Variable", format!("USER={}", role.user)),
        ];
        let channel = format!("PJSIP/line/{}", line.uri());
        let mut headers = vec![
            ("Channel", channel.as_str()),
            ("ChannelId", &id),
            ("Context", "members"),
            ("Exten", "member"),
            ("Priority", "1"),
            ("Async", "true"),
        ];
        headers.extend(variables.iter().map(|(key, value)| (*key, value.as_str())));
        let answer = self.manager.action("Originate", &headers);
        assert_eq!(answer.get("Response"), "Success", "{answer:?}");
        Member { id, tone, line }
    }

    /// The channel of somebody who is in the conference.
    pub fn channel(&mut self, member: &Member) -> Option<String> {
        let channels = self.manager.command("core show channels concise");
        let fields = channels.lines().map(|line| line.split('!').collect::<Vec<_>>());
        let own = fields.filter(|fields| fields.last() == Some(&member.id.as_str())).map(|fields| fields[0].to_owned());
        let channel = own.last()?;
        let members = self.manager.command(&format!("confbridge list {}", self.room));
        members.lines().any(|line| line.split_whitespace().next() == Some(&channel)).then_some(channel)
    }

    /// A `confbridge` command on somebody: mute, unmute, kick.
    pub fn confbridge(&mut self, what: &str, member: &Member) {
        let channel = self.channel(member).expect("it is in the conference");
        let said = self.manager.command(&format!("confbridge {what} {} {channel}", self.room));
        assert!(!said.to_lowercase().contains("no "), "{said}");
    }

    /// A `coach` command about somebody in this room, which has to succeed.
    pub fn coach(&mut self, what: &str, member: &Member, tags: &str) {
        let said = self.manager.command(&format!("coach {what} {} {} {tags}", self.room, member.id));
        assert!(said.starts_with("+OK"), "coach {what} {} {tags}: {said}", member.id);
    }

    /// Whether Coach has somebody in this room.
    pub fn knows(&mut self, member: &Member) -> bool {
        let said = self.manager.command(&format!("coach explain {} {}", self.room, member.id));
        said.starts_with("+OK")
    }

    /// An action on somebody's channel: Hangup, Redirect, Setvar ...
    pub fn act(&mut self, action: &str, member: &Member, headers: &[(&str, &str)]) {
        let channel = self.channel(member).unwrap_or_else(|| format!("no channel of {}", member.id));
        let headers: Vec<_> = [("Channel", channel.as_str())].into_iter().chain(headers.iter().copied()).collect();
        let answer = self.manager.action(action, &headers);
        assert_eq!(answer.get("Response"), "Success", "{action}: {answer:?}");
    }

    /// Checks that a listener, from its first moment on, has heard nothing of a speaker.
    pub fn never_heard(&mut self, listener: &Member, speaker: &Member) {
        if let Err(said) = judge(&listener.line.heard(), speaker.tone, false) {
            self.keep(&[listener]);
            panic!("{} has heard {}: {said}\n{}", listener.id, speaker.id, self.state());
        }
    }

    /// Ends somebody's call, in the middle of a word.
    pub fn hang_up(&mut self, member: Member) {
        self.act("Hangup", &member, &[]);
        self.wait_until(&format!("{} leaves", member.id), |conference| !conference.knows(&member));
    }

    /// Waits, for 10 s at most, until something is so.
    pub fn wait_until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(10);
        while !is_so(self) {
            assert!(Instant::now() < end, "it should happen that {what}; {}", self.state());
            sleep(Duration::from_millis(20));
        }
    }

    /// What Coach and ConfBridge think, for the message of a failure.
    pub fn state(&mut self) -> String {
        let coach = self.manager.command(&format!("coach show {}", self.room));
        let confbridge = self.manager.command(&format!("confbridge list {}", self.room));
        format!("Coach says:\n{coach}\nConfBridge says:\n{confbridge}")
    }

    /// Listens to the present state for a while and checks that each of these members hears, of all of them, exactly those
    /// beside it.
    pub fn hears(&mut self, who: &[(&Member, &[&Member])]) {
        seconds(SETTLE);
        let from: Vec<f64> = who.iter().map(|(listener, _)| listener.line.clock()).collect();
        seconds(LISTEN);
        let mut wrong = String::new();
        for ((listener, hears), from) in who.iter().zip(from) {
            let heard = listener.line.heard_since(from);
            for (speaker, _) in who.iter().filter(|(speaker, _)| speaker.id != listener.id) {
                let should = hears.iter().any(|heard| heard.id == speaker.id);
                if let Err(said) = judge(&heard, speaker.tone, should) {
                    wrong += &format!("\n{} hears {}: {said}", listener.id, speaker.id);
                }
            }
        }
        if !wrong.is_empty() {
            self.keep(&who.iter().map(|(member, _)| *member).collect::<Vec<_>>());
            panic!("{wrong}\n{}", self.state());
        }
    }

    /// Writes what these have heard beside the instance's log.
    fn keep(&self, members: &[&Member]) {
        for member in members {
            member
                .line
                .heard()
                .write(self.pbx.folder().join(format!("{}.wav", member.id)))
                .expect("a file can be written");
        }
    }
}

impl Drop for Conference<'_> {
    /// Ends every call: Asterisk would go on sending to a line that is no more.
    fn drop(&mut self) {
        let channels = self.manager.command("core show channels concise");
        for fields in channels.lines().map(|line| line.split('!').collect::<Vec<_>>()) {
            if fields.last().is_some_and(|id| id.starts_with(&format!("{}-", self.room))) {
                self.manager.action("Hangup", &[("Channel", fields[0])]);
            }
        }
    }
}

/// Checks a tone in a recording: all of it at full level, or nothing of it.
pub fn judge(heard: &Recording, tone: f64, should: bool) -> Result<(), String> {
    let levels = heard.levels(tone);
    let (median, worst) = (levels.median(), levels.worst());
    match should {
        true if (median - LEVEL).abs() > 1.0 => Err(format!("{median:.1} dB in the median, not {LEVEL:.1}")),
        false if worst > UNHEARD => Err(format!("{worst:.1} dB in the worst window, not below {UNHEARD}")),
        _ => Ok(()),
    }
}

/// Lets time pass.
pub fn seconds(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds));
}
