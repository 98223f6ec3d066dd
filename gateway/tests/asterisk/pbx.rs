//! A private instance of the stock Asterisk in target/asterisk, on the loopback interface, with the configuration in
//! gateway/tests/conf and the examples for the gateway.

use super::{
    examples,
    folders::{project, run},
    ports::SwitchPorts,
    process::Process,
    stock::{self, loader, stock},
};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// The module under test.
pub const MODULE: &str = "res_coach";
/// The longest name of a conference, in bytes.
pub const MOST_NAME: usize = 79;
/// In the gateway's settings of it: who may hand calls over, besides this machine.
pub const ALLOW: &str = "agi_allow";
/// What the gateway asks it for: its state, a tag, coach mode, a mute, how many are in a conference.
pub const COMMANDS: [&[&str]; 5] = [
    &["Action: Status"],
    &["Action: CoachTag"],
    &["Action: Coach\r"],
    &["Action: ConfbridgeMute"],
    &["Action: CoachList"],
];
/// The same for a call that it places: that, and then whether it is there.
pub const PLACING: &[&str] = &["Action: Originate", "Action: Status"];
/// What a hold takes, the end of one, and a kick.
pub const HOLD: &[&[&str]] = &[&["Action: CoachHold"]];
pub const UNHOLD: &[&[&str]] = &[&["Action: CoachUnhold"]];
pub const KICK: &[&str] = &["Action: ConfbridgeKick"];
/// Whether a member is held as a whole, or not at all: that is one action here.
pub fn is_whole(member: &serde_json::Value) -> bool {
    member.is_object()
}
/// Whether a caller whose call is declined is told why, in a header.
pub const TELLS_REASON: bool = false;
/// The status that a caller gets of a call that an application declines with this one: the nearest that Asterisk has a cause for.
pub fn declined_as(status: u16) -> u16 {
    match status {
        400 | 401 | 402 | 407 | 603 => 403,
        504 => 503,
        600 => 486,
        604 => 404,
        606 => 488,
        status => status,
    }
}
/// The console's command that counts calls.
pub const COUNT_CALLS: &str = "core show channels count";

/// A running Asterisk. It ends with this value.
pub struct Pbx {
    process: Process,
    folder: PathBuf,
    /// Where its manager interface is, where the gateway's FastAGI is to be, and where it takes calls.
    manager: u16,
    /// Where it hands calls over.
    pub hand_over: u16,
    pub sip: u16,
    _claim: SwitchPorts,
}

impl Pbx {
    /// Starts an instance and waits until it takes calls.
    pub fn start(name: &str) -> Self {
        let folder = run("gateway").join(name);
        let claim = SwitchPorts::claim().expect("ports are free");
        let [manager, hand_over, sip] = claim.others;
        configure(&folder, &claim);
        let process = launch(&folder);
        let mut pbx = Self { process, folder, manager, hand_over, sip, _claim: claim };
        pbx.wait();
        pbx
    }

    /// Where it takes commands.
    pub fn steering(&self) -> u16 {
        self.manager
    }

    fn wait(&mut self) {
        stock::wait_until_booted(&mut self.process, &self.folder, Duration::from_secs(60));
    }

    /// Ends it, as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it ends");
        fs::remove_file(self.folder.join("log")).ok();
    }

    /// Starts it anew.
    pub fn start_again(&mut self) {
        self.process = launch(&self.folder);
        self.wait();
    }

    /// What its console says to a command.
    pub fn console(&self, command: &str) -> String {
        let output = asterisk(&self.folder).args(["-rx", command]).output().expect("Asterisk's console starts");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What a gateway's settings say of it, besides its name. `hand_over`: where the gateway takes calls.
    pub fn settings(&self, hand_over: u16) -> String {
        format!(
            "kind = \"asterisk\"\nmanager = \"127.0.0.1:{}\"\nmanager_user = \"coach-gateway\"\nmanager_secret = \"change-me\"\n\
             agi_listen = \"127.0.0.1:{}\"\n",
            self.manager, hand_over
        )
    }

    /// The same for calls that it places: to its own numbers, over SIP.
    pub fn calls_settings(&self) -> String {
        let dials = |mark: &str| format!("PJSIP/phone/sip:{mark}@127.0.0.1:{}", self.sip);
        format!(
            "[switch.calls]\nphone = \"{}\"\nuser = \"{}\"\nsip = \"PJSIP/phone/{{uri}}\"\n",
            dials("{number}"),
            dials("{name}")
        )
    }

    /// The example's settings, with the places of this instance.
    pub fn in_settings(&self, example: &str) -> String {
        let places = [
            ("127.0.0.1:5038", format!("127.0.0.1:{}", self.manager)),
            ("127.0.0.1:4573", format!("127.0.0.1:{}", self.hand_over)),
        ];
        examples::fill(example, &places)
    }

    /// Makes mistakes in its dialplan; what each is told by.
    pub fn set_traps(&self) -> [&'static str; 3] {
        self.console(&format!("dialplan add extension _.,1,AGI,agi://127.0.0.1:{}/ into traps", self.hand_over));
        ["matches `h` too", "lacks Set(AGISIGHUP=no)", "does not come back after AGI"]
    }

    /// Has it tell no manager user of digits; what that is told by.
    pub fn lead_digits_astray(&self) -> &'static str {
        let file = self.folder.join("examples/manager.conf");
        let right = fs::read_to_string(&file).expect("it is there");
        fs::write(&file, examples::fill(&right, &[(",user,dtmf", ",user".to_owned())])).expect("a file can be written");
        self.console("manager reload");
        "add `dtmf` to its `read`"
    }

    /// Takes its module away.
    pub fn unload_module(&self) {
        assert!(self.console("module unload res_coach").contains("Unloaded"));
    }

    /// Gives it back.
    pub fn load_module(&self) {
        self.console("module load res_coach");
    }

    /// Takes a call out of a conference.
    pub fn kick(&self, room: &str, call: &str) {
        self.console(&format!("confbridge kick {room} {call}"));
    }

    /// Ends the hold of a call in a conference.
    pub fn unhold(&self, _: &str, call: &str) {
        let login = "Action: Login\r\nUsername: coach-gateway\r\nSecret: change-me\r\nEvents: off\r\n\r\n";
        let request = format!("{login}Action: CoachUnhold\r\nChannel: {call}\r\n\r\nAction: Logoff\r\n\r\n");
        let mut manager = TcpStream::connect(("127.0.0.1", self.manager)).expect("Asterisk listens");
        manager.write_all(request.as_bytes()).expect("it takes commands");
        let mut said = String::new();
        manager.read_to_string(&mut said).expect("it answers");
        assert_eq!(said.matches("Response: Success").count(), 2, "{said}");
    }

    /// Hands a call over to the gateway, as this switch would, by a connection to it.
    pub fn pretend(&self, mut gateway: TcpStream, call: &str, number: &str) -> TcpStream {
        let says = format!(
            "agi_network: yes\nagi_network_script: \nagi_request: agi://127.0.0.1/\nagi_channel: PJSIP/phone-1\nagi_uniqueid: {call}\n\
             agi_extension: {number}\nagi_dnid: {number}\n\n"
        );
        gateway.write_all(says.as_bytes()).expect("it reads");
        // What it asks to find out who answers, everybody can answer.
        let mut asks = [0; 200];
        let length = gateway.read(&mut asks).expect("it asks");
        let asks = String::from_utf8_lossy(&asks[..length]).into_owned();
        let mark = asks.split('"').nth(1).expect("it asks for a value");
        gateway.write_all(format!("200 result=1 ({mark})\n").as_bytes()).expect("it reads");
        gateway
    }

    /// How many digits it has got from callers since its start.
    pub fn digits_pressed(&self) -> usize {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("DTMF end '") && line.contains("received on")).count()
    }

    /// How many members a conference has without its module's word.
    pub fn stock_members(&self, room: &str) -> usize {
        self.console(&format!("confbridge list {room}")).matches("PJSIP/").count()
    }

    /// Its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn launch(folder: &Path) -> Process {
    let mut command = asterisk(folder);
    Process::start(command.arg("-f").arg("-n"), &folder.join("console.log")).expect("Asterisk starts")
}

fn asterisk(folder: &Path) -> Command {
    stock::asterisk(Command::new(loader()), folder)
}

fn configure(folder: &Path, claim: &SwitchPorts) {
    stock::link_modules(folder);
    let copies = folder.join("examples");
    fs::create_dir_all(&copies).expect("a folder can be made");
    let [manager, agi, sip] = claim.others;
    let dialplan = examples::copy("asterisk/extensions.conf", &[("127.0.0.1:4573", format!("127.0.0.1:{agi}"))]);
    for (file, text) in [("extensions.conf", dialplan), ("manager.conf", examples::copy("asterisk/manager.conf", &[]))]
    {
        fs::write(copies.join(file), text).expect("a file can be written");
    }
    let marks = [
        ("@FOLDER@", folder.display().to_string()),
        ("@EXAMPLES@", copies.display().to_string()),
        ("@DATA@", stock().join("usr/share/asterisk").display().to_string()),
        ("@MANAGER@", manager.to_string()),
        ("@SIP@", sip.to_string()),
        ("@RTP_FIRST@", claim.audio.start().to_string()),
        ("@RTP_LAST@", claim.audio.end().to_string()),
    ];
    stock::configure(&project().join("gateway/tests/conf"), folder, &marks);
}
