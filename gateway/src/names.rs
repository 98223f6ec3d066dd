//! Names on their way to a switch and back: conferences, tags, calls.
//!
//! An account's conferences share a switch with those of other accounts and of dialplans. With a prefix, an account's name becomes
//! the prefix and the name in an encoding of lower-case letters, digits, `.`, `-` and `_`: nothing that a switch parses, and no two
//! names that differ in case alone, which ConfBridge takes for one. Without a prefix, a name goes to the switch as it is.

use std::fmt::Write;
use thiserror::Error;
use uuid::Uuid;

/// The longest name of a conference that a switch takes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxName(pub usize);

impl MaxName {
    /// ConfBridge's names have room for 79 bytes.
    pub const ASTERISK: Self = Self(79);
    /// FreeSWITCH itself sets no limit; the events and commands that carry a name have one.
    pub const FREESWITCH: Self = Self(255);
}

/// Why a name cannot be carried to a switch.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// Nothing is there.
    #[error("the name of a conference is empty")]
    Empty,
    /// In its encoding it is longer than the switch allows.
    #[error("the name of the conference is too long: it takes {encoded} bytes on the switch, which allows {most}")]
    TooLong {
        /// Bytes that it takes.
        encoded: usize,
        /// Bytes that there may be.
        most: usize,
    },
    /// An account without a prefix shares its names with dialplans, and there they are not encoded.
    #[error(
        "the name of the conference holds {0:?}, which a switch takes for something else; without a room_prefix for the account, \
         names have letters, digits, '.', '-' and '_' only"
    )]
    Unsafe(char),
}

/// A conference's name on the switch, from the account's name for it.
pub fn to_switch(prefix: &str, name: &str, most: MaxName) -> Result<String, NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    let encoded = if prefix.is_empty() {
        if let Some(unsafe_char) = name.chars().find(|c| !is_plain(*c) && !c.is_ascii_uppercase() && *c != '_') {
            return Err(NameError::Unsafe(unsafe_char));
        }
        name.to_owned()
    } else {
        let mut encoded = prefix.to_owned();
        for byte in name.bytes() {
            if is_plain(byte.into()) {
                encoded.push(byte.into());
            } else {
                let _ = write!(encoded, "_{byte:02x}");
            }
        }
        encoded
    };
    if encoded.len() > most.0 {
        return Err(NameError::TooLong { encoded: encoded.len(), most: most.0 });
    }
    Ok(encoded)
}

/// The account's name for a conference on the switch; `None`: it is not one of this account's.
pub fn from_switch(prefix: &str, on_switch: &str) -> Option<String> {
    if prefix.is_empty() {
        return Some(on_switch.to_owned());
    }
    let mut rest = on_switch.strip_prefix(prefix)?.bytes();
    let mut name = Vec::new();
    while let Some(byte) = rest.next() {
        name.push(match byte {
            b'_' => 16 * hex_digit(rest.next()?)? + hex_digit(rest.next()?)?,
            byte => byte,
        });
    }
    let name = String::from_utf8(name).ok()?;
    // Only what `to_switch` would write: `_61` is nobody's `a`.
    let encoded = to_switch(prefix, &name, MaxName(usize::MAX)).ok()?;
    (encoded == on_switch).then_some(name)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-'
}

/// Whether an account may have this prefix; what would be right, if not.
pub fn check_prefix(prefix: &str) -> Result<(), &'static str> {
    let well_formed =
        prefix.is_empty() || (prefix.ends_with('-') && prefix.chars().all(is_plain) && prefix.len() <= 20);
    if well_formed {
        Ok(())
    } else {
        Err("give at most 20 lower-case letters, digits, '.' and '-', the last one a '-', or nothing")
    }
}

/// Tags, as the commands of Coach take them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags(Vec<String>);

/// Why tags cannot be carried to a switch.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct TagError(String);

const MOST_TAGS: usize = 16;
const MOST_TAG_BYTES: usize = 64;

impl Tags {
    /// One tag, or several with commas between them.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        let mut tags: Vec<String> = Vec::new();
        for tag in text.split(',') {
            check_tag(tag)?;
            if !tags.iter().any(|other| other == tag) {
                tags.push(tag.to_owned());
            }
        }
        if tags.len() > MOST_TAGS {
            return Err(TagError(format!("there are {} tags; give at most {MOST_TAGS}", tags.len())));
        }
        Ok(Self(tags))
    }

    /// The tags, each once.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether these are the same tags, in any order.
    pub fn same_as(&self, others: &[String]) -> bool {
        self.0.len() == others.len() && self.0.iter().all(|tag| others.contains(tag))
    }
}

impl std::fmt::Display for Tags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

fn check_tag(tag: &str) -> Result<(), TagError> {
    let refuse = |why: &str| {
        Err(TagError(format!("the tag {tag:?} {why}: give 1 to {MOST_TAG_BYTES} bytes with no white space")))
    };
    if tag.is_empty() {
        return refuse("is empty");
    }
    if tag.len() > MOST_TAG_BYTES {
        return Err(TagError(format!("a tag has {} bytes; give at most {MOST_TAG_BYTES}", tag.len())));
    }
    if let Some(c) = tag.chars().find(|c| c.is_whitespace() || c.is_control()) {
        return refuse(&format!("holds {c:?}"));
    }
    // To a switch, these are syntax, even where its module would take them.
    if let Some(c) = tag.chars().find(|c| "\"'\\|;${}()[]^=".contains(*c)) {
        return Err(TagError(format!("the tag {tag:?} holds {c:?}, which a switch takes for something else")));
    }
    // In Asterisk's Coach(memberTag=a,untag) the last word is a command; and tags with a speakOnlyTo in them are a private call that
    // was spelt wrong to both modules.
    let word = tag.to_ascii_lowercase();
    if ["untag", "uncoach"].contains(&word.as_str()) || word.contains("speakonlyto") {
        return Err(TagError(format!("the tag {tag:?} is a word of the switch's own commands: give another name")));
    }
    if tag == "-" {
        return Err(TagError("the tag \"-\" stands for nobody on a switch: give another name".into()));
    }
    Ok(())
}

/// The namespace of the call_sids of channels whose id is no UUID.
const CALLS: Uuid = Uuid::from_u128(0x6d0f_2c5e_8a4b_4f0b_9c37_1e2d_5b80_74a6);

/// The call_sid of a channel: the same for as long as the channel lives, whatever is restarted.
pub fn call_sid(node: &str, channel_id: &str) -> Uuid {
    match Uuid::try_parse(channel_id) {
        Ok(sid) if channel_id.len() == 36 => sid,
        _ => Uuid::new_v5(&CALLS, format!("{node}/{channel_id}").as_bytes()),
    }
}
