//! Sets of handles, and maps by handle. The engine draws handles itself, so that nobody can choose some that fall on one place of a table.

use rustc_hash::FxHashMap;

/// What belongs to each handle.
pub type HandleMap<T> = FxHashMap<u64, T>;

/// Handles, put in in any order and often several times, and read in order, each once.
#[derive(Clone, Default)]
pub struct HandleSet(Vec<u64>);

impl HandleSet {
    pub fn insert(&mut self, handle: u64) {
        if self.0.last() != Some(&handle) {
            self.0.push(handle);
        }
    }

    pub fn extend(&mut self, handles: impl IntoIterator<Item = u64>) {
        self.0.extend(handles);
    }

    pub fn remove(&mut self, handle: u64) {
        self.0.retain(|other| *other != handle);
    }

    /// All of them.
    pub fn in_order(&mut self) -> &[u64] {
        self.0.sort_unstable();
        self.0.dedup();
        &self.0
    }
}

impl FromIterator<u64> for HandleSet {
    fn from_iter<I: IntoIterator<Item = u64>>(handles: I) -> Self {
        Self(handles.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_read_in_order_each_once() {
        let mut handles = HandleSet::from_iter([5, 3]);
        handles.insert(4);
        handles.extend([3, 9, 4]);
        handles.insert(5);
        assert_eq!(handles.in_order(), [3, 4, 5, 9]);
        handles.remove(4);
        assert_eq!(handles.in_order(), [3, 5, 9]);
    }
}
