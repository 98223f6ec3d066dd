//! Recognizes applications that the core runs when a call is answered or gets media, because a variable says so. The core runs them at
//! once, while Sofia holds its lock on the call. The first frame that passes a media bug makes the core tell Sofia that it transcodes,
//! which waits for that lock: a `conference` that runs there with a media bug hangs for good, and cannot be hung up.

use super::{fs, session::Session};

/// How the variables' names begin; whatever follows is a part of the name.
const VARIABLES: [&str; 4] = ["execute_on_answer", "execute_on_media", "execute_on_pre_answer", "execute_on_ring"];

/// Says what would be right.
pub const INSTEAD: &str = "`conference` runs out of execute_on_answer or the like, where a call with hooks hangs for good; right is `&conference(...)`, or \
     `transfer` there, to an extension with `conference`";

/// Whether what runs on the session may run inside its endpoint: it has such a variable, and is not in its dialplan.
pub fn is_inside(session: &Session) -> bool {
    let begins = |name: &str| {
        let starts = |with: &str| name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
        VARIABLES.iter().any(|with| starts(with))
    };
    session.state() != fs::CS_EXECUTE && session.variable_names().iter().any(|name| begins(name))
}
