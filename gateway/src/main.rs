//! coach-gateway: see the library.

fn main() -> std::process::ExitCode {
    coach_gateway::cli::run()
}
