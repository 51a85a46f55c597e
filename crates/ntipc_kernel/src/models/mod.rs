//! Models: the kernel itself, run under a scheduler that decides at every step who goes on and who dies.
//!
//! What is real: everything in `arena`, `object`, `dispatch` and `process`, the dispatcher lock, recovery and the
//! reaper's work. What stands in: the atomics (each access is a step), the futexes, the clock, the slots' life words
//! (marked by the model when it kills, in the place of the kernel of Linux) and the random choice of who reaps, unless
//! the model has helpers that watch. Memory is sequentially consistent here; what the orderings are for is shown by
//! `tests/orderings.rs`.
//!
//! A [`World`] is one session in one run: processes that have mapped the same memory, and threads of theirs. The
//! threads are coroutines of one thread of Linux, so a run is determined by its schedule and can be repeated from it.

#![expect(clippy::expect_used, clippy::panic, reason = "a model that cannot be set up fails its test")]

pub(crate) mod atomic;
pub(crate) mod eventfd;
mod explore;
pub(crate) mod futex;
pub(crate) mod step;
mod watchers;
mod world;

pub use explore::{Explored, Model, Search};
pub use step::{choose, spin_loop as give_way};
pub use watchers::{Helpers, leave, takes_part};
pub use world::{Ended, Fate, World};
