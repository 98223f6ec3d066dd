//! The command line as people and scripts use it: help, completion, the OpenAPI document, keys, exit codes.

use clap::CommandFactory;
use coach_gateway::cli::Arguments;
use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Output},
};

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coach-gateway"));
    command.env_remove("COACH_GATEWAY_SETTINGS").args(arguments).output().expect("the gateway starts")
}

/// Exit code, output, and what was said of an error.
fn said(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = run(arguments);
    let text = |bytes| String::from_utf8(bytes).expect("it is text");
    (status.code(), text(stdout), text(stderr))
}

/// Settings that are right, with a database of their own.
fn settings(folder: &Path) -> String {
    let file = folder.join("gateway.toml");
    let database = folder.join("gateway.db");
    let text = format!(
        "database = \"{}\"\n[[account]]\nsid = \"6c5e3f0a-52d1-4a63-9d0e-7b1f4c2a9e01\"\nname = \"support\"\nwebhook_secret = \"s\"\n\
        [[switch]]\nname = \"pbx\"\nkind = \"asterisk\"\nmanager = \"127.0.0.1:1\"\nmanager_user = \"u\"\nmanager_secret = \"x\"\n",
        database.display()
    );
    std::fs::write(&file, text).expect("a file can be written");
    file.display().to_string()
}

#[test]
fn the_help_of_every_command_has_an_example_that_is_understood() {
    fn look(command: &clap::Command, seen: &mut usize) {
        if command.has_subcommands() && command.get_name() != "coach-gateway" {
            return command.get_subcommands().for_each(|inner| look(inner, seen));
        }
        let help = command.get_after_help().unwrap_or_else(|| panic!("{}: no example", command.get_name())).to_string();
        let example = help.lines().find_map(|line| line.strip_prefix("Example: ")).expect("an example");
        let words = example.split(" > ").next().unwrap_or_default().split_whitespace();
        if let Err(why) = Arguments::command().try_get_matches_from(words) {
            panic!("{example}: {why}");
        }
        *seen += 1;
        command.get_subcommands().for_each(|inner| look(inner, seen));
    }
    let mut seen = 0;
    look(&Arguments::command(), &mut seen);
    assert_eq!(seen, 8, "the program itself, serve, check, three about keys, openapi, completion");
    let (code, help, _) = said(&["key", "new", "--help"]);
    assert!(code == Some(0) && help.contains("Example: coach-gateway key new"), "{help}");
}

#[test]
fn completion_knows_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = said(&["completion", shell]);
        assert_eq!(code, Some(0), "{shell}");
        for command in ["serve", "check", "key", "revoke", "openapi", "completion"] {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
}

#[test]
fn the_openapi_document_has_every_request_of_the_guide() {
    let (code, document, _) = said(&["openapi"]);
    assert_eq!(code, Some(0));
    let document: Value = serde_json::from_str(&document).expect("it is JSON");
    let guide =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/gateway.md")).expect("it is there");
    let start = guide.find("| request | what it does |").expect("a table of requests");
    let rows = guide[start..].lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut requests = 0;
    for row in rows {
        let request = row.split('|').nth(1).unwrap_or_default();
        let methods: Vec<&str> =
            ["GET", "PUT", "POST", "DELETE"].into_iter().filter(|method| request.contains(method)).collect();
        // `.../Calls` stands for the account's; a row may have two paths.
        for path in request
            .split(['`', ' ', ','])
            .filter(|word| word.contains("/Conf") || word.contains("/Call") || word.contains("/Ev"))
        {
            let path = path.replace("...", "/Accounts/{sid}").replace("{sid}", "{account_sid}");
            let path = format!("/v1{path}");
            for method in &methods {
                let known = &document["paths"][&path][method.to_lowercase()];
                assert!(known.is_object(), "{method} {path} is in the guide, and not in the document");
                requests += 1;
            }
        }
    }
    assert!(requests >= 9, "the guide has {requests} requests only");
    // Programs that are made from the document name a function after each.
    let operations = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|path| path.as_object().expect("methods").values());
    let mut names: Vec<&str> = operations.filter_map(|operation| operation["operationId"].as_str()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        (names.len(), count),
        (count, requests + 2),
        "each request and the two about health have a name: {names:?}"
    );
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = settings(folder.path());
    let key = |arguments: &[&str]| said(&[&["key"], arguments, &["--settings", &file]].concat());
    let (code, made, _) = key(&["new", "--name", "console", "--scope", "read,coach:agent"]);
    assert_eq!(code, Some(0));
    let secret = made.split_whitespace().find(|word| word.starts_with("ck_")).expect("a key").to_owned();
    let (code, listed, _) = key(&["list"]);
    assert!(code == Some(0) && listed.contains("console") && listed.contains("coach:agent"), "{listed}");
    assert!(!listed.contains(&secret), "the list tells the key: {listed}");
    let id = secret.split('_').nth(1).expect("its public part").to_owned();
    assert!(listed.contains(&id), "{listed}");
    assert_eq!(key(&["revoke", &id]).0, Some(0));
    let (code, _, why) = key(&["revoke", "000000000000"]);
    assert!(code == Some(1) && why.contains("000000000000"), "{code:?} {why}");
}

#[test]
fn what_is_wrong_ends_with_2_and_says_where() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let missing = folder.path().join("none.toml").display().to_string();
    let wrong = settings(folder.path());
    let text = std::fs::read_to_string(&wrong).expect("it is there").replace("kind = \"asterisk\"", "kind = \"pbx\"");
    std::fs::write(&wrong, text + "surplus = 1\n").expect("a file can be written");
    for command in ["serve", "check"] {
        let (code, _, why) = said(&[command, "--settings", &missing]);
        assert!(code == Some(2) && why.contains(&missing), "{code:?} {why}");
        let (code, _, why) = said(&[command, "--settings", &wrong]);
        assert!(code == Some(2) && why.contains(&wrong) && why.contains("asterisk"), "{code:?} {why}");
        assert_eq!(said(&[command, "--surplus"]).0, Some(2));
    }
    let (code, _, why) = said(&["key", "new", "--settings", &missing, "--scope", "everything"]);
    assert!(code == Some(2) && why.contains("everything"), "{code:?} {why}");
}

#[test]
fn a_switch_that_is_not_there_is_amiss() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = settings(folder.path());
    let (code, told, why) = said(&["check", "--settings", &file]);
    assert!(code == Some(1) && (told.clone() + &why).contains("pbx"), "{code:?} {told} {why}");
}
