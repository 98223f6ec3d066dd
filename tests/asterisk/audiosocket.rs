//! The far end of an AudioSocket, as an application is that speaks by itself: it hands over several frames at once, and then none for as long
//! as those last.

use crate::line::{Says, Voice};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{JoinHandle, sleep, spawn},
    time::{Duration, Instant},
};

/// A message of audio: this, its length in two bytes with the high one first, and samples of 16 bits with the low byte first, 8,000 a second
/// (docs.asterisk.org, "AudioSocket").
const AUDIO: u8 = 0x10;
const RATE: u32 = 8_000;
/// Samples and milliseconds in a frame.
const SAMPLES: u16 = 160;
const FRAME_MS: u64 = 20;

/// See above. It takes one call, silent at first.
pub struct AudioSocket {
    port: u16,
    says: Arc<Mutex<Says>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl AudioSocket {
    /// One that hands over so many frames at once.
    pub fn new(at_once: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("a socket can be asked without waiting");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let (says, over) = (Arc::new(Mutex::new(Says::default())), Arc::new(AtomicBool::new(false)));
        let thread = spawn({
            let (says, over) = (says.clone(), over.clone());
            move || {
                while !over.load(Ordering::SeqCst) {
                    match listener.accept() {
                        Ok((call, _)) => return speak(call, at_once, &says, &over),
                        Err(_) => sleep(Duration::from_millis(10)),
                    }
                }
            }
        });
        Self { port, says, over, thread: Some(thread) }
    }

    /// The channel that calls it.
    pub fn channel(&self) -> String {
        format!("AudioSocket/127.0.0.1:{}/9d1f3a52-6c0e-4b8e-9a57-2f0c1d4e8b63", self.port)
    }

    /// Says this tone from the next frame on.
    pub fn say(&self, tone: f64) {
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = Says::loud(tone);
    }
}

impl Drop for AudioSocket {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Speaks until the call is over, and listens to nothing.
fn speak(mut call: TcpStream, at_once: u32, says: &Mutex<Says>, over: &AtomicBool) {
    call.set_nonblocking(false).expect("a socket can be asked to wait");
    let mut heard = call.try_clone().expect("a socket can be shared");
    let deaf = spawn(move || {
        let mut bytes = [0; 4096];
        while heard.read(&mut bytes).is_ok_and(|count| count > 0) {}
    });
    let (mut voice, mut due) = (Voice::default(), Instant::now());
    while !over.load(Ordering::SeqCst) {
        let wanted = *says.lock().unwrap_or_else(PoisonError::into_inner);
        let mut frames = Vec::new();
        for _ in 0..at_once {
            frames.push(AUDIO);
            frames.extend((2 * SAMPLES).to_be_bytes());
            frames.extend((0..SAMPLES).flat_map(|_| voice.next(wanted, RATE).to_le_bytes()));
        }
        if call.write_all(&frames).is_err() {
            break; // Asterisk has hung up
        }
        due += Duration::from_millis(FRAME_MS * u64::from(at_once));
        sleep(due.saturating_duration_since(Instant::now()));
    }
    call.shutdown(std::net::Shutdown::Both).ok();
    deaf.join().ok();
}
