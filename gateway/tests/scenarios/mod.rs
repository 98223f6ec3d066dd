//! The scenarios that are played beside each kind of switch, and what they are played with. The kind's own kit is `crate::pbx`.

pub mod alone;
pub mod app;
pub mod beep;
pub mod bounds;
pub mod broken;
pub mod checked;
pub mod clients;
pub mod corpus;
pub mod cut;
pub mod database;
pub mod distributed;
pub mod ends;
pub mod examples;
#[path = "../../../tests/switch/folders.rs"]
pub mod folders;
pub mod gateway;
pub mod held;
pub mod injected;
#[path = "../../../tests/switch/judge.rs"]
#[expect(dead_code, reason = "the switches' own tests use the rest")]
pub mod judge;
pub mod late;
pub mod live;
pub mod meddler;
pub mod npm;
pub mod party;
#[path = "../../../tests/switch/phone.rs"]
#[expect(dead_code, reason = "the switches' own tests use the rest")]
pub mod phone;
pub mod placed;
#[path = "../../../tests/switch/ports.rs"]
pub mod ports;
#[path = "../../../tests/switch/process.rs"]
pub mod process;
pub mod raw;
pub mod reach;
pub mod recorded;
pub mod relay;
pub mod reload;
pub mod rest;
pub mod restart;
pub mod run;
pub mod shown;
pub mod sockets;
pub mod starters;
pub mod strangers;
pub mod talks;
pub mod told;
pub mod transports;
pub mod verbs;
#[path = "../../../tests/switch/voices.rs"]
#[expect(dead_code, reason = "the switches' own tests use the rest")]
pub mod voices;
