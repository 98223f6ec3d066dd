//! Promise 7, the host survives unloading: threads of the host, which made calls all at once, live on without the library, and
//! nothing of it stays in memory, so that a switch can load it anew.

mod support;

use std::{env, fs, ptr, sync::Barrier, thread};
use support::{COACH_ABI_VERSION, COACH_ENGINE_HOST_SERVICE, COACH_OK, Coach, coach_engine_config_t, coach_event};

unsafe extern "C" fn on_event(_: *mut std::ffi::c_void, _: *const coach_event) {}

fn is_mapped(file: &str) -> bool {
    fs::read_to_string("/proc/self/maps").expect("Linux has it").contains(file)
}

#[test]
fn threads_that_live_on_do_not_hold_the_library_nor_miss_it() {
    // A name of its own: other tests may have the same file loaded.
    let copy = env::temp_dir().join(format!("libcoach-unload-{}.so", std::process::id()));
    let name = copy.file_name().expect("it has one").to_str().expect("plain").to_string();
    fs::copy(env::current_exe().expect("a test knows its path").with_file_name("libcoach.so"), &copy).expect("copied");
    // SAFETY: this package's own library.
    let coach = unsafe { Coach::new(&copy) }.expect("it loads");
    fs::remove_file(&copy).expect("it was there");
    assert!(is_mapped(&name), "loaded");

    let config = coach_engine_config_t {
        size: size_of::<coach_engine_config_t>() as u32,
        flags: COACH_ENGINE_HOST_SERVICE,
        guard_ms: 200,
        reserved: 0,
        on_event: Some(on_event),
        user: ptr::null_mut(),
    };
    let mut engine = 0;
    // SAFETY: as coach.h says, here and below.
    assert_eq!(unsafe { coach.coach_engine_create(COACH_ABI_VERSION, &config, &mut engine) }, COACH_OK);
    let (called, unloaded) = (Barrier::new(5), Barrier::new(5));
    thread::scope(|scope| {
        for number in 0..4 {
            let (coach, called, unloaded) = (&raw const coach as usize, &called, &unloaded);
            scope.spawn(move || {
                {
                    // SAFETY: it lives until `called` has been waited for.
                    let coach = unsafe { &*(coach as *const Coach) };
                    for turn in 0..500 {
                        let name = std::ffi::CString::new(format!("room-{number}-{turn}")).expect("no NUL");
                        let mut room = 0;
                        // SAFETY: as coach.h says.
                        unsafe {
                            assert_eq!(coach.coach_room_open(engine, name.as_ptr(), ptr::null(), &mut room), COACH_OK);
                            coach.coach_engine_service(engine);
                            assert_eq!(coach.coach_room_close(room), COACH_OK);
                        }
                    }
                }
                called.wait();
                unloaded.wait();
            });
        }
        called.wait();
        // SAFETY: as coach.h says.
        assert_eq!(unsafe { coach.coach_engine_destroy(engine) }, COACH_OK);
        drop(coach);
        let held = is_mapped(&name);
        unloaded.wait();
        assert!(!held, "a thread holds the library");
    });
}
