//! Which module of a crate uses which, by the `use` lines and paths of its files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Files by name, with those that each uses.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

pub fn files(folder: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a folder can be read").path();
            if path.is_dir() {
                if !path.ends_with("node_modules") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|end| ends.contains(&end.to_str().unwrap_or_default())) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A Rust file without comments, and without what is in quotes on one line.
pub fn code_of(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        code.extend(line.split('"').step_by(2));
        code.push('\n');
    }
    code
}

/// The modules written out in a file: from which byte to which, and whether they are tests'.
fn inline_modules(code: &str) -> Vec<(usize, usize, bool)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("mod ") {
        let Some(open) = code[at..].find(['{', ';']).map(|n| at + n).filter(|open| code.as_bytes()[*open] == b'{')
        else {
            continue;
        };
        if !code[at + 4..open].trim().chars().all(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let mut depth = 0;
        let end = code[open..].char_indices().find_map(|(n, c)| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            (depth == 0).then_some(open + n)
        });
        let before = code[..at].trim_end();
        found.push((at, end.unwrap_or(code.len()), before.ends_with("(test)]") || before.ends_with("loom))]")));
    }
    found
}

/// `a::{b, c::{self, d}}` as `a::b`, `a::c`, `a::c::d`; of `a as b` both.
fn spread(tree: &str, prefix: &[String], into: &mut Vec<(Vec<String>, Option<String>)>) {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let mut prefix = prefix.to_vec();
        prefix.extend(tree[..open].split("::").map(str::trim).filter(|part| !part.is_empty()).map(Into::into));
        let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
        let (mut depth, mut start) = (0, 0);
        for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
            depth += i32::from(c == '{') - i32::from(c == '}');
            if c == ',' && depth == 0 {
                spread(&inner[start..at], &prefix, into);
                start = at + 1;
            }
        }
    } else if !tree.is_empty() {
        let (path, name) =
            tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name.trim().into())));
        let mut parts = prefix.to_vec();
        parts.extend(path.split("::").map(|part| part.trim().to_owned()));
        if parts.len() > 1 && parts.last().is_some_and(|last| last == "self") {
            parts.pop();
        }
        into.push((parts, name));
    }
}

/// A crate's modules, by their path in it: `audio::format`; the root is "".
pub struct Crate {
    pub code: BTreeMap<String, String>,
    /// What a module gives out under a name of its own: (module, name), and whose it is.
    pub given_out: BTreeMap<(String, String), Vec<String>>,
}

impl Crate {
    pub fn read(root: &str) -> Self {
        let mut code = BTreeMap::new();
        for path in files(Path::new(root), &["rs"]) {
            let name = path.strip_prefix(root).expect("it is inside").with_extension("");
            let name = name.to_string_lossy().replace('/', "::");
            let name = name.strip_suffix("::mod").unwrap_or(&name);
            if name == "main" || name.ends_with("tests") {
                continue; // uses the library; tests may use everything
            }
            let name = if name == "lib" { "" } else { name };
            code.insert(name.to_owned(), code_of(&fs::read_to_string(&path).expect("a source is text")));
        }
        let mut read = Self { code, given_out: BTreeMap::new() };
        let mut given_out = BTreeMap::new();
        for module in read.code.keys() {
            for (parts, name, public) in read.uses(module) {
                if let (true, Some(path)) = (public, read.absolute(module, &parts, &BTreeMap::new())) {
                    let name = name.unwrap_or_else(|| parts[parts.len() - 1].clone());
                    given_out.insert((module.clone(), name), path);
                }
            }
        }
        read.given_out = given_out;
        read
    }

    /// The `use` lines of a module, tests' left out: path, new name, whether it gives that out.
    fn uses(&self, module: &str) -> Vec<(Vec<String>, Option<String>, bool)> {
        let code = &self.code[module];
        let inline = inline_modules(code);
        let mut found = Vec::new();
        for (at, _) in code.match_indices("use ") {
            let line = code[..at].rfind('\n').map_or(0, |n| n + 1);
            let before = code[line..at].trim();
            if !(before.is_empty() || before.starts_with("pub")) || is_test(&inline, at) {
                continue;
            }
            let tree = code[at + 4..].split(';').next().unwrap_or_default();
            let mut paths = Vec::new();
            spread(tree, &[], &mut paths);
            let depth = inline.iter().filter(|(from, to, _)| (*from..*to).contains(&at)).count();
            for (mut parts, name) in paths {
                for _ in 0..depth {
                    if parts[0] == "super" {
                        parts.remove(0);
                        if parts.first().is_none_or(|part| part != "super") {
                            parts.insert(0, "self".into());
                        }
                    }
                }
                found.push((parts, name, before.starts_with("pub")));
            }
        }
        found
    }

    /// A path from the crate's root, where it begins in this crate.
    fn absolute(&self, module: &str, parts: &[String], names: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
        let here = || module.split("::").filter(|part| !part.is_empty()).map(String::from).collect::<Vec<_>>();
        let mut path = match parts.first()?.as_str() {
            "crate" => Vec::new(),
            "self" => here(),
            "super" => {
                let mut path = here();
                parts.iter().take_while(|part| *part == "super").for_each(|_| drop(path.pop()));
                path
            }
            first => {
                let mut child = here();
                child.push(first.into());
                if let Some(path) = names.get(first) {
                    path.clone()
                } else if self.code.contains_key(&child.join("::")) {
                    child
                } else {
                    return None;
                }
            }
        };
        let own = if parts[0] == "super" { parts.iter().take_while(|part| *part == "super").count() } else { 1 };
        path.extend(parts[own..].iter().cloned());
        Some(path)
    }

    /// The module that a path leads into, through what others give out.
    fn target(&self, path: &[String]) -> String {
        let longest = (0..=path.len()).rev().find(|n| self.code.contains_key(&path[..*n].join("::"))).unwrap_or(0);
        let module = path[..longest].join("::");
        match path.get(longest).and_then(|item| self.given_out.get(&(module.clone(), item.clone()))) {
            Some(whose) if whose != path => self.target(whose),
            _ => module,
        }
    }

    pub fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (module, code) in &self.code {
            let mut used = BTreeSet::new();
            let mut names = BTreeMap::new();
            for (parts, name, public) in self.uses(module) {
                let Some(path) = self.absolute(module, &parts, &BTreeMap::new()) else { continue };
                let name = name.unwrap_or_else(|| parts[parts.len() - 1].clone());
                if self.code.contains_key(&path.join("::")) {
                    names.insert(name, path.clone());
                }
                if !public {
                    used.insert(self.target(&path));
                }
            }
            // Paths in the midst of the code, such as `super::sum::add(...)`.
            let inline = inline_modules(code);
            let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            let mut at = 0;
            while let Some(start) = code[at..].find(is_path).map(|n| at + n) {
                at = start + code[start..].find(|c| !is_path(c)).unwrap_or(code.len() - start);
                let parts: Vec<String> = code[start..at].split("::").map(Into::into).collect();
                let depth = inline.iter().filter(|(from, to, _)| (*from..*to).contains(&start)).count();
                if parts.len() < 2 || depth > 0 || code[..start].ends_with("use ") {
                    continue;
                }
                if let Some(path) = self.absolute(module, &parts, &names) {
                    used.insert(self.target(&path));
                }
            }
            used.remove(module);
            // A folder's own file holds its parts together: what it names of them is no use of them.
            let parts = if module.is_empty() { String::new() } else { format!("{module}::") };
            let own_file = ["", "room", "audio", "route", "abi", "host"].contains(&module.as_str());
            used.retain(|used| !(own_file && used.starts_with(&parts)));
            graph.insert(module.clone(), used);
        }
        graph
    }
}

fn is_test(inline: &[(usize, usize, bool)], at: usize) -> bool {
    inline.iter().any(|(from, to, test)| *test && (*from..*to).contains(&at))
}
