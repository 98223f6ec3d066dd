//! The conference that is measured: its members, and the commands that they get.

use std::{thread::sleep, time::Duration};

use crate::{socket::Socket, switch::Switch, tones};

pub struct Conference {
    socket: Socket,
}

impl Conference {
    pub fn new(switch: &Switch) -> Result<Self, String> {
        Ok(Self { socket: switch.socket()? })
    }

    /// Runs an API command; what is no success is an error.
    pub fn api(&mut self, command: &str) -> Result<String, String> {
        let reply = self.socket.api(command)?;
        if reply.starts_with("-ERR") {
            Err(format!("`{command}` was answered with {}", reply.trim()))
        } else {
            Ok(reply)
        }
    }

    pub fn coach(&mut self, command: &str) -> Result<(), String> {
        self.api(&format!("coach {command}")).map(drop)
    }

    /// Calls so many members; their numbers. Each says a tone, or nothing.
    pub fn fill(&mut self, members: usize, speaking: bool) -> Result<Vec<u32>, String> {
        for member in 0..members {
            let far = if speaking {
                let tone = tones::file(tones::TONES[member % tones::TONES.len()], None)?;
                // Softly: that many voices add up.
                format!("'m:^:set_audio_level:write -3^endless_playback:{tone}' inline")
            } else {
                "'park' inline".into()
            };
            let near = "m:^:answer^conference:bench@narrow";
            self.socket.request(&format!("bgapi originate {{sip_h_X-Does={near}}}loopback/member/callers {far}"))?;
        }
        for _ in 0..300 {
            let numbers = self.numbers()?;
            if numbers.len() == members {
                return Ok(numbers);
            }
            sleep(Duration::from_millis(100));
        }
        Err(format!("{members} members do not come together: {}", self.api("conference bench list count")?))
    }

    /// Hangs up all members, and waits until they are gone.
    pub fn empty(&mut self) -> Result<(), String> {
        self.api("hupall")?;
        for _ in 0..300 {
            if self.numbers()?.is_empty() {
                return Ok(());
            }
            sleep(Duration::from_millis(100));
        }
        Err("members do not leave".into())
    }

    /// The call of a member.
    pub fn uuid(&mut self, member: u32) -> Result<String, String> {
        let list = self.socket.api("conference bench list")?;
        let line = list.lines().find(|line| line.split(';').next() == Some(&member.to_string()));
        line.and_then(|line| Some(line.split(';').nth(2)?.to_owned()))
            .ok_or_else(|| format!("no member {member}: {list}"))
    }

    fn numbers(&mut self) -> Result<Vec<u32>, String> {
        let list = self.socket.api("conference bench list")?;
        Ok(list.lines().filter_map(|line| line.split(';').next()?.parse().ok()).collect())
    }

    /// mod_conference's own way: a relation for every other member.
    pub fn relates(&mut self, member: u32, others: &[u32], how: &str) -> Result<(), String> {
        others
            .iter()
            .try_for_each(|other| self.api(&format!("conference bench relate {member} {other} {how}")).map(drop))
    }
}
