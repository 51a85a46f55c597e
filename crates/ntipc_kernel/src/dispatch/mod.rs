//! The dispatcher: what it means that an object is signalled, who gets it, and how a thread waits.
//!
//! * `signal`: the meaning of an object's word
//! * `at_once`: the fast paths, without a lock
//! * `evaluate`: hand an object to those who wait for it, in transactions that survive a death
//! * `lookout`: waiters that look whether the thread that was told acts
//! * `wait_list`: wait records, wait lists, withdrawal and refund
//! * `wait`: the life of a wait, from the try to the acknowledgement; `enqueue`: its steps under the lock
//! * `spinning`: how long a thread spins before it sleeps; `partner`: what it learns of the thread that completed its
//!   wait
//! * `event`, `semaphore`, `mutant`, `timer`: what changes each kind

pub mod at_once;
mod enqueue;
pub(crate) mod evaluate;
pub mod event;
pub(crate) mod lookout;
pub mod mutant;
pub mod partner;
pub mod semaphore;
pub(crate) mod signal;
pub mod spinning;
pub mod timer;
pub mod wait;
mod wait_list;
