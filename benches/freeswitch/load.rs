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
    /// What a process uses from now on, for so long.
    pub fn over(process: u32, time: Duration) -> Result<Self, String> {
        let folder = format!("/proc/{process}");
        let (begin, all, threads) = (Instant::now(), ticks(&folder)?, threads(&folder)?);
        sleep(time);
        let seconds = begin.elapsed().as_secs_f64();
        let percent = |ticks: u64| 100.0 * ticks as f64 / (hertz() * seconds);
        let process = percent(ticks(&folder)? - all);
        let since = |(name, now): (&String, &u64)| now - threads.get(name).copied().unwrap_or_default().min(*now);
        let busiest = self::threads(&folder)?.iter().map(since).max().unwrap_or_default();
        Ok(Self { process, busiest: percent(busiest) })
    }

    /// Each number's median.
    pub fn median(loads: &[Self]) -> Self {
        let middle = |number: fn(&Self) -> f64| {
            let mut all: Vec<f64> = loads.iter().map(number).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        Self { process: middle(|load| load.process), busiest: middle(|load| load.busiest) }
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
