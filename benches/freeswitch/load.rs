//! Processor time of a process and of its busiest thread, from /proc.

use std::{
    collections::HashMap,
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

/// In percent of one core.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub process: f64,
    pub busiest: f64,
}

impl Load {
    /// What processes use from now on, for so long.
    pub fn over<const N: usize>(processes: [u32; N], time: Duration) -> Result<[Self; N], String> {
        let begin = Instant::now();
        let before = processes.map(Ticks::of);
        sleep(time);
        let (seconds, after) = (begin.elapsed().as_secs_f64(), processes.map(Ticks::of));
        let percent = |ticks: u64| 100.0 * ticks as f64 / (hertz() * seconds);
        let mut loads = Vec::new();
        for (before, after) in before.into_iter().zip(after) {
            let (before, after) = (before?, after?);
            let since = |(name, now): (&String, &u64)| now - before.threads.get(name).copied().unwrap_or(0).min(*now);
            let busiest = after.threads.iter().map(since).max().unwrap_or(0);
            loads.push(Self { process: percent(after.process - before.process), busiest: percent(busiest) });
        }
        loads.try_into().map_err(|_| "a load for each process".into())
    }
}

/// What a process and its threads have used.
struct Ticks {
    process: u64,
    threads: HashMap<String, u64>,
}

impl Ticks {
    fn of(process: u32) -> Result<Self, String> {
        let folder = format!("/proc/{process}");
        Ok(Self { process: ticks(&folder)?, threads: threads(&folder)? })
    }
}

fn hertz() -> f64 {
    // SAFETY: asks for a number.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) as f64 }
}

/// User and system time in a `stat`: the 14th and 15th field, the second of which is a name in brackets.
fn ticks(folder: &str) -> Result<u64, String> {
    let stat = fs::read_to_string(format!("{folder}/stat")).map_err(|e| format!("{folder}: {e}"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |n: usize| fields.get(n).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    Ok(field(11) + field(12))
}

fn threads(folder: &str) -> Result<HashMap<String, u64>, String> {
    let entries = fs::read_dir(format!("{folder}/task")).map_err(|e| format!("{folder}: {e}"))?;
    let thread = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        Some((name.clone(), ticks(&format!("{folder}/task/{name}")).ok()?))
    };
    Ok(entries.filter_map(|entry| thread(entry.ok()?)).collect())
}
