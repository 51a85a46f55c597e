//! Private state of an object that only its methods touch.
// UNSAFETY: makes a `RefCell` shareable, because the GIL makes its users come one after the other.

use pyo3::prelude::*;
use std::cell::RefCell;

/// State behind the GIL. Every use shows a token of the GIL, so no two threads are at the borrow count at once; a use
/// inside of a use, by a thread that came while the first had given the GIL up or by Python code that the first ran,
/// finds it borrowed and gets `None`.
pub struct UnderGil<T>(RefCell<T>);

// SAFETY: `with` is the only way to the cell, and its caller holds the GIL, which orders all uses. What is inside may
// be used by any thread.
unsafe impl<T: Send> Sync for UnderGil<T> {}

impl<T> UnderGil<T> {
    pub const fn new(value: T) -> UnderGil<T> {
        UnderGil(RefCell::new(value))
    }

    /// Use it. `None`: it is in use.
    #[inline(always)]
    pub fn with<R>(&self, _py: Python<'_>, body: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.0.try_borrow_mut().ok().map(|mut value| body(&mut value))
    }
}
