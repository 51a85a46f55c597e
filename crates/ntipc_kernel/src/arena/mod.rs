//! The arena: one file, mapped by every participant. The only raw pointers into shared memory are in here.

pub mod damage;
pub mod fields;
mod known;
pub mod layout;
mod memory;

pub use memory::Arena;
