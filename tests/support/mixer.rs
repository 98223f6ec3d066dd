//! The mixer of a host that mixes open speech itself. It is crude on purpose (one frame of memory, nearest sample for
//! another rate): what matters is that it makes something of every sample that the read hook left.

use super::{rule::Rule, signal::Format};

/// One conference mixer for all rooms.
#[derive(Default)]
pub struct Mixer {
    /// The last frame of each member, after the read hook.
    last: Vec<Option<(Format, Vec<i16>)>>,
}

impl Mixer {
    /// Takes what the read hook left of a frame.
    pub fn take(&mut self, member: usize, format: Format, frame: &[i16]) {
        if self.last.len() <= member {
            self.last.resize(member + 1, None);
        }
        self.last[member] = Some((format, frame.to_vec()));
    }

    /// What everyone else in the listener's room said, in the listener's format.
    pub fn frame(&self, rule: &Rule, listener: usize, format: Format, ms: u32) -> Vec<i16> {
        let samples = format.samples(ms);
        let channels = format.channels as usize;
        let mut sum = vec![0i32; samples * channels];
        for (speaker, last) in self.last.iter().enumerate() {
            let together = speaker != listener && rule.legs[speaker].room == rule.legs[listener].room;
            let Some((from, frame)) = last.as_ref().filter(|_| together) else { continue };
            let said = from.samples_in(frame) as usize;
            for (index, slot) in sum.iter_mut().enumerate() {
                let nearest = (index / channels) * said / samples;
                let channel = (index % channels).min(from.channels as usize - 1);
                *slot += i32::from(frame[nearest * from.channels as usize + channel]);
            }
        }
        sum.into_iter().map(|sample| sample.clamp(i16::MIN.into(), i16::MAX.into()) as i16).collect()
    }
}
