//! What `with lock.acquired(timeout)` enters: an acquire with a time limit, and the release.
//!
//! The interpreter runs signal handlers between instructions of Python code. A `__enter__` written in Python could be
//! left by an exception of a handler after it has acquired and before the block is protected, and nobody would release.
//! A native one has no such instruction: either it raises and owns nothing, or the interpreter enters the block, which
//! ends in `__exit__`.

use crate::mutex::Mutex;
use crate::object::Object;
use crate::queue::timed_out;
use crate::semaphore::Semaphore;
use crate::waitable::{Waitable, deadline};
use ntipc_kernel::object::kind::Type;
use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

/// Entering acquires a mutex or a unit of a semaphore, leaving releases it. It may be entered again, and while it is
/// entered.
#[pyclass(module = "ntipc._kernel", frozen)]
pub struct Acquisition {
    lock: Py<Waitable>,
    /// Counted from each entering, so it is not yet a deadline.
    timeout: Option<Py<PyAny>>,
}

impl Acquisition {
    fn core<'a>(&'a self, py: Python<'a>) -> &'a Object {
        self.lock.bind(py).as_super().get()
    }
}

#[pymethods]
impl Acquisition {
    #[new]
    #[pyo3(signature = (lock, timeout=None))]
    fn new(lock: &Bound<'_, Waitable>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Acquisition> {
        if !lock.is_instance_of::<Mutex>() && !lock.is_instance_of::<Semaphore>() {
            return Err(PyTypeError::new_err("only a Mutex or a Semaphore can be acquired"));
        }
        deadline(timeout)?;
        Ok(Acquisition { lock: lock.clone().unbind(), timeout: timeout.map(|timeout| timeout.clone().unbind()) })
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<Py<Waitable>> {
        let deadline = deadline(self.timeout.as_ref().map(|timeout| timeout.bind(py)))?;
        let core = self.core(py);
        match core.wait_channel(py, "acquired", 0, deadline, None)? {
            true => Ok(self.lock.clone_ref(py)),
            false => Err(timed_out(py, core, "acquired", "nobody has released it")),
        }
    }

    fn __exit__(
        &self,
        py: Python<'_>,
        _kind: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _trace: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let core = self.core(py);
        core.with(py, "release", |session, handle| match core.kind() {
            Type::Mutant => session.release_mutant(handle),
            _ => session.release_semaphore(handle, 1).map(|_| ()),
        })
    }

    // No `__clear__`: a cycle through this leads through some container or attribute, which can be cleared.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.lock)?;
        self.timeout.as_ref().map_or(Ok(()), |timeout| visit.call(timeout))
    }
}
