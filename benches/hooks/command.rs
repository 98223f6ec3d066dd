//! Measures how long it takes until a command is in effect.

use crate::{
    cases::speech,
    clock::median,
    host::{COACH_CHANGED, COACH_OK, Engine, SAMPLES},
};
use std::time::Instant;

/// Milliseconds: the median and the longest.
pub struct Taken {
    pub median: f64,
    pub longest: f64,
}

/// `tag` on one of `size` members of a room with one private speaker, from the call to the end of the first write hook
/// that acts on it. The engine frees old routes by its own thread, as it does in a switch.
pub fn tag(size: u32) -> Taken {
    let engine = Engine::new(0, 0);
    let room = engine.host_mixed("hall");
    let speaker = engine.member(&room, 1, "", Some("agent"));
    let members: Vec<_> = (2..=size).map(|n| engine.member(&room, n, "sales", None)).collect();
    let listener = members[members.len() / 2];
    let number = 2 + members.len() / 2;
    let line = |tag| std::ffi::CString::new(format!("tag hall {number} {tag}")).expect("no NUL in it");
    let commands = [(line("agent"), COACH_CHANGED), (line("sales"), COACH_OK)];

    let mut times = Vec::new();
    for (command, due) in commands.iter().cycle().take(400) {
        // What was queued under the old tag has faded out by then.
        for _ in 0..3 {
            speaker.read(&mut speech(1));
            listener.write(&mut [0; SAMPLES]);
        }
        let (mut said, mut heard) = (speech(1), [0; SAMPLES]);
        let start = Instant::now();
        engine.command(command);
        speaker.read(&mut said);
        listener.write(&mut heard);
        times.push(start.elapsed().as_secs_f64() * 1e3);
        // The frame that closes a voice holds the end of its fade; the one after that shows the effect alone.
        speaker.read(&mut speech(1));
        assert_eq!(listener.write(&mut [0; SAMPLES]), *due, "{command:?} should have taken effect");
    }
    Taken { longest: times.iter().copied().fold(0.0, f64::max), median: median(times) }
}
