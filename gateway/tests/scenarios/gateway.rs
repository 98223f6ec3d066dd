//! A running coach-gateway, asked as its users ask it: by curl.

use crate::{examples, pbx::Pbx, ports, process::Process, run::PATIENCE};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// The account that scenarios use.
pub const ACCOUNT: &str = "6c5e3f0a-52d1-4a63-9d0e-7b1f4c2a9e01";
/// Another one.
pub const OTHER_ACCOUNT: &str = "0d9b7a44-3f4e-4c8b-8a27-5f6e1c3b2d02";

/// In its folder, certificates of those that it trusts, in place of the system's.
pub const TRUSTED: &str = "trusted.pem";

/// A gateway. It ends with this value.
pub struct Gateway {
    process: Process,
    folder: PathBuf,
    port: u16,
    /// A key that may do everything.
    pub key: String,
}

/// An answer: its status and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    /// Its body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("it should be JSON: {self:?}"))
    }

    /// What an error says.
    pub fn msg(&self) -> String {
        self.json()["msg"].as_str().unwrap_or_else(|| panic!("it should say what is wrong: {self:?}")).to_owned()
    }
}

/// The program under test.
fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_coach-gateway"))
}

impl Gateway {
    /// Starts one for a switch; `applications`: more of its settings.
    pub fn start(pbx: &Pbx, name: &str, applications: &str) -> Self {
        Self::start_at(pbx, name, applications, pbx.hand_over)
    }

    /// The same; it takes calls at another port than the switch hands them over at.
    pub fn start_at(pbx: &Pbx, name: &str, applications: &str, hand_over: u16) -> Self {
        Self::with(pbx, name, |folder, port| settings(folder, pbx, port, hand_over) + applications)
    }

    /// Starts one with the example's settings; `hooks`: where the application of each part is.
    pub fn start_as_copied(pbx: &Pbx, name: &str, hooks: &[(&str, String)]) -> Self {
        Self::with(pbx, name, |folder, port| examples::settings(folder, port, &|text| pbx.in_settings(text), hooks))
    }

    fn with(pbx: &Pbx, name: &str, settings: impl FnOnce(&Path, u16) -> String) -> Self {
        let folder = pbx.folder().join(name);
        fs::create_dir_all(&folder).expect("a folder can be made");
        let port = ports::free().expect("a port is free");
        let settings = settings(&folder, port);
        fs::write(folder.join("gateway.toml"), settings).expect("a file can be written");
        let key = run(&folder, &["key", "new", "--account", ACCOUNT, "--name", "test", "--scope", "all"]);
        let process = launch(&folder);
        let gateway = Self { process, folder, port, key: key.trim().to_owned() };
        gateway.wait();
        gateway
    }

    fn wait(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let answer = self.ask("GET", "/readyz", "", None);
            if answer.status == 200 {
                return;
            }
            assert!(Instant::now() < end, "the gateway is not ready: {}\n{}", answer.body, self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Kills it, as a crash does.
    pub fn crash(&mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it ends");
    }

    /// Tells it to end; it has to, in this time.
    pub fn end(&mut self, patience: Duration) {
        let ended = self.process.stop(patience).expect("it ends when it is told to");
        assert!(ended.success(), "{ended}: {}", self.log());
    }

    /// Starts it anew.
    pub fn start_again(&mut self) {
        self.process = launch(&self.folder);
        self.wait();
    }

    /// Starts it anew with other settings.
    pub fn start_again_with(&mut self, change: impl FnOnce(&str) -> String) {
        self.end(Duration::from_secs(10));
        let file = self.folder.join("gateway.toml");
        let settings = fs::read_to_string(&file).expect("it has settings");
        fs::write(&file, change(&settings)).expect("a file can be written");
        self.start_again();
    }

    /// Changes its settings while it runs.
    pub fn reload(&self, change: impl FnOnce(&str) -> String) {
        let file = self.folder.join("gateway.toml");
        let settings = fs::read_to_string(&file).expect("it has settings");
        fs::write(&file, change(&settings)).expect("a file can be written");
        let read = || self.log().matches("the settings are read anew").count();
        let before = read();
        let kill = Command::new("kill").args(["-HUP", &self.process.id().to_string()]).status();
        assert!(kill.is_ok_and(|status| status.success()), "it can be sent a signal");
        crate::run::wait_until("it reads its settings anew", &|| read() > before);
    }

    /// Another key of an account.
    pub fn new_key(&self, account: &str, scope: &str) -> String {
        run(&self.folder, &["key", "new", "--account", account, "--scope", scope]).trim().to_owned()
    }

    /// Runs a command of its command line.
    pub fn command(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = command(&self.folder, arguments).output().expect("it starts");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Where it is.
    pub fn url(&self, path: &str) -> String {
        let settings = fs::read_to_string(self.folder.join("gateway.toml")).unwrap_or_default();
        let scheme = if settings.lines().any(|line| line == "[tls]") { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}{path}", self.port)
    }

    /// Asks as this user would, who trusts the certificates that the gateway trusts.
    fn curl(&self) -> Command {
        let mut curl = Command::new("curl");
        let trusted = self.folder.join(TRUSTED);
        if trusted.exists() {
            curl.arg("--cacert").arg(trusted);
        }
        curl
    }

    /// Asks it. `body` goes as curl sends it by itself: as a form.
    pub fn ask(&self, method: &str, path: &str, key: &str, body: Option<&str>) -> Answer {
        let mut curl = self.curl();
        curl.args(["-s", "-g", "--max-time", "20", "-w", "\n%{http_code}", "--request", method, &self.url(path)]);
        if !key.is_empty() {
            curl.args(["-H", &format!("Authorization: Bearer {key}")]);
        }
        if let Some(body) = body {
            curl.args(["--data-binary", body]);
        }
        let output = curl.output().expect("curl is there");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = said.rsplit_once('\n').expect("curl tells the status");
        Answer { status: status.parse().expect("a status is a number"), body: body.to_owned() }
    }

    /// The headers of an answer, with these more in the request.
    pub fn headers(&self, method: &str, path: &str, more: &[&str]) -> String {
        let mut curl = Command::new("curl");
        curl.args(["-s", "--max-time", "20", "-o", "/dev/null", "-D", "-", "--request", method, &self.url(path)]);
        for header in more {
            curl.args(["-H", header]);
        }
        let output = curl.output().expect("curl is there");
        String::from_utf8_lossy(&output.stdout).to_lowercase()
    }

    /// A resource of the account, with the key that may do everything.
    pub fn get(&self, resource: &str) -> Answer {
        self.ask("GET", &format!("/v1/Accounts/{ACCOUNT}/{resource}"), &self.key, None)
    }

    /// Changes a call.
    pub fn put(&self, call_sid: &str, body: &str) -> Answer {
        self.ask("PUT", &format!("/v1/Accounts/{ACCOUNT}/Calls/{call_sid}"), &self.key, Some(body))
    }

    /// Changes a call as a member; it has to say 202.
    pub fn act(&self, call_sid: &str, action: &str, tag: Option<&str>) {
        let tag = tag.map_or_else(String::new, |tag| format!(r#", "tag": "{tag}""#));
        let body = format!(r#"{{"conferenceParticipantAction": {{"action": "{action}"{tag}}}}}"#);
        let answer = self.put(call_sid, &body);
        assert_eq!((answer.status, answer.body.as_str()), (202, "Accepted"), "{body}");
    }

    /// The call to this number, once there is one.
    pub fn call_to(&self, number: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let calls = self.get("Calls");
            assert_eq!(calls.status, 200, "{calls:?}");
            let calls = calls.json();
            let found = calls.as_array().and_then(|calls| calls.iter().find(|call| call["to"] == number));
            if let Some(call) = found {
                return call.clone();
            }
            assert!(Instant::now() < end, "there should be a call to {number}: {calls}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// The sid of the call to this number, once it is in a conference.
    pub fn member(&self, number: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let call = self.call_to(number);
            if call["conference"].is_string() {
                return call["call_sid"].as_str().expect("a call has a sid").to_owned();
            }
            assert!(Instant::now() < end, "it should be in a conference: {call}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

fn launch(folder: &Path) -> Process {
    let mut command = command(folder, &["serve"]);
    command.env("COACH_GATEWAY_LOG", "info,coach_gateway=trace");
    let trusted = folder.join(TRUSTED);
    if trusted.exists() {
        command.env("SSL_CERT_FILE", trusted);
    }
    Process::start(&mut command, &folder.join("log")).expect("the gateway starts")
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program();
    command.args(arguments).env("COACH_GATEWAY_SETTINGS", folder.join("gateway.toml"));
    command
}

fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().expect("it starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn settings(folder: &Path, pbx: &Pbx, port: u16, hand_over: u16) -> String {
    let folder = folder.display();
    format!(
        r#"
listen = "127.0.0.1:{port}"
database = "{folder}/gateway.db"
requests_per_minute = 6000

[speech]
folder = "{folder}/speech"

[[account]]
sid = "{ACCOUNT}"
name = "support"
room_prefix = "app-"
webhook_secret = "wh-secret"

[[account]]
sid = "{OTHER_ACCOUNT}"
name = "other"
room_prefix = "other-"

[[switch]]
name = "pbx"
account = "support"
{}
"#,
        pbx.settings(hand_over)
    )
}
