//! The rule itself: whether one member hears another.

use std::fmt;

use super::tags::Tags;

/// How a member speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Speaks {
    /// To everyone.
    #[default]
    Openly,
    /// Privately, to members with one of these tags.
    To(Tags),
    /// Privately, to nobody: on purpose, because its speakOnlyTo is malformed, or because there is no memory for its private speech.
    ToNobody,
}

impl Speaks {
    /// Whether it has `speakOnlyTo`.
    pub fn privately(&self) -> bool {
        *self != Self::Openly
    }

    /// Whether everyone who hears a member that speaks like this also hears one that speaks like `other`.
    pub fn within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ToNobody, _) | (_, Self::Openly) => true,
            (Self::To(tags), Self::To(more)) => tags.iter().all(|tag| more.has(tag)),
            _ => false,
        }
    }
}

/// What the rule looks at in one member.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub tags: Tags,
    pub speaks: Speaks,
    pub muted: bool,
    pub deaf: bool,
    pub held: bool,
    /// It is bypassed: its hooks leave every frame as it is, since it is in an ordinary call.
    pub passing: bool,
}

/// Whether a listener hears a speaker, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The speaker speaks openly.
    Open,
    /// The listener has this tag, to which the speaker speaks.
    Tag(&'a str),
    /// The listener has none of the tags to which the speaker speaks.
    NoTag,
    /// The speaker speaks to nobody.
    Nobody,
    /// The speaker is muted.
    Muted,
    /// The speaker is on hold.
    SpeakerHeld,
    /// The listener is deaf.
    Deaf,
    /// The listener is on hold.
    ListenerHeld,
    /// One of them is in an ordinary call.
    Passing,
}

impl Verdict<'_> {
    /// Whether it hears.
    pub fn hears(self) -> bool {
        matches!(self, Self::Open | Self::Tag(_))
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => write!(f, "the speaker speaks openly"),
            Self::Tag(tag) => write!(f, "the listener has the tag {tag}"),
            Self::NoTag => write!(f, "the listener has none of the speaker's tags"),
            Self::Nobody => write!(f, "the speaker speaks to nobody"),
            Self::Muted => write!(f, "the speaker is muted"),
            Self::SpeakerHeld => write!(f, "the speaker is on hold"),
            Self::Deaf => write!(f, "the listener is deaf"),
            Self::ListenerHeld => write!(f, "the listener is on hold"),
            Self::Passing => write!(f, "one of them is in an ordinary call"),
        }
    }
}

/// Whether `listener` hears `speaker`, two members of one room. Where the host mixes, the host itself applies mute, deaf and hold to open
/// speech.
pub fn hears<'a>(speaker: &'a Facts, listener: &Facts) -> Verdict<'a> {
    match () {
        () if speaker.passing || listener.passing => Verdict::Passing,
        () if speaker.muted => Verdict::Muted,
        () if speaker.held => Verdict::SpeakerHeld,
        () if listener.deaf => Verdict::Deaf,
        () if listener.held => Verdict::ListenerHeld,
        () => match &speaker.speaks {
            Speaks::Openly => Verdict::Open,
            Speaks::ToNobody => Verdict::Nobody,
            Speaks::To(tags) => tags.common(&listener.tags).map_or(Verdict::NoTag, Verdict::Tag),
        },
    }
}

/// Whether `speaker` speaks to `listener` by speakOnlyTo and tags alone, whoever is muted, deaf or on hold.
pub fn addressed(speaker: &Facts, listener: &Facts) -> bool {
    match &speaker.speaks {
        Speaks::Openly => true,
        Speaks::ToNobody => false,
        Speaks::To(tags) => tags.common(&listener.tags).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(tags: &str, speaks: &str) -> Facts {
        Facts {
            tags: Tags::parse(tags).unwrap_or_default(),
            speaks: match speaks {
                "" => Speaks::Openly,
                "-" => Speaks::ToNobody,
                tags => Speaks::To(Tags::parse(tags).unwrap()),
            },
            ..Facts::default()
        }
    }

    #[test]
    fn the_coach_is_heard_by_the_agent_alone_and_hears_both() {
        let (customer, agent, coach) = (member("", ""), member("agent", ""), member("", "agent"));
        assert_eq!(hears(&coach, &agent), Verdict::Tag("agent"));
        assert_eq!(hears(&coach, &customer), Verdict::NoTag);
        assert_eq!(hears(&customer, &coach), Verdict::Open);
        assert_eq!(hears(&agent, &coach), Verdict::Open);
    }

    #[test]
    fn one_tag_of_several_is_enough_and_bytes_decide() {
        let coach = member("", "night,agent");
        assert!(hears(&coach, &member("x,agent", "")).hears());
        assert!(!hears(&coach, &member("Agent", "")).hears());
        assert!(!hears(&member("", "-"), &member("agent", "")).hears());
    }

    #[test]
    fn mute_deaf_hold_and_pass_silence_the_pair() {
        let (agent, coach) = (member("agent", ""), member("", "agent"));
        let with = |facts: &Facts, change: fn(&mut Facts)| {
            let mut facts = facts.clone();
            change(&mut facts);
            facts
        };
        assert_eq!(hears(&with(&coach, |f| f.muted = true), &agent), Verdict::Muted);
        assert_eq!(hears(&with(&coach, |f| f.held = true), &agent), Verdict::SpeakerHeld);
        assert_eq!(hears(&coach, &with(&agent, |f| f.deaf = true)), Verdict::Deaf);
        assert_eq!(hears(&coach, &with(&agent, |f| f.held = true)), Verdict::ListenerHeld);
        assert_eq!(hears(&coach, &with(&agent, |f| f.passing = true)), Verdict::Passing);
        assert!(hears(&coach, &with(&agent, |f| f.muted = true)).hears());
    }
}
