//! How many channels a conference mixes, for the level of private speech. No command of `mod_conference` says it; it follows from the
//! conference's profile, or from a variable of the call that opened it.

use std::{ffi::CStr, ptr};

use super::{
    fs,
    membership::Membership,
    names::is_word,
    session::{self, Session, c, text},
};

/// On the call that opens a conference, this counts for more than the profile.
const FORCED: &CStr = c"conference_force_channels";

/// What `mod_conference` has where nothing is said.
pub const USUAL: u32 = 1;

/// Those of the conference that a call has just opened, or that it is the first to be seen in. Asked of the configuration in memory: a
/// profile that another program serves (`mod_xml_curl`) is not there, since asking for it might take seconds.
pub fn channels(session: &Session, membership: &Membership) -> u32 {
    let said = session.variable(FORCED).and_then(|forced| parse(session, &forced));
    said.or_else(|| parse(session, &of_profile(&profile(membership)?)?)).unwrap_or(USUAL)
}

/// `1`, `2`, or `auto` for those of the call.
fn parse(session: &Session, said: &str) -> Option<u32> {
    match said {
        _ if said.eq_ignore_ascii_case("auto") => Some(session.channels()),
        "1" => Some(1),
        "2" => Some(2),
        _ => None,
    }
}

/// The name of the conference's profile.
fn profile(membership: &Membership) -> Option<String> {
    if !is_word(&membership.conference) {
        return None;
    }
    let answer = session::execute(c"conference", &c(&format!("'{}' get profile_name", membership.conference)));
    String::from_utf8(answer).ok().map(|name| name.trim().into())
}

/// The parameter `channels` of a profile.
fn of_profile(name: &str) -> Option<String> {
    let find = |node: fs::switch_xml_t, child: &CStr, name: &str| {
        if node.is_null() {
            return node;
        }
        // SAFETY: the node is the configuration's, which is held; texts end in NUL.
        unsafe { fs::switch_xml_find_child(node, child.as_ptr(), c"name".as_ptr(), c(name).as_ptr()) }
    };
    // SAFETY: the configuration is held until it is given back below; its texts are copied before that.
    unsafe {
        let root = fs::switch_xml_root();
        let file = find(find(root, c"section", "configuration"), c"configuration", "conference.conf");
        let profiles = if file.is_null() { ptr::null_mut() } else { fs::switch_xml_child(file, c"profiles".as_ptr()) };
        let parameter = find(find(profiles, c"profile", name), c"param", "channels");
        let value =
            if parameter.is_null() { ptr::null() } else { fs::switch_xml_attr_soft(parameter, c"value".as_ptr()) };
        let value = text(value).map(Into::into);
        fs::switch_xml_free(root);
        value
    }
}
