//! A listener hears private speech as loud as the same speaker's open speech, whatever channels they and the host's mix have.

use crate::support::{Engine, Format, abi::*};

/// What each of the speaker's channels says.
const SAID: [i16; 3] = [1_000, 2_500, 4_000];

/// One sample group in another number of channels, as a switch that adds channels up makes it (FreeSWITCH 1.10, switch_mux_channels).
fn mixed(from: &[i16], to: usize) -> Vec<i16> {
    match (from.len(), to) {
        (from_channels, to) if from_channels == to => from.to_vec(),
        (1, to) => vec![from[0]; to],
        (_, 1) => vec![from.iter().sum()],
        _ => (0..2).map(|side| from.iter().skip(1 - side).step_by(2).sum()).collect(),
    }
}

/// What a listener hears of a level that is said for a second, in each of its channels.
fn whispered(host_channels: u32, from: Format, to: Format) -> Vec<i16> {
    let heard = whispered_in(20, host_channels, from, to);
    heard[heard.len() - to.channels as usize..].to_vec()
}

/// The last frame that it hears of it, where all frames have so many ms.
fn whispered_in(ms: u32, host_channels: u32, from: Format, to: Format) -> Vec<i16> {
    let engine = Engine::new();
    let config = coach_room_config {
        size: size_of::<coach_room_config>() as u32,
        mixer: COACH_MIXER_HOST,
        rate: 0,
        channels: host_channels,
        tick_ms: 0,
        clock: COACH_CLOCK_HOST,
        ..Default::default()
    };
    let room = engine.open_room("room", Some(config)).expect("a room whose mix has one channel or two");
    let speaker = engine.attach("coach", "", Some("agent"));
    let listener = engine.attach("agent", "agent", None);
    speaker.join(&room, 1).expect("enters");
    listener.join(&room, 2).expect("enters");
    let mut heard = Vec::new();
    for _ in 0..1_000 / ms {
        engine.service();
        let group = &SAID[..from.channels as usize];
        let mut frame = group.repeat(from.samples(ms));
        speaker.read(from, &mut frame);
        heard = to.silence(ms);
        listener.write(to, &mut heard);
    }
    assert_eq!(engine.stats().skips, 0, "nothing is skipped");
    heard
}

#[test]
fn a_whisper_is_as_loud_as_open_speech_where_the_host_adds_channels_up() {
    let channels = |rate, channels| Format { rate, channels };
    for (from_rate, to_rate) in [(8_000, 8_000), (48_000, 8_000), (8_000, 48_000), (48_000, 48_000), (96_000, 16_000)] {
        for host_channels in [1, 2] {
            for (from, to) in (1..=3).flat_map(|from| [(from, 1), (from, 2)]) {
                let in_the_mix = mixed(&SAID[..from as usize], host_channels as usize);
                let open = mixed(&in_the_mix, to as usize);
                let private = whispered(host_channels, channels(from_rate, from), channels(to_rate, to));
                let what = format!("{from} channels at {from_rate} Hz, a mix of {host_channels}, {to} at {to_rate} Hz");
                for (open, private) in open.iter().zip(&private) {
                    let near = (f64::from(*open) - f64::from(*private)).abs() <= 0.01 * f64::from(*open);
                    assert!(near, "{what}: {private} privately, {open} openly");
                }
            }
        }
    }
}

/// Where the host tells nothing of its channels, a listener of one channel hears the mean of two.
#[test]
fn without_the_channels_of_the_mix_the_mean_is_taken() {
    let channels = |channels| Format { rate: 16_000, channels };
    assert_eq!(whispered(0, channels(2), channels(1)), [1_750]);
    assert_eq!(whispered(0, channels(2), channels(2)), [1_000, 2_500]);
    assert_eq!(whispered(0, channels(1), channels(2)), [1_000, 1_000]);
    assert_eq!(whispered(0, channels(3), channels(2)), [2_500, 2_500]);
}

#[test]
fn the_longest_frames_are_as_loud_to_their_end() {
    let to = Format::stereo(48_000);
    for from in [(48_000, 2), (48_000, 3), (96_000, 2), (192_000, 3)] {
        let from = Format { rate: from.0, channels: from.1 };
        for host_channels in [0, 2] {
            let heard = whispered_in(60, host_channels, from, to);
            let right = &heard[heard.len() - 2..];
            let near = |one: i16, other: i16| one >= 1_000 && one.abs_diff(other) <= 50;
            let level = heard.chunks(2).all(|group| near(group[0], right[0]) && near(group[1], right[1]));
            assert!(level, "{from:?} in a mix of {host_channels}");
        }
    }
}

#[test]
fn a_mix_of_other_channels_is_refused() {
    let engine = Engine::new();
    let config = coach_room_config {
        size: size_of::<coach_room_config>() as u32,
        mixer: COACH_MIXER_HOST,
        rate: 0,
        channels: 3,
        tick_ms: 0,
        clock: COACH_CLOCK_HOST,
        ..Default::default()
    };
    let refused = engine.open_room("room", Some(config)).err().expect("is refused");
    assert_eq!(refused.status, COACH_ERR_VALUE);
    assert!(refused.message.contains("1 or 2"), "{}", refused.message);
}

/// What a listener in a room that the engine mixes hears in its channels together of a stereo speaker, openly and privately.
#[test]
fn a_whisper_is_as_loud_as_open_speech_where_the_engine_mixes() {
    for (from_rate, room_rate, to_rate) in [(8_000, 8_000, 8_000), (48_000, 16_000, 8_000), (16_000, 48_000, 44_100)] {
        for (channels, to_channels) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
            let engine = Engine::with_guard(0);
            let (from, to) = (Format::stereo(from_rate), Format { rate: to_rate, channels: to_channels });
            let room = engine.engine_room("room", Format { rate: room_rate, channels }, 20);
            let (speaker, listener) = (engine.attach("coach", "", None), engine.attach("agent", "agent", None));
            speaker.join(&room, 1).expect("enters");
            listener.join(&room, 2).expect("enters");
            let hears = || {
                let mut heard = Vec::new();
                for _ in 0..50 {
                    engine.service();
                    speaker.read(from, &mut SAID[..2].repeat(from.samples(20)));
                    room.tick();
                    heard = to.silence(20);
                    listener.write(to, &mut heard);
                }
                heard[heard.len() - to_channels as usize..].to_vec()
            };
            let open = hears();
            speaker.coach("agent").expect("private");
            let private = hears();
            let what =
                format!("at {from_rate} Hz, a mix of {channels} at {room_rate} Hz, {to_channels} at {to_rate} Hz");
            let level = |heard: &[i16]| heard.iter().map(|sample| f64::from(*sample)).sum::<f64>() / heard.len() as f64;
            for heard in [&open, &private] {
                assert!((level(heard) - 1_750.0).abs() < 18.0, "{what}: {open:?} openly, {private:?} privately");
            }
            if channels == to_channels {
                let near = open.iter().zip(&private).all(|(open, private)| open.abs_diff(*private) <= 25);
                assert!(near, "{what}: {open:?} openly, {private:?} privately");
            }
        }
    }
}
