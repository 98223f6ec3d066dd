//! Sees every system call of a thread: the kernel turns it into a signal, whose handler counts it.

use std::cell::Cell;

thread_local! {
    // Initialized without code: a signal handler may use it.
    static MADE: Cell<u64> = const { Cell::new(0) };
}

/// From now on, this thread's system calls are counted and not carried out, except for the two that end a signal handler
/// and a thread.
pub fn watch_this_thread() {
    // SAFETY: the handler touches nothing but a counter of its own thread; the action is zeroed where it is not set.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = count as extern "C" fn(i32) as usize;
        assert_eq!(libc::sigaction(libc::SIGSYS, &action, std::ptr::null_mut()), 0, "SIGSYS should be taken");
    }
    let instruction =
        |code: u32, jump_if: u8, value: u32| libc::sock_filter { code: code as u16, jt: jump_if, jf: 0, k: value };
    let mut program = [
        // The call's number is the first field of what a filter sees.
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 2, libc::SYS_rt_sigreturn as u32),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, libc::SYS_exit as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_TRAP),
        instruction(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the filter and its program outlive the calls, which copy them.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0, "a thread may give up privileges");
        assert_eq!(
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter),
            0,
            "a filter should be taken"
        );
    }
}

/// How many system calls this thread has tried since it is watched.
pub fn made() -> u64 {
    MADE.get()
}

/// Tries one.
pub fn make_one() {
    // SAFETY: it takes nothing and, watched, does nothing.
    unsafe { libc::getppid() };
}

extern "C" fn count(_: i32) {
    MADE.set(MADE.get() + 1);
}
