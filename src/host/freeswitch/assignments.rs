//! What the core's applications assign to channel variables, parsed as they parse it themselves. A test on the real switch compares the
//! two.

/// The escape character of the core's lists.
const ESCAPE: char = '\\';

/// The core splits a list into so many parts at most; what follows stays in the last.
const PARTS: usize = 256;

/// Whether an application of that name assigns variables that its data name.
pub fn assigns(application: &str) -> bool {
    matches!(
        application,
        "set"
            | "export"
            | "bridge_export"
            | "multiset"
            | "push"
            | "unshift"
            | "strftime"
            | "read"
            | "play_and_get_digits"
    )
}

/// The variables that an application assigns, by name, in this order, as far as its data tell; names can have white space in them.
pub fn names(application: &str, data: &str) -> Vec<String> {
    let name_of = |parts: Vec<String>, at: usize| parts.into_iter().nth(at).into_iter().collect();
    let names: Vec<String> = match application {
        "set" | "push" | "unshift" => vec![before(data, true).into()],
        "multiset" => multiset(data).iter().map(|part| before(part, true).into()).collect(),
        "export" | "bridge_export" => vec![before(data, false).into()],
        // `name=format`; with no format, nothing is assigned.
        "strftime" => match separate(data, '=', 2) {
            parts if parts.len() > 1 => name_of(parts, 0),
            _ => Vec::new(),
        },
        "read" => name_of(separate(data, ' ', 7), 3),
        "play_and_get_digits" => name_of(separate(data, ' ', 11), 7),
        _ => Vec::new(),
    };
    names.into_iter().filter(|name| !name.is_empty()).collect()
}

/// The name ends at the first `=`; in some applications, where there is none, at the first comma.
fn before(data: &str, or_comma: bool) -> &str {
    let name = data.split_once('=').or_else(|| data.split_once(',').filter(|_| or_comma));
    name.map_or(data, |(name, _)| name)
}

/// Separated by blanks, or by the character after a leading `^^`.
fn multiset(data: &str) -> Vec<String> {
    match data.strip_prefix("^^") {
        Some(rest) => {
            let mut rest = rest.chars();
            rest.next().map_or(Vec::new(), |delimiter| separate(rest.as_str(), delimiter, PARTS))
        }
        None => separate(data, ' ', PARTS),
    }
}

/// The core's way to split a list; this too knows a leading `^^`.
fn separate(list: &str, delimiter: char, at_most: usize) -> Vec<String> {
    let mut other = list.strip_prefix("^^").unwrap_or_default().chars();
    let (list, delimiter) = match (other.next(), other.as_str()) {
        (Some(delimiter), rest) if !rest.is_empty() => (rest, delimiter),
        _ => (list, delimiter),
    };
    let parts = if delimiter == ' ' { at_blanks(list, at_most) } else { at_delimiters(list, delimiter, at_most) };
    // Where blanks separate, no delimiter is left to be escaped.
    parts.into_iter().map(|part| cleaned(part, Some(delimiter).filter(|&delimiter| delimiter != ' '))).collect()
}

/// A quote counts where another follows it, or inside quotes.
fn at_delimiters(list: &str, delimiter: char, at_most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut quoted) = (0, false);
    let mut chars = list.char_indices();
    while begin < list.len() && parts.len() + 1 < at_most {
        let Some((at, c)) = chars.next() else { break };
        if c == ESCAPE {
            chars.next();
        } else if c == '\'' && (quoted || list[at + 1..].contains('\'')) {
            quoted = !quoted;
        } else if c == delimiter && !quoted {
            parts.push(&list[begin..at]);
            begin = at + c.len_utf8();
        }
    }
    if begin < list.len() {
        parts.push(&list[begin..]);
    }
    parts
}

/// Any quote counts, and any number of blanks separates.
fn at_blanks(list: &str, at_most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = list;
    while !rest.is_empty() && parts.len() + 1 < at_most {
        let skipped = rest.len() - rest.trim_start_matches(' ').len();
        let mut quoted = false;
        let mut chars = rest[skipped..].char_indices();
        let end = loop {
            match chars.next() {
                None => break rest.len(),
                Some((_, ESCAPE)) => drop(chars.next()),
                Some((_, '\'')) => quoted = !quoted,
                Some((at, ' ')) if !quoted => break skipped + at,
                Some(_) => {}
            }
        };
        parts.push(&rest[..end]);
        rest = rest[end..].trim_start_matches(' ');
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}

/// Without quotes, escapes, and blanks around it.
fn cleaned(part: &str, delimiter: Option<char>) -> String {
    let part = part.trim_start_matches(' ');
    let mut cleaned = String::new();
    // Where blanks that are neither escaped nor in quotes begin at the end.
    let (mut end, mut quoted) = (0, false);
    let mut chars = part.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == ESCAPE
            && let Some(&(_, next)) = chars.peek()
            && let Some(escaped) = escaped(next, delimiter)
        {
            chars.next();
            cleaned.push(escaped);
            end = cleaned.len();
        } else if c == '\'' && (quoted || part[at + 1..].contains('\'')) {
            quoted = !quoted;
            if quoted {
                end = cleaned.len();
            }
        } else {
            cleaned.push(c);
            if c != ' ' || quoted {
                end = cleaned.len();
            }
        }
    }
    // The core cuts nothing where it has found no end.
    if end > 0 {
        cleaned.truncate(end);
    }
    cleaned
}

fn escaped(next: char, delimiter: Option<char>) -> Option<char> {
    match next {
        '\'' | '"' | ESCAPE => Some(next),
        _ if Some(next) == delimiter => Some(next),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        's' => Some(' '),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_ends_where_the_application_ends_it() {
        for (application, data, assigned) in [
            ("set", "speakOnlyTo=agent", &["speakOnlyTo"][..]),
            ("set", "speakOnlyTo = agent", &["speakOnlyTo "]),
            ("set", "speakOnlyTo,agent", &["speakOnlyTo"]),
            ("set", "a,b=c", &["a,b"]),
            ("set", "", &[]),
            ("export", "speakOnlyTo,agent", &["speakOnlyTo,agent"]),
            ("export", "nolocal:speakOnlyTo=agent", &["nolocal:speakOnlyTo"]),
            ("multiset", "a=b  speakOnlyTo=agent", &["a", "speakOnlyTo"]),
            ("multiset", "^^;a=b; speakOnlyTo =agent", &["a", "speakOnlyTo "]),
            ("multiset", "a='b speakOnlyTo=agent'", &["a"]),
            ("read", "1 2 file.wav speakOnlyTo 5000 #", &["speakOnlyTo"]),
            ("play_and_get_digits", "1 2 3 5000 # a.wav b.wav speakOnlyTo \\d+", &["speakOnlyTo"]),
            ("strftime", "speakOnlyTo=%H", &["speakOnlyTo"]),
            ("log", "INFO speakOnlyTo=agent", &[]),
        ] {
            assert_eq!(names(application, data), assigned, "{application} {data}");
        }
    }
}
