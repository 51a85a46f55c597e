//! The kernel under a scheduler: each protocol with a few threads, many schedules, and processes that die at any step.
//!
//! Every model is run a second time with an ingredient of the protocol left out, and must then fail: what can't fail proves
//! nothing. `NTIPC_MODEL_SCHEDULES=100` searches a hundred times as long. A failure prints its schedule;
//! `NTIPC_MODEL_REPLAY=<schedule>`, with the name of the model as the test filter, runs that one again.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a failed call fails the model")]

mod badges;
mod calls;
mod completion;
mod deaths;
mod debuglog;
mod fast_path;
mod hand_over;
mod locks;
mod lookouts;
mod pulse;
mod queues;
mod short_frames;
mod timeouts;
mod wait_all;
mod waiting;
mod watchers;
