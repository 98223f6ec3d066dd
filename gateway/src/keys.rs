//! Keys of the REST interface: what each may do, and how it is recognized.
//!
//! A key is `ck_<id>_<secret>`. Of the secret, 32 random bytes, only the SHA-256 is kept: there is nothing to guess, so no slow hash
//! is needed.

use crate::{
    names::Tags,
    store::{KeyRecord, Store, StoreError},
};
use rand::RngCore;
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// One thing that a key may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// See calls and conferences.
    Read,
    /// Give members tags, and take them away.
    Tag,
    /// Have members speak privately: to these tags, or, where there are none, to any.
    Coach(Vec<String>),
    /// Have members speak openly again.
    Barge,
    /// Mute, hold, kick and hang up.
    Moderate,
    /// Start calls, and give them other verbs.
    Call,
}

/// What a key may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

/// What is asked of a key.
#[derive(Debug, Clone, Copy)]
pub enum Need<'a> {
    /// To see.
    Read,
    /// To tag.
    Tag,
    /// To have a member speak to these tags.
    Coach(&'a Tags),
    /// To have a member speak openly.
    Barge,
    /// To mute, hold, kick, hang up.
    Moderate,
    /// To start calls and give verbs.
    Call,
}

impl Need<'_> {
    /// The scope that would be enough.
    pub fn scope(&self) -> String {
        match self {
            Self::Read => "read".into(),
            Self::Tag => "tag".into(),
            Self::Coach(tags) => tags.iter().map(|tag| format!("coach:{tag}")).collect::<Vec<_>>().join(","),
            Self::Barge => "barge".into(),
            Self::Moderate => "moderate".into(),
            Self::Call => "call".into(),
        }
    }
}

impl Scopes {
    /// Whether they are enough.
    pub fn allow(&self, need: Need<'_>) -> bool {
        match need {
            Need::Read => self.0.contains(&Scope::Read),
            Need::Tag => self.0.contains(&Scope::Tag),
            Need::Coach(tags) => tags.iter().all(|tag| {
                self.0.iter().any(|scope| match scope {
                    Scope::Coach(to) => to.is_empty() || to.iter().any(|own| own == tag),
                    _ => false,
                })
            }),
            Need::Barge => self.0.contains(&Scope::Barge),
            Need::Moderate => self.0.contains(&Scope::Moderate),
            Need::Call => self.0.contains(&Scope::Call),
        }
    }
}

const SCOPES: &str = "read, tag, coach, coach:<tag>, barge, moderate, call, or all";

impl FromStr for Scopes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut scopes = Vec::new();
        for word in text.split(',').map(str::trim) {
            match word.split_once(':') {
                None => match word {
                    "all" => scopes
                        .extend(["read", "tag", "coach", "barge", "moderate", "call"].map(one).into_iter().flatten()),
                    word => scopes.push(one(word).ok_or_else(|| format!("there is no scope {word:?}: give {SCOPES}"))?),
                },
                Some(("coach", tag)) => {
                    let tags = Tags::parse(tag).map_err(|error| error.to_string())?;
                    scopes.push(Scope::Coach(tags.iter().map(str::to_owned).collect()));
                }
                Some(_) => return Err(format!("there is no scope {word:?}: give {SCOPES}")),
            }
        }
        Ok(Self(scopes))
    }
}

fn one(word: &str) -> Option<Scope> {
    Some(match word {
        "read" => Scope::Read,
        "tag" => Scope::Tag,
        "coach" => Scope::Coach(Vec::new()),
        "barge" => Scope::Barge,
        "moderate" => Scope::Moderate,
        "call" => Scope::Call,
        _ => return None,
    })
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.0.iter().map(|scope| match scope {
            Scope::Read => "read".into(),
            Scope::Tag => "tag".into(),
            Scope::Coach(tags) if tags.is_empty() => "coach".into(),
            Scope::Coach(tags) => tags.iter().map(|tag| format!("coach:{tag}")).collect::<Vec<_>>().join(","),
            Scope::Barge => "barge".into(),
            Scope::Moderate => "moderate".into(),
            Scope::Call => "call".into(),
        });
        f.write_str(&words.collect::<Vec<String>>().join(","))
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The key's public part.
    pub key: String,
    /// Its account.
    pub account: Uuid,
    /// What it may do.
    pub scopes: Scopes,
}

fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

fn random(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    rand::rng().fill_bytes(&mut random);
    hex::encode(random)
}

/// Makes a key, and keeps what recognizes it. The key itself: it is told this once.
pub fn create(store: &Store, account: Uuid, name: &str, scopes: &Scopes) -> Result<String, StoreError> {
    let (id, secret) = (random(6), random(32));
    let created = jiff::Timestamp::now().as_second();
    store.add_key(&KeyRecord {
        id: id.clone(),
        hash: hash(&secret),
        account,
        name: name.to_owned(),
        scopes: scopes.to_string(),
        created,
        revoked: false,
    })?;
    Ok(format!("ck_{id}_{secret}"))
}

/// Whose key this is; `None`: nobody's, or a revoked one.
pub fn recognize(store: &Store, key: &str) -> Result<Option<Caller>, StoreError> {
    let Some((id, secret)) = key.strip_prefix("ck_").and_then(|rest| rest.split_once('_')) else { return Ok(None) };
    let Some(record) = store.key(id)? else { return Ok(None) };
    let same = bool::from(record.hash.as_bytes().ct_eq(hash(secret).as_bytes()));
    let scopes = record.scopes.parse().ok();
    Ok(scopes.filter(|_| same && !record.revoked).map(|scopes| Caller {
        key: record.id,
        account: record.account,
        scopes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(text: &str) -> Scopes {
        text.parse().expect("these are scopes")
    }

    #[test]
    fn a_key_does_what_it_was_given_and_nothing_else() {
        let store = Store::open(":memory:".as_ref()).expect("SQLite is there");
        let account = Uuid::new_v4();
        let key = create(&store, account, "console", &scopes("read,coach:agent")).expect("it is kept");
        let caller = recognize(&store, &key).expect("SQLite answers").expect("it is known");
        assert_eq!((caller.account, caller.scopes.to_string().as_str()), (account, "read,coach:agent"));
        assert!(caller.scopes.allow(Need::Read));
        let tags = |text| Tags::parse(text).expect("these are tags");
        assert!(caller.scopes.allow(Need::Coach(&tags("agent"))));
        for need in [
            Need::Tag,
            Need::Barge,
            Need::Moderate,
            Need::Call,
            Need::Coach(&tags("customer")),
            Need::Coach(&tags("agent,customer")),
        ] {
            assert!(!caller.scopes.allow(need), "{need:?}");
        }

        let mut wrong = key.clone();
        wrong.pop();
        for unknown in [wrong.as_str(), "", "ck_", "ck_1_2", &key.replace("ck_", "sk_")] {
            assert!(recognize(&store, unknown).expect("SQLite answers").is_none(), "{unknown}");
        }
        assert!(store.revoke_key(&caller.key).expect("SQLite answers"));
        assert!(recognize(&store, &key).expect("SQLite answers").is_none());
        let kept = format!("{:?}", store.keys().expect("SQLite answers"));
        assert!(!kept.contains(key.rsplit('_').next().expect("it has a secret part")), "the secret is not kept");
    }

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for text in ["read", "read,tag,coach,barge,moderate,call", "coach:a,coach:b"] {
            assert_eq!(scopes(&scopes(text).to_string()), scopes(text), "{text}");
        }
        assert!(scopes("all").allow(Need::Call));
        for wrong in ["", "admin", "read:all", "coach:a b"] {
            assert!(wrong.parse::<Scopes>().is_err(), "{wrong:?}");
        }
    }
}
