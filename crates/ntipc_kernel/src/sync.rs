//! The only door to atomics, so that a model checker can stand in for them.
//!
//! Two habits hold everywhere in the arena:
//!
//! * Fields that only the holder of the dispatcher lock touches are read with [`Shared::get`] (Acquire) and written with
//!   [`Shared::put`] (Release). The lock already orders them between living threads; Release keeps the *program order*
//!   of the stores, which is all that matters when the writer is killed between two of them: the kernel of Linux marks
//!   the dead thread's life word after its last store, so whoever sees the mark sees every store before it.
//! * Fields that fast paths touch without the lock name their ordering at the call.

pub use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};

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
