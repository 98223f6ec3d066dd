//! A private instance of a stock FreeSWITCH, on the loopback interface, with the configuration beside this file and the example for the
//! gateway.

use super::{
    examples,
    folders::{run, target},
    installation::{self, prefix},
    ports::SwitchPorts,
    process::Process,
    socket::Socket,
};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The module under test.
pub const MODULE: &str = "mod_coach";
/// The longest name of a conference, in bytes.
pub const MOST_NAME: usize = 255;
/// In the gateway's settings of it: who may hand calls over, besides this machine.
pub const ALLOW: &str = "socket_allow";
/// What the gateway asks it for: its state, a tag, coach mode, a mute, how many are in a conference.
pub const COMMANDS: [&[&str]; 5] = [&["coach state"], &[" tag "], &[" coach "], &[" mute "], &["coach show"]];
/// The same for a call that it places: that, and then whether it is there.
pub const PLACING: &[&str] = &["originate", "coach state"];
/// What a hold takes, the end of one, and a kick.
pub const HOLD: &[&[&str]] = &[&["uuid_setvar"], &[" deaf "], &[" hold "]];
pub const UNHOLD: &[&[&str]] = &[&[" unhold "], &["uuid_getvar"], &[" undeaf "], &["uuid_setvar"]];
pub const KICK: &[&str] = &[" kick "];
/// Whether a member is held as a whole, or not at all.
pub fn is_whole(member: &serde_json::Value) -> bool {
    member["held"] == member["deaf"]
}
/// Whether a caller whose call is declined is told why, in a header.
pub const TELLS_REASON: bool = true;
/// The status that a caller gets of a call that an application declines with this one.
pub fn declined_as(status: u16) -> u16 {
    status
}
/// The console's command that counts calls.
pub const COUNT_CALLS: &str = "show channels count";
/// As FreeSWITCH has it where nobody has changed it, and the example's settings.
const PASSWORD: &str = "ClueCon";

/// A running FreeSWITCH. It ends with this value.
pub struct Pbx {
    process: Process,
    folder: PathBuf,
    events: u16,
    /// Where it hands calls over.
    pub hand_over: u16,
    /// Where it takes calls.
    pub sip: u16,
    _claim: SwitchPorts,
}

impl Pbx {
    /// Starts an instance and waits until it takes calls.
    pub fn start(name: &str) -> Self {
        Self::start_as(name, false)
    }

    /// The same; it stores its calls, and recovers them after a crash.
    pub fn start_that_tracks_calls(name: &str) -> Self {
        Self::start_as(name, true)
    }

    fn start_as(name: &str, tracks_calls: bool) -> Self {
        let folder = run("gateway").join(name);
        let claim = SwitchPorts::claim().expect("ports are free");
        let [events, hand_over, sip] = claim.others;
        configure(&folder, &claim, tracks_calls);
        let process = launch(&folder);
        let mut pbx = Self { process, folder, events, hand_over, sip, _claim: claim };
        pbx.wait();
        pbx
    }

    /// Where it takes commands.
    pub fn steering(&self) -> u16 {
        self.events
    }

    fn wait(&mut self) {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.ask("sofia status").is_some_and(|said| said.contains("RUNNING")) {
            let ended = self.process.try_wait().expect("a child can be asked");
            assert!(ended.is_none() && Instant::now() < end, "it did not start: see {}", self.folder.display());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it, as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it ends");
    }

    /// Starts it anew.
    pub fn start_again(&mut self) {
        self.process = launch(&self.folder);
        self.wait();
    }

    fn ask(&self, command: &str) -> Option<String> {
        let mut socket = Socket::connect(self.events, PASSWORD).ok()?;
        Some(socket.api(command).ok()?.trim().to_owned())
    }

    /// What its console says to a command.
    pub fn console(&self, command: &str) -> String {
        self.ask(command).unwrap_or_else(|| panic!("FreeSWITCH should answer to `{command}`"))
    }

    /// What a gateway's settings say of it, besides its name. `hand_over`: where the gateway takes calls.
    pub fn settings(&self, hand_over: u16) -> String {
        format!(
            "kind = \"freeswitch\"\nevent_socket = \"127.0.0.1:{}\"\nevent_socket_password = \"{PASSWORD}\"\n\
             conference_profile = \"wide\"\nsocket_listen = \"127.0.0.1:{}\"\n",
            self.events, hand_over
        )
    }

    /// The same for calls that it places: to its own numbers, over SIP.
    pub fn calls_settings(&self) -> String {
        let dials = |mark: &str| format!("sofia/test/{mark}@127.0.0.1:{}", self.sip);
        format!(
            "[switch.calls]\nphone = \"{}\"\nuser = \"{}\"\nsip = \"sofia/test/{{uri}}\"\ncontext = \"phones\"\n",
            dials("{number}"),
            dials("{name}")
        )
    }

    /// The example's settings with its FreeSWITCH in place of its Asterisk, and with the places of this instance.
    pub fn in_settings(&self, example: &str) -> String {
        let (before, rest) = example.split_once("[[switch]]").expect("it has an Asterisk");
        let (_, rest) = rest.split_once("# For FreeSWITCH:\n").expect("it has a FreeSWITCH too");
        let (switch, after) = rest.split_once("\n\n").expect("applications follow");
        let switch = switch.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let places = [
            ("127.0.0.1:8021", format!("127.0.0.1:{}", self.events)),
            ("127.0.0.1:8084", format!("127.0.0.1:{}", self.hand_over)),
        ];
        examples::fill(&format!("{before}{switch}\n\n{after}"), &places)
    }

    /// Makes mistakes in its dialplan; what each is told by.
    pub fn set_traps(&self) -> [&'static str; 3] {
        let file = self.folder.join("coach_gateway.xml");
        let right = fs::read_to_string(&file).expect("it is there");
        let places =
            [("async full", "full".to_owned()), ("application=\"transfer\"", "application=\"log\"".to_owned())];
        fs::write(&file, examples::fill(&right, &places)).expect("a file can be written");
        self.console("reloadxml");
        self.console("global_setvar socket_resume=true");
        ["has to have `async full`", "does not come back after `socket`", "the global variable socket_resume is true"]
    }

    /// Has it pass on to everybody what anybody presses; what that is told by.
    pub fn lead_digits_astray(&self) -> &'static str {
        self.add_to_profile(&[("member-flags", "dist-dtmf")]);
        "has dist-dtmf in its member-flags"
    }

    /// Gives the profile of its conferences more parameters.
    pub fn add_to_profile(&self, parameters: &[(&str, &str)]) {
        let file = self.folder.join("freeswitch.xml");
        let right = fs::read_to_string(&file).expect("it is there");
        let profile = r#"<profile name="wide">"#;
        let parameter = |(name, value): &(&str, &str)| format!(r#"<param name="{name}" value="{value}"/>"#);
        let more = parameters.iter().map(parameter).collect::<String>();
        fs::write(&file, examples::fill(&right, &[(profile, format!("{profile}{more}"))]))
            .expect("a file can be written");
        self.console("reloadxml");
    }

    /// Takes its module away.
    pub fn unload_module(&self) {
        assert!(self.console("unload mod_coach").contains("+OK"));
    }

    /// Gives it back.
    pub fn load_module(&self) {
        assert!(self.console("load mod_coach").contains("+OK"));
    }

    /// Takes a call out of a conference.
    pub fn kick(&self, room: &str, call: &str) {
        let member = self.members(room).into_iter().find(|member| member["call_id"] == call).expect("it is a member");
        self.console(&format!("conference {room} kick {}", member["number"]));
    }

    /// Ends the hold of a call in a conference, as somebody does who knows nothing of the gateway's half of it.
    pub fn unhold(&self, room: &str, call: &str) {
        let member = self.members(room).into_iter().find(|member| member["call_id"] == call).expect("it is a member");
        self.console(&format!("conference {room} unhold {}", member["number"]));
    }

    /// Hands a call over to the gateway, as this switch would, by a connection to it.
    pub fn pretend(&self, mut gateway: TcpStream, call: &str, number: &str) -> TcpStream {
        let mut asks = [0; 200];
        let length = gateway.read(&mut asks).expect("it asks");
        assert!(asks[..length].starts_with(b"connect"), "{:?}", String::from_utf8_lossy(&asks[..length]));
        let says = format!(
            "Content-Type: command/reply\nReply-Text: +OK\nSocket-Mode: async\nControl: full\nUnique-ID: {call}\n\
             Caller-Destination-Number: {number}\nChannel-Destination-Number: {number}\n\n"
        );
        gateway.write_all(says.as_bytes()).expect("it reads");
        gateway
    }

    /// How many digits it has got from callers since its start.
    pub fn digits_pressed(&self) -> usize {
        fs::read_to_string(self.folder.join("switch.log")).unwrap_or_default().matches("RTP RECV DTMF").count()
    }

    /// How many members a conference has without its module's word.
    pub fn stock_members(&self, room: &str) -> usize {
        self.console(&format!("conference {room} list")).matches(";sofia/").count()
    }

    /// Its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn launch(folder: &Path) -> Process {
    let prefix = prefix().expect("FREESWITCH says where it is installed");
    installation::run(&prefix, folder, &target().join("tmp"), &["-np"]).expect("FreeSWITCH starts")
}

fn configure(folder: &Path, claim: &SwitchPorts, tracks_calls: bool) {
    let modules = folder.join("mod");
    fs::create_dir_all(&modules).expect("a folder can be made");
    let prefix = prefix().expect("FREESWITCH says where it is installed");
    for module in installation::modules(&prefix).expect("it has modules") {
        symlink(&module, modules.join(module.file_name().expect("a file has a name"))).expect("a link can be made");
    }
    let module = target().join("hosts/mod_coach.so");
    assert!(module.exists(), "{}: not there; `make freeswitch` builds it", module.display());
    symlink(module, modules.join("mod_coach.so")).expect("a link can be made");
    let [events, socket, sip] = claim.others;
    let places = [("^(7101|", "^(gateway-.+|7101|".to_owned()), ("127.0.0.1:8084", format!("127.0.0.1:{socket}"))];
    let dialplan = examples::copy("freeswitch/dialplan/default/00_coach_gateway.xml", &places);
    fs::write(folder.join("coach_gateway.xml"), dialplan).expect("a file can be written");
    let marks = [
        ("@FOLDER@", folder.display().to_string()),
        ("@EVENTS@", events.to_string()),
        ("@PASSWORD@", PASSWORD.to_owned()),
        ("@TRACK_CALLS@", tracks_calls.to_string()),
        ("@SIP@", sip.to_string()),
        ("@RTP_FIRST@", claim.audio.start().to_string()),
        ("@RTP_LAST@", claim.audio.end().to_string()),
    ];
    fs::write(folder.join("freeswitch.xml"), examples::fill(include_str!("freeswitch.xml"), &marks))
        .expect("a file can be written");
}
