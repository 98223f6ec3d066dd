//! Real SIP phones over chan_pjsip. A codec spreads other voices over all frequencies. So a phone that must not hear the coach is compared
//! with a call in which the coach is silent, and one that must hear it with how it hears open speech.

use crate::{
    conference::seconds,
    judge::Recording,
    manager::Manager,
    pbx::{Pbx, Scenario},
    phone::{Call, Phone},
    relay::Relay,
};
use std::{
    f64::consts::TAU,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

pub const SCENARIOS: &[Scenario] = &[
    ("phones_with_u_law", |pbx| phones(pbx, "u_law", Legs::of([U_LAW; 3]))),
    ("phones_with_a_law_g722_and_opus", |pbx| phones(pbx, "mixed", Legs::of([A_LAW, G722, OPUS]))),
    ("phones_with_linear_u_law_and_g722", |pbx| phones(pbx, "other", Legs::of([LINEAR, U_LAW, G722]))),
    ("phones_with_packets_of_60_ms", |pbx| {
        phones(pbx, "long", Legs { packet_ms: 60, ..Legs::of([U_LAW, A_LAW, U_LAW]) })
    }),
    ("loss_and_disorder_on_an_opus_coachs_leg", |pbx| {
        phones(pbx, "lossy_opus", Legs { one_lost_in: 12, ..Legs::of([A_LAW, G722, OPUS]) })
    }),
    ("loss_and_disorder_on_a_g722_coachs_leg", |pbx| {
        phones(pbx, "lossy_g722", Legs { one_lost_in: 12, ..Legs::of([LINEAR, U_LAW, G722]) })
    }),
];

const U_LAW: &str = "PCMU/8000/1";
const A_LAW: &str = "PCMA/8000/1";
const G722: &str = "G722/16000/1";
const OPUS: &str = "opus/48000/2";
const LINEAR: &str = "L16/16000/1";

/// What customer, agent and manager call over.
#[derive(Clone, Copy)]
struct Legs {
    codecs: [&'static str; 3],
    packet_ms: u32,
    /// Of the manager's packets one in so many is lost, another changes places with the next. 0: none.
    one_lost_in: u64,
}

impl Legs {
    /// Perfect ones with packets of 20 ms.
    fn of(codecs: [&'static str; 3]) -> Self {
        Self { codecs, packet_ms: 20, one_lost_in: 0 }
    }
}

/// The tones of customer, agent and manager.
const TONES: [f64; 3] = [440.0, 770.0, 1170.0];
const CUSTOMER: usize = 0;
const AGENT: usize = 1;
const MANAGER: usize = 2;
/// The amplitude of customer and agent: a gap in their voices, no two times the same on a busy machine, is heard at every frequency.
const SOFTLY: f64 = 41.0;
/// How long each state lasts, by the recordings of those who listen; the first part of it is not judged: changes take effect, voices are on their way.
const STATE: f64 = 2.0;
const SETTLE: f64 = 0.8;

/// What customer and agent heard in a call.
struct Heard {
    /// The customer, while the manager speaks privately: as it comes in, and again, on hold and taken back.
    customer: [Recording; 2],
    open: [Recording; 2],
    /// The agent, in the private states, and again with its tag back.
    agent: [Recording; 4],
    /// The agent, with the manager on hold, without its tag, and with a manager that speaks to nobody.
    not_the_agent: [Recording; 3],
}

fn phones(pbx: &Pbx, name: &str, legs: Legs) {
    let silent = call(pbx, &format!("{name}_silent"), legs, false);
    let heard = call(pbx, &format!("{name}_speaks"), legs, true);
    let level = |recording: &Recording| recording.levels(TONES[MANAGER]).median();
    let (open_customer, open_agent) = (level(&heard.open[CUSTOMER]), level(&heard.open[AGENT]));
    assert!(open_customer.min(open_agent) > -20.0, "open speech is heard: {open_customer:.1}, {open_agent:.1} dB");
    unheard("the customer", &heard.customer[0], &silent.customer[0]);
    unheard("the customer, later,", &heard.customer[1], &silent.customer[1]);
    let states = ["with the manager on hold", "without its tag", "with a manager that speaks to nobody"];
    for (state, (heard, silent)) in states.iter().zip(heard.not_the_agent.iter().zip(&silent.not_the_agent)) {
        unheard(&format!("the agent, {state},"), heard, silent);
    }
    for (state, heard) in ["private", "private again", "taken back", "tagged again"].into_iter().zip(&heard.agent) {
        let full = heard.levels(TONES[MANAGER]).heard_at(open_agent);
        full.unwrap_or_else(|said| panic!("{state}: the agent hears {said}"));
    }
}

/// No more of the manager's tone than while the manager is silent.
fn unheard(who: &str, speaks: &Recording, control: &Recording) {
    let levels = |heard: &Recording| heard.levels(TONES[MANAGER]);
    let unheard = levels(speaks).unheard(&[levels(control)]);
    unheard.unwrap_or_else(|said| panic!("{who} hears of the manager {said}"));
}

/// A call with each mode after the other.
fn call(pbx: &Pbx, room: &str, legs: Legs, manager_speaks: bool) -> Heard {
    let folder = pbx.folder().join(room);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let lossy = (legs.one_lost_in > 0).then(|| Relay::to(pbx.sip(), legs.one_lost_in));
    let dial = |who: usize, extension: &str| {
        let amplitude = match who {
            MANAGER if manager_speaks => 4096.0,
            MANAGER => 0.0,
            _ => SOFTLY,
        };
        // A phone converts between rates rather badly.
        let rate = legs.codecs[who].split('/').nth(1).and_then(|rate| rate.parse().ok()).expect("a codec has a rate");
        let says = tone(&folder, rate, TONES[who], amplitude);
        let uri = match &lossy {
            Some(relay) if who == MANAGER => relay.sip_uri(extension),
            _ => pbx.sip_uri(extension),
        };
        let call = Call { uri: &uri, says: &says, codec: legs.codecs[who], packet_ms: legs.packet_ms };
        Phone::call(&folder.join(extension), call).expect("the phone calls")
    };
    let (customer, agent) = (dial(CUSTOMER, &format!("{room}**")), dial(AGENT, &format!("{room}*agent*")));
    let recorded = |more: f64| recorded([&customer, &agent], more);
    let before = recorded(SETTLE);
    let mut manager = dial(MANAGER, &format!("{room}**agent"));
    let mut control = pbx.manager();
    let coach = coach_of(&mut control, room);
    let mut states: Vec<[[f64; 2]; 2]> = Vec::new();
    let mut state = || {
        let from = recorded(SETTLE);
        states.push([from, recorded(STATE - SETTLE)]);
    };
    state();
    command(&mut control, &format!("coach uncoach {room} {coach}"));
    state();
    command(&mut control, &format!("coach coach {room} {coach} agent"));
    state();
    manager.hold().expect("the phone holds");
    shown_held(&mut control, room, &coach, true);
    state();
    manager.resume().expect("the phone resumes");
    shown_held(&mut control, room, &coach, false);
    state();
    command(&mut control, &format!("coach untag {room} 2"));
    state();
    command(&mut control, &format!("coach tag {room} 2 agent,night-shift"));
    command(&mut control, &format!("coach coach {room} {coach} night-shift"));
    state();
    command(&mut control, &format!("coach coach {room} {coach} -"));
    state();
    manager.hang_up().expect("the manager hangs up");
    let heard = [customer.hang_up().expect("the customer hangs up"), agent.hang_up().expect("the agent hangs up")];
    let part = |who: usize, from: [f64; 2], to: [f64; 2]| heard[who].between(from[who], to[who]);
    let state = |who: usize, state: usize| part(who, states[state][0], states[state][1]);
    Heard {
        customer: [part(CUSTOMER, before, states[0][1]), part(CUSTOMER, states[2][0], states[7][1])],
        open: [state(CUSTOMER, 1), state(AGENT, 1)],
        agent: [0, 2, 4, 6].map(|private| state(AGENT, private)),
        not_the_agent: [3, 5, 7].map(|without| state(AGENT, without)),
    }
}

/// Waits until both phones have recorded so many seconds more, which a busy machine may take longer for; where their recordings are by then.
fn recorded(phones: [&Phone; 2], more: f64) -> [f64; 2] {
    let clocks = || phones.map(|phone| phone.clock().expect("the phone records"));
    let (from, end) = (clocks(), Instant::now() + Duration::from_secs(60));
    loop {
        let now = clocks();
        if now.iter().zip(from).all(|(now, from)| *now >= from + more) {
            return now;
        }
        assert!(
            Instant::now() < end,
            "the phones should record {more} s more within a minute: from {from:?} to {now:?}"
        );
        seconds(0.02);
    }
}

/// Waits until the switch shows that the manager's phone is on hold, or is not any more.
fn shown_held(control: &mut Manager, room: &str, coach: &str, held: bool) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let show = control.command(&format!("coach show {room} as json"));
        let report: serde_json::Value = serde_json::from_str(show.trim()).unwrap_or_default();
        let members = report["members"].as_array().into_iter().flatten();
        let mut coaches = members.filter(|member| member["call_id"] == coach);
        if coaches.any(|member| member["held"] == held) {
            return;
        }
        assert!(Instant::now() < end, "{coach} should be shown held: {held}; but: {show}");
        seconds(0.02);
    }
}

/// The member that speaks privately, once the conference has it.
fn coach_of(control: &mut Manager, room: &str) -> String {
    for _ in 0..100 {
        let show = control.command(&format!("coach show {room}"));
        let private = show.lines().find(|line| line.split_whitespace().nth(3) == Some("agent"));
        if let Some(id) = private.and_then(|line| line.split_whitespace().nth(1)) {
            return id.to_owned();
        }
        seconds(0.05);
    }
    panic!("a member should speak to agents: {}", control.command(&format!("coach show {room}")));
}

fn command(control: &mut Manager, command: &str) {
    let said = control.command(command);
    assert!(said.starts_with("+OK"), "{command}: {said}");
}

/// A file with a tone, for a phone to say.
fn tone(folder: &Path, rate: u32, hertz: f64, amplitude: f64) -> PathBuf {
    let samples =
        (0..rate * 30).map(|n| (amplitude * (TAU * hertz * f64::from(n) / f64::from(rate)).sin()).round() as i16);
    let path = folder.join(format!("{hertz}.wav"));
    Recording { rate, samples: samples.collect() }.write(&path).expect("a file can be written");
    path
}
