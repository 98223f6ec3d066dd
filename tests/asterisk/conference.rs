//! A test call: a room, members on lines of the test's own, what they do, and what each heard of the others.

use crate::{
    line::{Format, LOUD, Line},
    manager::Manager,
    pbx::Pbx,
};
use std::{
    thread::sleep,
    time::{Duration, Instant},
};

/// Who joins, and how.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    pub format: Format,
    pub tags: &'static str,
    pub speak_only_to: &'static str,
    /// Profiles in conf/confbridge.conf.
    pub bridge: &'static str,
    pub user: &'static str,
    /// Not so that others hear edges of its voice: nobody but one in a conference.
    pub loud: bool,
    /// Where in the dialplan the call goes.
    pub place: (&'static str, &'static str),
    /// The codec of a Local channel through which the line comes in, if it does: the member is one half of that channel, the line is
    /// bridged with the other.
    pub local: Option<&'static str>,
    /// That Asterisk may take the Local channel out of the way.
    pub optimizes: bool,
}

/// An ordinary participant.
pub const CUSTOMER: Role = Role {
    format: Format::at(16000),
    tags: "",
    speak_only_to: "",
    bridge: "mixed_at_16000",
    user: "default_user",
    loud: false,
    place: ("members", "member"),
    local: None,
    optimizes: false,
};
/// One with the tag `agent`.
pub const AGENT: Role = Role { tags: "agent", ..CUSTOMER };
/// One who joins openly, and is to speak privately later.
pub const COACH: Role = Role { loud: true, ..CUSTOMER };
/// One who speaks to agents alone.
pub const MANAGER: Role = Role { speak_only_to: "agent", ..COACH };

/// Somebody in the room, with a tone of its own.
pub struct Member {
    /// The call's unique id.
    pub id: String,
    pub tone: f64,
    pub line: Line,
    soft: bool,
    /// Before its call began.
    pub called: Instant,
}

impl Member {
    /// Says its tone, with a packet in reserve.
    pub fn speak(&self) {
        self.line.cushion();
        self.says();
    }

    fn says(&self) {
        if self.soft {
            self.line.say_softly(self.tone);
        } else {
            self.line.say(self.tone);
        }
    }
}

/// A room on an instance.
pub struct Conference<'a> {
    pub manager: Manager,
    pub pbx: &'a Pbx,
    pub room: String,
    /// How many tones its members have.
    tones: usize,
    /// The tones of who speaks softly.
    pub soft: Vec<f64>,
}

fn tone(number: usize) -> f64 {
    90.0 + 310.0 * number as f64
}

impl<'a> Conference<'a> {
    pub fn new(pbx: &'a Pbx, room: &str) -> Self {
        Self { manager: pbx.manager(), pbx, room: room.to_owned(), tones: 0, soft: Vec::new() }
    }

    /// Calls somebody into the room, who says a tone of its own: a private speaker from before it comes in, the others
    /// afterwards. Returns when the conference has it.
    pub fn join(&mut self, name: &str, role: Role) -> Member {
        let member = self.enter(name, role);
        member.speak();
        member
    }

    /// The same, but only a private speaker speaks.
    pub fn enter(&mut self, name: &str, role: Role) -> Member {
        let tone = self.next_tone();
        let member = self.call(name, role, tone);
        self.wait_until(&format!("{name} joins"), |conference| conference.has(&member));
        member
    }

    /// Calls somebody into the room and does not wait.
    pub fn call(&mut self, name: &str, role: Role, tone: f64) -> Member {
        let id = format!("{}-{name}", self.room);
        let mut member =
            Member { id: id.clone(), tone, line: Line::new(role.format), soft: false, called: Instant::now() };
        if !role.loud {
            self.soften(&mut member);
        }
        if !role.speak_only_to.is_empty() {
            member.says();
        }
        let dial = format!("PJSIP/line/{}", member.line.uri());
        let variables = [
            ("Variable", format!("ROOM={}", self.room)),
            ("Variable", format!("TAGS={}", role.tags)),
            ("Variable", format!("SPEAK_ONLY_TO={}", role.speak_only_to)),
            ("Variable", format!("BRIDGE={}", role.bridge)),
            ("Variable", format!("USER={}", role.user)),
            ("Variable", format!("LINE={dial}")),
        ];
        let (context, extension) = role.place;
        let (local, far) = (
            format!("Local/{extension}@{context}{}", if role.optimizes { "" } else { "/n" }),
            format!("{}-far-{name}", self.room),
        );
        let mut headers = vec![("Priority", "1"), ("Async", "true")];
        headers.extend(variables.iter().map(|(key, value)| (*key, value.as_str())));
        if let Some(codec) = role.local {
            headers.extend([("Channel", local.as_str()), ("ChannelId", &far), ("OtherChannelId", &id)]);
            headers.extend([("Codecs", codec), ("Context", "members"), ("Exten", "far")]);
        } else {
            headers.extend([("Channel", dial.as_str()), ("ChannelId", &id)]);
            headers.extend([("Context", context), ("Exten", extension)]);
        }
        let answer = self.manager.action("Originate", &headers);
        assert_eq!(answer.get("Response"), "Success", "{answer:?}");
        member
    }

    /// Has somebody speak softly from its next word on.
    pub fn soften(&mut self, member: &mut Member) {
        member.soft = true;
        self.soft.push(member.tone);
    }

    /// Has another leg take the place of somebody's, speaking from its first packet on.
    pub fn replace(&mut self, member: &Member) -> Member {
        self.replace_as("line", 1, member)
    }

    /// The same, from another endpoint, with so many audio streams.
    pub fn replace_as(&mut self, endpoint: &str, streams: u32, member: &Member) -> Member {
        let heir = self.heir(endpoint, streams, member);
        heir.says();
        heir
    }

    /// The same, softly: of who comes in the place of somebody who speaks openly, everyone hears the first word, which has an edge where
    /// Asterisk begins to take its packets.
    pub fn replace_softly(&mut self, endpoint: &str, member: &Member) -> Member {
        let mut heir = self.heir(endpoint, 1, member);
        self.soften(&mut heir);
        heir.says();
        heir
    }

    fn heir(&mut self, endpoint: &str, streams: u32, member: &Member) -> Member {
        let (called, tone) = (Instant::now(), self.next_tone());
        let line = member.line.replace(endpoint, streams, self.pbx.sip());
        Member { id: format!("{}-heir", member.id), tone, line, soft: false, called }
    }

    /// A second line of somebody's, and whom it has called outside, as this endpoint.
    pub fn consult(&mut self, name: &str, endpoint: &str) -> (Line, Member) {
        let (called, tone) = (Instant::now(), self.next_tone());
        let (second, line) = (Line::new(CUSTOMER.format), Line::new(CUSTOMER.format));
        let headers = [
            ("Channel", format!("PJSIP/line/{}", second.uri())),
            ("ChannelId", format!("{}-{name}-second", self.room)),
            ("Context", "members".into()),
            ("Exten", "far".into()),
            ("Priority", "1".into()),
            ("Async", "true".into()),
            ("Variable", format!("LINE=PJSIP/{endpoint}/{}", line.uri())),
        ];
        let headers = headers.each_ref().map(|(key, value)| (*key, value.as_str()));
        let answer = self.manager.action("Originate", &headers);
        assert_eq!(answer.get("Response"), "Success", "{answer:?}");
        line.say(tone);
        let connected = |second: &Line| second.clock() > 0.5 && second.heard().levels(tone).worst() > LOUD - 1.0;
        self.wait_until(&format!("{name} answers"), |_| connected(&second));
        (second, Member { id: format!("{}-{name}", self.room), tone, line, soft: false, called })
    }

    /// A call of two, which is in no conference: who calls, and who has been called. Both speak.
    pub fn two_party(&mut self, name: &str) -> (Member, Member) {
        let (line, callee) = self.consult(name, "line");
        let (tone, id) = (self.next_tone(), format!("{}-{name}-second", self.room));
        line.say(tone);
        (Member { id, tone, line, soft: false, called: callee.called }, callee)
    }

    /// A tone that nobody has.
    fn next_tone(&mut self) -> f64 {
        self.tones += 1;
        tone(self.tones)
    }

    /// All tones but one.
    pub fn tones_but(&self, one: f64) -> Vec<f64> {
        (1..=self.tones).map(tone).filter(|&tone| tone != one).collect()
    }

    /// Has the tones of those who came since then, and are gone, used again: there are few below half a line's rate.
    pub fn use_tones_again(&mut self, since: usize) {
        self.tones = since;
    }

    /// For [`Conference::use_tones_again`].
    pub fn tones(&self) -> usize {
        self.tones
    }

    /// Somebody's channel.
    pub fn channel(&mut self, member: &Member) -> Option<String> {
        let channels = self.manager.command("core show channels concise");
        let mut fields = channels.lines().map(|line| line.split('!').collect::<Vec<_>>());
        fields.find(|fields| fields.last() == Some(&member.id.as_str())).map(|fields| fields[0].to_owned())
    }

    /// The channel of somebody from an endpoint that nobody else in this room has.
    pub fn channel_of(&mut self, endpoint: &str) -> Option<String> {
        let start = format!("PJSIP/{endpoint}-");
        self.channels().into_iter().find(|channel| channel.starts_with(&start))
    }

    /// Ends the call of an endpoint's only channel. While that takes another's place, Asterisk finds no such channel, and is asked again.
    pub fn end_call_of(&mut self, endpoint: &str, channel: &str) {
        self.wait_until("it is gone", |c| {
            c.manager.action("Hangup", &[("Channel", channel)]);
            c.channel_of(endpoint).is_none()
        });
    }

    /// Whether ConfBridge has somebody in this room.
    pub fn has(&mut self, member: &Member) -> bool {
        let channel = self.channel(member);
        channel.is_some_and(|channel| self.channels().contains(&channel))
    }

    /// Every channel that ConfBridge has in this room.
    pub fn channels(&mut self) -> Vec<String> {
        let members = self.manager.command(&format!("confbridge list {}", self.room));
        let first = members.lines().filter_map(|line| line.split_whitespace().next());
        first.filter(|word| word.contains('/')).map(str::to_owned).collect()
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

    /// Ends somebody's call, in the middle of a word.
    pub fn hang_up(&mut self, member: Member) {
        self.act("Hangup", &member, &[]);
        self.wait_until(&format!("{} leaves", member.id), |conference| !conference.knows(&member));
    }

    /// Waits until Asterisk reads from somebody at the one rate, and writes to it at the other, which is that of the conference.
    pub fn reads_and_writes_at(&mut self, member: &Member, reads: u32, writes: u32) {
        let channel = self.channel(member).expect("it is in the conference");
        let reading = format!("ReadTranscode: Yes (slin@{reads})->(slin@{writes})");
        self.wait_until(&format!("{channel} has {reading}, and no WriteTranscode"), |c| {
            let said = c.manager.command(&format!("core show channel {channel}"));
            said.contains(&reading) && said.contains("WriteTranscode: No")
        });
    }

    /// Waits, for 10 s at most, until something is so.
    pub fn wait_until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
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
}

impl Drop for Conference<'_> {
    /// Ends every call: Asterisk would go on sending to a line that is no more. Who has taken somebody's place has an id of another kind.
    fn drop(&mut self) {
        for channel in self.channels() {
            self.manager.action("Hangup", &[("Channel", &channel)]);
        }
        let channels = self.manager.command("core show channels concise");
        for fields in channels.lines().map(|line| line.split('!').collect::<Vec<_>>()) {
            if fields.last().is_some_and(|id| id.starts_with(&format!("{}-", self.room))) {
                self.manager.action("Hangup", &[("Channel", fields[0])]);
            }
        }
    }
}

/// Lets time pass.
pub fn seconds(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds));
}
