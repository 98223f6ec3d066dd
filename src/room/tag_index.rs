//! Who is where in a room: members by the tags that they carry, private speakers by the tags that they speak to. So that a change
//! looks at those alone whom it may affect.

use std::collections::{BTreeSet, HashMap};

use crate::route::{Speaks, Tags};

/// What stands of one member in its room's index.
#[derive(Default)]
pub struct Indexed(Option<(Tags, Speaks)>);

/// Handles of one room's members.
#[derive(Default)]
pub struct TagIndex {
    tagged: HashMap<Box<str>, BTreeSet<u64>>,
    speakers: HashMap<Box<str>, BTreeSet<u64>>,
    /// Who speak openly again, and have a stream still: of their time of private speech something may be on its way.
    reopened: BTreeSet<u64>,
}

impl TagIndex {
    /// What is so of a member now.
    pub fn put(&mut self, member: u64, indexed: &mut Indexed, (tags, speaks): (&Tags, &Speaks), stream: bool) {
        if indexed.0.as_ref().is_none_or(|known| (&known.0, &known.1) != (tags, speaks)) {
            self.remove(member, indexed);
            tags.iter().for_each(|tag| put(&mut self.tagged, tag, member));
            if let Speaks::To(tags) = speaks {
                tags.iter().for_each(|tag| put(&mut self.speakers, tag, member));
            }
            indexed.0 = Some((tags.clone(), speaks.clone()));
        }
        if stream && !speaks.privately() {
            self.reopened.insert(member);
        } else {
            self.reopened.remove(&member);
        }
    }

    /// A member is gone.
    pub fn remove(&mut self, member: u64, indexed: &mut Indexed) {
        let Some((tags, speaks)) = indexed.0.take() else {
            return;
        };
        tags.iter().for_each(|tag| remove(&mut self.tagged, tag, member));
        if let Speaks::To(tags) = speaks {
            tags.iter().for_each(|tag| remove(&mut self.speakers, tag, member));
        }
        self.reopened.remove(&member);
    }

    /// Members that carry one of these tags; one of them may come several times.
    pub fn tagged<'a>(&'a self, tags: &'a Tags) -> impl Iterator<Item = u64> + 'a {
        tags.iter().filter_map(|tag| self.tagged.get(tag)).flatten().copied()
    }

    /// Private speakers to one of these tags; one of them may come several times.
    pub fn speakers<'a>(&'a self, tags: &'a Tags) -> impl Iterator<Item = u64> + 'a {
        tags.iter().filter_map(|tag| self.speakers.get(tag)).flatten().copied()
    }

    /// See [`TagIndex::reopened`].
    pub fn reopened(&self) -> impl Iterator<Item = u64> + '_ {
        self.reopened.iter().copied()
    }
}

fn put(map: &mut HashMap<Box<str>, BTreeSet<u64>>, tag: &str, member: u64) {
    match map.get_mut(tag) {
        Some(members) => _ = members.insert(member),
        None => _ = map.insert(tag.into(), BTreeSet::from([member])),
    }
}

fn remove(map: &mut HashMap<Box<str>, BTreeSet<u64>>, tag: &str, member: u64) {
    let Some(members) = map.get_mut(tag) else {
        return;
    };
    members.remove(&member);
    if members.is_empty() {
        map.remove(tag);
    }
}
