//! Small scenes that a test sets up by hand: everybody has the same format and frame size, and all take turns frame by frame.

use super::{Engine, Member, Room, abi::coach_status_t, signal::Format};

/// What a member's hooks did in one turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// What the read hook returned, and what it left for the host's mixer.
    pub took: coach_status_t,
    pub left: Vec<i16>,
    /// What the write hook returned, and what it made of a silent frame.
    pub gave: coach_status_t,
    pub heard: Vec<i16>,
}

/// One turn: every member says its frame, the engine-mixed rooms are summed, every member hears a frame of the same length.
/// The host's mixer is silent, so that a host-mixed member hears private speech alone.
pub fn turn(engine: &Engine, sums: &[&Room], format: Format, says: &[(&Member, Vec<i16>)]) -> Vec<Turn> {
    engine.service();
    let read: Vec<_> = says
        .iter()
        .map(|(member, said)| {
            let mut left = said.clone();
            (member.read(format, &mut left), left)
        })
        .collect();
    sums.iter().for_each(|room| room.tick());
    let hears = |((member, said), (took, left)): (&(&Member, Vec<i16>), _)| {
        let mut heard = vec![0; said.len()];
        let gave = member.write(format, &mut heard);
        Turn { took, left, gave, heard }
    };
    says.iter().zip(read).map(hears).collect()
}

/// A frame all of one value: heard again, it says which frame it was.
pub fn level(format: Format, ms: u32, value: i16) -> Vec<i16> {
    vec![value; format.silence(ms).len()]
}

/// The value that a frame of such a voice has once the fade at its start is over; 0 for silence.
pub fn value(format: Format, heard: &[i16]) -> i16 {
    let body = &heard[format.fade() * format.channels as usize..];
    assert!(body.iter().all(|&sample| sample == body[0]), "past a fade, a frame should be of one value: {body:?}");
    body[0]
}
