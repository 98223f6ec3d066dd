//! The settings: what is right is read, every mistake is told at once, with its line.

use coach_gateway::settings::{Settings, SwitchKind};

const RIGHT: &str = r#"
listen = "127.0.0.1:9000"
database = "/tmp/gateway.db"

[[account]]
sid = "6c5e3f0a-52d1-4a63-9d0e-7b1f4c2a9e01"
name = "support"
webhook_secret = "s"

[[switch]]
name = "pbx"
kind = "asterisk"
manager = "127.0.0.1:5038"
manager_user = "coach-gateway"
manager_secret = "x"

[[application]]
sid = "6c5e3f0a-52d1-4a63-9d0e-7b1f4c2a9e02"
name = "whisper"
call_hook = "wss://apps.example.com/whisper"
numbers = ["2000"]
env_vars = { ROLE = "agent" }
allowed_hosts = ["media.example.com"]
"#;

#[test]
fn what_is_right_is_read() {
    let settings = Settings::parse(RIGHT).expect("it is right");
    assert_eq!(settings.listen.to_string(), "127.0.0.1:9000");
    assert_eq!((settings.most_sessions, settings.most_connections), (2000, 512));
    assert_eq!(settings.accounts[0].room_prefix, "app-");
    let SwitchKind::Asterisk { manager, secret, .. } = &settings.switches[0].kind else { panic!("it is one") };
    assert_eq!((manager.as_str(), secret.reveal()), ("127.0.0.1:5038", "x"));
    assert_eq!(settings.switches[0].account, settings.accounts[0].sid);
    let by_name = settings.application_for("whisper", "17").expect("it is named");
    let by_number = settings.application_for("", "2000").expect("it has the number");
    assert_eq!(by_name.sid, by_number.sid);
    assert!(settings.application_for("", "2001").is_none() && settings.application_for("other", "2000").is_none());
    let allows = |url: &str| by_name.reach.check(&url.parse().expect("a URL")).is_ok();
    assert!(allows("https://apps.example.com/x") && allows("http://media.example.com/a.wav"));
    assert!(!allows("http://169.254.169.254/") && !allows("file:///etc/passwd") && !allows("https://example.com/"));
    assert!(!format!("{settings:?}").contains("\"x\""), "a secret is not shown");
}

/// What the settings write themselves is asked, inside or not; of what names lead to, the settings say what may be inside.
#[test]
fn internal_addresses_are_reached_only_where_the_settings_say_so() {
    let with = |hook: &str, more: &str| {
        let text = RIGHT.replace("wss://apps.example.com/whisper", hook);
        let text = text.replace("allowed_hosts = [\"media.example.com\"]", more);
        Settings::parse(&text).expect("it is right").applications[0].reach.clone()
    };
    let url = |url: &str| url.parse().expect("a URL");
    let found = |address: &str| [std::net::SocketAddr::new(address.parse().expect("an address"), 0)];

    let local = with("ws://127.0.0.1:3000/agent", "");
    for own in ["ws://127.0.0.1:3000/x", "http://127.0.0.1:3000/x", "http://0x7f.1:3000/", "http://2130706433:3000/"] {
        assert!(local.check(&url(own)).is_ok() && local.is_own(&url(own)), "{own}");
    }
    // At another port, there is somebody else.
    for other in ["http://127.0.0.1/", "http://127.0.0.1:8099/", "http://127.1:8021/", "http://0177.0.0.1:6379/"] {
        let error = local.check(&url(other)).expect_err("it is inside").to_string();
        assert!(error.contains("internal_networks"), "{other}: {error}");
    }
    for unnamed in ["http://[::ffff:127.0.0.1]:3000/", "http://[::1]:3000/", "http://localhost:3000/"] {
        let error = local.check(&url(unnamed)).expect_err("it is not named").to_string();
        assert!(error.contains("allowed_hosts"), "{unnamed}: {error}");
    }

    // A name may lead anywhere: what it leads to is looked at.
    let named = with("wss://apps.example.com/whisper", "allowed_hosts = [\"Media.Example.com\"]");
    assert!(named.check(&url("https://media.example.com/a.wav")).is_ok());
    for inside in ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "::ffff:10.0.0.5", "64:ff9b::a00:5", "fe80::1"] {
        let error = named.admitted("media.example.com", found(inside)).expect_err("it is inside").to_string();
        assert!(error.contains("media.example.com") && error.contains("internal_networks"), "{inside}: {error}");
    }
    let mixed = [found("10.0.0.5"), found("9.9.9.9"), found("::1")].concat();
    assert_eq!(named.admitted("media.example.com", mixed), Ok(found("9.9.9.9").to_vec()));

    // Whoever writes an address itself knows what it is; a network says the same for names.
    let written = with("wss://apps.example.com/whisper", "allowed_hosts = [\"10.0.0.5\", \"fd00::5\"]");
    assert!(written.check(&url("http://10.0.0.5:8000/")).is_ok() && written.check(&url("http://[fd00::5]/")).is_ok());
    assert!(written.check(&url("http://10.0.0.6/")).is_err());
    let networks = with(
        "wss://apps.example.com/whisper",
        "allowed_hosts = [\"media.example.com\"]\ninternal_networks = [\"10.1.0.0/16\", \"fd00::5\"]",
    );
    for (address, right) in
        [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("fd00::5", true), ("10.2.0.1", false), ("fd00::6", false)]
    {
        assert_eq!(networks.admitted("media.example.com", found(address)).is_ok(), right, "{address}");
    }
    assert!(networks.check(&url("http://10.1.2.3/")).is_err(), "no host of this name is allowed");
    for (wrong, right) in [
        ("allowed_hosts = [\"https://media.example.com\"]", "without a port"),
        ("allowed_hosts = [\"media.example.com:8080\"]", "without a port"),
        ("internal_networks = [\"10.0.0.0/33\"]", "10.1.0.0/16"),
        ("internal_networks = [\"media.example.com\"]", "10.1.0.0/16"),
        ("internal_networks = \"10.0.0.0/8\"", "10.1.0.0/16"),
    ] {
        let told = mistakes(&RIGHT.replace("allowed_hosts = [\"media.example.com\"]", wrong));
        assert!(told.len() == 1 && told[0].starts_with("23: ") && told[0].contains(right), "{wrong}: {told:?}");
    }
}

/// The mistakes of a text, as `line: what`.
fn mistakes(text: &str) -> Vec<String> {
    let mistakes = Settings::parse(text).expect_err("it is wrong").0;
    mistakes.iter().map(|mistake| format!("{}: {}", mistake.line, mistake.what)).collect()
}

#[test]
fn every_mistake_is_told_at_once_with_its_line() {
    let wrong = RIGHT
        .replace("127.0.0.1:9000", "0.0.0.0:9000")
        .replace("sid = \"6c5e3f0a-52d1-4a63-9d0e-7b1f4c2a9e01\"", "sid = 7")
        .replace("kind = \"asterisk\"", "kind = \"asterix\"")
        .replace("wss://", "sip://")
        .replace("numbers = [\"2000\"]", "numbers = [\"2000\", \"2000\"]\nnumber = \"1\"");
    let wrong = wrong.replacen("database", "most_sessions = 0\nmost_connections = 0\ndatabase", 1);
    let told = mistakes(&wrong);
    for (line, what) in [
        (2, "behind_tls_proxy"),
        (3, "most_sessions"),
        (4, "most_connections"),
        (8, "sid is a number; give a UUID"),
        (14, "give \"asterisk\" or \"freeswitch\""),
        (22, "ws://"),
        (23, "\"2000\" is there twice"),
        (24, "no \"number\"; it has"),
    ] {
        assert!(
            told.iter().any(|told| told.starts_with(&format!("{line}: ")) && told.contains(what)),
            "{line}: {what}: {told:#?}"
        );
    }
}

/// Each secret may be in a file of its own, or in the environment.
#[test]
fn secrets_come_from_files_and_from_the_environment() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("secret");
    std::fs::write(&file, "of a file\n").expect("a file can be written");
    let secret = |line: &str| {
        let text = RIGHT.replace("manager_secret = \"x\"", line);
        let settings = Settings::parse(&text).map_err(|mistakes| mistakes.to_string())?;
        let SwitchKind::Asterisk { secret, .. } = &settings.switches[0].kind else { panic!("it is one") };
        Ok::<_, String>(secret.reveal().to_owned())
    };
    assert_eq!(secret(&format!("manager_secret_file = {file:?}")), Ok("of a file".into()));
    // What every process of cargo's has.
    let version = std::env::var("CARGO_PKG_NAME").expect("cargo sets it");
    assert_eq!(secret("manager_secret_env = \"CARGO_PKG_NAME\""), Ok(version));
    for (wrong, what) in [
        ("manager_secret_file = \"/nonexistent\"", "/nonexistent"),
        ("manager_secret_env = \"COACH_IS_NOT_SET\"", "COACH_IS_NOT_SET"),
        (
            "manager_secret = \"x\"\nmanager_secret_env = \"CARGO_PKG_NAME\"",
            "line 16: manager_secret is given in two ways",
        ),
    ] {
        let told = secret(wrong).expect_err("it is wrong");
        assert!(told.contains(what) && told.lines().count() == 1, "{wrong}: {told}");
    }
}

#[test]
fn what_is_missing_is_told() {
    for (gone, what) in [
        ("database = \"/tmp/gateway.db\"\n", "lacks database"),
        ("manager_secret = \"x\"\n", "manager_secret_file, manager_secret_env or manager_secret"),
        ("call_hook = \"wss://apps.example.com/whisper\"\n", "lacks call_hook"),
        ("manager = \"127.0.0.1:5038\"\n", "lacks manager"),
    ] {
        let told = mistakes(&RIGHT.replace(gone, ""));
        assert!(told.iter().any(|told| told.contains(what)), "{what}: {told:#?}");
    }
    assert!(mistakes("").iter().any(|told| told.contains("no [[switch]]")));
    assert!(mistakes("database = ").iter().any(|told| told.starts_with("1: ")));
}

#[test]
fn with_a_certificate_it_listens_to_everybody() {
    let everywhere = format!("listen = \"0.0.0.0:8099\"\n{}", RIGHT.replace("listen = \"127.0.0.1:9000\"\n", ""));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let with = |tls: &str| format!("{everywhere}\n[tls]\n{tls}");
    let right = with(&format!("certificate = \"{file}\"\nkey = \"{file}\"\n"));
    let tls = Settings::parse(&right).expect("they are right").tls.expect("it has a certificate");
    assert_eq!((tls.certificate.to_str(), tls.key.to_str()), (Some(file), Some(file)));
    for (text, what) in [
        (everywhere.clone(), "[tls] with certificate and key"),
        (with(""), "tls lacks certificate"),
        (with(&format!("certificate = \"{file}\"\nkey = \"/nonexistent\"\n")), "key: /nonexistent cannot be read"),
        (with(&format!("certificate = \"{file}\"\nkey = \"{file}\"\nca = \"x\"\n")), "no \"ca\""),
    ] {
        let told = mistakes(&text);
        assert!(told.iter().any(|told| told.contains(what)), "{what}: {told:#?}");
    }
}

#[test]
fn two_accounts_cannot_name_one_conference() {
    let two = |prefix: &str| {
        let second = format!(
            "[[account]]\nsid = \"6c5e3f0a-52d1-4a63-9d0e-7b1f4c2a9e09\"\nroom_prefix = \"{prefix}\"\n\n[[switch]]\naccount = \"support\""
        );
        let text = RIGHT.replacen("[[switch]]", &second, 1);
        text.replace("[[application]]", "[[application]]\naccount = \"support\"")
    };
    for prefix in ["app-", "app-b-", ""] {
        let told = mistakes(&two(prefix));
        assert!(told.iter().any(|told| told.contains("begin alike")), "{prefix}: {told:#?}");
    }
    Settings::parse(&two("b-")).expect("each has its own");
}

#[test]
fn the_example_is_right() {
    let settings = Settings::parse(include_str!("../../examples/gateway/gateway.toml")).expect("it is to be copied");
    assert!(settings.application_for("", "7103").is_some_and(|application| application.name == "manager"));
}

#[test]
fn a_freeswitch_is_read_and_its_mistakes_are_told() {
    let freeswitch = "kind = \"freeswitch\"\nevent_socket = \"127.0.0.1:8021\"\nevent_socket_password = \"y\"\n\
        conference_profile = \"wide\"\nsocket_listen = \"127.0.0.1:8084\"\n";
    let asterisk =
        "kind = \"asterisk\"\nmanager = \"127.0.0.1:5038\"\nmanager_user = \"coach-gateway\"\nmanager_secret = \"x\"\n";
    let right = RIGHT.replace(asterisk, freeswitch);
    let settings = Settings::parse(&right).expect("it is right");
    let SwitchKind::FreeSwitch { host, port, profile, .. } = &settings.switches[0].kind else { panic!("it is one") };
    assert_eq!((host.as_str(), *port, profile.as_str()), ("127.0.0.1", 8021, "wide"));
    assert!(!format!("{settings:?}").contains("\"y\""), "a secret is not shown");
    for (right_part, wrong, what) in [
        ("127.0.0.1:8021", "8021", "event_socket is \"8021\""),
        ("\"wide\"", "\"a+flags{mute}\"", "conference_profile"),
        ("127.0.0.1:8084", "0.0.0.0:8084", "socket_allow has to say"),
        ("event_socket_password = \"y\"\n", "", "event_socket_password_file"),
        ("kind = \"freeswitch\"", "kind = \"freeswitch\"\nmanager = \"127.0.0.1:5038\"", "no \"manager\""),
    ] {
        let told = mistakes(&right.replace(right_part, wrong));
        assert!(told.iter().any(|told| told.contains(what)), "{what}: {told:#?}");
    }
}

#[test]
fn how_calls_are_placed_is_read_and_its_mistakes_are_told() {
    let with = |listen: &str, calls: &str| {
        let switch = format!("manager_secret = \"x\"\n{listen}\n[switch.calls]\n{calls}\n");
        RIGHT.replace("manager_secret = \"x\"\n", &switch)
    };
    let listen = "agi_listen = \"127.0.0.1:4573\"";
    let right = with(listen, "phone = \"PJSIP/{number}@trunk\"\nuser = \"PJSIP/{name}\"");
    let calls = Settings::parse(&right).expect("it is right").switches[0].calls.clone().expect("there they are");
    assert_eq!(calls.phone.as_deref(), Some("PJSIP/{number}@trunk"));
    assert_eq!(
        (calls.user.as_deref(), calls.sip, calls.context.as_str()),
        (Some("PJSIP/{name}"), None, "coach-gateway")
    );
    for (listen, calls, msg) in [
        ("", "phone = \"PJSIP/{number}\"", "cannot be handed over"),
        (listen, "", "give phone, user or sip"),
        (listen, "phone = \"PJSIP/trunk\"", "once with {number}"),
        (listen, "phone = \"PJSIP/{number}{number}\"", "once with {number}"),
        (listen, "phone = \"PJSIP/{number}&PJSIP/1\"", "once with {number}"),
        (listen, "user = \"[a=b,c]user/{name}\"", "once with {name}"),
        (listen, "sip = \"PJSIP/x/{uri}\"\ncontext = \"a b\"", "context is"),
        (listen, "sip = \"PJSIP/x/{uri}\"\nfax = \"x\"", "calls has no \"fax\""),
    ] {
        let told = mistakes(&with(listen, calls));
        assert!(told.len() == 1 && told[0].contains(msg), "{calls}: {told:?}");
    }
}

#[test]
fn a_folder_for_recordings_is_read_and_its_mistakes_are_told() {
    let with = |folder: &str| format!("{RIGHT}\n[recordings]\n{folder}\n");
    let settings = Settings::parse(&with("folder = \"/var/spool/coach-gateway\"")).expect("it is right");
    assert_eq!(settings.recordings, Some("/var/spool/coach-gateway".into()));
    assert_eq!(Settings::parse(RIGHT).expect("it is right").recordings, None);
    for wrong in ["recordings", "/a,b", "/a b", "/a/../b", "/a${b}", "/a'b"] {
        let told = mistakes(&with(&format!("folder = \"{wrong}\"")));
        assert!(told.len() == 1 && told[0].contains("the path of a folder from / on"), "{wrong}: {told:?}");
    }
    assert!(mistakes(&with(""))[0].contains("folder"), "it is missing");
}
