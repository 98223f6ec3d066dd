//! A program that a test runs. It ends with the test, also when the test fails or is killed.

use std::{
    fs::File,
    io,
    ops::{Deref, DerefMut},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// Has this program and all that it starts go before others: audio has to be on time on a busy machine too. Without the right to do
/// so, nothing changes.
pub fn keep_time() {
    // SAFETY: no pointer is involved.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -15) };
}

/// A running program.
pub struct Process(Child);

impl Process {
    /// Starts a program; what it says goes to a log. It ends with this value, or with the thread that started it.
    pub fn start(command: &mut Command, log: &Path) -> io::Result<Self> {
        let log = File::create(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // SAFETY: between fork and exec, prctl alone is called, which may be.
        unsafe {
            command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            });
        }
        command.spawn().map(Self)
    }

    /// Asks it to end, and says how it did; an error if it has not within this time.
    pub fn stop(&mut self, patience: Duration) -> io::Result<ExitStatus> {
        // SAFETY: the process is this value's child and has not been waited for.
        unsafe { libc::kill(self.0.id() as libc::pid_t, libc::SIGTERM) };
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "it does not end"))
    }
}

impl Deref for Process {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Process {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
