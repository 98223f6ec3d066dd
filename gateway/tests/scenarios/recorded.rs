//! Recordings of conferences.

use crate::{
    app::App,
    gateway::Gateway,
    judge::{Recording, UNHEARD},
    party::Party,
    pbx::Pbx,
    run::wait_until,
};
use serde_json::json;

pub const SCENARIOS: &[(&str, fn())] = &[
    ("a_recording_has_open_speech_and_nothing_private", recorded),
    ("a_recording_that_cannot_be_written_is_told_of", unwritable),
];

/// What the manager says, and how loud it is at least where it is heard.
const TONE: f64 = 1170.0;
const HEARD: f64 = -25.0;

/// The first and the last window in which the manager is heard, and how many there are.
fn span(levels: &[f64]) -> (usize, usize, usize) {
    let heard: Vec<usize> = (0..levels.len()).filter(|n| levels[*n] > HEARD).collect();
    let [first, .., last] = heard[..] else { panic!("the manager should be heard: {heard:?}") };
    (first, last, heard.len())
}

fn recorded() {
    let pbx = Pbx::start("rec");
    let verb = json!({"name": "room", "memberTag": "agent", "record": {"path": "/etc/passwd"}, "statusHook": "/status",
        "statusEvents": ["join"]});
    let script = json!({
        "/agent": {"verbs": [["conference", verb]], "hooks": {"/status": {"silent": true}}},
        "/manager": {"verbs": [["conference", {"name": "room", "speakOnlyTo": "agent", "record": {}}]]},
        "/refused": {"verbs": [["conference", {"name": "room", "record": {}}]]},
    });
    let app = App::start(&pbx, "rec", "sdk", &script);
    let applications = ["agent", "manager", "refused"].map(|name| app.settings(name)).concat();
    let mut gateway = Gateway::start(&pbx, "gateway", &applications);
    // Without a folder for them there are no recordings.
    let call = crate::raw::call(&pbx, "gateway-refused");
    assert_eq!(call, "480", "{}", gateway.log());
    assert!(gateway.log().contains("add [recordings]"));
    let folder = pbx.folder().join("recordings");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    gateway.start_again_with(|settings| format!("{settings}\n[recordings]\nfolder = \"{}\"\n", folder.display()));

    let mut party = Party::new(&pbx, "rec");
    party.listens("agent", "gateway-agent");
    let joined = app.find("/agent", "/status", |data| data["event"] == "join");
    let file =
        joined["recording"].as_str().unwrap_or_else(|| panic!("it should be told the file: {joined}")).to_owned();
    party.listens("customer", "app-room**");
    party.speaks("manager", "gateway-manager");
    let manager = gateway.member("gateway-manager");
    party.hear("whispering", &["agent"]);
    gateway.act(&manager, "uncoach", None);
    party.hear("speaking openly", &["agent", "customer"]);
    gateway.act(&manager, "coach", Some("agent"));
    party.hear("whispering again", &["agent"]);
    assert_eq!(pbx.members("app-room").len(), 3, "what records is no member");
    let heard = party.judge();
    wait_until("they hang up", &|| pbx.calls() == 0);

    let files = std::fs::read_dir(&folder).expect("it is there").flatten().map(|entry| entry.path());
    // On Asterisk there is the file too by which the gateway has seen that it can write there.
    let files: Vec<_> = files.filter(|file| !file.ends_with(".coach-gateway")).collect();
    assert_eq!(files, [std::path::PathBuf::from(&file)], "one recording, of the name that was told");
    let levels = Recording::read(&file).expect("it is a WAV file").levels(TONE).0;
    let (first, last, count) = span(&levels);
    // The customer has heard open speech alone. Each part was listened to for 80 windows of 10 ms: had any private one been recorded, it
    // would be as much longer.
    let (begin, end, _) = span(&heard["customer"].levels(TONE).0);
    let open = end - begin;
    assert!(last - first < open + 80, "{first} to {last} of {}, and the customer heard {open}", levels.len());
    assert!(count > open / 2, "open speech is recorded: {count} of {open}");
    assert!(
        first > 80 && last + 80 < levels.len(),
        "private speech has its time: {first} to {last} of {}",
        levels.len()
    );
    let private = levels[..first - 20].iter().chain(&levels[last + 20..]);
    let worst = private.copied().fold(f64::MIN, f64::max);
    assert!(worst < UNHEARD, "nothing private should be recorded: {worst:.1} dB");
}

/// The call is in its conference all the same.
fn unwritable() {
    let pbx = Pbx::start("unwrit");
    let script = json!({"/agent": {"verbs": [["conference", {"name": "room", "record": {}}]]}});
    let app = App::start(&pbx, "unwrit", "sdk", &script);
    let settings = app.settings("agent") + "\n[recordings]\nfolder = \"/proc/nowhere\"\n";
    let gateway = Gateway::start(&pbx, "gateway", &settings);
    let mut party = Party::new(&pbx, "unwrit");
    party.listens("agent", "gateway-agent");
    app.find("/agent", "jambonz:error", |data| {
        data["msg"].as_str().is_some_and(|msg| msg.contains("cannot write ") && msg.contains("/proc/nowhere"))
    });
    gateway.member("gateway-agent");
    party.hear("in a conference that is not recorded", &[]);
    party.judge();
}
