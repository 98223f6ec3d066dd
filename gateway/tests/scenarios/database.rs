//! The database is locked, full or partly unreadable: no call waits for it, and what could not be kept is kept afterwards.

use crate::{app::App, gateway::Gateway, party::Party, pbx::Pbx, run::wait_until};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Everything is right again so soon after the cause is gone.
const MENDED: Duration = Duration::from_secs(2);

pub const SCENARIOS: &[(&str, fn())] = &[
    ("no_call_waits_for_a_database_that_is_locked", locked),
    ("a_session_that_cannot_be_read_costs_no_other_its_own", unreadable),
    ("a_database_that_is_gone_is_told_and_costs_no_call", gone),
];

fn database(gateway: &Gateway) -> Connection {
    let database = Connection::open(gateway.folder().join("gateway.db")).expect("it is there");
    database.busy_timeout(Duration::from_secs(5)).expect("SQLite takes a time-out");
    database
}

/// What is kept of all sessions.
fn kept(database: &Connection) -> String {
    let mut query = database.prepare("select state from sessions").expect("the table is there");
    let states = query.query_map([], |row| row.get::<_, String>(0)).expect("SQLite answers");
    states.filter_map(Result::ok).collect()
}

fn locked() {
    let pbx = Pbx::start("dblock");
    // Thirty verbs: each would take a second if it waited for the database.
    let mut verbs = vec![json!(["answer"])];
    verbs.extend((0..30).map(|_| json!(["pause", {"length": 0.01}])));
    verbs.push(json!(["conference", {"name": "room", "memberTag": "agent"}]));
    let script = json!({
        "/quick": {"verbs": verbs},
        "/manager": {
            "verbs": [["conference", {"name": "room", "speakOnlyTo": "agent", "actionHook": "/done"}]],
            "hooks": {"/done": {"verbs": [["conference", {"name": "after", "memberTag": "moved", "actionHook": "/over"}]]}, "/over": {}}
        },
    });
    let app = App::start(&pbx, "dblock", "node-client-ws", &script);
    let mut gateway = Gateway::start(&pbx, "gateway", &["quick", "manager"].map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "dblock");
    party.listens("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");

    let other = database(&gateway);
    other.execute_batch("begin immediate").expect("it can be locked");
    party.listens("quick", "gateway-quick");
    gateway.member("gateway-quick");
    gateway.act(&manager, "kick", None);
    app.event("/manager", "/done");
    wait_until("it is in the next conference", &|| pbx.members("app-after").len() == 1);
    let ready = gateway.ask("GET", "/readyz", "", None);
    assert!(ready.status == 503 && ready.msg().contains("database is locked"), "{ready:?}");
    assert!(!kept(&other).contains("moved"), "nothing can have been written: {}", kept(&other));

    other.execute_batch("commit").expect("it can be unlocked");
    let since = Instant::now();
    wait_until("what could not be kept is kept", &|| kept(&other).contains("moved"));
    wait_until("all is well", &|| gateway.ask("GET", "/readyz", "", None).status == 200);
    assert!(since.elapsed() < MENDED, "{:?}", since.elapsed());
    gateway.crash();
    // It waits for a database that is locked when it starts.
    other.execute_batch("pragma locking_mode = exclusive; begin exclusive; commit").expect("it can be locked");
    let unlocks = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(3));
        drop(other);
    });
    gateway.start_again();
    unlocks.join().expect("it is unlocked");
    assert!(gateway.log().contains("waiting until it is free"), "{}", gateway.log());
    app.event("/manager", "session:reconnect");
    gateway.act(&manager, "kick", None);
    app.event("/manager", "/over");
    party.judge();
}

fn unreadable() {
    let pbx = Pbx::start("dbread");
    let script = json!({"/manager": {"verbs": [["conference", {"name": "room", "actionHook": "/done"}]], "hooks": {"/done": {}}}});
    let app = App::start(&pbx, "dbread", "node-client-ws", &script);
    let mut gateway = Gateway::start(&pbx, "gateway", &app.settings("manager"));
    let mut party = Party::new(&pbx, "dbread");
    party.listens("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    gateway.crash();
    let other = database(&gateway);
    let bad = "insert into sessions (switch, call, state) values ('pbx', 'a', x'00ff'), ('pbx', 'b', '{'), ('pbx', x'fe', '{}')";
    other.execute_batch(bad).expect("SQLite takes anything");
    gateway.start_again();
    app.event("/manager", "session:reconnect");
    gateway.act(&manager, "kick", None);
    app.event("/manager", "/done");
    let told: Vec<Value> = app.events().into_iter().filter(|told| told["event"] == "session:new").collect();
    assert_eq!(told.len(), 1, "{told:?}");
    party.judge();
}

fn gone() {
    let pbx = Pbx::start("dbgone");
    let verb = |properties: Value| json!({"verbs": [["conference", properties]]});
    let script = json!({
        "/agent": verb(json!({"name": "room", "memberTag": "agent"})),
        "/manager": verb(json!({"name": "room", "speakOnlyTo": "agent"})),
    });
    let app = App::start(&pbx, "dbgone", "node-client-ws", &script);
    let mut gateway = Gateway::start(&pbx, "gateway", &["agent", "manager"].map(|name| app.settings(name)).concat());
    let mut party = Party::new(&pbx, "dbgone");
    party.listens("customer", "app-room**");
    party.listens("agent", "gateway-agent");
    gateway.member("gateway-agent");
    let (own, elsewhere) = (gateway.folder().join("gateway.db"), gateway.folder().join("elsewhere.db"));
    std::fs::rename(&own, &elsewhere).expect("a file can be moved");
    // Calls come and are steered as before.
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    party.hear("without the database", &["agent"]);
    gateway.act(&manager, "coach", Some("nobody"));
    party.hear("steered without the database", &[]);
    let ready = gateway.ask("GET", "/readyz", "", None);
    assert!(ready.status == 503 && ready.msg().contains("gateway.db is gone"), "{ready:?}");
    assert!(gateway.log().contains("a restart would not find the sessions"), "{}", gateway.log());
    std::fs::rename(&elsewhere, &own).expect("a file can be moved");
    let since = Instant::now();
    let ready = gateway.ask("GET", "/readyz", "", None);
    assert!(ready.status == 200 && since.elapsed() < MENDED, "{ready:?}");
    // What was kept meanwhile is in it.
    gateway.crash();
    gateway.start_again();
    for who in ["/agent", "/manager"] {
        app.event(who, "session:reconnect");
    }
    gateway.act(&manager, "coach", Some("agent"));
    party.hear("after a restart", &["agent"]);
    party.heard_nothing_until_now("over all of it", "customer");
    party.judge();
}
