//! The arena: one file, mapped by every participant. The only raw pointers into shared memory are in here.

pub mod damage;
pub mod fields;
mod known;
pub mod layout;
mod log_layout;
mod memory;
mod pages;
mod queue_layout;
mod words;

pub use memory::Arena;
