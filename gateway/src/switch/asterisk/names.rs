//! Names of conferences, as the module tells them and as ConfBridge has them.

/// ConfBridge's own name of a conference: the module writes white space as `%20` and `%` itself as `%25`.
pub fn bridge_name(told: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = told.as_bytes();
    while let [first, more @ ..] = rest {
        let code = more.get(..2).filter(|_| *first == b'%');
        let byte = code.and_then(|code| u8::from_str_radix(str::from_utf8(code).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &more[2..] } else { more };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::bridge_name;

    #[test]
    fn a_conference_has_the_name_that_its_bridge_has() {
        assert_eq!(bridge_name("support"), "support");
        assert_eq!(bridge_name("my%20room%25"), "my room%");
        assert_eq!(bridge_name("100%2525"), "100%25");
        assert_eq!(bridge_name("caf%"), "caf%");
    }
}
