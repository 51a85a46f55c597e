//! What an event loop waits for, in place of the threads that would wait for each of its calls.
//!
//! A loop has a port: one descriptor, which becomes readable when something that the port watches has happened. The
//! thread that makes it readable is the relay, one a process.

pub mod port;
pub(crate) mod relay;
