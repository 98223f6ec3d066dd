//! A phone of the tests' own: it is called by the switch, says one tone and then another, and writes down what it hears. Its packets can be
//! held up on their way, or come several at once all the time, and it can ask for another rate in mid-call.

use std::{
    f64::consts::TAU,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{JoinHandle, sleep},
    time::{Duration, Instant},
};

use crate::{
    judge::Recording,
    scene::{Outcome, Scene},
    sip::{Agent, Answered, Dialog, Media},
    tones::LEVEL,
};

/// Linear samples, in packets of 20 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Linear {
    pub rate: u32,
    pub channels: u32,
}

/// What most phones here speak and hear.
pub const WIDE: Linear = Linear { rate: 16_000, channels: 1 };

impl Linear {
    /// As SDP has it.
    fn name(self) -> String {
        let Self { rate, channels } = self;
        if channels > 1 { format!("L16/{rate}/{channels}") } else { format!("L16/{rate}") }
    }

    /// As FreeSWITCH's `absolute_codec_string` has it.
    pub fn offered(self) -> String {
        let Self { rate, channels } = self;
        if channels > 1 { format!("L16@{rate}h@20i@{channels}c") } else { format!("L16@{rate}h@20i") }
    }
}

/// What the phone does now.
struct State {
    tone: AtomicU32,
    held_up: AtomicBool,
    hung_up: AtomicBool,
    /// So many packets arrive at once, all the time.
    at_once: AtomicU32,
    /// What is to be spoken from now on, which the switch has not been asked for yet.
    wanted: Mutex<Option<Linear>>,
    /// What the switch has agreed to last, and what was heard since.
    agreed: Mutex<(Linear, Vec<i16>)>,
}

/// The phone, which waits for a call. It hangs up with this value, or sends nothing more, at least.
pub struct Line {
    /// Where the switch calls it.
    pub sip: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    /// Waits for a call, and says this tone in it.
    pub fn waits(tone: u32) -> std::io::Result<Self> {
        Self::waits_with(tone, WIDE)
    }

    /// The same, with other samples.
    pub fn waits_with(tone: u32, linear: Linear) -> std::io::Result<Self> {
        let (sip, audio) = (UdpSocket::bind(("127.0.0.1", 0))?, UdpSocket::bind(("127.0.0.1", 0))?);
        sip.set_read_timeout(Some(Duration::from_millis(2)))?;
        audio.set_nonblocking(true)?;
        let state = Arc::new(State {
            tone: tone.into(),
            held_up: false.into(),
            hung_up: false.into(),
            at_once: 1.into(),
            wanted: Mutex::new(None),
            agreed: Mutex::new((linear, Vec::new())),
        });
        let address = sip.local_addr()?;
        let thread = std::thread::spawn({
            let state = state.clone();
            move || run(&sip, &audio, &state)
        });
        Ok(Self { sip: address, state, thread: Some(thread) })
    }

    /// The switch calls it, with these samples on offer, the first of which are its own, and puts it into the scene's conference; `does`: what
    /// comes before, `coach:memberTag=agent`. The UUID of the call.
    pub fn joins(&self, scene: &Scene, name: &str, profile: &str, offered: &[Linear], does: &str) -> Outcome<String> {
        let (room, uuid) = (&scene.room, format!("{}-{name}", scene.room));
        let offered = offered.iter().map(|linear| linear.offered()).collect::<Vec<_>>().join(",");
        scene.api(&format!(
            "originate {{^^;origination_uuid={uuid};absolute_codec_string={offered}}}sofia/test/line@{} \
             'm:^:{does}^conference:{room}@{profile}' inline",
            self.sip
        ))?;
        scene.until("the line is there", || Ok(scene.api(&format!("conference {room} list"))?.contains(&uuid)))?;
        Ok(uuid)
    }

    /// Says another tone from now on.
    pub fn says(&self, tone: u32) {
        self.state.tone.store(tone, Ordering::SeqCst);
    }

    /// From now on its packets come so many at once, and then none for as long as they are.
    pub fn sends_at_once(&self, packets: u32) {
        self.state.at_once.store(packets, Ordering::SeqCst);
    }

    /// Asks the switch for other samples.
    pub fn asks_for(&self, linear: Linear) {
        *lock(&self.state.wanted) = Some(linear);
    }

    /// What the switch has agreed to last.
    pub fn agreed(&self) -> Linear {
        lock(&self.state.agreed).0
    }

    /// What it has heard since then, of several channels the first.
    pub fn heard(&self) -> Recording {
        let (linear, samples) = &*lock(&self.state.agreed);
        Recording { rate: linear.rate, samples: samples.iter().step_by(linear.channels as usize).copied().collect() }
    }

    /// The network holds its packets up; then all of them arrive at once.
    pub fn is_held_up(&self, on: bool) {
        self.state.held_up.store(on, Ordering::SeqCst);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.state.hung_up.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(|e| e.into_inner())
}

fn run(sip: &UdpSocket, audio: &UdpSocket, state: &State) {
    let own = audio.local_addr().expect("a bound socket has an address");
    let mut codecs = [lock(&state.agreed).0.name()];
    let mut asked_for: Option<Linear> = None;
    let (mut call, mut requests): (Option<(Media, Dialog)>, u32) = (None, 0);
    let (mut count, mut began, mut held) = (0_u32, Instant::now(), Vec::new());
    let (mut message, mut stamp) = ([0; 16384], 3_000_000_000_u32); // the stamps begin somewhere, as those of phones do
    while !state.hung_up.load(Ordering::SeqCst) {
        if let (Some((_, dialog)), Some(linear)) = (&call, lock(&state.wanted).take()) {
            (codecs, asked_for, requests) = ([linear.name()], Some(linear), requests + 1);
            Agent { sip, audio: own, codecs: &codecs, streams: 1 }.invite_again(dialog, requests, "sendrecv");
        }
        if let Ok((length, from)) = sip.recv_from(&mut message) {
            let agent = Agent { sip, audio: own, codecs: &codecs, streams: 1 };
            match (agent.answer(from, &String::from_utf8_lossy(&message[..length])), &mut call) {
                (Some(Answered { media, dialog: Some(dialog) }), None) => {
                    (call, began) = (Some((media, dialog)), Instant::now())
                }
                (Some(Answered { media, dialog: None }), Some((agreed, _))) => {
                    if let Some(linear) = asked_for.take() {
                        *agreed = media;
                        *lock(&state.agreed) = (linear, Vec::new());
                    }
                }
                _ => (),
            }
        }
        let Some((Media { address, payload_type }, _)) = call.as_ref().map(|(media, dialog)| (*media, dialog)) else {
            continue;
        };
        while let Ok(length) = audio.recv(&mut message) {
            if length > 12 && message[1] & 0x7f == payload_type {
                let samples = message[12..length].chunks_exact(2).map(|bytes| i16::from_be_bytes([bytes[0], bytes[1]]));
                lock(&state.agreed).1.extend(samples);
            }
        }
        let linear = lock(&state.agreed).0;
        // By the clock: what is late is made up for.
        while began.elapsed() >= Duration::from_millis(20) * count {
            let held_up = state.held_up.load(Ordering::SeqCst);
            held.push(packet(count, stamp, payload_type, linear, state.tone.load(Ordering::SeqCst)));
            stamp = stamp.wrapping_add(linear.rate / 50);
            count += 1;
            if !held_up && count.is_multiple_of(state.at_once.load(Ordering::SeqCst)) {
                held.drain(..).for_each(|packet| drop(audio.send_to(&packet, address)));
            }
        }
        sleep(Duration::from_millis(1));
    }
}

fn packet(count: u32, stamp: u32, payload_type: u8, linear: Linear, tone: u32) -> Vec<u8> {
    let Linear { rate, channels } = linear;
    let mut packet = vec![0x80, payload_type];
    packet.extend((count as u16).to_be_bytes());
    packet.extend(stamp.to_be_bytes());
    packet.extend(0x1234_5678_u32.to_be_bytes());
    let amplitude = 32768.0 * 10f64.powf(LEVEL / 20.0);
    for n in count * (rate / 50)..(count + 1) * (rate / 50) {
        let sample = amplitude * (TAU * f64::from(tone) * f64::from(n % rate) / f64::from(rate)).sin();
        for _ in 0..channels {
            packet.extend((sample.round() as i16).to_be_bytes());
        }
    }
    packet
}
