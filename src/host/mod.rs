//! Adapters: what a switch calls, translated into calls of the C ABI, and nothing else. Policy and audio are the engine's.

#[cfg(feature = "freeswitch")]
mod client;
#[cfg(feature = "freeswitch")]
mod freeswitch;
