//! What the tests on real switches share, itself tested: the judge of recordings, and the SIP phones.

mod judge;
mod phone;
mod process;
