//! Who takes part, who is alive, and what is done when they are not.
//!
//! * `lock`: the dispatcher lock, and how it is taken over from the dead; `lock_word`: the word of every lock
//! * `attach`: making, joining and leaving a session; `directory`: its files; `presence`: the lock that says who takes
//!   part
//! * `caretaker`: the process that removes a large session whose last participant was killed
//! * `clean`: removing what the dead left
//! * `helper`: the thread every participant has; it holds the life word, and watches others
//! * `heirs`: children that were started with handles and have not joined yet
//! * `neighbours`: who watches whom; `watch`: how, and what if a watcher does not run; `reap`: what a watcher does for
//!   the dead
//! * `thread`: a thread's slot; `known_threads`: found quickly
//! * `pids`: to whom a process id is shown
//! * `leader`: a forked child whose first thread ends
//! * `lives`: objects of processes and threads; `pidfd_watch`: how their end is learnt of
//! * `release`: what is done for the dead (and for a process that leaves)
//! * `recover`: putting the lists right after a death inside the lock
//! * `membership`: what a forked child must not have; `fork`: it becomes a participant of its own

pub mod attach;
pub(crate) mod caretaker;
pub(crate) mod changes;
pub mod clean;
pub(crate) mod directory;
pub mod fork;
pub mod heirs;
pub(crate) mod helper;
pub(crate) mod known_threads;
mod leader;
pub(crate) mod lives;
pub(crate) mod lock;
pub(crate) mod lock_word;
pub(crate) mod membership;
mod neighbours;
pub(crate) mod pidfd_watch;
mod pids;
pub(crate) mod presence;
pub(crate) mod reap;
mod rebuild;
mod recover;
mod release;
pub(crate) mod thread;
pub(crate) mod watch;

pub use lock::let_others_run_by;
pub use watch::let_watch;
