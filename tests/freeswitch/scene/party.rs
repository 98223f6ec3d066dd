//! What somebody in the call does, and what is done to it.

use super::{EVERYONE, GUARD, HUSH, KEPT, MOMENT, Outcome, Scene};

/// Somebody in the call.
#[derive(Clone, Copy)]
pub struct Party<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub name: &'a str,
    pub(super) leg: usize,
}

impl Party<'_> {
    /// The leg in the conference.
    pub fn near(&self) -> String {
        self.scene.legs.borrow()[self.leg].near.clone()
    }

    /// The telephone.
    pub fn far(&self) -> String {
        self.scene.legs.borrow()[self.leg].far.clone()
    }

    /// When its recording began, by the scene's clock.
    pub fn recorded_from(&self) -> f64 {
        self.scene.legs.borrow()[self.leg].started
    }

    /// Its number in the conference.
    pub fn number(&self) -> Outcome<u32> {
        let number = self.scene.api(&format!("uuid_getvar {} conference_member_id", self.near()))?;
        number.trim().parse().map_err(|_| format!("{} is in no conference", self.name))
    }

    /// Says something new from now on, that only these may hear.
    pub fn says(&self, heard_by: &[&str]) -> Outcome {
        let does = self.scene.speech(self.name, heard_by, None, false)?;
        self.does(&does)
    }

    /// Says something new for so many seconds; it swells and fades.
    pub fn says_for(&self, seconds: f64, heard_by: &[&str]) -> Outcome {
        let does = self.scene.speech(self.name, heard_by, Some(seconds), false)?;
        self.does(&does)
    }

    /// Its place in a conference of another name; none while it is elsewhere.
    pub fn number_in(&self, room: &str) -> Outcome<Option<u32>> {
        let list = self.scene.socket.borrow_mut().api(&format!("conference {room} list"))?;
        let line = list.lines().find(|line| line.contains(&self.near()));
        Ok(line.and_then(|line| line.split(';').next()?.parse().ok()))
    }

    /// Waits until it has come into a conference.
    pub fn comes_to(&self, room: &str) -> Outcome {
        self.scene.until(&format!("{} in {room}", self.name), || Ok(self.number_in(room)?.is_some()))
    }

    /// Sends its near leg elsewhere in the dialplan.
    pub fn is_sent_to(&self, plan: &str) -> Outcome {
        self.scene.api(&format!("uuid_transfer {} 'm:^:{plan}' inline", self.near())).map(drop)
    }

    /// A command of mod_conference about this member: `mute` is `conference <room> mute <number>`.
    pub fn conference(&self, word: &str) -> Outcome<String> {
        self.scene.api(&format!("conference {} {word} {}", self.scene.room, self.number()?))
    }

    /// Has left the conference, for the judgement.
    pub fn has_left(&self) {
        self.scene.legs.borrow_mut()[self.leg].left = Some(self.scene.now());
    }

    /// Its call has ended, for the judgement.
    pub fn is_gone(&self) {
        self.scene.falls_silent(self.name);
        self.has_left();
        self.scene.legs.borrow_mut()[self.leg].over = true;
    }

    /// Says something that only these may hear, and that they may miss: while things change.
    pub fn murmurs(&self, heard_by: &[&str]) -> Outcome {
        let does = self.scene.speech(self.name, heard_by, None, true)?;
        self.does(&does)
    }

    /// How another call names this one's dialog at the far end of its near leg: call id and tags, as Replaces does.
    pub fn dialog(&self) -> Outcome<String> {
        let near = self.near();
        let tag = |side: &str| {
            Ok::<_, String>(self.scene.api(&format!("uuid_getvar {near} sip_{side}_tag"))?.trim().to_string())
        };
        Ok(format!("{near};to-tag={};from-tag={}", tag("to")?, tag("from")?))
    }

    /// Says nothing more.
    pub fn hushes(&self) -> Outcome {
        self.scene.falls_silent(self.name);
        self.does(HUSH)
    }

    /// Says nothing, and sends no packet either.
    pub fn sends_nothing(&self) -> Outcome {
        self.scene.falls_silent(self.name);
        self.does("park")
    }

    /// A command about this member: `tag agent` is `coach tag <room> <number> agent`.
    pub fn coach(&self, command: &str) -> Outcome<String> {
        let (word, tags) = command.split_once(' ').unwrap_or((command, ""));
        self.scene.changes(self.name);
        self.scene.api(format!("coach {word} {} {} {tags}", self.scene.room, self.number()?).trim())
    }

    /// Is set to speak openly in the middle of a word, and says something new while the opening guard keeps that word private.
    pub fn opens(&self) -> Outcome {
        self.coach("uncoach")?;
        self.scene.wait(MOMENT);
        self.says(EVERYONE)
    }

    /// Falls silent, is set to speak openly, and says something when the opening guard is over: nobody hears an edge of it.
    pub fn opens_between_words(&self) -> Outcome {
        self.coach("uncoach")?;
        self.scene.wait(MOMENT);
        self.hushes()?;
        self.scene.wait(GUARD);
        self.says_for(1.4, EVERYONE)
    }

    /// Hangs up in the middle of a word.
    pub fn hangs_up(&self) -> Outcome {
        self.scene.api(&format!("uuid_kill {}", self.far()))?;
        self.is_gone();
        Ok(())
    }

    fn does(&self, what: &str) -> Outcome {
        let changed = self.scene.changed.get();
        let in_time = self.scene.now() < changed + GUARD;
        self.scene.api(&format!("uuid_transfer {} m:^:{what} inline", self.far()))?;
        let file = what.split('^').next().and_then(|first| Some(first.split_once(':')?.1));
        if let Some(file) = file {
            // The transfer is answered before the telephone does anything else: until then it goes on with what it said before, which whoever
            // comes into the audience next would hear.
            let plays = format!("uuid_getvar {} current_application_data", self.far());
            self.scene.until(&format!("{} plays {file}", self.name), || Ok(self.scene.api(&plays)?.trim() == file))?;
            if in_time && self.scene.now() > changed + KEPT {
                self.scene.too_slow.set(true);
            }
        }
        Ok(())
    }
}
