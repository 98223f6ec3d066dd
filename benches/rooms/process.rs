//! What this process uses, as the kernel and the C library tell it: libcoach.so runs and allocates here too.

use std::{fs, thread, time::Duration};

/// Bytes that are allocated.
pub fn heap() -> usize {
    // SAFETY: it reads counters of the allocator.
    let info = unsafe { libc::mallinfo2() };
    info.uordblks + info.hblkhd
}

fn tasks() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux has it");
    tasks.filter_map(|task| Some(task.ok()?.path().to_str()?.to_string())).collect()
}

/// Threads.
pub fn threads() -> usize {
    tasks().len()
}

/// How much of one core is used, while this thread sleeps.
pub fn busy(time: Duration) -> f64 {
    let before = cpu_seconds();
    thread::sleep(time);
    (cpu_seconds() - before) / time.as_secs_f64()
}

fn cpu_seconds() -> f64 {
    let mut used = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: it writes the whole struct.
    let used = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, used.as_mut_ptr());
        used.assume_init()
    };
    [used.ru_utime, used.ru_stime].iter().map(|time| time.tv_sec as f64 + time.tv_usec as f64 / 1e6).sum()
}

/// How often all other threads wake up in a second.
pub fn wake_ups(time: Duration) -> f64 {
    let own = format!("/proc/self/task/{}", std::process::id());
    let count = || -> u64 {
        let others = tasks().into_iter().filter(|task| *task != own);
        others.filter_map(|task| fs::read_to_string(task + "/status").ok()).filter_map(|status| switches(&status)).sum()
    };
    let before = count();
    thread::sleep(time);
    (count() - before) as f64 / time.as_secs_f64()
}

fn switches(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()
}
