//! Giving the GIL up while the kernel sleeps.
// UNSAFETY: saves and restores the thread state of a thread that holds the GIL.

use pyo3::ffi;
use pyo3::prelude::*;
use std::cell::Cell;

thread_local! {
    /// This thread has given the GIL up.
    static DETACHED: Cell<bool> = const { Cell::new(false) };
}

mod raw {
    unsafe extern "C-unwind" {
        pub fn PyEval_RestoreThread(state: *mut pyo3::ffi::PyThreadState);
    }
}

/// Keeps its thread for ever once it is dropped.
struct StandStill;

impl Drop for StandStill {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

/// The GIL, given up until this is dropped.
///
/// Once the interpreter ends, a daemon thread does not get the GIL back: CPython before 3.14 unwinds it by
/// `pthread_exit`, which the frames of Rust above us would turn into an abort of the process. Such a thread stands
/// still instead, as it does in 3.14.
struct GivenUp(*mut ffi::PyThreadState);

impl GivenUp {
    /// # Safety
    /// The thread holds the GIL, and nothing touches the interpreter until the result is dropped.
    unsafe fn now() -> GivenUp {
        DETACHED.set(true);
        // SAFETY: the thread holds the GIL, says the caller.
        GivenUp(unsafe { ffi::PyEval_SaveThread() })
    }
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        let stand_still = StandStill;
        // SAFETY: the state that this thread saved. An unwinding that is forced runs the destructor above, which never
        // returns.
        unsafe { raw::PyEval_RestoreThread(self.0) };
        std::mem::forget(stand_still);
        DETACHED.set(false);
    }
}

/// Run something of the kernel without the GIL.
pub fn detached<T: Send>(_py: Python<'_>, body: impl Send + FnOnce() -> T) -> T {
    // SAFETY: `_py` shows that this thread has the GIL; `body` is `Send`, so it has no way to the interpreter.
    let given_up = unsafe { GivenUp::now() };
    let result = body();
    drop(given_up);
    result
}

/// A sleep of the kernel in the middle of a call, as it has to wait long for the dispatcher lock. The kernel runs in
/// threads of its own as well, and in those that have left the interpreter; a thread that has a thread state here
/// has the GIL, unless it is detached.
fn beside(sleep: &mut dyn FnMut()) {
    // SAFETY: may be called by any thread, at any time.
    if DETACHED.get() || unsafe { ffi::PyGILState_GetThisThreadState() }.is_null() {
        return sleep();
    }
    // SAFETY: this thread holds the GIL, see above, and nothing of the interpreter is touched in between.
    let given_up = unsafe { GivenUp::now() };
    sleep();
    drop(given_up);
}

pub fn install() {
    ntipc_kernel::process::let_others_run_by(beside);
}
