//! What an event loop waits for in place of the threads that would wait for its calls.

use crate::errors;
use crate::gil::detached;
use crate::read_end::ReadEnd;
use ntipc_kernel::NtResult;
use ntipc_kernel::completion::port::Port;
use pyo3::prelude::*;

/// One descriptor, readable when something has come to a read end that it watches: once, until it is armed again.
///
/// A loop that is told calls ``lower``, takes what there is, and calls ``arm``. The ends must be closed after it.
#[pyclass(module = "ntipc._kernel", frozen)]
pub struct CompletionPort(Port);

#[pymethods]
impl CompletionPort {
    #[new]
    fn new(py: Python<'_>) -> PyResult<CompletionPort> {
        raised(py, Port::new()).map(CompletionPort)
    }

    /// The descriptor. None: the port is closed, or the program has closed the descriptor.
    fn fileno(&self) -> Option<i32> {
        self.0.fileno()
    }

    /// Watch a read end of a queue, from now on until the port is closed. The first watch of a process starts its relay
    /// thread.
    fn watch(&self, py: Python<'_>, end: &Bound<'_, ReadEnd>) -> PyResult<()> {
        let end = end.as_super().as_super().get();
        let (session, handle) = end.open_handle().map_err(|failure| end.error(py, &failure, "watch"))?;
        raised(py, detached(py, || self.0.watch(session, handle)))
    }

    /// Make the descriptor unreadable, before looking at what is watched.
    fn lower(&self) {
        self.0.lower();
    }

    /// Watch on, after looking.
    fn arm(&self) {
        self.0.arm();
    }

    /// Watch nothing more. The descriptor stays.
    fn unwatch(&self, py: Python<'_>) {
        detached(py, || self.0.unwatch());
    }

    /// Watch nothing more, and close the descriptor. In a forked child only its copy of it. Closing again does nothing.
    fn close(&self, py: Python<'_>) {
        detached(py, || self.0.close());
    }
}

fn raised<T>(py: Python<'_>, result: NtResult<T>) -> PyResult<T> {
    result.map_err(|failure| errors::raise(py, &failure, "CompletionPort", "completion port"))
}
