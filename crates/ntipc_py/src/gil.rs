//! Giving the GIL up while the kernel sleeps.
// UNSAFETY: saves and restores the thread state of a thread that holds the GIL.

use pyo3::ffi;
use pyo3::prelude::*;
use std::cell::Cell;

thread_local! {
    /// Inside [`detached`]: the GIL has been given up already.
    static DETACHED: Cell<bool> = const { Cell::new(false) };
}

/// Run something of the kernel without the GIL.
pub fn detached<T: Send>(py: Python<'_>, body: impl Send + FnOnce() -> T) -> T {
    py.detach(|| {
        DETACHED.set(true);
        let result = body();
        DETACHED.set(false);
        result
    })
}

/// A sleep of the kernel in the middle of a call, as it has to wait long for the dispatcher lock. The kernel runs in threads of its
/// own as well, and in those that have left the interpreter; who has a thread state here has the GIL, unless detached.
fn beside(sleep: &mut dyn FnMut()) {
    // SAFETY: may be called by any thread, at any time.
    if DETACHED.get() || unsafe { ffi::PyGILState_GetThisThreadState() }.is_null() {
        return sleep();
    }
    // SAFETY: this thread holds the GIL, see above, and nothing of the interpreter is touched in between.
    unsafe {
        let state = ffi::PyEval_SaveThread();
        sleep();
        ffi::PyEval_RestoreThread(state);
    }
}

pub fn install() {
    ntipc_kernel::process::let_others_run_by(beside);
}
