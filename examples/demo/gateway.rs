//! The same call through coach-gateway, beside a stock Asterisk: settings, dialplan and applications are those of examples/gateway.
//! The customer's application answers webhooks, the others are on websockets; commands go by REST, or by a session's injectCommand.

#[path = "../../gateway/tests/scenarios/examples.rs"]
mod examples;
#[path = "../../gateway/tests/scenarios/npm.rs"]
mod npm;
#[path = "../../gateway/tests/asterisk/pbx.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod pbx;

use crate::{
    folders,
    host::{Moment, Recording},
    ports,
    process::{self, Process},
    scenario::{By, Command, Party, Scenario},
    stage::{self, Conference},
    stock,
};
use pbx::Pbx;
use serde::Deserialize;
use serde_json::Value;
use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command as Program, Output},
    thread::sleep,
    time::{Duration, Instant},
};

/// The scenario where none is named: its parties are those of the applications.
pub const SCENARIO: &str = "examples/gateway/call.toml";

/// Plays the call. `rehearsal` is the same call without a clock: it says what is private when. `each_tick` sets the pace.
pub fn play(
    scenario: &Scenario,
    rehearsal: &Recording,
    folder: &Path,
    each_tick: &mut dyn FnMut(&Moment),
) -> Result<Recording, String> {
    let gateway = everything_is_there()?;
    let settings: Settings = toml::from_str(&examples::copy("gateway.toml", &[])).map_err(|e| e.to_string())?;
    for party in &scenario.parties {
        settings.number(&party.name).map_err(|e| format!("{}: {e}", party.place))?;
    }
    process::keep_time();
    println!("npm: what the applications in examples/gateway/applications need");
    npm::install(&examples::applications())?;
    println!("Asterisk: starts, with res_coach and the example's dialplan");
    let pbx = Pbx::start("demo");
    let mut conference = Gateway::start(&pbx, &gateway, settings)?;
    println!("phones: they call in, one after the other\n");
    let played = stage::play(scenario, rehearsal, folder, &mut conference, each_tick)
        .map_err(|e| format!("{e}\nlogs: {}", pbx.folder().display()))?;
    drop(conference);
    drop(pbx);
    folders::clean_up("gateway");
    Ok(played)
}

/// Looks for everything that the call needs; where the gateway is.
fn everything_is_there() -> Result<PathBuf, String> {
    for program in ["baresip", "curl", "node", "npm"] {
        let found = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|at| at.join(program).exists()));
        if !found {
            return Err(format!("{program} is not there: `make setup` installs it"));
        }
    }
    let gateway = folders::target().join("gateway/coach-gateway");
    let built =
        [gateway.clone(), folders::target().join("hosts/res_coach.so"), folders::project().join("target/asterisk")];
    match built.iter().find(|path| !path.exists()) {
        Some(missing) => Err(format!("{} is not there: `make demo-gateway` makes it", missing.display())),
        None => Ok(gateway),
    }
}

/// Of the gateway's settings, what the demo needs.
#[derive(Deserialize)]
struct Settings {
    account: Vec<Account>,
    application: Vec<Application>,
}

#[derive(Deserialize)]
struct Account {
    sid: String,
    webhook_secret: String,
}

#[derive(Deserialize)]
struct Application {
    name: String,
    numbers: Vec<String>,
}

impl Settings {
    /// The number of a party's application.
    fn number(&self, party: &str) -> Result<&str, String> {
        let own = self.application.iter().find(|application| application.name == party);
        own.and_then(|application| application.numbers.first()).map(String::as_str).ok_or_else(|| {
            let names: Vec<&str> = self.application.iter().map(|own| own.name.as_str()).collect();
            format!("no application in examples/gateway/gateway.toml is {party:?}; there are {}", names.join(", "))
        })
    }
}

/// A gateway with its applications. They end with this value.
struct Gateway<'a> {
    pbx: &'a Pbx,
    settings: Settings,
    base_url: String,
    key: String,
    /// Where the manager's application has its buttons.
    buttons: String,
    _processes: [Process; 3],
}

impl<'a> Gateway<'a> {
    fn start(pbx: &'a Pbx, program: &Path, settings: Settings) -> Result<Self, String> {
        let free = || ports::free().map_err(|e| format!("no port is free: {e}"));
        let (listen, websocket, buttons, webhook) = (free()?, free()?, free()?, free()?);
        let hooks = [
            ("customer", format!("http://127.0.0.1:{webhook}/customer")),
            ("agent", format!("ws://127.0.0.1:{websocket}/agent")),
            ("manager", format!("ws://127.0.0.1:{websocket}/manager")),
        ];
        let text = examples::settings(pbx.folder(), listen, &|text| pbx.in_settings(text), &hooks);
        let file = pbx.folder().join("gateway.toml");
        fs::write(&file, &text).map_err(|e| format!("{}: {e}", file.display()))?;
        println!("coach-gateway: a key, then `serve`, with {}", file.display());
        let arguments = ["key", "new", "--name", "demo", "--scope", "all", "--settings"];
        let key = said(Program::new(program).args(arguments).arg(&file))?;
        let start = |command: &mut Program, log: &str| {
            Process::start(command, &pbx.folder().join(log)).map_err(|e| format!("{command:?}: {e}"))
        };
        let application = |file: &str| {
            let mut node = Program::new("node");
            node.arg(examples::applications().join(file));
            node
        };
        println!("applications: whisper.mjs for agent and manager, webhook.mjs for the customer");
        let secret = &settings.account[0].webhook_secret;
        let processes = [
            start(
                application("whisper.mjs").env("PORT", websocket.to_string()).env("BUTTONS_PORT", buttons.to_string()),
                "whisper.log",
            )?,
            start(
                application("webhook.mjs").env("PORT", webhook.to_string()).env("WEBHOOK_SECRET", secret),
                "webhook.log",
            )?,
            start(Program::new(program).arg("serve").arg("--settings").arg(&file), "gateway.log")?,
        ];
        let base_url = format!("http://127.0.0.1:{listen}");
        let logs = |what: &str| format!("{what} after 30 s: see the logs in {}", pbx.folder().display());
        for port in [websocket, buttons, webhook] {
            until(|| TcpStream::connect(("127.0.0.1", port)).is_ok())
                .ok_or_else(|| logs("an application does not listen"))?;
        }
        let ready = || said(Program::new("curl").args(["-sf", &format!("{base_url}/readyz")])).is_ok();
        until(ready).ok_or_else(|| logs("the gateway is not ready"))?;
        let buttons = format!("http://127.0.0.1:{buttons}");
        Ok(Self { pbx, settings, base_url, key: key.trim().to_owned(), buttons, _processes: processes })
    }

    /// Runs a line as it is typed, with what its variables stand for.
    fn shell(&self, line: &str) -> Result<String, String> {
        let mut shell = Program::new("sh");
        shell.args(["-c", line]).env("base_url", &self.base_url).env("key", &self.key);
        said(shell.env("account_sid", &self.settings.account[0].sid)).map(|text| text.trim().to_owned())
    }

    fn get(&self, resource: &str) -> Result<Value, String> {
        let line =
            format!("curl -sf -g \"$base_url/v1/Accounts/$account_sid/{resource}\" -H \"Authorization: Bearer $key\"");
        let text = self.shell(&line)?;
        serde_json::from_str(&text).map_err(|e| format!("{resource}: {e} in {text}"))
    }

    /// A member's tags, and whom it speaks to.
    fn mode(&self, call_sid: &str) -> Result<String, String> {
        let conferences = self.get("Conferences?expand=participants")?;
        let conferences = conferences.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut members = conferences.iter().filter_map(|conference| conference["participants"].as_array()).flatten();
        let member = members.find(|member| member["call_sid"] == call_sid).ok_or("it is in no conference")?;
        Ok(format!("memberTag {}, speakOnlyTo {}", member["memberTag"], member["speakOnlyTo"]))
    }

    /// As every user of REST does it: a curl line.
    fn by_rest(&self, call_sid: &str, action: &Value) -> Result<String, String> {
        let body = serde_json::json!({"conferenceParticipantAction": action});
        let line = format!(
            "curl --location -g --request PUT \"$base_url/v1/Accounts/$account_sid/Calls/{call_sid}\" \
             -H \"Authorization: Bearer $key\" --data '{body}'"
        );
        let answer = self.shell(&format!("{line} --silent --write-out '\\n%{{http_code}}'"))?;
        match answer.rsplit_once('\n') {
            Some((body, "202")) => Ok(format!("{line}\n202 {body}")),
            _ => Err(format!("{line}\n{answer}")),
        }
    }

    /// A button of the manager's application, which has the session inject the command.
    fn by_inject_command(&self, call_sid: &str, action: &Value) -> Result<String, String> {
        let before = self.mode(call_sid)?;
        let pressed = said(Program::new("curl").args(["-sS", &self.buttons, "--data", &action.to_string()]))?;
        if pressed.trim() != "Accepted" {
            return Err(pressed);
        }
        // jambonz does not answer such a command; it is done when the conference shows it.
        let mut after = Ok(before.clone());
        until(|| {
            after = self.mode(call_sid);
            !after.as_ref().is_ok_and(|after| *after == before)
        });
        let after = after?;
        if after == before {
            return Err(format!("{action} by injectCommand has changed nothing: {after}"));
        }
        Ok(format!("session.injectCommand('conf:participant-action', {action})\nnow {after}"))
    }
}

impl Conference for Gateway<'_> {
    fn address(&self, party: &Party) -> String {
        format!("sip:{}@127.0.0.1:{}", self.settings.number(&party.name).unwrap_or_default(), self.pbx.sip)
    }

    /// Its call_sid.
    fn newcomer(&mut self, party: &Party, _: &[&str]) -> Result<Option<String>, String> {
        let calls = self.get(&format!("Calls?to={}", self.settings.number(&party.name)?))?;
        let calls = calls.as_array().map(Vec::as_slice).unwrap_or_default();
        let member = calls.iter().find(|call| call["conference"].is_string());
        Ok(member.and_then(|call| call["call_sid"].as_str()).map(str::to_owned))
    }

    fn command(
        &mut self,
        command: &Command,
        called: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(String, String), String> {
        let words: Vec<&str> = command.run.split_whitespace().collect();
        let [what, _, party, tag @ ..] = words.as_slice() else {
            return Err(format!("coach {}: no party", command.run));
        };
        let call_sid = called(party).ok_or_else(|| format!("{party} is not in the call"))?;
        let mut action = serde_json::json!({"action": what});
        if let Some(tag) = tag.first() {
            action["tag"] = (*tag).into();
        }
        let (way, answer) = match command.by {
            By::Rest => ("REST", self.by_rest(&call_sid, &action)?),
            By::InjectCommand if *party != "manager" => {
                return Err(
                    "only the manager's application has buttons for injectCommand: by = \"rest\" is needed".into()
                );
            }
            By::InjectCommand => ("injectCommand", self.by_inject_command(&call_sid, &action)?),
        };
        Ok((format!("{way}: {}", command.run), answer))
    }
}

/// Waits until something is so; nothing: it has not come.
fn until(mut is_so: impl FnMut() -> bool) -> Option<()> {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        if Instant::now() > end {
            return None;
        }
        sleep(Duration::from_millis(20));
    }
    Some(())
}

/// What a program prints.
fn said(program: &mut Program) -> Result<String, String> {
    let Output { status, stdout, stderr } = program.output().map_err(|e| format!("{program:?}: {e}"))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    Err(format!("{program:?}: {status}: {}", String::from_utf8_lossy(&stderr).trim()))
}
