//! What each key of the settings means.

use super::{
    Account, Application, Calls, Mistake, Mistakes, Secret, Settings, Speech, SwitchKind, SwitchSettings, Tls,
    reach::Reach,
    reader::{Reader, Section},
};
use crate::names;
use ipnet::IpNet;
use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    ops::Range,
    path::PathBuf,
    sync::Arc,
};
use toml::de::DeTable;
use url::{Host, Url};
use uuid::Uuid;

const A_FOLDER: &str = "the path of a folder from / on, of letters, digits, '/', '.', '-' and '_'";
const A_PEM_FILE: &str = "the path of a PEM file";
const A_UUID: &str = "a UUID, as `uuidgen` makes them";
const A_HOOK: &str = "an address that begins with http://, https://, ws:// or wss://";
const A_KIND: &str = "\"asterisk\" or \"freeswitch\"";
const AN_ADDRESS: &str = "an address and a port, such as \"127.0.0.1:8099\"";

impl Settings {
    /// Reads them from a text.
    pub fn parse(text: &str) -> Result<Self, Mistakes> {
        let reader = Reader::new(text);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            reader.mistake(&error.span().unwrap_or(0..0), error.message());
        }
        let root = Section::new(&reader, table.get_ref(), 0..0, "the file");
        let settings = read(&reader, &root);
        root.finish();
        let mistakes: Vec<Mistake> = reader.mistakes();
        match settings {
            Some(settings) if mistakes.is_empty() => Ok(settings),
            _ => Err(Mistakes(mistakes)),
        }
    }
}

fn read(reader: &Reader<'_>, root: &Section<'_, '_>) -> Option<Settings> {
    let listen = root.parsed("listen", AN_ADDRESS).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8099)));
    let tls = root.section("tls").and_then(|section| tls(reader, &section));
    if !root.flag("behind_tls_proxy").unwrap_or(false)
        && !listen.ip().to_canonical().is_loopback()
        && root.section("tls").is_none()
    {
        let (_, at) = root.text("listen", AN_ADDRESS).unwrap_or_default();
        reader.mistake(
            &at,
            format!(
                "listen is {listen}, which others reach without TLS: give a loopback address, a [tls] with certificate and key, or say \
                 behind_tls_proxy = true"
            ),
        );
    }
    let database = root.text("database", "the path of a file").map(|(path, _)| path);
    let accounts = accounts(reader, root);
    let switches = switches(reader, root, &accounts);
    let applications = applications(reader, root, &accounts);
    Some(Settings {
        listen,
        tls,
        database: root.required("database", "the path of a file", database).unwrap_or_default().into(),
        requests_per_minute: root.number("requests_per_minute", 1..1_000_001).unwrap_or(600),
        most_sessions: root.number("most_sessions", 1..1_000_001).unwrap_or(2000) as usize,
        most_connections: root.number("most_connections", 1..1_000_001).unwrap_or(512) as usize,
        cors_origins: root
            .texts("cors_origins", "origins, such as \"https://console.example.com\"")
            .into_iter()
            .map(|(t, _)| t)
            .collect(),
        speech: speech(root),
        recordings: recordings(reader, root),
        accounts,
        switches,
        applications,
    })
}

/// `[tls]`
fn tls(reader: &Reader<'_>, section: &Section<'_, '_>) -> Option<Tls> {
    let file = |key: &str| {
        let text = section.text(key, A_PEM_FILE);
        if let Some((path, at)) = &text
            && let Err(error) = std::fs::File::open(path)
        {
            reader.mistake(at, format!("{key}: {path} cannot be read: {error}"));
        }
        section.required(key, A_PEM_FILE, text.map(|(path, _)| path.into()))
    };
    let (certificate, key) = (file("certificate"), file("key"));
    section.finish();
    Some(Tls { certificate: certificate?, key: key? })
}

fn speech(root: &Section<'_, '_>) -> Speech {
    let section = root.section("speech");
    let command: Vec<String> =
        section.iter().flat_map(|s| s.texts("command", "a program and its arguments")).map(|(text, _)| text).collect();
    let folder = section.as_ref().and_then(|s| s.text("folder", "the path of a folder")).map(|(path, _)| path);
    if let Some(section) = section {
        section.finish();
    }
    let espeak = ["espeak-ng", "-v", "{language}", "-w", "{file}", "--stdin"];
    Speech {
        command: if command.is_empty() { espeak.map(str::to_owned).to_vec() } else { command },
        folder: folder.unwrap_or_else(|| "/var/lib/coach-gateway/speech".into()).into(),
    }
}

fn recordings(reader: &Reader<'_>, root: &Section<'_, '_>) -> Option<PathBuf> {
    let section = root.section("recordings")?;
    let folder = section.required("folder", A_FOLDER, section.text("folder", A_FOLDER));
    section.finish();
    let (folder, at) = folder?;
    // It becomes a part of commands.
    let is_plain = folder.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if !folder.starts_with('/') || !is_plain || folder.contains("..") {
        reader.mistake(&at, format!("folder is {folder:?}: give {A_FOLDER}"));
    }
    Some(folder.into())
}

/// Says of the second one that it is there twice.
fn unique<T: PartialEq + std::fmt::Debug>(
    reader: &Reader<'_>,
    seen: &mut Vec<T>,
    key: &str,
    value: T,
    at: &Range<usize>,
) {
    if seen.contains(&value) {
        reader.mistake(at, format!("{key} {value:?} is there twice: give each its own"));
    }
    seen.push(value);
}

fn accounts(reader: &Reader<'_>, root: &Section<'_, '_>) -> Vec<Account> {
    let (mut sids, mut prefixes, mut accounts) = (Vec::new(), Vec::<String>::new(), Vec::new());
    for section in root.sections("account") {
        let sid = section.parsed::<Uuid>("sid", A_UUID);
        let sid = section.required("sid", A_UUID, sid);
        let name = section.text("name", "a name").map(|(name, _)| name).unwrap_or_default();
        let (room_prefix, at) =
            section.text("room_prefix", "a text").unwrap_or_else(|| ("app-".into(), section.place().clone()));
        if let Err(right) = names::check_prefix(&room_prefix) {
            reader.mistake(&at, format!("room_prefix is {room_prefix:?}: {right}"));
        }
        if let Some(other) =
            prefixes.iter().find(|other| other.starts_with(&room_prefix) || room_prefix.starts_with(other.as_str()))
        {
            reader.mistake(&at, format!(
                "room_prefix {room_prefix:?} and {other:?} begin alike, so that two accounts could name one conference: give each its own"
            ));
        }
        prefixes.push(room_prefix.clone());
        let webhook_secret = section.secret("webhook_secret");
        section.finish();
        let Some(sid) = sid else { continue };
        unique(reader, &mut sids, "sid", sid, section.place());
        accounts.push(Account { sid, name, room_prefix, webhook_secret });
    }
    if root.sections("account").is_empty() {
        reader.mistake(&(0..0), "there is no [[account]]: give at least one, with a sid");
    }
    accounts
}

/// The account that a table names; where there is only one, it need not.
fn account(reader: &Reader<'_>, section: &Section<'_, '_>, accounts: &[Account]) -> Option<Uuid> {
    let named = section.text("account", "an account's sid");
    let Some((text, at)) = named else {
        if let [only] = accounts {
            return Some(only.sid);
        }
        return section.required("account", "an account's sid", None);
    };
    let found = accounts.iter().find(|account| account.sid.to_string() == text || account.name == text);
    if found.is_none() {
        reader.mistake(&at, format!("account is {text:?}, and no [[account]] has that sid or name"));
    }
    found.map(|account| account.sid)
}

fn switches(reader: &Reader<'_>, root: &Section<'_, '_>, accounts: &[Account]) -> Vec<SwitchSettings> {
    let (mut names, mut switches) = (Vec::new(), Vec::new());
    for section in root.sections("switch") {
        let name = section.text("name", "a name that stays").map(|(name, _)| name);
        let name = section.required("name", "a name that stays", name);
        let account = account(reader, &section, accounts);
        let kind = section.text("kind", A_KIND);
        let kind = match section.required("kind", A_KIND, kind) {
            Some((kind, _)) if kind == "asterisk" => asterisk(reader, &section),
            Some((kind, _)) if kind == "freeswitch" => freeswitch(reader, &section),
            Some((kind, at)) => {
                reader.mistake(&at, format!("kind is {kind:?}; give {A_KIND}"));
                continue;
            }
            None => None,
        };
        let calls = section.section("calls").map(|calls| self::calls(reader, &calls, kind.as_ref()));
        section.finish();
        let (Some(name), Some(account), Some(kind)) = (name, account, kind) else { continue };
        unique(reader, &mut names, "the switch's name", name.clone(), section.place());
        switches.push(SwitchSettings { name, account, kind, calls });
    }
    if root.sections("switch").is_empty() {
        reader.mistake(&(0..0), "there is no [[switch]]: give at least one");
    }
    switches
}

fn asterisk(reader: &Reader<'_>, section: &Section<'_, '_>) -> Option<SwitchKind> {
    let manager = section.text("manager", AN_ADDRESS).map(|(address, _)| address);
    let manager = section.required("manager", AN_ADDRESS, manager);
    let user = section.text("manager_user", "a user of manager.conf").map(|(user, _)| user);
    let user = section.required("manager_user", "a user of manager.conf", user);
    let secret = section.secret("manager_secret");
    if !section.names_secret("manager_secret") {
        section.required("manager_secret", "manager_secret_file, manager_secret_env or manager_secret", None::<()>);
    }
    let (agi_listen, agi_allow) = hand_over(reader, section, "agi");
    Some(SwitchKind::Asterisk { manager: manager?, user: user?, secret: secret?, agi_listen, agi_allow })
}

fn freeswitch(reader: &Reader<'_>, section: &Section<'_, '_>) -> Option<SwitchKind> {
    let address = section.text("event_socket", AN_ADDRESS);
    let (address, at) = section.required("event_socket", AN_ADDRESS, address)?;
    let place = address.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse::<u16>().ok()?)));
    if place.is_none() {
        reader.mistake(&at, format!("event_socket is {address:?}; give {AN_ADDRESS}"));
    }
    let password = section.secret("event_socket_password");
    if !section.names_secret("event_socket_password") {
        let right = "event_socket_password_file, event_socket_password_env or event_socket_password";
        section.required("event_socket_password", right, None::<()>);
    }
    let (profile, at) =
        section.text("conference_profile", "a profile of conference.conf").unwrap_or(("default".into(), 0..0));
    if profile.is_empty() || !profile.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        reader.mistake(&at, format!("conference_profile is {profile:?}; give letters, digits, '-', '_' and '.'"));
    }
    let (socket_listen, socket_allow) = hand_over(reader, section, "socket");
    let (host, port) = place?;
    Some(SwitchKind::FreeSwitch { host, port, password: password?, profile, socket_listen, socket_allow })
}

/// Where calls are handed over, and who may do it.
fn hand_over(reader: &Reader<'_>, section: &Section<'_, '_>, way: &str) -> (Option<SocketAddr>, Vec<IpAddr>) {
    let (listen_key, allow_key) = (format!("{way}_listen"), format!("{way}_allow"));
    let listen: Option<SocketAddr> = section.parsed(&listen_key, AN_ADDRESS);
    let mut allow = Vec::new();
    for (text, at) in section.texts(&allow_key, "addresses") {
        match text.parse() {
            Ok(address) => allow.push(address),
            Err(_) => reader.mistake(&at, format!("{allow_key} has {text:?}; give addresses, such as \"10.0.0.5\"")),
        }
    }
    if listen.is_some_and(|listen| !listen.ip().to_canonical().is_loopback()) && allow.is_empty() {
        let at = section.text(&listen_key, AN_ADDRESS).map_or(0..0, |(_, at)| at);
        let what =
            format!("{listen_key} is no loopback address: {allow_key} has to say which switches may hand calls over");
        reader.mistake(&at, what);
    }
    (listen, allow)
}

/// `[switch.calls]`
fn calls(reader: &Reader<'_>, section: &Section<'_, '_>, kind: Option<&SwitchKind>) -> Calls {
    let dialled = |key: &str, mark: &str| {
        let right = format!(
            "what the switch dials, once with {mark}, such as \"PJSIP/{mark}@trunk\" or \"sofia/gateway/trunk/{mark}\""
        );
        let (text, at) = section.text(key, &right)?;
        let rest = text.replacen(mark, "", 1);
        let plain = |c: char| c.is_ascii_alphanumeric() || "/@:.-_+*#=~[]%?".contains(c);
        if rest.len() == text.len() || !rest.chars().all(plain) {
            reader.mistake(&at, format!("{key} is {text:?}; give {right}"));
        }
        Some(text)
    };
    let (phone, user, sip) = (dialled("phone", "{number}"), dialled("user", "{name}"), dialled("sip", "{uri}"));
    if phone.is_none() && user.is_none() && sip.is_none() {
        reader.mistake(section.place(), "calls has to say what the switch dials: give phone, user or sip");
    }
    let (usual, handed_over) = match kind {
        Some(SwitchKind::FreeSwitch { socket_listen, .. }) => ("default", socket_listen.is_some()),
        Some(SwitchKind::Asterisk { agi_listen, .. }) => ("coach-gateway", agi_listen.is_some()),
        None => ("", true),
    };
    if !handed_over {
        let what =
            "calls are placed, but answered calls cannot be handed over: give the switch agi_listen or socket_listen";
        reader.mistake(section.place(), what);
    }
    let (context, at) = section.text("context", "a context of the dialplan").unwrap_or_else(|| (usual.into(), 0..0));
    if !context.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        reader.mistake(&at, format!("context is {context:?}; give letters, digits, '-', '_' and '.'"));
    }
    section.finish();
    Calls { phone, user, sip, context }
}

fn applications(reader: &Reader<'_>, root: &Section<'_, '_>, accounts: &[Account]) -> Vec<Application> {
    let (mut sids, mut names, mut numbers_seen, mut applications) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for section in root.sections("application") {
        let sid = section.parsed::<Uuid>("sid", A_UUID);
        let sid = section.required("sid", A_UUID, sid);
        let name = section.text("name", "a name").map(|(name, _)| name);
        let name = section.required("name", "a name", name);
        let account = account(reader, &section, accounts);
        let call_hook = hook(reader, &section, "call_hook");
        let call_hook = section.required("call_hook", A_HOOK, call_hook);
        let call_status_hook = hook(reader, &section, "call_status_hook");
        let credentials = credentials(&section);
        let env_vars = section.pairs("env_vars").into_iter().collect();
        let numbers = section.texts("numbers", "numbers as texts");
        for (number, at) in &numbers {
            unique(reader, &mut numbers_seen, "the number", number.clone(), at);
        }
        let hooks = call_hook.iter().chain(&call_status_hook);
        let reach = Reach::new(hooks, allowed_hosts(reader, &section), internal_networks(reader, &section));
        section.finish();
        let (Some(sid), Some(name), Some(account), Some(call_hook)) = (sid, name, account, call_hook) else { continue };
        unique(reader, &mut sids, "sid", sid, section.place());
        unique(reader, &mut names, "the application's name", name.clone(), section.place());
        let numbers = numbers.into_iter().map(|(number, _)| number).collect();
        applications.push(Application {
            sid,
            name,
            account,
            call_hook,
            call_status_hook,
            credentials,
            env_vars,
            numbers,
            reach: Arc::new(reach),
        });
    }
    applications
}

fn hook(reader: &Reader<'_>, section: &Section<'_, '_>, key: &str) -> Option<Url> {
    let (text, at) = section.text(key, A_HOOK)?;
    let url =
        Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https" | "ws" | "wss") && url.has_host());
    if url.is_none() {
        reader.mistake(&at, format!("{key} is {text:?}; give {A_HOOK}"));
    }
    url
}

fn allowed_hosts(reader: &Reader<'_>, section: &Section<'_, '_>) -> Vec<Host<String>> {
    let right = "names of hosts or addresses, without a port, such as \"media.example.com\"";
    let mut hosts = Vec::new();
    for (text, at) in section.texts("allowed_hosts", right) {
        let host = text.parse::<Ipv6Addr>().map(Host::Ipv6).or_else(|_| Host::parse(&text));
        match host {
            Ok(host) => hosts.push(host),
            Err(_) => reader.mistake(&at, format!("allowed_hosts has {text:?}; give {right}")),
        }
    }
    hosts
}

fn internal_networks(reader: &Reader<'_>, section: &Section<'_, '_>) -> Vec<IpNet> {
    let right = "addresses or networks, such as \"10.1.2.3\" or \"10.1.0.0/16\"";
    let mut networks = Vec::new();
    for (text, at) in section.texts("internal_networks", right) {
        match text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
            Ok(network) => networks.push(network),
            Err(_) => reader.mistake(&at, format!("internal_networks has {text:?}; give {right}")),
        }
    }
    networks
}

fn credentials(section: &Section<'_, '_>) -> Option<(String, Secret)> {
    let user = section.text("user", "a user").map(|(user, _)| user);
    let password = section.secret("password");
    match (user, password) {
        (Some(user), Some(password)) => Some((user, password)),
        (Some(_), None) if !section.names_secret("password") => {
            section.required("password", "password_file, password_env or password, as there is a user", None)
        }
        (None, Some(_)) => section.required("user", "a user, as there is a password", None),
        _ => None,
    }
}
