//! The settings of a call (tags and speakOnlyTo, each of which may be absent) and the actions that change them: how they are written in
//! variables and commands.

use std::{ffi::CStr, fmt};

use super::{
    fs,
    session::{Session, c, log},
};

/// The channel variables. They say what holds: read when `conference` starts, written when a command changes it, so that settings go
/// with the call.
const TAGS: &CStr = c"memberTag";
/// See [`TAGS`].
pub const SPEAK_ONLY_TO: &CStr = c"speakOnlyTo";

/// How a variable is called, as far as it matters here. The core tells names apart by their letters, not by their case; white space and
/// signs are a part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// One of Coach's.
    Right(&'static CStr),
    /// One of Coach's with white space around it, as `speakOnlyTo = agent` makes it: no other variable is meant.
    Spaced(&'static CStr),
    /// Much like one of Coach's.
    Misspelt(&'static CStr),
}

impl Name {
    /// None: it has nothing to do with Coach.
    pub fn of(name: &str) -> Option<Self> {
        let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let same = |right: &CStr| right.to_str().is_ok_and(|right| right.eq_ignore_ascii_case(&letters));
        let right = [TAGS, SPEAK_ONLY_TO].into_iter().find(|right| same(right))?;
        Some(match name.trim() {
            trimmed if trimmed.len() > letters.len() => Self::Misspelt(right),
            trimmed if trimmed.len() < name.len() => Self::Spaced(right),
            _ => Self::Right(right),
        })
    }
}

/// An application may have assigned this variable. One of Coach's with white space in its name becomes what it was meant to be. An empty
/// value removes a variable; in the case of `speakOnlyTo` that would be open speech for a member that somebody wanted private.
pub fn assigned(session: &Session, name: &str) {
    let warn = |line: &str| log(fs::SWITCH_LOG_WARNING, Some(&session.uuid()), line);
    let variable = match Name::of(name) {
        Some(Name::Right(variable)) => variable,
        Some(Name::Spaced(variable)) => {
            let value = session.variable(&c(name));
            session.set_variable(&c(name), None);
            session.set_variable(variable, value.as_deref().map(str::trim));
            let right = variable.to_string_lossy();
            warn(&format!("`{name}` has white space in its name, and was taken for {right}; right is {right}=<tags>"));
            variable
        }
        _ => return,
    };
    if variable == SPEAK_ONLY_TO && session.variable(variable).is_none() {
        warn(
            "speakOnlyTo is set to nothing: the call is private to nobody. To speak openly, do not set it, or `unset` it",
        );
        session.set_variable(variable, Some("-"));
    }
}

/// A call is about to join: what its variables are called, however they were set.
pub fn look_at_names(session: &Session) {
    for name in session.variable_names() {
        match Name::of(&name) {
            Some(Name::Spaced(_)) => assigned(session, &name),
            Some(Name::Misspelt(right)) => {
                let right = right.to_string_lossy();
                let line =
                    format!("the call joins with a variable `{name}`, which means nothing to Coach; right is {right}");
                log(fs::SWITCH_LOG_WARNING, Some(&session.uuid()), &line);
            }
            _ => {}
        }
    }
}

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
    /// Somebody else has the call's place: nobody's command.
    Transferred,
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
}

/// As people write it, of a member that is known.
impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tags) => write!(f, "tag {tags}"),
            Self::Untag | Self::Transferred => f.write_str("untag"),
            Self::Coach(to) => write!(f, "coach {to}"),
            Self::Uncoach => f.write_str("uncoach"),
        }
    }
}
