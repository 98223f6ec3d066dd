//! What is played, one file a subject.

use crate::{Stage, scene::Outcome};

mod joining;

/// A scenario's name, which is its conference's too, and its play.
pub type Scenario = (&'static str, fn(&Stage, &str) -> Outcome);

/// Lists functions under their own names.
macro_rules! scenarios {
    ($($module:ident: $($name:ident)*;)*) => {
        pub const ALL: &[Scenario] = &[$($((stringify!($name), $module::$name)),*),*];
    };
}

scenarios! {
    joining: without_the_module_everyone_hears_the_coach joined_by_application;
}
