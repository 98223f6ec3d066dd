//! What Coach's packages need besides programs: `man <folder>` writes the gateway's man pages, `licences <package> [<feature>]` prints the
//! licences of every crate that is compiled into a package, for its file `copyright`.

mod licences;

use clap::CommandFactory;
use std::{env, fs, process::ExitCode};

const USAGE: &str = "usage: coach-packaging man <folder> | licences <package> [<feature>]";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["man", folder] => man(folder),
        ["licences", package] => licences::print(package, ""),
        ["licences", package, feature] => licences::print(package, feature),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("coach-packaging: {words}");
            ExitCode::FAILURE
        }
    }
}

/// A page for the program and for each of its commands.
fn man(folder: &str) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("{folder}: {error}"))?;
    let command = coach_gateway::cli::Arguments::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, folder).map_err(|error| format!("{folder}: {error}"))
}
