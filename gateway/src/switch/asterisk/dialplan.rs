//! Mistakes in a dialplan that hands calls over: each shows only when something else has gone wrong already.

use super::{Asterisk, Message};
use crate::switch::SwitchError;
use std::collections::BTreeMap;

/// Where `agi://host` leads.
const PORT: u16 = 4573;

/// A priority of an extension.
struct Step<'a> {
    priority: u32,
    application: &'a str,
    data: &'a str,
}

impl Asterisk {
    pub(super) async fn read_dialplan(&self, port: u16) -> Result<Vec<String>, SwitchError> {
        let lines = self.act("ShowDialPlan", &[]).await?.list;
        Ok(problems(&lines, port))
    }
}

/// `port`: where the gateway takes calls.
fn problems(lines: &[Message], port: u16) -> Vec<String> {
    let mut extensions: BTreeMap<(&str, &str), Vec<Step<'_>>> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.get("Application").is_empty()) {
        let step = Step {
            priority: line.get("Priority").parse().unwrap_or(0),
            application: line.get("Application"),
            data: line.get("AppData"),
        };
        extensions.entry((line.get("Context"), line.get("Extension"))).or_default().push(step);
    }
    let (mut problems, mut any) = (Vec::new(), false);
    for ((context, extension), mut steps) in extensions {
        // Where a variable leads cannot be told.
        any |= steps.iter().any(|step| step.application.ends_with("AGI") && step.data.contains('$'));
        steps.sort_by_key(|step| step.priority);
        let Some(at) = steps.iter().position(|step| hands_over(step, port)) else { continue };
        any = true;
        let place = format!("the extension {extension} of the context {context}");
        if matches_h(extension) {
            problems.push(format!(
                "{place} matches `h` too, and hands over again what has just been hung up: give it a pattern that does not, such as \
                 _[0-9A-Za-z+*#]."
            ));
        }
        let unsignalled = |step: &Step<'_>| {
            step.application.ends_with("Set") && step.data.replace([' ', '"'], "").contains("AGISIGHUP=no")
        };
        if !steps[..at].iter().any(unsignalled) {
            problems.push(format!(
                "{place} lacks Set(AGISIGHUP=no) before AGI: Asterisk puts lines of its own between its answers when a caller hangs up"
            ));
        }
        if !steps[at..].iter().any(|step| step.application.starts_with("Goto")) {
            problems.push(format!(
                "{place} does not come back after AGI: a call that leaves its conference while the gateway is away ends; see the loop \
                 in examples/gateway/asterisk/extensions.conf"
            ));
        }
    }
    // What is in a database or in Lua is not shown.
    if !any && lines.iter().all(|line| line.get("Switch").is_empty()) {
        problems.push(format!(
            "no extension hands calls over: one has to have AGI(agi://127.0.0.1:{port}/), as in \
             examples/gateway/asterisk/extensions.conf"
        ));
    }
    problems
}

fn hands_over(step: &Step<'_>, port: u16) -> bool {
    let address = step.data.split(',').next().and_then(|url| url.trim().strip_prefix("agi://"));
    let Some(address) = address.filter(|_| step.application.ends_with("AGI")) else { return false };
    let address = address.split('/').next().unwrap_or_default();
    let named = address.rsplit_once(':').map_or(Some(PORT), |(_, port)| port.parse().ok());
    named == Some(port) && !address.contains('$')
}

/// Whether the extension that Asterisk runs after a hang-up is this one.
fn matches_h(extension: &str) -> bool {
    let Some(pattern) = extension.strip_prefix('_') else { return extension == "h" };
    let rest = if let Some(set) = pattern.strip_prefix('[') {
        let Some((set, rest)) = set.split_once(']') else { return false };
        let set = set.as_bytes();
        let range = |three: &[u8]| three[1] == b'-' && (three[0]..=three[2]).contains(&b'h');
        if !set.contains(&b'h') && !set.windows(3).any(range) {
            return false;
        }
        rest
    } else if let Some(rest) = pattern.strip_prefix('h') {
        rest
    } else {
        return pattern.starts_with(['.', '!']);
    };
    rest.is_empty() || rest == "!"
}

#[cfg(test)]
mod tests {
    use super::{Message, matches_h, problems};

    fn dialplan(extension: &str, steps: &[(&str, &str)]) -> Vec<Message> {
        let line = |(n, (application, data)): (usize, &(&str, &str))| {
            let priority = (n + 1).to_string();
            Message::of(&[
                ("Context", "in"),
                ("Extension", extension),
                ("Priority", &priority),
                ("Application", application),
                ("AppData", data),
            ])
        };
        steps.iter().enumerate().map(line).collect()
    }

    const RIGHT: [(&str, &str); 3] =
        [("Set", "AGISIGHUP=no"), ("AGI", "agi://10.0.0.1:4573/manager,x"), ("GotoIf", "$[1]?1")];

    #[test]
    fn what_is_right_is_not_told() {
        assert_eq!(problems(&dialplan("_2X.", &RIGHT), 4573), [""; 0]);
        // The port that an address without one has.
        let short = [RIGHT[0], ("AGI", "agi://10.0.0.1"), RIGHT[2]];
        assert_eq!(problems(&dialplan("2000", &short), 4573), [""; 0]);
        // What is for another program is not this one's.
        let mut both = dialplan("_2X.", &RIGHT);
        both.extend(dialplan("_.", &[("AGI", "agi://10.0.0.1:4574/")]));
        assert_eq!(problems(&both, 4573), [""; 0]);
    }

    #[test]
    fn each_mistake_is_told() {
        for (lines, told) in [
            (dialplan("_.", &RIGHT), "matches `h` too"),
            (dialplan("_2X.", &RIGHT[1..]), "lacks Set(AGISIGHUP=no)"),
            (dialplan("_2X.", &[RIGHT[1], RIGHT[0], RIGHT[2]]), "lacks Set(AGISIGHUP=no)"),
            (dialplan("_2X.", &RIGHT[..2]), "does not come back"),
            (dialplan("_2X.", &RIGHT[..1]), "no extension hands calls over"),
        ] {
            let said = problems(&lines, 4573);
            assert!(said.len() == 1 && said[0].contains(told), "{told}: {said:?}");
        }
        let elsewhere = [Message::of(&[("Context", "in"), ("Switch", "Realtime/@")])];
        assert_eq!(problems(&elsewhere, 4573), [""; 0]);
        assert_eq!(problems(&dialplan("2000", &[("AGI", "agi://${GATEWAY}/")]), 4573), [""; 0]);
    }

    #[test]
    fn patterns_that_match_h_are_known() {
        for pattern in ["h", "_.", "_!", "_[a-z]", "_[0-9h]!", "_h"] {
            assert!(matches_h(pattern), "{pattern}");
        }
        for pattern in ["2000", "_X.", "_[0-9A-Za-z+*#].", "_[0-9]!", "_hX", "hello"] {
            assert!(!matches_h(pattern), "{pattern}");
        }
    }
}
