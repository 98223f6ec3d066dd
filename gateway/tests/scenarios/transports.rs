//! Ways to an application and to the gateway: with TLS, and from one to another.

use crate::{
    app::{App, Broken},
    gateway::{Gateway, TRUSTED},
    party::Party,
    pbx::Pbx,
    raw,
    run::wait_until,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

pub const SCENARIOS: &[(&str, fn())] = &[
    ("applications_and_the_gateway_itself_are_reached_with_tls", tls),
    ("a_session_goes_on_over_another_transport", redirects),
];

/// An application that leads to others of this machine.
const ELSEWHERE: &str = "allowed_hosts = [\"127.0.0.1\"]\n";

/// A folder with a certificate for this machine, its key, and the certificate of who has signed it.
fn certificate(folder: PathBuf) -> PathBuf {
    fs::create_dir_all(&folder).expect("a folder can be made");
    let [own, above] = [(); 2].map(|()| KeyPair::generate().expect("a key can be made"));
    let mut authority = CertificateParams::new(Vec::new()).expect("it names nobody");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Two certificates of one name would be taken for one.
    authority.distinguished_name.push(DnType::CommonName, "authority of the tests");
    let trusted = authority.self_signed(&above).expect("it can be signed");
    let issuer = Issuer::new(authority, above);
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    let server = server.signed_by(&own, &issuer).expect("it can be signed");
    for (file, text) in [(TRUSTED, trusted.pem()), ("certificate.pem", server.pem()), ("key.pem", own.serialize_pem())]
    {
        fs::write(folder.join(file), text).expect("a file can be written");
    }
    folder
}

fn tls() {
    let pbx = Pbx::start("tls");
    let ours = certificate(pbx.folder().join("gateway"));
    let strange = certificate(pbx.folder().join("strange"));
    let verb = |properties: Value| json!({"verbs": [["answer"], ["conference", properties]]});
    let agent = json!({"/agent": verb(json!({"name": "room", "memberTag": "agent", "actionHook": "/done"})), "/done": {"verbs": []}});
    let manager =
        json!({"/manager": verb(json!({"name": "room", "speakOnlyTo": "agent"})), "/call-status": {"verbs": []}});
    let socket = App::start_with(&pbx, "tlss", "sdk", &agent, Some(ours.clone()));
    let hook = App::start_with(&pbx, "tlsh", "webhook", &manager, Some(ours.clone()));
    let [nobody, nowhere] = ["sdk", "webhook"].map(|library| {
        let script = json!({format!("/{library}"): verb(json!({"name": "room"}))});
        App::start_with(&pbx, library, library, &script, Some(strange.clone()))
    });
    let applications =
        [socket.settings("agent"), hook.settings("manager"), nobody.settings("sdk"), nowhere.settings("webhook")];
    assert!(applications[0].contains("wss://") && applications[1].contains("https://"), "{applications:?}");
    let mut gateway = Gateway::start(&pbx, "gateway", &applications.concat());
    let mut party = Party::new(&pbx, "tls");
    party.listens("customer", "app-room**");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    party.hear("with applications over TLS", &["agent"]);
    // Who has a certificate that nobody knows is told nothing of a call.
    for name in ["sdk", "webhook"] {
        assert_eq!(raw::call(&pbx, &format!("gateway-{name}")), "480", "{name}");
    }
    assert_eq!((nobody.names("/sdk"), nowhere.names("/webhook")), (vec![], vec![]));

    // The gateway's own.
    let [certificate, key] = ["certificate.pem", "key.pem"].map(|file| ours.join(file).display().to_string());
    gateway.start_again_with(|text| format!("{text}\n[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n"));
    assert!(gateway.url("").starts_with("https://"));
    gateway.act(&manager, "uncoach", None);
    party.hear("uncoached over TLS", &["agent", "customer"]);
    assert_eq!(plain(&gateway), "", "without TLS there is no answer");
    // Another certificate, without a restart: who trusts the one no longer trusts this.
    let both =
        |text: &str, from: &Path, to: &Path| text.replace(&from.display().to_string(), &to.display().to_string());
    gateway.reload(|text| both(text, &ours, &strange));
    assert_eq!(gateway.get("Calls").status, 0, "the certificate is a strange one");
    gateway.reload(|text| both(text, &strange, &ours));
    assert_eq!(gateway.get("Calls").status, 200);
    party.judge();
}

/// What it answers without TLS.
fn plain(gateway: &Gateway) -> String {
    let url = gateway.url("/healthz").replace("https:", "http:");
    let output =
        std::process::Command::new("curl").args(["-s", "--max-time", "5", &url]).output().expect("curl is there");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn redirects() {
    let pbx = Pbx::start("redir");
    let raw = Broken::start(&pbx);
    let successor = App::start(
        &pbx,
        "next",
        "sdk",
        &json!({"/next": {"verbs": [["conference", {"name": "next", "memberTag": "agent"}]]}}),
    );
    let older = App::start(
        &pbx,
        "older",
        "node-client-ws",
        &json!({"/older": {"verbs": [["conference", {"name": "older", "memberTag": "agent"}]]}}),
    );
    let redirect = |to: String| json!({"verbs": [["answer"], ["redirect", {"actionHook": to}]]});
    let web = App::start(
        &pbx,
        "rweb",
        "webhook",
        &json!({
            "/begin": redirect(raw.hook("redirected")), "/next": redirect(successor.hook("next")), "/older": redirect(older.hook("older")),
            "/stay": {"verbs": [["answer"], ["pause", {"length": 60}]]},
            "/verbs": {"verbs": [["conference", {"name": "web", "memberTag": "agent"}]]}, "/call-status": {"verbs": []},
        }),
    );
    let socket = App::start(&pbx, "rws", "sdk", &json!({"/socket": redirect(web.hook("verbs"))}));
    let applications = ["begin", "next", "older", "stay"].map(|name| web.settings(name) + ELSEWHERE).concat()
        + &socket.settings("socket")
        + ELSEWHERE;
    let gateway = Gateway::start(&pbx, "gateway", &applications);
    let mut party = Party::new(&pbx, "redir");
    let tags = |room: &str, key: &str| pbx.members(&format!("app-{room}")).first().map(|member| member[key].clone());
    let private = |room: &str| tags(room, "speak_only_to") == Some(json!(["agent"]));
    let tagged = |room: &str| tags(room, "tags") == Some(json!(["agent"]));
    let first = |name: &str| raw.told(name).first().cloned().unwrap_or_default();

    // From HTTP to a socket by the verb: its first message says so.
    party.listens("begin", "gateway-begin");
    wait_until("it is where the socket says", &|| private("broken-redirected"));
    let begin = gateway.member("gateway-begin");
    assert_eq!(
        (&first("redirected")["type"], &first("redirected")["data"]["call_sid"]),
        (&json!("session:redirect"), &json!(begin))
    );
    // By a request: the session begins there.
    party.listens("stay", "gateway-stay");
    web.find("/call-status", "request", |data| {
        data["body"]["to"] == "gateway-stay" && data["body"]["call_status"] == "in-progress"
    });
    let stay = gateway.call_to("gateway-stay")["call_sid"].as_str().expect("a sid").to_owned();
    assert_eq!(gateway.put(&stay, &json!({"call_hook": raw.hook("hooked")}).to_string()).status, 202);
    wait_until("it is where the socket says", &|| private("broken-hooked"));
    assert_eq!((&first("hooked")["type"], &first("hooked")["data"]["call_sid"]), (&json!("session:new"), &json!(stay)));
    assert_eq!(first("hooked")["data"]["call_status"], json!("in-progress"));
    // From that socket to another one, by a request: the new one goes on.
    assert_eq!(gateway.put(&stay, &json!({"call_hook": raw.hook("further")}).to_string()).status, 202);
    wait_until("it is where the next socket says", &|| {
        private("broken-further") && pbx.members("app-broken-hooked").is_empty()
    });
    assert_eq!(first("further")["type"], json!("session:redirect"));

    // The SDKs acknowledge it without verbs, and send these in a command: that is no mistake.
    for (who, app) in [("next", &successor), ("older", &older)] {
        party.listens(who, &format!("gateway-{who}"));
        wait_until("it is where the SDK's session says", &|| tagged(who));
        assert_eq!(app.names(&format!("/{who}")), ["session:new"], "{who}");
        // From now on the socket has its hooks and its commands.
        app.inject(&format!("/{who}"), "conf:participant-action", &json!({"action": "coach", "tag": "agent"}));
        wait_until("it is steered by it", &|| private(who));
    }

    // From a socket to HTTP: verbs come from there, and commands still by the socket.
    party.listens("socket", "gateway-socket");
    wait_until("it is where the webhook says", &|| tagged("web"));
    let asked = web.event("/verbs", "request");
    assert_eq!(
        (&asked["body"]["call_status"], &asked["authorization"]),
        (&json!("in-progress"), &Value::Null),
        "{asked}"
    );
    socket.inject("/socket", "conf:participant-action", &json!({"action": "coach", "tag": "agent"}));
    wait_until("it is steered by the socket", &|| private("web"));
    // Where the settings do not lead, no transport leads.
    for hook in ["wss://elsewhere.example.com/", "https://elsewhere.example.com/"] {
        let answer = gateway.put(&stay, &json!({"call_hook": hook}).to_string());
        assert!(answer.status == 422 && answer.msg().contains("allowed_hosts"), "{answer:?}");
    }
    assert!(private("broken-further"), "it has stayed where it was");
    party.judge();
}
