use super::*;
use crate::names::Tags;

fn join(tags: Option<&str>, to: Option<&str>) -> Join {
    let parse = |text: Option<&str>| text.map(|text| Tags::parse(text).expect("these are tags"));
    Join {
        conference: "room".into(),
        tags: parse(tags),
        speak_only_to: parse(to),
        muted: false,
        moderator: false,
        ends_conference: false,
        most_members: None,
        talk_events: false,
        beep: false,
        passes_digits: false,
        sounds: None,
    }
}

#[test]
fn a_mode_says_everything() {
    for (tags, to, mode) in [
        (None, None, "untag,uncoach"),
        (Some("agent"), None, "uncoach,memberTag=agent"),
        (None, Some("agent,b"), "untag,speakOnlyTo=agent,b"),
        (Some("a"), Some("b"), "memberTag=a,speakOnlyTo=b"),
    ] {
        assert_eq!(mode_of(&join(tags, to)), mode);
    }
}

#[test]
fn an_argument_is_one() {
    for (text, argument_of_it) in [("/a/b", "/a/b"), ("/a,b (c)", "/a\\,b \\(c\\)"), (r#"/a"b\c"#, r#"/a\"b\\c"#)] {
        assert_eq!(argument(text), argument_of_it);
    }
}

/// A leg whose Asterisk answers every command with `value`, and the commands that it was sent.
async fn beside(value: String) -> (AgiLeg, mpsc::UnboundedReceiver<String>) {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
    let (reader, mut writer) = listener.accept().await.expect("somebody connects").0.into_split();
    let (sent, commands) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut lines = BufReader::new(reader).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            writer.write_all(format!("200 result=1 ({value})\n").as_bytes()).await.ok();
            sent.send(line).ok();
        }
    });
    let login = crate::switch::asterisk::ami::Login {
        address: "127.0.0.1:1".into(),
        user: String::new(),
        secret: String::new(),
    };
    let call = Call {
        sid: uuid::Uuid::nil(),
        id: "1.1".into(),
        channel: "PJSIP/phone-1".into(),
        direction: crate::switch::Direction::Inbound,
        from: String::new(),
        caller_name: String::new(),
        to: String::new(),
        progress: crate::switch::Progress::Trying,
        seconds: 0,
        account: None,
        application: None,
        call_id: None,
        member: None,
    };
    let leg = AgiLeg::new(Arc::new(Asterisk::start("pbx", login)), call);
    let (reader, writer) = stream.into_split();
    leg.attach(AgiChannel::new(BufReader::new(reader), writer)).await;
    (leg, commands)
}

#[tokio::test]
async fn nothing_is_sent_that_asterisk_would_cut() {
    for (length, is_written) in [(12, true), (255, true), (256, false), (5000, false)] {
        let (leg, mut commands) = beside("i".repeat(length)).await;
        leg.claim("account", "application").await.expect("a call is claimed whatever its Call-ID is");
        let mut written = false;
        while let Ok(command) = commands.try_recv() {
            assert!(command.len() < MOST_COMMAND, "{} bytes", command.len());
            written |= command.contains(variables::CALL_ID);
        }
        assert_eq!(written, is_written, "a Call-ID of {length} bytes");
    }
    let (leg, mut commands) = beside(String::new()).await;
    let room = MOST_COMMAND - "SET VARIABLE x \"\"\n".len();
    leg.set("x", &"v".repeat(room)).await.expect("this is not too long");
    assert_eq!(commands.recv().await.map(|command| command.len()), Some(MOST_COMMAND - 1));
    let refused = leg.set("x", &"v".repeat(room + 1)).await.expect_err("this is too long");
    assert!(refused.to_string().contains("of which Asterisk reads 2047"), "{refused}");
    assert!(commands.try_recv().is_err(), "nothing is sent");
}

#[test]
fn an_argument_stays_one() {
    assert_eq!(quoted(r#"a "b" \c"#), r#""a \"b\" \\c""#);
}

/// The arguments of a command as Asterisk reads them (`parse_args` in res/res_agi.c).
fn arguments(line: &str) -> Vec<String> {
    let (mut arguments, mut quoted, mut escaped, mut between) = (Vec::<String>::new(), false, false, true);
    for c in line.trim_end_matches('\n').chars() {
        match c {
            '"' if !escaped => {
                quoted = !quoted;
                if quoted && between {
                    arguments.push(String::new());
                    between = false;
                }
            }
            ' ' | '\t' if !quoted && !escaped => between = true,
            '\\' if !escaped => escaped = true,
            c => {
                if std::mem::take(&mut between) {
                    arguments.push(String::new());
                }
                arguments.last_mut().expect("one has begun").push(c);
                escaped = false;
            }
        }
    }
    arguments
}

proptest::proptest! {
    #[test]
    fn a_value_is_one_argument_or_is_refused(text in "[ \"\\\\,|^:${};\\PC]{0,40}|[\\x00-\\x7f]{0,40}|a{2000,2100}") {
        match line(&format!("SET VARIABLE X {}", quoted(&text))) {
            Ok(line) => {
                proptest::prop_assert_eq!(line.matches('\n').count(), 1);
                proptest::prop_assert!(line.len() <= MOST_COMMAND);
                proptest::prop_assert_eq!(arguments(&line), ["SET", "VARIABLE", "X", text.as_str()]);
            }
            Err(_) => proptest::prop_assert!(text.contains(['\r', '\n', '\0']) || text.len() > 1900),
        }
    }
}
