//! Whoever knows where the gateway listens, and nothing else.

use crate::{
    app::App,
    gateway::Gateway,
    party::Party,
    pbx::{self, Pbx},
    run::wait_until,
};
use serde_json::json;
use std::{
    fs,
    io::Read,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};
use tokio::net::TcpSocket;

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_call_that_the_switch_does_not_have_is_no_call", pretended),
    ("who_is_not_allowed_to_hand_calls_over_gets_none", not_allowed),
    ("no_secret_is_logged_and_no_key_is_kept", secrets),
];

/// A connection to where the gateway takes the switch's calls, from one of this machine's addresses.
fn connect(pbx: &Pbx, from: IpAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("connections can be made");
    let connected = runtime.block_on(async {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect((Ipv4Addr::LOCALHOST, pbx.hand_over).into()).await?.into_std()
    });
    let connected = connected.expect("the gateway listens");
    connected.set_nonblocking(false).expect("a socket can wait");
    connected.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket has one");
    connected
}

/// The address of this machine that others see: nothing is sent for this.
fn outer_address() -> IpAddr {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port is free");
    socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9)).expect("the machine has a network");
    let address = socket.local_addr().expect("it has an address").ip();
    assert!(!address.is_loopback(), "{address}");
    address
}

/// What comes until the gateway closes the connection.
fn until_closed(mut connection: TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    connection.read_to_end(&mut said).expect("the gateway closes the connection");
    said
}

/// Somebody connects as the switch does, and names a call.
fn pretended() {
    let pbx = Pbx::start("stranger");
    let script = json!({"/agent": {"verbs": [["answer"], ["conference", {"name": "room", "memberTag": "agent"}]]}});
    let app = App::start(&pbx, "stranger", "sdk", &script);
    let gateway = Gateway::start(&pbx, "gateway", &app.settings("agent"));
    for call in ["11111111-2222-4333-8444-555555555555", "1764300000.17"] {
        until_closed(pbx.pretend(connect(&pbx, Ipv4Addr::LOCALHOST.into()), call, "gateway-agent"));
        wait_until("it is told", &|| gateway.log().contains(&format!("the switch pbx has no call {call:?}")));
    }
    assert_eq!(app.names("/agent"), Vec::<String>::new(), "its application has no call");
    // A call of the switch's is one.
    let mut party = Party::new(&pbx, "stranger");
    party.is_not_judged("agent");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    party.judge();
}

/// From this machine, calls are handed over by itself; from another address, once the settings name it.
fn not_allowed() {
    let pbx = Pbx::start("allow");
    let script = json!({"/agent": {"verbs": [["answer"], ["conference", {"name": "room", "memberTag": "agent"}]]}});
    let app = App::start(&pbx, "allow", "sdk", &script);
    let gateway = Gateway::start(&pbx, "gateway", &app.settings("agent"));
    let mut party = Party::new(&pbx, "allow");
    party.is_not_judged("agent");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    let outer = outer_address();
    let told = |peer: SocketAddr| {
        let log = gateway.log();
        log.lines().any(|line| line.contains("do not allow to hand calls over") && line.contains(&peer.to_string()))
    };
    let allow = |address: &str| {
        let own = "[[switch]]\n";
        gateway.reload(|text| {
            let others = text.lines().filter(|line| !line.starts_with(pbx::ALLOW)).map(|line| format!("{line}\n"));
            others.collect::<String>().replacen(own, &format!("{own}{} = [\"{address}\"]\n", pbx::ALLOW), 1)
        });
    };
    let is_refused = || {
        let stranger = connect(&pbx, outer);
        let peer = stranger.local_addr().expect("it has an address");
        assert_eq!(until_closed(stranger), b"", "it is asked nothing");
        wait_until("it is logged", &|| told(peer));
    };
    is_refused();
    allow("192.0.2.77");
    is_refused();
    allow(&outer.to_string());
    let call = "11111111-2222-4333-8444-555555555555";
    until_closed(pbx.pretend(connect(&pbx, outer), call, "gateway-agent"));
    wait_until("it is asked as the switch is", &|| {
        gateway.log().contains(&format!("the switch pbx has no call {call:?}"))
    });
    assert_eq!(app.names("/agent").iter().filter(|name| *name == "session:new").count(), 1, "{:?}", app.events());
    assert_eq!(pbx.members("app-room").len(), 1, "the call of the switch's is where it was");
    party.judge();
}

fn secrets() {
    let pbx = Pbx::start("secrets");
    let script = json!({
        "/agent": {"verbs": [["conference", {"name": "room", "memberTag": "agent", "actionHook": "/done"}]]},
        "/done": {"verbs": [["hangup"]]}, "/call-status": {"verbs": []},
    });
    let app = App::start(&pbx, "secrets", "webhook", &script);
    let gateway = Gateway::start(&pbx, "gateway", &app.settings("agent"));
    let mut party = Party::new(&pbx, "secrets");
    party.is_not_judged("agent");
    party.listens("agent", "gateway-agent");
    let agent = gateway.member("gateway-agent");
    gateway.act(&agent, "untag", None);
    let wrong = gateway.key.replace(|c: char| c.is_ascii_digit(), "a");
    assert_eq!(gateway.ask("GET", "/v1/Accounts/x/Calls", &wrong, None).status, 401);
    gateway.act(&agent, "kick", None);
    app.event("/done", "request");
    gateway.reload(|text| format!("{text}\n# the same"));
    party.judge();

    // Everything is logged here, down to each command to the switch.
    let log = gateway.log();
    assert!(log.contains("TRACE") && log.contains(&agent), "{log}");
    let settings = fs::read_to_string(gateway.folder().join("gateway.toml")).expect("it has settings");
    let value = |line: &str| line.split('"').nth(1).map(str::to_owned);
    let named = ["_secret = ", "password = "];
    let of_settings = settings.lines().filter(|line| named.iter().any(|name| line.contains(name))).filter_map(value);
    let secret_part = |key: &str| key.rsplit('_').next().expect("a key has a secret part").to_owned();
    let basic = "dXNlcjpwYXNz".to_owned();
    let secrets: Vec<String> = of_settings.chain([secret_part(&gateway.key), secret_part(&wrong), basic]).collect();
    assert!(secrets.len() >= 6, "{secrets:?}");
    for secret in &secrets {
        let line =
            log.lines().find(|line| line.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == secret));
        assert_eq!(line, None, "{secret:?} is logged");
    }
    for file in ["gateway.db", "gateway.db-wal"] {
        let kept = fs::read(gateway.folder().join(file)).unwrap_or_default();
        let key = secret_part(&gateway.key);
        assert!(!kept.windows(key.len()).any(|part| part == key.as_bytes()), "the key is in {file}");
    }
}
