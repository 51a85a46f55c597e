//! The one place where the kernel's failures become Python's exceptions, by `ntipc.errors.from_status`.

use ntipc_kernel::{Failure, NtStatus};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

static FROM_STATUS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static END_OF_STREAM: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static WARN_ABANDONED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

fn from_errors(py: Python<'_>, cell: &'static PyOnceLock<Py<PyAny>>, name: &str) -> PyResult<Py<PyAny>> {
    let found = cell.get_or_try_init(py, || Ok::<_, PyErr>(py.import("ntipc.errors")?.getattr(name)?.unbind()))?;
    Ok(found.clone_ref(py))
}

/// Look up all that is looked up once. Before a fork: a child would wait for ever for a look-up that another thread of
/// its parent was in the middle of.
pub fn prepare(py: Python<'_>) -> PyResult<()> {
    from_errors(py, &FROM_STATUS, "from_status")?;
    from_errors(py, &END_OF_STREAM, "end_of_stream")?;
    from_errors(py, &WARN_ABANDONED, "warn_abandoned")?;
    Ok(())
}

/// What the class of something is called, for a message that refuses it. Not by `Display`: that asks Python, and
/// swallows what a signal handler raises then.
#[cold]
pub fn class_of(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map_or_else(|_| "something".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The exception for a failure of `call` on `subject`.
#[cold]
pub fn raise(py: Python<'_>, failure: &Failure, call: &str, subject: &str) -> PyErr {
    make(py, from_errors(py, &FROM_STATUS, "from_status"), failure, call, subject)
}

/// The same, of a call that reads: the other end gone is the end of what there is to read.
#[cold]
pub fn raise_reading(py: Python<'_>, failure: &Failure, call: &str, subject: &str) -> PyErr {
    match failure.status {
        NtStatus::PIPE_BROKEN | NtStatus::PIPE_CLOSING | NtStatus::PIPE_DISCONNECTED => {
            make(py, from_errors(py, &END_OF_STREAM, "end_of_stream"), failure, call, subject)
        }
        _ => raise(py, failure, call, subject),
    }
}

fn make(py: Python<'_>, maker: PyResult<Py<PyAny>>, failure: &Failure, call: &str, subject: &str) -> PyErr {
    let made = maker.and_then(|make| make.call1(py, (failure.status.0, call, subject, failure.detail.as_ref())));
    match made {
        Ok(exception) => PyErr::from_value(exception.into_bound(py)),
        Err(error) => error,
    }
}

/// Warn that the last owner of a mutex died with it. An error if warnings are errors.
#[cold]
pub fn warn_abandoned(py: Python<'_>, subject: &str) -> PyResult<()> {
    from_errors(py, &WARN_ABANDONED, "warn_abandoned")?.call1(py, (subject,)).map(|_| ())
}
