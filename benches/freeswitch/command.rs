//! What `uuid_coach` costs beside `uuid_setvar`, a command of the switch's own that looks a call up as well. One after the other on one event
//! socket, so that what else the machine does affects both alike.

use std::time::Instant;

use crate::{conference::Conference, median, switch::Switch};

/// Members of the conference.
pub const SIZES: [usize; 3] = [20, 100, 300];
/// How often each command is given at each size.
const TIMES: usize = 201;
/// `uuid_coach` takes at most so many times what `uuid_setvar` does.
pub const BOUND: f64 = 2.0;

/// Medians in ms.
pub struct Cost {
    pub coach: f64,
    pub setvar: f64,
}

/// Both, in a conference of so many members that say nothing, of which one speaks to another by turns.
pub fn measure(switch: &Switch, members: usize) -> Result<Cost, String> {
    let mut conference = Conference::new(switch)?;
    let numbers = conference.fill(members, false)?;
    let (coach, agent) = (conference.uuid(numbers[0])?, numbers[1]);
    conference.coach(&format!("tag bench {agent} agent"))?;
    let (mut coached, mut set) = (Vec::new(), Vec::new());
    for turn in 0..TIMES {
        let action = if turn % 2 == 0 { "coach agent" } else { "uncoach" };
        for (command, times) in [
            (format!("uuid_coach {coach} {action}"), &mut coached),
            (format!("uuid_setvar {coach} bench_turn {turn}"), &mut set),
        ] {
            let began = Instant::now();
            conference.api(&command)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    conference.empty()?;
    Ok(Cost { coach: median(coached.into_iter()), setvar: median(set.into_iter()) })
}
