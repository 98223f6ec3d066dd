//! Keeps what commands have set on a call, for its recovery after a crash of the switch.
//!
//! `sofia recover` makes a call again with the variables that it had when it was last stored, and runs its extension again from the beginning.
//! So the settings are kept apart from the variables that the extension sets: in a channel variable, which is stored with the call, and
//! in a file. The core stores a call on a thread of its own, some time after it was asked to; the file is there before the command
//! answers, and before a member that becomes private is private.

use std::{
    ffi::CStr,
    fmt, fs as files, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    fs::SWITCH_LOG_ERROR,
    session::{self, Session, log},
    settings::{Action, Settings},
};

/// The channel variable.
const COMMANDED: &CStr = c"coach_commanded";

/// The core sets it on a call that it has recovered.
const RECOVERED: &CStr = c"recovered";

/// A file of a call that nobody has recovered in so long a time is of no use.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether a call that begins now is one that was recovered.
pub fn is_recovered(session: &Session) -> bool {
    session.variable(RECOVERED).is_some_and(|value| value == "true")
}

/// Settings as commands have left them: of each, whether a command has set it, and to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commanded {
    /// When, in microseconds.
    at: u64,
    tags: Option<Option<String>>,
    speak_only_to: Option<Option<String>>,
}

impl Commanded {
    /// What the channel variable says.
    fn of(session: &Session) -> Self {
        session.variable(COMMANDED).and_then(|text| Self::parse(&text)).unwrap_or_default()
    }

    fn is_empty(&self) -> bool {
        self.tags.is_none() && self.speak_only_to.is_none()
    }

    /// As it is written: the time, and a word a setting; a value that is empty says that there is none.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let mut commanded = Self { at: words.next()?.parse().ok()?, ..Self::default() };
        for word in words {
            let (name, value) = word.split_once('=')?;
            let value = Some(Some(value.to_owned()).filter(|value| !value.is_empty()));
            match name {
                "memberTag" => commanded.tags = value,
                "speakOnlyTo" => commanded.speak_only_to = value,
                _ => return None,
            }
        }
        Some(commanded)
    }

    /// What holds after another command.
    fn then(mut self, action: Action) -> Self {
        match action {
            Action::Tag(tags) => self.tags = Some(Some(tags.into())),
            Action::Untag | Action::Transferred => self.tags = Some(None),
            Action::Coach(to) => self.speak_only_to = Some(Some(to.into())),
            Action::Uncoach => self.speak_only_to = Some(None),
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.at = (self.at + 1).max(now.as_micros() as u64);
        self
    }

    /// What commands have set wins over what stands there.
    pub fn overrule(&self, settings: &mut Settings) {
        if let Some(tags) = &self.tags {
            settings.tags.clone_from(tags);
        }
        if let Some(speak_only_to) = &self.speak_only_to {
            settings.speak_only_to.clone_from(speak_only_to);
        }
    }
}

impl fmt::Display for Commanded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)?;
        for (name, value) in [("memberTag", &self.tags), ("speakOnlyTo", &self.speak_only_to)] {
            if let Some(value) = value {
                write!(f, " {name}={}", value.as_deref().unwrap_or_default())?;
            }
        }
        Ok(())
    }
}

/// What commands had set before one that is in the file and still to be carried out, and after it.
pub struct Prepared {
    before: Commanded,
    after: Commanded,
}

/// The files: one a call, in a folder beside the core's database.
pub struct Recovery {
    folder: Option<PathBuf>,
}

impl Recovery {
    /// Where the core has its database. Files that are old go.
    pub fn new() -> Self {
        let folder = session::global(c"db_dir").map(|folder| PathBuf::from(folder).join("coach"));
        let recovery = Self { folder };
        recovery.forget_old();
        recovery
    }

    fn forget_old(&self) {
        let files = self.folder.as_ref().and_then(|folder| files::read_dir(folder).ok());
        for file in files.into_iter().flatten().flatten() {
            let written = file.metadata().and_then(|file| file.modified()).ok();
            if written.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > KEPT) {
                let _ = files::remove_file(file.path());
            }
        }
    }

    /// A command is about to be carried out: it is in the file from now on.
    pub fn prepare(&self, session: &Session, action: Action) -> Prepared {
        let before = Commanded::of(session);
        let after = before.clone().then(action);
        self.write(&session.uuid(), &after);
        Prepared { before, after }
    }

    /// It was refused.
    pub fn undo(&self, session: &Session, prepared: &Prepared) {
        self.write(&session.uuid(), &prepared.before);
    }

    /// A command has been carried out: it is in the file and in the variable, and the core has been asked to store the call.
    pub fn keep(&self, session: &Session, action: Action, prepared: Option<Prepared>) {
        let before = Commanded::of(session);
        let commanded = match prepared.filter(|prepared| prepared.before == before) {
            Some(prepared) => prepared.after, // the file says so already
            None => {
                let commanded = before.then(action);
                self.write(&session.uuid(), &commanded);
                commanded
            }
        };
        session.set_variable(COMMANDED, Some(&commanded.to_string()));
        session.store();
    }

    /// What commands had set on a call before the switch ended: by its variable or its file, whichever is newer.
    pub fn commanded(&self, session: &Session) -> Commanded {
        let stored = Commanded::of(session);
        match self.read(&session.uuid()) {
            Some(written) if written.at > stored.at => {
                session.set_variable(COMMANDED, Some(&written.to_string()));
                written
            }
            _ => stored,
        }
    }

    /// A conference begins with these settings: what is no longer as commands had left it has been set by something later.
    pub fn settle(&self, session: &Session, settings: &Settings) {
        let before = Commanded::of(session);
        if before.is_empty() {
            return;
        }
        let mut commanded = before.clone();
        commanded.tags = commanded.tags.filter(|tags| *tags == settings.tags);
        commanded.speak_only_to = commanded.speak_only_to.filter(|to| *to == settings.speak_only_to);
        if commanded != before {
            self.write(&session.uuid(), &commanded);
            let text = Some(commanded.to_string()).filter(|_| !commanded.is_empty());
            session.set_variable(COMMANDED, text.as_deref());
        }
    }

    /// The call begins another extension: what that one's applications set is later than any command.
    pub fn forget(&self, session: &Session) {
        if session.variable(COMMANDED).is_some() {
            self.remove(&session.uuid());
            session.set_variable(COMMANDED, None);
        }
    }

    /// The call has ended.
    pub fn remove(&self, uuid: &str) {
        if let Some(path) = self.path(uuid) {
            let _ = files::remove_file(draft(&path));
            let _ = files::remove_file(path);
        }
    }

    /// Of any UUID a name for a file: there may be anything in it.
    fn path(&self, uuid: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(utf8_percent_encode(uuid, NON_ALPHANUMERIC).to_string()))
    }

    fn read(&self, uuid: &str) -> Option<Commanded> {
        let path = self.path(uuid)?;
        let text = files::read_to_string(&path).or_else(|_| files::read_to_string(draft(&path))).ok()?;
        Commanded::parse(&text)
    }

    /// As a whole or not at all.
    fn write(&self, uuid: &str, commanded: &Commanded) {
        let Some(path) = self.path(uuid) else { return };
        if commanded.is_empty() {
            return self.remove(uuid);
        }
        if let Err(e) = replace(&path, &commanded.to_string()) {
            let line = format!(
                "{} cannot be written: {e}. Should the switch crash at once, this command is lost",
                path.display()
            );
            log(SWITCH_LOG_ERROR, Some(uuid), &line);
        }
    }
}

/// A command waits for this, and so does the moment at which a member is private. So nothing is renamed onto a file that is there: ext4 writes
/// the new one out to the disk first, which has taken two seconds beside other load (`auto_da_alloc` in ext4(5)). A draft without its
/// file is complete, see [`Recovery::read`].
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let draft = draft(path);
    match (files::write(&draft, text), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            files::create_dir_all(folder)?; // of the first command on this switch
            files::write(&draft, text)?;
        }
        (written, _) => written?,
    }
    match files::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => files::rename(&draft, path),
    }
}

/// What becomes a file.
fn draft(path: &Path) -> PathBuf {
    path.with_extension("part")
}
