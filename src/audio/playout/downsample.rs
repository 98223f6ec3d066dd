//! Private speech at more than 48 kHz on its way into its stream, which keeps it at 48 or 44.1 kHz.
//!
//! The filter holds a little of what was said before. So a packet goes only to listeners who might have heard all that the filter
//! may hold of it: those who were in the audience since the lowest floor of the frames that went in within the filter's length.

use crate::audio::{
    format::{Format, MAX_FRAME},
    host_mix::HostMix,
    lockfree::private_stream::{PrivateStream, Stamp},
    playout::{filter_audience::FilterAudience, resample::Converter},
    sum,
};

impl Converter {
    /// Puts a frame, of samples in so many channels, into the stream, which keeps it as `kept`; `anew`: it does not go on from the last
    /// one.
    pub fn push(
        &mut self,
        stream: &PrivateStream,
        stamp: Stamp,
        (data, channels): (&[i16], usize),
        (host_mix, to): (HostMix, Format),
        anew: bool,
    ) {
        if anew {
            self.restart();
            self.held = FilterAudience::default();
        }
        let floor = self.held.floor.min(stamp.floor);
        let mut kept = [0i16; MAX_FRAME];
        let (mut length, into) = (0, self.conversion().channels());
        let (mut wide, mut out) = ([0.0f32; 128], [0.0f32; 128]);
        for groups in data.chunks(wide.len() / 2 * channels) {
            for (group, wide) in groups.chunks_exact(channels).zip(wide.chunks_exact_mut(into)) {
                host_mix.take(group, into, |c, s| wide[c] = s.into());
            }
            let mut left = &wide[..groups.len() / channels * into];
            loop {
                let (taken, given) = self.run(left, &mut out);
                left = &left[taken..];
                for (kept, sample) in kept[length..].iter_mut().zip(&out[..given]) {
                    *kept = sum::saturate(sample.round() as i32);
                }
                length += given;
                if taken == 0 && given == 0 {
                    break;
                }
            }
        }
        if length > 0 {
            stream.push(Stamp { floor, ..stamp }, to, &kept[..length]);
        }
        let (samples, holds) = (data.len() / channels, self.delay());
        self.held.remember(stamp.floor, samples, holds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{
        format::Format,
        playout::{filters::Filters, resample::Conversion},
    };

    /// A pulse that was said under a lower floor comes out in packets of that floor, however short the frames are.
    #[test]
    fn what_the_filter_holds_goes_only_to_those_who_might_hear_it_when_it_was_said() {
        let (from, to) = (Format::new(96_000, 1).expect("a format"), Format::new(48_000, 1).expect("a format"));
        let conversion = Conversion::between(from, to).expect("two rates");
        for (length, between) in [1, 7, 96, 960].into_iter().flat_map(|length| [(length, false), (length, true)]) {
            let stream = PrivateStream::new(None).expect("memory");
            let mut converter = Filters::default().converter(conversion.code()).expect("memory");
            let mut push = |floor: u64, value: i16| {
                let kept = (HostMix::Unknown, to);
                converter.push(&stream, Stamp { captured: 9, floor }, (&vec![value; length], 1), kept, false);
            };
            push(3, 10_000);
            if between {
                push(5, 10_000); // a long one leaves nothing of the first in the filter
            }
            (0..2_000 / length).for_each(|_| push(7, 0));
            let (mut at, mut open) = (0, 0);
            while at < stream.head() {
                let packet = stream.packet(at).expect("it is there");
                let mut samples = vec![std::mem::MaybeUninit::uninit(); packet.samples];
                let samples = stream.copy(packet.data, &mut samples).expect("it is there");
                if packet.stamp.floor == 7 {
                    assert!(samples.iter().all(|&sample| sample == 0), "frames of {length}, {between}: {samples:?}");
                    open += samples.len();
                }
                at = packet.next;
            }
            assert!(open > 500 || length == 960, "frames of {length}: {open} samples are for the wider audience");
        }
    }
}
