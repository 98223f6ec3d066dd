//! A speaker and a listener, each in a format of its own, who take turns frame by frame.

use super::{Engine, Format, Member, Room, signal::tones};

/// Says tones and hears them: one turn after the other with frames of 20 ms.
pub struct Ears<'e> {
    pub engine: &'e Engine,
    pub speaker: Member<'e>,
    pub listener: Member<'e>,
    pub room: Room<'e>,
    pub engine_mixed: bool,
}

impl<'e> Ears<'e> {
    pub fn new(engine: &'e Engine, mixed_at: Option<Format>) -> Self {
        let speaks_to = if mixed_at.is_some() { None } else { Some("agent") };
        let room = match mixed_at {
            Some(format) => engine.engine_room("sales", format, 20),
            None => engine.host_room("sales"),
        };
        let (speaker, listener) = (engine.attach("one", "", speaks_to), engine.attach("two", "agent", None));
        speaker.join(&room, 1).expect("enters");
        listener.join(&room, 2).expect("enters");
        Self { engine, speaker, listener, room, engine_mixed: mixed_at.is_some() }
    }

    pub fn hear(&self, frequencies: &[f64], from: Format, to: Format, turns: u64) -> Vec<i16> {
        let samples = from.samples(20);
        let said = |turn| tones(frequencies, 5000.0, from, turn * samples as u64, samples);
        (0..turns).flat_map(|turn| self.turn(from, said(turn), to)).collect()
    }

    pub fn turn(&self, from: Format, mut said: Vec<i16>, to: Format) -> Vec<i16> {
        self.engine.service();
        self.speaker.read(from, &mut said);
        if self.engine_mixed {
            self.room.tick();
        }
        let mut frame = to.silence(20);
        self.listener.write(to, &mut frame);
        frame
    }
}
