//! What Asterisk says first on a FastAGI connection: the call that it is for.
//!
//! Asterisk writes the called number into it as the caller sent it, line breaks too: what follows one would be a line of its own, and
//! an empty line would end it. So a key that comes twice, a line without a key, and a connection whose first answer is not the
//! answer to what was asked, are all refused. The crate's own reader takes the last of several lines with one key.

use asterisk_rs_agi::AgiChannel;
use std::{collections::HashMap, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};
use uuid::Uuid;

/// How long it may take to say everything.
const GREETING: Duration = Duration::from_secs(5);
/// The longest that it may be, in bytes.
const MOST: u64 = 64 * 1024;
const INJECTED: &str = "a caller may have put line breaks into a number";

/// A connection that says which call it is for.
pub struct Greeted {
    /// The call's unique id.
    pub id: String,
    /// The path of the address that the dialplan calls.
    pub script: String,
    /// The extension that the call is at.
    pub extension: String,
    /// The connection, ready for commands.
    pub channel: AgiChannel,
}

impl Greeted {
    /// Asks a new connection for its call. `Err`: what is wrong with it; then its call is hung up.
    pub async fn read(stream: TcpStream) -> Result<Self, String> {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader).take(MOST);
        let greeting = timeout(GREETING, greet(&mut reader, &mut writer)).await;
        let mut values = match greeting.unwrap_or_else(|_| Err("it does not say which call it is for".into())) {
            Ok(values) => values,
            Err(why) => {
                // Whatever the connection has said, this reaches no other call than the one that it is for.
                timeout(GREETING, writer.write_all(b"HANGUP\n")).await.ok();
                return Err(why);
            }
        };
        let mut value = |key: &str| values.remove(key).unwrap_or_default();
        let (id, script, extension) = (value("agi_uniqueid"), value("agi_network_script"), value("agi_extension"));
        Ok(Self { id, script, extension, channel: AgiChannel::new(reader.into_inner(), writer) })
    }
}

type Reader = Take<BufReader<OwnedReadHalf>>;

async fn line(reader: &mut Reader) -> Result<String, String> {
    let mut line = String::new();
    reader.read_line(&mut line).await.map_err(|error| error.to_string())?;
    let whole = line.strip_suffix('\n').map(str::to_owned);
    whole.ok_or_else(|| format!("it ends in the middle of a line, or says more than {MOST} bytes"))
}

async fn greet(reader: &mut Reader, writer: &mut OwnedWriteHalf) -> Result<HashMap<String, String>, String> {
    let mut lines = Vec::new();
    loop {
        match line(reader).await? {
            end if end.is_empty() => break,
            line => lines.push(line),
        }
    }
    let values = values(&lines)?;
    // Nobody but Asterisk knows what is asked: another answer means that lines of a caller's are taken for Asterisk's.
    let mark = Uuid::new_v4().simple();
    let asked = writer.write_all(format!("GET FULL VARIABLE \"{mark}\"\n").as_bytes()).await;
    asked.map_err(|error| error.to_string())?;
    match line(reader).await? {
        answer if answer == format!("200 result=1 ({mark})") => Ok(values),
        other => Err(format!("it answers {other:?} to a question that has another answer: {INJECTED}")),
    }
}

fn values(lines: &[String]) -> Result<HashMap<String, String>, String> {
    let mut values = HashMap::new();
    for line in lines {
        let pair = line.split_once(": ").filter(|(key, _)| key.starts_with("agi_"));
        let Some((key, value)) = pair.filter(|_| !line.contains(['\r', '\0'])) else {
            return Err(format!("it says {line:?}, which is no variable of AGI: {INJECTED}"));
        };
        if values.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(format!("it says {key} twice: {INJECTED}"));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn a_key_comes_once() {
        let read = |text: &str| values(&text.split('\n').map(str::to_owned).collect::<Vec<_>>());
        let right = read("agi_uniqueid: 1.1\nagi_extension: a: b\nagi_arg_1: ").expect("it is right");
        assert_eq!((right["agi_uniqueid"].as_str(), right["agi_extension"].as_str()), ("1.1", "a: b"));
        for (text, why) in [
            ("agi_uniqueid: 1.1\nagi_dnid: x\nagi_uniqueid: 1.2", "agi_uniqueid twice"),
            ("agi_dnid: x\ny", "no variable"),
            ("agi_dnid: x\nContent-Type: y", "no variable"),
            ("agi_dnid: x\ragi_uniqueid: 1.2", "no variable"),
        ] {
            let said = read(text).expect_err("it is refused");
            assert!(said.contains(why), "{text:?}: {said}");
        }
    }
}
