//! The same call on a real switch: a stock Asterisk with res_coach.so, commanded through its manager interface.

#[path = "../../tests/asterisk/manager.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod manager;
#[path = "../../tests/asterisk/pbx.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod pbx;

use crate::{
    folders,
    host::{Moment, Recording},
    ports, process,
    scenario::{Command, Party, Scenario},
    stage::{self, Conference},
    stock,
};
use manager::Manager;
use pbx::{Pbx, Setup};
use std::path::Path;

/// Plays the call. `rehearsal` is the same call without a clock: it says what is private when. `each_tick` sets the pace.
pub fn play(
    scenario: &Scenario,
    rehearsal: &Recording,
    folder: &Path,
    each_tick: &mut dyn FnMut(&Moment),
) -> Result<Recording, String> {
    process::keep_time();
    let pbx = Pbx::start("demo", Setup::default());
    let mut conference = Asterisk { room: &scenario.room, manager: pbx.manager(), pbx: &pbx };
    let played = stage::play(scenario, rehearsal, folder, &mut conference, each_tick)?;
    drop(pbx);
    folders::clean_up("asterisk");
    Ok(played)
}

struct Asterisk<'a> {
    room: &'a str,
    pbx: &'a Pbx,
    manager: Manager,
}

impl Conference for Asterisk<'_> {
    fn address(&self, party: &Party) -> String {
        let only_to = party.speak_only_to.as_deref().unwrap_or_default();
        self.pbx.sip_uri(&format!("{}*{}*{only_to}", self.room, party.tags))
    }

    /// The channel that is in the conference and was not there before.
    fn newcomer(&mut self, _: &Party, known: &[&str]) -> Result<Option<String>, String> {
        let list = self.manager.command(&format!("coach show {}", self.room));
        let mut channels = list.lines().skip(2).filter_map(|line| line.split_whitespace().nth(1));
        Ok(channels.find(|channel| !known.contains(channel)).map(str::to_owned))
    }

    /// The command, with the channels for the parties' names.
    fn command(
        &mut self,
        command: &Command,
        called: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(String, String), String> {
        let word = |(at, word): (usize, &str)| {
            let channel = if at == 2 { called(word) } else { None };
            channel.unwrap_or_else(|| word.to_owned())
        };
        let translated: Vec<String> = command.run.split_whitespace().enumerate().map(word).collect();
        let reply = self.manager.command(&format!("coach {}", translated.join(" ")));
        if reply.starts_with("+OK") { Ok((format!("coach {}", command.run), reply)) } else { Err(reply) }
    }
}
