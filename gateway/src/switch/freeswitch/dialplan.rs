//! Mistakes in a dialplan that hands calls over: each shows only when something else has gone wrong already.

use super::FreeSwitch;
use crate::switch::SwitchError;
use quick_xml::{Reader, escape::unescape, events::Event};

/// What an extension does: applications and their data, in order.
type Actions = Vec<(String, String)>;

impl FreeSwitch {
    pub(super) async fn read_dialplan(&self, port: u16) -> Result<Vec<String>, SwitchError> {
        let xml = self.act("xml_locate dialplan").await?;
        let extensions = extensions(&xml)
            .map_err(|error| SwitchError::Refused(format!("FreeSWITCH's dialplan cannot be read: {error}")))?;
        let mut problems = problems(&extensions, port);
        if is_true(&self.ask("global_getvar socket_resume").await?) {
            problems.push(format!("the global variable {}", RESUME));
        }
        // What such a module gives is another dialplan for each call.
        if self.ask("module_exists mod_xml_curl").await? == "true" {
            problems.retain(|problem| !problem.starts_with(NOBODY));
        }
        Ok(problems)
    }
}

const RESUME: &str = "socket_resume is true: a lost connection takes the call out of its conference; take it away";
/// Where an address without one leads.
const PORT: u16 = 8084;
const NOBODY: &str = "no extension hands calls over";

/// The extensions, by name.
fn extensions(xml: &str) -> Result<Vec<(String, Actions)>, quick_xml::Error> {
    let mut reader = Reader::from_str(xml);
    let mut extensions: Vec<(String, Actions)> = Vec::new();
    loop {
        let event = reader.read_event()?;
        let (Event::Start(tag) | Event::Empty(tag)) = event else {
            if matches!(event, Event::Eof) {
                return Ok(extensions);
            }
            continue;
        };
        let attribute = |name: &str| -> Result<String, quick_xml::Error> {
            let Some(attribute) = tag.try_get_attribute(name)? else { return Ok(String::new()) };
            // FreeSWITCH leaves some entities as they stand.
            Ok(unescape(&attribute.value).unwrap_or_else(|_| attribute.value.as_ref().into()).into_owned())
        };
        match tag.name().as_ref() {
            "extension" => extensions.push((attribute("name")?, Vec::new())),
            "action" | "anti-action" => {
                let action = (attribute("application")?, attribute("data")?);
                if let Some((_, actions)) = extensions.last_mut() {
                    actions.push(action);
                }
            }
            _ => {}
        }
    }
}

/// `port`: where the gateway takes calls.
fn problems(extensions: &[(String, Actions)], port: u16) -> Vec<String> {
    let (mut problems, mut any) = (Vec::new(), false);
    for (name, actions) in extensions {
        let sets = |(application, data): &(String, String)| {
            let value = data.rsplit_once("socket_resume=").map(|(_, value)| value);
            matches!(application.as_str(), "set" | "export" | "multiset") && value.is_some_and(is_true)
        };
        if actions.iter().any(sets) {
            problems.push(format!("in the extension {name:?}, {RESUME}"));
        }
        // Where a variable leads cannot be told.
        any |= actions.iter().any(|(application, data)| application == "socket" && data.contains('$'));
        let Some(at) = actions.iter().position(|action| hands_over(action, port)) else { continue };
        any = true;
        let words: Vec<&str> = actions[at].1.split_whitespace().skip(1).collect();
        if !["async", "full"].iter().all(|word| words.contains(word)) {
            problems.push(format!(
                "the extension {name:?} has `socket {}`: it has to have `async full` behind the address",
                actions[at].1
            ));
        }
        let comes_back =
            |(application, _): &(String, String)| matches!(application.as_str(), "transfer" | "execute_extension");
        if !actions[at..].iter().any(comes_back) {
            problems.push(format!(
                "the extension {name:?} does not come back after `socket`: a call that leaves its conference while the gateway is away \
                 ends; see the `transfer` in examples/gateway/freeswitch/dialplan/default/00_coach_gateway.xml"
            ));
        }
    }
    if !any {
        problems.push(format!(
            "{NOBODY}: one has to have `socket 127.0.0.1:{port} async full`, as in \
             examples/gateway/freeswitch/dialplan/default/00_coach_gateway.xml"
        ));
    }
    problems
}

fn hands_over((application, data): &(String, String), port: u16) -> bool {
    let address = data.split_whitespace().next().unwrap_or_default().split('/').next().unwrap_or_default();
    let named = address.rsplit_once(':').map_or(Some(PORT), |(_, port)| port.parse().ok());
    application == "socket" && named == Some(port) && !address.contains('$')
}

/// As FreeSWITCH reads a value.
fn is_true(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    ["yes", "on", "true", "t", "enabled", "active", "allow"].contains(&value.as_str())
        || value.parse::<i64>().is_ok_and(|number| number != 0)
}

#[cfg(test)]
mod tests {
    use super::{extensions, problems};

    const EXAMPLE: &str = include_str!("../../../../examples/gateway/freeswitch/dialplan/default/00_coach_gateway.xml");

    fn told(xml: &str) -> Vec<String> {
        problems(&extensions(xml).expect("it is XML"), 8084)
    }

    #[test]
    fn the_example_is_right() {
        assert_eq!(told(EXAMPLE), [""; 0]);
    }

    #[test]
    fn each_mistake_is_told() {
        let resume = "<action application=\"set\" data=\"socket_resume=true\"/><action application=\"socket\"";
        for (right, wrong, what) in [
            ("async full", "async", "`async full`"),
            ("async full", "full", "`async full`"),
            ("<action application=\"transfer\"", "<action application=\"log\"", "does not come back"),
            ("127.0.0.1:8084", "127.0.0.1:8085", "no extension hands calls over"),
            ("<action application=\"socket\"", resume, "socket_resume is true"),
        ] {
            assert!(EXAMPLE.contains(right), "{right}");
            let said = told(&EXAMPLE.replace(right, wrong));
            assert!(said.len() == 1 && said[0].contains(what), "{what}: {said:?}");
        }
        let off = EXAMPLE.replace("<action application=\"socket\"", &resume.replace("true", "false"));
        assert_eq!(told(&off), [""; 0]);
        assert_eq!(told(&EXAMPLE.replace("127.0.0.1:8084", "$${gateway}")), [""; 0]);
    }
}
