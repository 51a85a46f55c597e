//! Queues: the one primitive that moves bytes. A bounded row of frames between those who hold its write end and those who hold
//! its read end.
//!
//! * `pages`: the pool that frames lie in
//! * `frame`: what a frame looks like, and where it lies
//! * `hand`: what a thread has in hand of an operation, and what becomes of it when the thread dies
//! * `side`: the lock of each side
//! * `ends`: making, opening, the last handle of an end, freeing
//! * `state`: readable and writable, and `turn`: whose turn it is to put
//! * `operation`: one of them from its intent to the last who is told, and `waiting`: how it waits
//! * `put`, `take`, `peek`: the operations; `short`: the same of short frames, if nothing is in the way; `mark`: waiting for a reader
//! * `message`: what is put, and where it goes
//! * `flight`: handles in frames
//! * `badge`: write ends that say whose frames are whose, and notices of their end
//! * `call`: requests and replies
//! * `drain`: frames that nobody will take
//! * `collect`: what nobody can reach any more
//! * `reclaim`: pages of empty queues, when there are no others
//! * `query`: looking

pub(crate) mod badge;
pub(crate) mod call;
mod collect;
mod drain;
mod ends;
mod flight;
pub(crate) mod frame;
pub(crate) mod hand;
mod mark;
mod message;
mod operation;
pub(crate) mod pages;
mod peek;
mod put;
mod query;
mod reclaim;
mod short;
pub(crate) mod side;
mod state;
mod take;
mod turn;
mod waiting;

pub use badge::Badge;
pub use call::Answer;
pub(crate) use collect::Losses;
pub use ends::{Ends, NewQueue};
pub use flight::{Attached, HANDLES_MAX, Received};
pub use frame::LENGTH_MAX;
pub use put::Put;
pub use query::QueueFacts;
pub use take::{Mode, Taken};
pub use waiting::{PAGES_SLICE_NS, Poll, Until, Waiting, Wanted};
