//! Customer, agent and manager on SIP phones. The manager alone says anything, a tone: what the others hear of it is all that they hear,
//! so that not to hear it is silence.

use crate::{
    folders,
    judge::{Recording, UNHEARD},
    pbx::Pbx,
    phone::{Call, Phone},
    ports,
    run::wait_until,
};
use std::{
    collections::BTreeMap,
    f64::consts::TAU,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, Instant},
};

const RATE: u32 = 16000;
const TONE: f64 = 1170.0;
const AMPLITUDE: f64 = 4096.0;
/// Of the tone, as a phone records it: 4096 of 32768.
const LEVEL: f64 = -18.06;
/// A phone hangs up when the file that it says ends: this is longer than a scenario takes, on a busy machine too.
const SECONDS: u32 = 20 * 60;
/// How long a state is listened to, and how long before: changes take effect, voices are on their way, the opening guard passes.
const LISTEN: f64 = 0.8;
const SETTLE: f64 = 0.8;
/// How long a phone is waited for that hears nothing, not even silence.
const PATIENCE: Duration = Duration::from_secs(5);

/// Phones in a conference, and what has been expected of what they hear.
pub struct Party {
    folder: PathBuf,
    sip: u16,
    phones: Vec<(String, Phone)>,
    expected: Vec<Expected>,
    unjudged: Vec<String>,
    /// Tones that the scenario has the switch play to some of them: where one begins or breaks off at once, it sounds at every frequency.
    pub also_played: Vec<f64>,
    /// The switch will be started anew while they are on the phone.
    pub outlasts_switch: bool,
}

/// Who hears the manager, in a part of a recording.
struct Expected {
    phone: usize,
    from: f64,
    to: f64,
    hears: bool,
    state: String,
}

impl Party {
    pub fn new(pbx: &Pbx, name: &str) -> Self {
        Self::at(pbx.folder().join(name), pbx.sip)
    }

    /// One whose files are there, on the switch that takes calls at this port.
    pub fn at(folder: PathBuf, sip: u16) -> Self {
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        Self {
            folder,
            sip,
            phones: Vec::new(),
            expected: Vec::new(),
            unjudged: Vec::new(),
            also_played: Vec::new(),
            outlasts_switch: false,
        }
    }

    /// Somebody calls, and says nothing.
    pub fn listens(&mut self, who: &str, number: &str) {
        self.call(who, number, &SILENCE);
    }

    /// Somebody calls, and speaks from the first moment on.
    pub fn speaks(&mut self, who: &str, number: &str) {
        self.call(who, number, &SPEECH);
    }

    /// Whom this one hears does not matter: where no verb sends it anything, a switch may send it nothing at all.
    pub fn is_not_judged(&mut self, who: &str) {
        self.unjudged.push(who.to_owned());
    }

    /// Somebody waits to be called at `sip:phone@127.0.0.1:<this port>`, and says nothing then.
    pub fn waits_to_be_called(&mut self, who: &str) -> u16 {
        let port = ports::free().expect("a port is free");
        let call = Call { uri: "", says: &SILENCE, codec: "L16/16000/1", packet_ms: 20 };
        let phone = Phone::that_answers(&self.folder.join(who), port, call).expect("the phone starts");
        self.phones.push((who.to_owned(), phone));
        port
    }

    /// Waits until this one has answered.
    pub fn has_answered(&mut self, who: &str) {
        let phone = self.phones.iter_mut().find(|(name, _)| name == who).expect("it is on the phone");
        phone.1.has_answered().expect("it answers");
    }

    fn call(&mut self, who: &str, number: &str, says: &Path) {
        let uri = format!("sip:{number}@127.0.0.1:{}", self.sip);
        let call = Call { uri: &uri, says, codec: "L16/16000/1", packet_ms: 20 };
        let phone = if self.outlasts_switch { Phone::call_without_jitter_buffer } else { Phone::call };
        self.phones.push((who.to_owned(), phone(&self.folder.join(who), call).expect("the phone calls")));
    }

    /// The digits that this one has been sent by now, once there are so many.
    pub fn digits(&mut self, who: &str, count: usize) -> String {
        let phone = self.phones.iter_mut().find(|(name, _)| name == who).expect("it is on the phone");
        phone.1.digits(count).expect("the phone tells of digits")
    }

    /// This one presses digits.
    pub fn press(&mut self, who: &str, digits: &str) {
        let phone = self.phones.iter_mut().find(|(name, _)| name == who).expect("it is on the phone");
        phone.1.press(digits).expect("the phone takes commands");
    }

    /// This one says nothing from now on.
    pub fn falls_silent(&mut self, who: &str) {
        let phone = self.phones.iter_mut().find(|(name, _)| name == who).expect("it is on the phone");
        phone.1.say(&SILENCE).expect("the phone takes commands");
    }

    /// How much this one has heard by now, in seconds of its recording.
    pub fn now(&self, who: &str) -> f64 {
        self.clock(self.phone(who))
    }

    fn clock(&self, phone: usize) -> f64 {
        self.phones[phone].1.clock().expect("the phone records")
    }

    /// For a while, those named hear the manager, and no other does; it is judged when all have hung up.
    pub fn hear(&mut self, state: &str, who: &[&str]) {
        self.goes_on(SETTLE);
        let from = self.clocks();
        self.goes_on(LISTEN);
        for ((phone, from), (_, to)) in from.into_iter().zip(self.clocks()) {
            let hears = who.contains(&self.phones[phone].0.as_str());
            self.expected.push(Expected { phone, from, to, hears, state: state.to_owned() });
        }
    }

    /// How much each of those who are judged has heard by now.
    fn clocks(&self) -> Vec<(usize, f64)> {
        let judged = (0..self.phones.len()).filter(|phone| !self.unjudged.contains(&self.phones[*phone].0));
        judged.map(|phone| (phone, self.clock(phone))).collect()
    }

    /// So many seconds pass, and everybody who is judged hears so much more: a phone on a busy machine may be late.
    pub fn goes_on(&self, seconds: f64) {
        let before = self.clocks();
        std::thread::sleep(Duration::from_secs_f64(seconds));
        // Of what the switch sends nothing to, `judge` says so.
        let end = Instant::now() + PATIENCE;
        while before.iter().any(|(phone, from)| self.clock(*phone) < from + seconds) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until this one hears a tone.
    pub fn wait_for_tone(&self, who: &str, tone: f64) {
        let phone = self.phone(who);
        let from = self.clock(phone);
        wait_until(&format!("{who} hears {tone} Hz"), &|| {
            let heard = self.phones[phone].1.heard().expect("the phone records");
            heard.between(from, f64::INFINITY).levels(tone).share_above(-40.0) > 0.0
        });
    }

    fn phone(&self, who: &str) -> usize {
        self.phones.iter().position(|(name, _)| name == who).expect("it is on the phone")
    }

    /// From the beginning of its recording until now, this one has not heard the manager.
    pub fn heard_nothing_until_now(&mut self, state: &str, who: &str) {
        self.heard_nothing_since(0.0, state, who);
    }

    /// The same from a moment of its recording on.
    pub fn heard_nothing_since(&mut self, from: f64, state: &str, who: &str) {
        let phone = self.phone(who);
        let to = self.clock(phone);
        self.expected.push(Expected { phone, from, to, hears: false, state: state.to_owned() });
    }

    /// All hang up, and what they heard of the manager is judged. What they heard.
    pub fn judge(self) -> BTreeMap<String, Recording> {
        let hang_up = |(who, phone): (String, Phone)| {
            let heard = phone.hang_up();
            let heard =
                if self.unjudged.contains(&who) { heard.ok() } else { Some(heard.expect("the phone hangs up")) };
            (who, heard)
        };
        let heard: Vec<(String, Option<Recording>)> = self.phones.into_iter().map(hang_up).collect();
        for Expected { phone, from, to, hears, state } in self.expected {
            let (who, recording) = &heard[phone];
            let part = recording.as_ref().expect("it is judged").between(from, to);
            assert!(part.samples.len() > RATE as usize / 4, "{who}, {state}: it should have recorded something");
            if hears {
                let median = part.levels(TONE).median();
                assert!((median - LEVEL).abs() < 1.5, "{who} should hear the manager, {state}: {median:.1} dB");
            } else {
                let worst = part.tones(TONE, &self.also_played).worst();
                assert!(worst < UNHEARD, "{who} should not hear the manager, {state}: {worst:.1} dB");
            }
        }
        heard.into_iter().filter_map(|(who, recording)| Some((who, recording?))).collect()
    }
}

/// What the manager says, and what everybody else does: files that all scenarios of a run share.
static SPEECH: LazyLock<PathBuf> = LazyLock::new(|| tone("speech", AMPLITUDE));
static SILENCE: LazyLock<PathBuf> = LazyLock::new(|| tone("silence", 0.0));

fn tone(name: &str, amplitude: f64) -> PathBuf {
    let path = folders::run("gateway").join(format!("{name}.wav"));
    let sample = |n| (amplitude * (TAU * TONE * f64::from(n) / f64::from(RATE)).sin()).round() as i16;
    let samples = (0..RATE * SECONDS).map(sample).collect();
    Recording { rate: RATE, samples }.write(&path).expect("a file can be written");
    path
}
