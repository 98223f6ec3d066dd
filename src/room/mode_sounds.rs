//! When members hear the sound of their mode: whenever the mode is set in a room, and whenever a private speaker gains its first
//! listener or loses its last, which entering with `speakOnlyTo` counts as.

use super::state::{Member, RoomState};
use crate::audio::hook::mode_sound::Mode;

impl Member {
    /// No sound is to be heard any more, and none was.
    pub fn no_sound(&mut self) {
        if self.sounded.take().is_some() {
            self.lease.get().sounds.stop();
        }
        self.sound_due = false;
    }
}

impl RoomState {
    /// The mode of this member was set.
    pub fn sound_again(&mut self, handle: u64) {
        if let Some(member) = self.members.get_mut(&handle) {
            member.sound_due = member.place.is_some();
        }
    }

    /// Before the next plan of a room: has the sounds played that it is the time for, of those of its members whom the plan affects.
    pub fn ask_for_sounds(&mut self, affected: impl Iterator<Item = u64>) {
        if !self.shared.mode_sounds {
            return;
        }
        let modes: Vec<(u64, Mode)> = affected.map(|handle| (handle, self.mode(handle))).collect();
        for (handle, mode) in modes {
            let Some(member) = self.members.get_mut(&handle) else {
                continue;
            };
            // Who hears nothing at the moment hears the sound once it does.
            if member.facts.deaf || member.facts.held || member.facts.passing {
                continue;
            }
            let before = member.sounded.replace(mode);
            // Who enters openly, as most do, hears no sound.
            let changed = before.map_or(mode != Mode::Open, |before| before != mode);
            if std::mem::take(&mut member.sound_due) || changed {
                member.lease.get().sounds.ask(mode);
            }
        }
    }

    /// How a member of a room is heard, once every guard has opened.
    fn mode(&self, handle: u64) -> Mode {
        let Some(member) = self.members.get(&handle) else {
            return Mode::Open;
        };
        if !member.facts.speaks.privately() {
            return Mode::Open;
        }
        if member.listeners.is_empty() { Mode::Unheard } else { Mode::Private }
    }
}
