//! Files that use each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::Graph;

/// Files of these folders are in circles still: how many. To do: none. A number only ever falls.
const CIRCLES_TO_UNDO: [(&str, usize); 7] = [
    ("src/audio", 0),
    ("src/room", 0),
    ("src/host/client", 0),
    ("src/host/freeswitch", 0),
    ("src/host/asterisk", 0),
    ("src", 0),
    ("gateway/src", 0),
];

fn reached(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        for used in graph.get(file).into_iter().flatten() {
            if reached.insert(used.clone()) {
                next.push(used);
            }
        }
    }
    reached
}

/// Files that reach themselves, together with those that they reach and that reach them.
pub fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|file| (file, reached(graph, file))).collect();
    let in_circle = |file: &&String| reach[file].contains(*file);
    let circle = |file: &String| {
        graph.keys().filter(|other| reach[file].contains(*other) && reach[other].contains(file)).cloned().collect()
    };
    graph.keys().filter(in_circle).map(circle).collect()
}

/// The shortest way round from a file to itself, for whoever has to break it.
pub fn way_round(graph: &Graph, circle: &[String]) -> String {
    let shortest = circle.iter().filter_map(|start| {
        let mut ways = vec![vec![start]];
        let mut seen = BTreeSet::new();
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                for used in &graph[way[way.len() - 1]] {
                    if used == start {
                        let names: Vec<&str> = way.iter().chain([&start]).map(|file| file.as_str()).collect();
                        return Some(names.join(" -> "));
                    }
                    if circle.contains(used) && seen.insert(used) {
                        longer.push(way.iter().copied().chain([used]).collect());
                    }
                }
            }
            ways = longer;
        }
        None
    });
    shortest.min_by_key(|way| way.matches("->").count()).unwrap_or_default()
}

/// Fails where more files of a folder are in circles than there were.
pub fn no_more_circles(root: &str, graph: &Graph, separator: &str) {
    let mut wrong = String::new();
    let mut in_folders: BTreeMap<&str, usize> = BTreeMap::new();
    for circle in circles(graph) {
        let file = format!("{root}/{}", circle[0].replace(separator, "/"));
        let folder = CIRCLES_TO_UNDO.iter().map(|(folder, _)| *folder).find(|folder| file.starts_with(folder));
        *in_folders.entry(folder.expect("every root is listed")).or_default() += circle.len();
        wrong += &format!(
            "  {}: {} files: {}\n    a way round: {}\n",
            folder.unwrap_or_default(),
            circle.len(),
            circle.join(" "),
            way_round(graph, &circle)
        );
    }
    if !wrong.is_empty() {
        println!("circles to undo:\n{wrong}");
    }
    for (folder, files) in in_folders {
        let known = CIRCLES_TO_UNDO.iter().find(|(known, _)| *known == folder).map_or(0, |(_, files)| *files);
        assert!(files <= known, "{folder}: {files} files use each other in circles; right: at most {known}\n{wrong}");
    }
}
