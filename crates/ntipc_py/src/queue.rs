//! What both ends of a queue have in common. Pipes, mailslots and queues are made of these in Python.

use crate::object::Object;
use crate::waitable::WaitError;
use ntipc_kernel::queue::{QueueFacts, Received, Taken};
use ntipc_kernel::{Failure, NtStatus, Session};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::sync::{Arc, Mutex, PoisonError};

const TIMEOUT: NtStatus = NtStatus(0x102);

pub fn put_facts(facts: &Bound<'_, PyDict>, queue: &QueueFacts) -> PyResult<()> {
    facts.set_item("quota", queue.quota)?;
    facts.set_item("bytes", queue.data)?;
    facts.set_item("messages", queue.frames)?;
    facts.set_item("readers", queue.readers)?;
    facts.set_item("writers", queue.writers)?;
    facts.set_item("broken", queue.broken)?;
    facts.set_item("user", (queue.user[0], queue.user[1]))
}

/// The answer of an operation that may have waited, as a method gives it.
pub fn answer<T>(py: Python<'_>, end: &Object, call: &str, result: Result<T, WaitError>) -> PyResult<T> {
    result.map_err(|error| match error {
        WaitError::Failed(failure) => end.error(py, &failure, call),
        WaitError::Raised(raised) => raised,
    })
}

#[cold]
pub fn timed_out(py: Python<'_>, end: &Object, call: &str, detail: &'static str) -> PyErr {
    end.error(py, &Failure::new(TIMEOUT, detail), call)
}

/// A frame, or a part of one, as it was taken.
#[pyclass(module = "ntipc._kernel", frozen)]
pub struct Frame {
    /// The data; empty if it was taken into a buffer.
    #[pyo3(get)]
    data: Py<PyBytes>,
    /// Bytes that were taken.
    #[pyo3(get)]
    size: usize,
    /// Bytes of the frame that are left.
    #[pyo3(get)]
    left: usize,
    /// The number that its sender gave it.
    #[pyo3(get)]
    tag: u32,
    /// Process slot of the sender, and its generation.
    #[pyo3(get)]
    sender: (u32, u32),
    arrived: Mutex<Arrived>,
}

/// Handles that came with a frame: they are closed if nobody claims them.
struct Arrived {
    session: Arc<Session>,
    handles: Vec<Received>,
}

impl Drop for Arrived {
    fn drop(&mut self) {
        close_all(&self.session, &self.handles);
    }
}

/// Close handles that nobody wants.
pub fn close_all(session: &Arc<Session>, handles: &[Received]) {
    for received in handles.iter().filter(|_| !session.is_left()) {
        let _ = session.close(received.handle);
    }
}

impl Frame {
    pub fn new(data: Bound<'_, PyBytes>, session: &Arc<Session>, taken: Taken) -> Frame {
        Frame {
            data: data.unbind(),
            size: taken.bytes,
            left: taken.left,
            tag: taken.tag,
            sender: taken.sender,
            arrived: Mutex::new(Arrived { session: Arc::clone(session), handles: taken.handles }),
        }
    }
}

#[pymethods]
impl Frame {
    /// The handles that came with it, and the types of their objects. Whoever asks owns them from then on; asked again, none.
    fn claim(&self) -> Vec<(u32, &'static str)> {
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let handles = std::mem::take(&mut arrived.handles);
        handles.iter().map(|received| (received.handle, received.object_type.name())).collect()
    }
}
