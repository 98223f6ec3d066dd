//! What the tests on real switches share, itself tested: the judge of recordings. Phones and processes only have to compile here.

mod judge;
#[allow(dead_code)]
mod phone;
#[allow(dead_code)]
mod process;
