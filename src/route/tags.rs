//! Tags: what a `memberTag` or a `speakOnlyTo` may hold.

use std::{fmt, sync::Arc};

use crate::sys::{COACH_MAX_TAG_BYTES, COACH_MAX_TAGS};

/// Most tags on one member.
const MOST: usize = COACH_MAX_TAGS as usize;
/// Most bytes in one.
const LONGEST: usize = COACH_MAX_TAG_BYTES as usize;

/// A list of tags, in the order given, each once: as it is written, with commas between them, which no tag has. A clone is the same text in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Arc<str>);

/// What is wrong with a list of tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagError {
    /// No tag at all.
    Empty,
    /// Two commas in a row, or one at an end.
    EmptyTag,
    /// Too long, in bytes.
    Long(usize),
    /// White space or a control character.
    Character(char),
    /// `-`, which means nobody.
    Nobody,
    /// It begins like an action, which somebody meant to give and not to use as a tag.
    Action(String),
    /// Too many.
    Many,
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "no tags given; give one or several, such as agent or agent,night-shift"),
            Self::EmptyTag => write!(f, "an empty tag between commas; write agent,night-shift"),
            Self::Long(bytes) => write!(f, "a tag of {bytes} bytes; at most {LONGEST}"),
            Self::Character(c) => {
                write!(f, "a tag with {c:?}; tags have no white space and no control characters")
            }
            Self::Nobody => write!(f, "the tag -; it means nobody and stands alone, in speakOnlyTo"),
            Self::Action(tag) => write!(
                f,
                "the tag {tag}, which begins like an action; give memberTag and speakOnlyTo by actions of their own, each with \
                 nothing but tags"
            ),
            Self::Many => write!(f, "more than {MOST} tags; at most {MOST}"),
        }
    }
}

/// Whether somebody who wrote this meant an action: `speakOnlyTo=agent`, `COACH(memberTag)=agent`, and the like, in any case and
/// with or without the underscores that variables are inherited and spelled with. As a tag it would be believed to be private, and
/// be open.
fn begins_like_an_action(tag: &str) -> bool {
    let plain: String = tag.chars().filter(|c| !matches!(c, '_' | '-')).collect::<String>().to_ascii_lowercase();
    ["speakonlyto=", "membertag=", "speakonlyto:", "membertag:", "coach(", "coach="]
        .iter()
        .any(|action| plain.starts_with(action))
}

impl Tags {
    /// From `agent,night-shift`.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        if text.is_empty() {
            return Err(TagError::Empty);
        }
        let mut tags: Vec<&str> = Vec::new();
        for tag in text.split(',') {
            if tag.is_empty() {
                return Err(TagError::EmptyTag);
            }
            if tag.len() > LONGEST {
                return Err(TagError::Long(tag.len()));
            }
            if let Some(c) = tag.chars().find(|c| c.is_whitespace() || c.is_control()) {
                return Err(TagError::Character(c));
            }
            if tag == "-" {
                return Err(TagError::Nobody);
            }
            if begins_like_an_action(tag) {
                return Err(TagError::Action(tag.into()));
            }
            if tags.contains(&tag) {
                continue;
            }
            if tags.len() == MOST {
                return Err(TagError::Many);
            }
            tags.push(tag);
        }
        Ok(Self(tags.join(",").into()))
    }

    /// The tags.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(',').filter(|tag| !tag.is_empty())
    }

    /// Whether `tag` is among them.
    pub fn has(&self, tag: &str) -> bool {
        self.iter().any(|t| t == tag)
    }

    /// The first that both have.
    pub fn common<'a>(&'a self, other: &Self) -> Option<&'a str> {
        let same = self.0 == other.0; // mostly it is one tag
        self.iter().find(|tag| same || other.has(tag))
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_taken_and_repeated_tags_count_once() {
        let tags = Tags::parse("agent,night-shift,agent").unwrap();
        assert_eq!(tags.to_string(), "agent,night-shift");
        assert_eq!(Tags::parse(&vec!["x".repeat(64); 20].join(",")).unwrap().iter().count(), 1);
    }

    #[test]
    fn what_breaks_the_rules_is_refused_with_its_reason() {
        for (text, error) in [
            ("", TagError::Empty),
            ("a,,b", TagError::EmptyTag),
            (",", TagError::EmptyTag),
            ("a b", TagError::Character(' ')),
            ("a\u{7}", TagError::Character('\u{7}')),
            ("a,-", TagError::Nobody),
            ("speakOnlyTo=agent", TagError::Action("speakOnlyTo=agent".into())),
            ("lead,speakOnlyTo=agent", TagError::Action("speakOnlyTo=agent".into())),
            ("lead,COACH(speakOnlyTo)=agent", TagError::Action("COACH(speakOnlyTo)=agent".into())),
            ("__memberTag=x", TagError::Action("__memberTag=x".into())),
            ("_coach(memberTag)=x", TagError::Action("_coach(memberTag)=x".into())),
            ("speak_only_to=x", TagError::Action("speak_only_to=x".into())),
        ] {
            assert_eq!(Tags::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Tags::parse(&"x".repeat(65)), Err(TagError::Long(65)));
        for tag in ["speakOnlyTo", "coaches", "coach", "membership=gold", "team=north", "COACH"] {
            assert!(Tags::parse(tag).is_ok(), "{tag} is a tag like any other");
        }
        let many: Vec<String> = (0..17).map(|i| i.to_string()).collect();
        assert_eq!(Tags::parse(&many.join(",")), Err(TagError::Many));
    }
}
