//! The profile of conferences that sessions begin: what in it would undo what the gateway promises.

use super::FreeSwitch;
use crate::switch::SwitchError;
use quick_xml::{Reader, events::Event};

impl FreeSwitch {
    pub(super) async fn profile_problems(&self) -> Result<Option<String>, SwitchError> {
        let profile = self.profile();
        let xml = self.act("xml_locate configuration configuration name conference.conf").await?;
        let flags = member_flags(&xml, &profile)
            .map_err(|error| SwitchError::Refused(format!("FreeSWITCH's conference.conf cannot be read: {error}")))?;
        Ok(flags.split('|').any(|flag| flag == "dist-dtmf").then(|| {
            format!(
                "the profile {profile} of conference.conf.xml has dist-dtmf in its member-flags: what a private speaker presses reaches \
                 everybody; take it away, and have verbs say distributeDtmf"
            )
        }))
    }
}

/// The flags that a profile gives every member.
fn member_flags(xml: &str, profile: &str) -> Result<String, quick_xml::Error> {
    let mut reader = Reader::from_str(xml);
    let (mut inside, mut flags) = (false, String::new());
    loop {
        let event = reader.read_event()?;
        let (Event::Start(tag) | Event::Empty(tag)) = event else {
            if matches!(event, Event::Eof) {
                return Ok(flags);
            }
            continue;
        };
        let attribute = |name: &str| -> Result<String, quick_xml::Error> {
            Ok(tag.try_get_attribute(name)?.map(|attribute| attribute.value.as_ref().into()).unwrap_or_default())
        };
        match tag.name().as_ref() {
            "profile" => inside = attribute("name")? == profile,
            "param" if inside && attribute("name")? == "member-flags" => flags = attribute("value")?,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::member_flags;

    #[test]
    fn the_flags_are_those_of_the_profile() {
        let xml = r#"<configuration><profiles><profile name="a"><param name="member-flags" value="mute|dist-dtmf"/></profile>
            <profile name="b"><param name="rate" value="8000"/></profile></profiles></configuration>"#;
        assert_eq!(member_flags(xml, "a").expect("it is XML"), "mute|dist-dtmf");
        assert_eq!(member_flags(xml, "b").expect("it is XML"), "");
    }
}
