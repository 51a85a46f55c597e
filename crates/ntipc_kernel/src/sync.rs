//! The only import of atomics, so that a model checker can stand in for them.
//!
//! Two habits hold everywhere in the arena:
//!
//! * Fields that only the holder of the dispatcher lock touches are read with [`Shared::get`] (Acquire) and written
//!   with [`Shared::put`] (Release). The lock already orders them between living threads; Release keeps the *program
//!   order* of the stores, which is all that matters when the writer is killed between two of them: the kernel of Linux
//!   marks the dead thread's life word after its last store, so a thread that sees the mark sees every store before it.
//! * Fields that fast paths touch without the lock name their ordering at the call.

#[cfg(feature = "models")]
pub use crate::models::atomic::{AtomicU32, AtomicU64};
#[cfg(feature = "models")]
pub(crate) use crate::models::step::spin_loop;
#[cfg(not(feature = "models"))]
pub(crate) use std::hint::spin_loop;
pub use std::sync::atomic::Ordering;
pub(crate) use std::sync::atomic::fence;
#[cfg(feature = "faults")]
pub use std::sync::atomic::{AtomicBool, AtomicI32};
#[cfg(not(feature = "models"))]
pub use std::sync::atomic::{AtomicU32, AtomicU64};

/// Plain access to a word of the arena.
pub trait Shared<T> {
    fn get(&self) -> T;
    fn put(&self, value: T);
}

impl Shared<u32> for AtomicU32 {
    #[inline(always)]
    fn get(&self) -> u32 {
        self.load(Ordering::Acquire)
    }
    #[inline(always)]
    fn put(&self, value: u32) {
        self.store(value, Ordering::Release);
    }
}

impl Shared<u64> for AtomicU64 {
    #[inline(always)]
    fn get(&self) -> u64 {
        self.load(Ordering::Acquire)
    }
    #[inline(always)]
    fn put(&self, value: u64) {
        self.store(value, Ordering::Release);
    }
}
