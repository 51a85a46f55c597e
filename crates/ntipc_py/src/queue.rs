//! What both ends of a queue have in common. Pipes, mailslots and queues are made of these in Python.

use crate::object::Object;
use crate::operation::Operation;
use crate::waitable::WaitError;
use ntipc_kernel::queue::QueueFacts;
use ntipc_kernel::{Failure, NtStatus};
use pyo3::prelude::*;
use pyo3::types::PyDict;

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
pub fn answer<T>(py: Python<'_>, end: &Object, call: impl Operation, result: Result<T, WaitError>) -> PyResult<T> {
    result.map_err(|error| match error {
        WaitError::Failed(failure) => end.error(py, &failure, call),
        WaitError::Raised(raised) => raised,
    })
}

#[cold]
pub fn timed_out(py: Python<'_>, end: &Object, call: &str, detail: &'static str) -> PyErr {
    end.error(py, &Failure::new(NtStatus::TIMEOUT, detail), call)
}
