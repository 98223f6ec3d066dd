//! Counts instructions, which do not vary with the machine's load: this program runs a case again under Valgrind's
//! callgrind, which counts between entry and exit of `counted`.

use crate::cases::Case;
use std::{
    hint::black_box,
    process::{Command, Stdio},
};

/// The argument that makes this program the counted one; the case's number follows.
pub const FLAG: &str = "--count";

const RUNS: usize = 20;

/// What the counted program does.
pub fn run(case: &mut dyn Case) {
    for _ in 0..RUNS {
        case.prepare();
        counted(black_box(case));
        case.check();
    }
}

/// callgrind finds it by this name.
#[unsafe(export_name = "coach_bench_counted")]
#[inline(never)]
extern "Rust" fn counted(case: &mut dyn Case) {
    case.run();
}

/// Instructions a unit of case number `index`, or why they could not be counted.
pub fn count(index: usize, units: usize) -> Result<f64, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=coach_bench_counted"])
        .arg("--callgrind-out-file=/dev/null")
        .arg(program)
        .args([FLAG, &index.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("valgrind should be installed: {e}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    let total = log.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse::<f64>().ok());
    match total {
        Some(total) if output.status.success() && total > 0.0 => Ok(total / (RUNS * units) as f64),
        _ => Err(format!("callgrind should count this case: {log}")),
    }
}
