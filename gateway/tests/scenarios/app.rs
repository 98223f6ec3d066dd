//! An application with one of the official SDKs, in Node.js: what it is told, and what it has its calls do.

use crate::{
    examples,
    gateway::{ACCOUNT, Gateway},
    npm,
    pbx::Pbx,
    ports,
    process::Process,
    run::PATIENCE,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// A running application. It ends with this value.
pub struct App {
    process: Process,
    folder: PathBuf,
    port: u16,
    control: u16,
    library: &'static str,
    /// Where its certificate is, if it has one.
    certificate: Option<PathBuf>,
}

/// Puts the SDKs in place.
pub fn install() {
    for folder in [sdk(), examples::applications()] {
        npm::install(&folder).unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

fn sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")
}

/// Asks by one of the SDKs' REST clients: `sdk` or `node-client`. What it returns; `Err`: what it throws.
pub fn rest(library: &str, gateway: &Gateway, method: &str, arguments: &Value) -> Result<Value, String> {
    let arguments = ["rest.mjs", library, &gateway.url(""), ACCOUNT, &gateway.key, method, &arguments.to_string()];
    let output = Command::new("node").args(arguments).current_dir(sdk()).output().expect("node is there");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).expect("it prints JSON"))
}

impl App {
    /// Starts one with a library and a script, in which `{origin}` is where a webhook application is.
    pub fn start(pbx: &Pbx, name: &str, library: &'static str, script: &Value) -> Self {
        Self::start_with(pbx, name, library, script, None)
    }

    /// The same with TLS: in this folder there is a certificate with its key.
    pub fn start_with(
        pbx: &Pbx,
        name: &str,
        library: &'static str,
        script: &Value,
        certificate: Option<PathBuf>,
    ) -> Self {
        let folder = pbx.folder().join(format!("app_{name}"));
        fs::create_dir_all(&folder).expect("a folder can be made");
        let [port, control] = [(); 2].map(|()| ports::free().expect("a port is free"));
        let script = script.to_string().replace("{origin}", &format!("http://127.0.0.1:{port}"));
        fs::write(folder.join("script.json"), script).expect("a file can be written");
        let process = launch(&folder, library, port, control, certificate.as_deref());
        let app = Self { process, folder, port, control, library, certificate };
        app.event("", "listening");
        app
    }

    /// Ends it, as `kill -9` does.
    pub fn kill(&mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it ends");
    }

    /// From now on it does nothing, as on a machine that gives it no time; what connects to it waits.
    pub fn stall(&self) {
        self.signal("-STOP");
    }

    /// It goes on.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(kill.is_ok_and(|status| status.success()), "it can be sent a signal");
    }

    /// Starts it anew; what it was told before is forgotten.
    pub fn start_again(&mut self) {
        self.process = launch(&self.folder, self.library, self.port, self.control, self.certificate.as_deref());
        self.event("", "listening");
    }

    /// The settings of an application of this name, which answers a number of its own: `gateway-<name>`.
    pub fn settings(&self, name: &str) -> String {
        let hook = self.hook(name);
        let status = if self.library == "webhook" {
            format!("call_status_hook = \"{}\"\nuser = \"user\"\npassword = \"pass\"\n", self.hook("call-status"))
        } else {
            String::new()
        };
        let sid = uuid::Uuid::new_v4();
        format!(
            "\n[[application]]\nsid = \"{sid}\"\nname = \"{name}\"\naccount = \"support\"\ncall_hook = \"{hook}\"\n\
             numbers = [\"gateway-{name}\"]\nenv_vars = {{ ROLE = \"{name}\" }}\n{status}",
        )
    }

    /// The call_hook of a path.
    pub fn hook(&self, name: &str) -> String {
        let scheme = if self.library == "webhook" { "http" } else { "ws" };
        let scheme = if self.certificate.is_some() { format!("{scheme}s") } else { scheme.into() };
        format!("{scheme}://127.0.0.1:{}/{name}", self.port)
    }

    /// Everything that it was told, in order.
    pub fn events(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The names of what a path was told, in order.
    pub fn names(&self, path: &str) -> Vec<String> {
        let own = self.events().into_iter().filter(|event| event["path"] == path);
        own.map(|event| event["event"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The data of the first event of this name that fits, once it has come.
    pub fn find(&self, path: &str, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let events = self.events();
            let found =
                events.iter().find(|told| told["path"] == path && told["event"] == event && fits(&told["data"]));
            if let Some(found) = found {
                return found["data"].clone();
            }
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < end, "{path} should be told {event}; it was told:\n{log}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// The data of the first event of this name, once it has come.
    pub fn event(&self, path: &str, event: &str) -> Value {
        self.find(path, event, |_| true)
    }

    /// Has the session of a path do something.
    fn control(&self, what: &Value) {
        let url = format!("http://127.0.0.1:{}/", self.control);
        let output = Command::new("curl")
            .args(["-s", "--data-binary", &what.to_string(), &url])
            .output()
            .expect("curl is there");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "done", "{what}");
    }

    /// `session.injectCommand(command, data)`
    pub fn inject(&self, path: &str, command: &str, data: &Value) {
        self.control(&json!({"path": path, "inject": [command, data]}));
    }

    /// `session.injectCommand(command, data, callSid)`
    pub fn inject_to(&self, path: &str, command: &str, data: &Value, call_sid: &str) {
        self.control(&json!({"path": path, "inject": [command, data, call_sid]}));
    }

    /// Verbs by the session's own methods, then `send()`.
    pub fn send(&self, path: &str, verbs: &Value) {
        self.control(&json!({"path": path, "send": verbs}));
    }

    /// The same, then `send({execImmediate: false})`.
    pub fn queue(&self, path: &str, verbs: &Value) {
        self.control(&json!({"path": path, "queue": verbs}));
    }
}

fn launch(folder: &Path, library: &str, port: u16, control: u16, certificate: Option<&Path>) -> Process {
    let mut command = Command::new("node");
    if let Some(folder) = certificate {
        command.env("TLS_CERTIFICATE", folder.join("certificate.pem")).env("TLS_KEY", folder.join("key.pem"));
    }
    command
        .arg(sdk().join("app.mjs"))
        .args([library, &port.to_string()])
        .arg(folder.join("script.json"))
        .arg(control.to_string());
    Process::start(&mut command, &folder.join("log")).expect("Node.js is there")
}

/// An application of the examples. It ends with this value.
pub struct Example {
    _process: Process,
    port: u16,
    buttons: u16,
    scheme: &'static str,
}

impl Example {
    pub fn start(pbx: &Pbx, file: &str) -> Self {
        let [port, buttons] = [(); 2].map(|()| ports::free().expect("a port is free"));
        let mut command = Command::new("node");
        command.arg(examples::applications().join(file)).env("WEBHOOK_SECRET", "change-me");
        command.env("PORT", port.to_string()).env("BUTTONS_PORT", buttons.to_string());
        let process =
            Process::start(&mut command, &pbx.folder().join(format!("{file}.log"))).expect("Node.js is there");
        crate::run::wait_until("the example listens", &|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { _process: process, port, buttons, scheme: if file == "webhook.mjs" { "http" } else { "ws" } }
    }

    /// Where its three parts are.
    pub fn hooks(&self) -> Vec<(&'static str, String)> {
        let hook = |part| (part, format!("{}://127.0.0.1:{}/{part}", self.scheme, self.port));
        ["customer", "agent", "manager"].map(hook).to_vec()
    }

    /// Presses one of its buttons.
    pub fn press(&self, action: &str) {
        let url = format!("http://127.0.0.1:{}", self.buttons);
        let output = Command::new("curl").args(["-s", &url, "--data", action]).output().expect("curl is there");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "Accepted\n", "{action}");
    }
}

/// Applications that misbehave. They end with this value.
pub struct Broken {
    _process: Process,
    log: PathBuf,
    port: u16,
}

impl Broken {
    pub fn start(pbx: &Pbx) -> Self {
        let (log, port) = (pbx.folder().join("broken.log"), ports::free().expect("a port is free"));
        let mut command = Command::new("node");
        command.arg(sdk().join("broken.mjs")).arg(port.to_string());
        let process = Process::start(&mut command, &log).expect("Node.js is there");
        crate::run::wait_until("they listen", &|| {
            fs::read_to_string(&log).is_ok_and(|text| text.contains("listening"))
        });
        Self { _process: process, log, port }
    }

    /// The settings of those of these names.
    pub fn settings(&self, names: &[&str]) -> String {
        let one = |name: &&str| {
            format!(
                "\n[[application]]\nsid = \"{}\"\nname = \"{name}\"\naccount = \"support\"\n\
                 call_hook = \"ws://127.0.0.1:{}/{name}\"\nnumbers = [\"gateway-{name}\"]\n",
                uuid::Uuid::new_v4(),
                self.port
            )
        };
        names.iter().map(one).collect()
    }

    /// The call_hook of one of them.
    pub fn hook(&self, name: &str) -> String {
        format!("ws://127.0.0.1:{}/{name}", self.port)
    }

    /// What one of them was told.
    pub fn told(&self, name: &str) -> Vec<Value> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let told = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        told.filter(|told| told["path"] == name).collect()
    }
}
