//! What a call is set to, and what people do about it.

use std::{ffi::CStr, fmt};

use super::{
    fs,
    switch::{Session, log},
};

/// The channel variables. They say what holds: read when `conference` starts, written when a command changes it, so that settings go
/// with the call.
const TAGS: &CStr = c"memberTag";
/// See [`TAGS`].
pub const SPEAK_ONLY_TO: &CStr = c"speakOnlyTo";

/// What a call is set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub tags: Option<String>,
    pub speak_only_to: Option<String>,
}

impl Settings {
    /// As its variables stand. Who has written both settings into one wanted to be private, and is: to nobody.
    pub fn of(session: &Session) -> Self {
        let settings = Self { tags: session.variable(TAGS), speak_only_to: session.variable(SPEAK_ONLY_TO) };
        match settings.tags {
            Some(tags) if names_mode(&tags) => {
                let line = format!("memberTag holds a speakOnlyTo: {tags}. The call is private to nobody");
                log(fs::SWITCH_LOG_WARNING, Some(&session.uuid()), &line);
                let closed = Self { tags: None, speak_only_to: Some("-".into()) };
                closed.write(session);
                closed
            }
            _ => settings,
        }
    }

    /// Has its variables say so.
    pub fn write(&self, session: &Session) {
        self.write_tags(session);
        self.write_speak_only_to(session);
    }

    /// See [`Self::write`].
    pub fn write_tags(&self, session: &Session) {
        session.set_variable(TAGS, self.tags.as_deref());
    }

    /// See [`Self::write`].
    pub fn write_speak_only_to(&self, session: &Session) {
        session.set_variable(SPEAK_ONLY_TO, self.speak_only_to.as_deref());
    }
}

/// A tag may hold `=`, and so `agent,speakOnlyTo=boss` is two tags; nobody means them.
pub fn names_mode(tags: &str) -> bool {
    tags.to_ascii_lowercase().contains("speakonlyto")
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |value: &Option<String>| value.clone().unwrap_or("none".into());
        write!(f, "+OK memberTag {}, speakOnlyTo {}", or_none(&self.tags), or_none(&self.speak_only_to))
    }
}

/// What people do to a call; the same words everywhere.
#[derive(Clone, Copy, Debug)]
pub enum Action<'a> {
    Tag(&'a str),
    Untag,
    Coach(&'a str),
    Uncoach,
}

impl<'a> Action<'a> {
    /// `tag agent`, `untag`: a word, and tags where they belong.
    pub fn parse(words: &[&'a str]) -> Option<Self> {
        match words {
            ["tag", tags] => Some(Self::Tag(tags)),
            ["untag"] => Some(Self::Untag),
            ["coach", tags] => Some(Self::Coach(tags)),
            ["uncoach"] => Some(Self::Uncoach),
            _ => None,
        }
    }

    /// `memberTag=agent speakOnlyTo=boss`: settings as variables are written, each of them once; what makes the call private comes first.
    pub fn assigned(words: &[&'a str]) -> Option<Vec<Self>> {
        let assigned = |word: &&'a str| match word.split_once('=')? {
            ("memberTag", tags) => Some(Self::Tag(tags)),
            ("speakOnlyTo", to) => Some(Self::Coach(to)),
            _ => None,
        };
        let actions = words.iter().map(assigned).collect::<Option<Vec<_>>>()?;
        match actions[..] {
            [one] => Some(vec![one]),
            [coach @ Self::Coach(_), tag @ Self::Tag(_)] | [tag @ Self::Tag(_), coach @ Self::Coach(_)] => {
                Some(vec![coach, tag])
            }
            _ => None,
        }
    }

    /// As it is written.
    pub fn words(&self) -> (&'static str, &'a str) {
        match self {
            Self::Tag(tags) => ("tag", tags),
            Self::Untag => ("untag", ""),
            Self::Coach(to) => ("coach", to),
            Self::Uncoach => ("uncoach", ""),
        }
    }
}
