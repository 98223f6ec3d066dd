//! Measures how late a whisper arrives: a coach says a pulse twice a second, first to the agent alone, then openly, and the agent's
//! recording shows when each arrives.

use std::{f64::consts::TAU, thread::sleep, time::Duration};

use crate::{conference::Conference, judge::Recording, switch::Switch};

const RATE: u32 = 8000;
/// Samples from one pulse to the next.
const PERIOD: usize = 4000;
/// Samples of a pulse.
const PULSE: usize = 400;
const SECONDS: u32 = 60;

/// In ms, how much later a whisper is than open speech of the same coach. `codecs`: of coach and agent, over SIP and RTP; none: linear, within
/// the switch.
pub fn measure(switch: &Switch, codecs: Option<[&str; 2]>) -> Result<f64, String> {
    let room = if codecs.is_some() { "coded" } else { "delay" };
    let id = |name: &str| format!("{room}-{name}");
    let pulses = switch.folder.join("pulses.wav");
    self::pulses().write(&pulses).map_err(|e| format!("{}: {e}", pulses.display()))?;
    let heard = switch.folder.join(id("heard.wav"));
    let mut conference = Conference::new(switch)?;
    let mut call = |name: &str, codec: Option<&str>, does: &str, plays: &str| {
        let near = format!("m:^:answer^coach:{does}^conference:{room}@narrow");
        let mut variables = format!("origination_uuid={},sip_h_X-Does={near}", id(name));
        let to = match codec {
            None => "loopback/member/callers".to_owned(),
            Some(codec) => {
                variables +=
                    &format!(",absolute_codec_string={codec},sip_invite_call_id={}", id(&format!("{name}-near")));
                format!("sofia/test/member@127.0.0.1:{}", switch.sip_port)
            }
        };
        conference.api(&format!("originate {{{variables}}}{to} 'm:^:{plays}' inline"))
    };
    let codecs = codecs.map_or([None; 2], |codecs| codecs.map(Some));
    let records = format!("set:RECORD_READ_ONLY=true^record_session:{}", heard.display());
    call("agent", codecs[1], "memberTag=agent", &format!("{records}^playback:silence_stream://-1"))?;
    call("coach", codecs[0], "speakOnlyTo=agent", &format!("playback:{}", pulses.display()))?;
    sleep(Duration::from_secs(12));
    let near = match codecs[0] {
        None => conference.api(&format!("uuid_getvar {} other_loopback_leg_uuid", id("coach")))?,
        Some(_) => id("coach-near"),
    };
    conference.coach(&format!("uncoach {room} {}", near.trim()))?;
    sleep(Duration::from_secs(12));
    conference.api(&format!("uuid_record {} stop {}", id("agent"), heard.display()))?;
    let samples = Recording::read(&heard).map_err(|e| format!("{}: {e}", heard.display()))?.samples;
    let middle = samples.len() / 2;
    // A second away from the change, and from both ends.
    let away = RATE as usize * 3 / 2;
    let (private, open) = (phase(&samples[away..middle - away], away), phase(&samples[middle + away..], middle + away));
    let (Some(private), Some(open)) = (private, open) else { return Err("the agent heard no pulses".into()) };
    let period = PERIOD as f64;
    let later = (private - open + 1.5 * period).rem_euclid(period) - period / 2.0;
    Ok(1000.0 * later / f64::from(RATE))
}

/// Where in a period pulses begin, the median of all; `start` is the number of the first sample.
fn phase(samples: &[i16], start: usize) -> Option<f64> {
    let loud = |sample: &i16| sample.unsigned_abs() > 1000;
    let mut begins = Vec::new();
    let mut at = 0;
    while let Some(pulse) = samples[at..].iter().position(loud) {
        begins.push(((start + at + pulse) % PERIOD) as f64);
        at = (at + pulse + 2 * PULSE).min(samples.len());
    }
    begins.sort_by(f64::total_cmp);
    begins.get(begins.len() / 2).copied()
}

fn pulses() -> Recording {
    let sample = |n: usize| {
        let wave = 8000.0 * (TAU * 1000.0 * n as f64 / f64::from(RATE)).sin();
        if n % PERIOD < PULSE { wave as i16 } else { 0 }
    };
    Recording { rate: RATE, samples: (0..(RATE * SECONDS) as usize).map(sample).collect() }
}
