//! The streams of private speakers: how long they are made, and longer ones for those that speak in a format which theirs is too short for.

use std::{mem, sync::Arc};

use super::state::{Member, RoomState};
use crate::{
    audio::{format::Format, host_mix::HostMix, lockfree::private_stream::PrivateStream},
    route::{Facts, Speaks},
};

/// A stream, if `facts` need one, for who speaks in this format, if that is known; without memory for it the member is private to nobody, and
/// that is an error.
pub fn new_stream(facts: &mut Facts, format: Option<Format>) -> std::result::Result<Option<Arc<PrivateStream>>, ()> {
    if !matches!(facts.speaks, Speaks::To(_)) {
        return Ok(None);
    }
    let stream = PrivateStream::new(format).map(Arc::new);
    if stream.is_none() {
        facts.speaks = Speaks::ToNobody;
        return Err(());
    }
    Ok(stream)
}

impl Member {
    /// The format in which its private speech is kept in such a room, or would be, by what it said last.
    pub fn spoken_format(&self, host_mix: HostMix) -> Option<Format> {
        self.lease.get().read.format().map(|format| host_mix.keeps(format).kept())
    }

    /// Before anybody hears it: a stream of the right length, now that its format is known.
    pub fn fit_stream(&mut self, host_mix: HostMix) {
        let format = self.spoken_format(host_mix);
        if let (Some(stream), Some(format)) = (&mut self.stream, format)
            && self.listeners.is_empty()
            && !stream.is_made_for(format)
            && let Some(fitting) = PrivateStream::new(Some(format))
        {
            *stream = Arc::new(fitting);
        }
    }

    /// The format that its stream is too short for.
    fn outgrown(&self, host_mix: HostMix) -> Option<Format> {
        let stream = self.stream.as_ref().filter(|_| self.facts.speaks.privately())?;
        self.spoken_format(host_mix).filter(|format| !stream.is_long_enough_for(*format))
    }
}

impl RoomState {
    /// How the host mixes the room.
    pub fn host_mix(&self) -> HostMix {
        self.room.as_ref().map_or(HostMix::Unknown, |room| room.lease.get().host_mix())
    }

    /// Whether [`RoomState::lengthen_streams`] has something to do.
    pub fn has_short_streams(&self) -> bool {
        let host_mix = self.host_mix();
        self.members.values().any(|member| member.outgrown(host_mix).is_some())
    }

    /// Longer streams for those that need them. What was said just now and not heard yet is lost with the old one, and within an opening guard all
    /// that is said until it ends. Without memory, what does not fit is left out.
    pub fn lengthen_streams(&mut self) {
        let host_mix = self.host_mix();
        let short = self.members.iter().filter_map(|(handle, member)| Some((*handle, member.outgrown(host_mix)?)));
        let mut short: Vec<_> = short.collect();
        short.sort_unstable_by_key(|(handle, _)| *handle);
        for (handle, format) in short {
            let Some(stream) = PrivateStream::new(Some(format)) else { continue };
            let number = self.upcoming();
            let Some(member) = self.members.get_mut(&handle) else { continue };
            member.stream = Some(Arc::new(stream));
            match &mut self.room {
                Some(room) if member.place.is_some() => {
                    room.pending.break_pairs(number, &room.members, mem::take(&mut member.listeners));
                    self.mark_changed(handle);
                }
                _ => self.publish_alone(handle),
            }
        }
        self.publish();
    }
}
