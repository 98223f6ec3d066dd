//! Passes on where the library's build script has put what it made from coach.h.

fn main() {
    println!(
        "cargo::rustc-env=COACH_BINDINGS={}",
        std::env::var("DEP_COACH_BINDINGS").expect("coach's build script says it")
    );
}
