//! Objects, their names, and the handles to them.

pub mod duplication;
pub mod handles;
pub mod kind;
pub(crate) mod names;
pub mod table;
