//! A phone of the tests' own, whose packets can be held up on their way: it is called by the switch, and says one tone and then another.

use std::{
    f64::consts::TAU,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{JoinHandle, sleep},
    time::{Duration, Instant},
};

use crate::{
    sip::{Agent, Media},
    tones::LEVEL,
};

const CODEC: &str = "L16/16000";
const RATE: u32 = 16_000;
const PACKET: u32 = 320;

/// What the phone does now.
#[derive(Default)]
struct State {
    tone: AtomicU32,
    held_up: AtomicBool,
    hung_up: AtomicBool,
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
        let (sip, audio) = (UdpSocket::bind(("127.0.0.1", 0))?, UdpSocket::bind(("127.0.0.1", 0))?);
        sip.set_read_timeout(Some(Duration::from_millis(2)))?;
        let state = Arc::new(State::default());
        state.tone.store(tone, Ordering::SeqCst);
        let address = sip.local_addr()?;
        let thread = std::thread::spawn({
            let state = state.clone();
            move || run(&sip, &audio, &state)
        });
        Ok(Self { sip: address, state, thread: Some(thread) })
    }

    /// Says another tone from now on.
    pub fn says(&self, tone: u32) {
        self.state.tone.store(tone, Ordering::SeqCst);
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

fn run(sip: &UdpSocket, audio: &UdpSocket, state: &State) {
    let codecs = [CODEC.to_owned()];
    let own = audio.local_addr().expect("a bound socket has an address");
    let agent = Agent { sip, audio: own, codecs: &codecs, streams: 1 };
    let mut media: Option<Media> = None;
    let (mut count, mut began, mut held) = (0_u32, Instant::now(), Vec::new());
    let mut message = [0; 16384];
    while !state.hung_up.load(Ordering::SeqCst) {
        if let Ok((length, from)) = sip.recv_from(&mut message) {
            let answered = agent.answer(from, &String::from_utf8_lossy(&message[..length]));
            if let (Some(answered), None) = (answered, media) {
                (media, began) = (Some(answered.media), Instant::now());
            }
        }
        let Some(Media { address, payload_type }) = media else { continue };
        // By the clock: what is late is made up for.
        while began.elapsed() >= Duration::from_millis(20) * count {
            let held_up = state.held_up.load(Ordering::SeqCst);
            held.push(packet(count, payload_type, state.tone.load(Ordering::SeqCst)));
            count += 1;
            if !held_up {
                held.drain(..).for_each(|packet| drop(audio.send_to(&packet, address)));
            }
        }
        sleep(Duration::from_millis(1));
    }
}

fn packet(count: u32, payload_type: u8, tone: u32) -> Vec<u8> {
    // The stamps begin somewhere, as those of phones do.
    let (sequence, stamp) = (count as u16, 3_000_000_000_u32.wrapping_add(count * PACKET));
    let mut packet = vec![0x80, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend(stamp.to_be_bytes());
    packet.extend(0x1234_5678_u32.to_be_bytes());
    let amplitude = 32768.0 * 10f64.powf(LEVEL / 20.0);
    for n in count * PACKET..(count + 1) * PACKET {
        let sample = amplitude * (TAU * f64::from(tone) * f64::from(n % RATE) / f64::from(RATE)).sin();
        packet.extend((sample.round() as i16).to_be_bytes());
    }
    packet
}
