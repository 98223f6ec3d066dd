//! Which thread this is.

/// A thread, by the address of something of its own; another may have it once that one has ended.
///
/// `std::thread::current` would do, if it did not leave a destructor with each thread that asks. A host may unload this library: its
/// threads would run that destructor when they end, where there is none any more, and each load takes one of the process's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThisThread(usize);

thread_local! {
    static HERE: u8 = const { 0 };
}

impl ThisThread {
    pub fn get() -> Self {
        Self(HERE.with(|here| std::ptr::from_ref(here).addr()))
    }
}
