//! How often, and after which errors, an application is tried again: `#rc=5&rp=ct,5xx` at the end of its address.

use std::{io, time::Duration};
use url::Url;

const MOST: usize = 5;
const WAITS: [Duration; MOST] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(6),
];

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection was refused, reset or not made in time.
    Connection,
    /// No answer came in time.
    Timeout,
    /// It answered with this status.
    Status(u16),
    /// What would not be otherwise the next time.
    Other,
}

impl Fault {
    /// A certificate that is not trusted will not be, however often it is tried.
    pub fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, TimedOut};
        let kinds = [ConnectionRefused, TimedOut, ConnectionReset, ConnectionAborted];
        if kinds.contains(&error.kind()) { Self::Connection } else { Self::Other }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries {
    count: usize,
    policies: Vec<String>,
}

impl Retries {
    /// What an address says, or else so many times, where there was no connection.
    pub fn of(url: &Url, count: usize) -> Self {
        let mut retries = Self { count, policies: vec!["ct".into()] };
        for (key, value) in url::form_urlencoded::parse(url.fragment().unwrap_or_default().as_bytes()) {
            match key.as_ref() {
                "rc" => retries.count = value.parse().unwrap_or(count).min(MOST),
                "rp" => retries.policies = value.split(',').map(str::to_owned).collect(),
                _ => {}
            }
        }
        retries
    }

    /// How long to wait before it is tried again, after so many times. None: it is not.
    pub fn wait(&self, tried_again: usize, fault: Fault) -> Option<Duration> {
        let allowed = self.policies.iter().any(|policy| match (policy.as_str(), fault) {
            ("all", _) | ("ct", Fault::Connection) | ("rt", Fault::Timeout) => true,
            ("4xx", Fault::Status(status)) => (400..500).contains(&status),
            ("5xx", Fault::Status(status)) => (500..600).contains(&status),
            _ => false,
        });
        WAITS.get(tried_again).copied().filter(|_| allowed && tried_again < self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_to_try_is_said_at_the_end_of_the_address() {
        let of = |url: &str, count| Retries::of(&url.parse().expect("a URL"), count);
        assert_eq!(of("ws://a/b", 5).wait(4, Fault::Connection), Some(WAITS[4]));
        assert_eq!(of("ws://a/b", 5).wait(5, Fault::Connection), None);
        assert_eq!(of("http://a/b", 0).wait(0, Fault::Connection), None);
        let some = of("ws://a/b#rc=2&rp=ct,5xx", 5);
        assert_eq!(some.wait(0, Fault::Status(503)), Some(WAITS[0]));
        assert_eq!(some.wait(1, Fault::Connection), Some(WAITS[1]));
        assert_eq!(some.wait(2, Fault::Connection), None);
        for other in [Fault::Status(404), Fault::Timeout, Fault::Other] {
            assert_eq!(some.wait(0, other), None, "{other:?}");
        }
        assert_eq!(of("ws://a/b#rc=99&rp=rt,4xx", 0).wait(4, Fault::Timeout), Some(WAITS[4]));
        assert_eq!(of("ws://a/b#rp=4xx", 1).wait(0, Fault::Status(404)), Some(WAITS[0]));
        assert_eq!(of("ws://a/b#rc=1&rp=all", 0).wait(0, Fault::Other), Some(WAITS[0]));
    }
}
