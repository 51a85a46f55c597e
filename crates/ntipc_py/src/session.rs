//! Attaching to sessions, and forks.

use crate::debuglog;
use crate::errors;
use crate::gil::detached;
use crate::owned;
use ntipc_kernel::Session;
use ntipc_kernel::object::duplication::{Participant, Terms};
use ntipc_kernel::process::attach::{self, Ownership};
use ntipc_kernel::process::clean::{self as cleaning, Cleaned};
use ntipc_kernel::process::fork;
use ntipc_kernel::process::heirs::Heir;
use ntipc_kernel::{NtResult, fault, mutation};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

/// This process's attachment to one session.
#[pyclass(name = "Session", module = "ntipc._kernel", frozen)]
pub struct PySession {
    /// The attachment. A forked child that could not take over its parent's gets one of its own in its place.
    attachment: Mutex<Arc<Session>>,
    path: String,
    ownership: Ownership,
    names_seen: AtomicU64,
}

impl PySession {
    fn unseen(&self, session: &Session) -> Option<u32> {
        let count = session.names_published();
        (self.names_seen.load(Ordering::Relaxed) != u64::from(count)).then_some(count)
    }

    fn attachment(&self) -> MutexGuard<'_, Arc<Session>> {
        self.attachment.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attachment, for what is made or opened from now on.
    pub fn current(&self) -> NtResult<Arc<Session>> {
        let mut attachment = self.attachment();
        match attachment.take_part() {
            Err(_) if attachment.is_lost() => *attachment = attach::attach(&self.path, self.ownership)?,
            Err(failure) if !attachment.is_left() => return Err(failure),
            _ => {}
        }
        Ok(Arc::clone(&attachment))
    }
}

/// In test builds, before the process first attaches: `NTIPC_CRASH_AT=name[:countdown]` arms a fault point,
/// `NTIPC_WITHOUT=name` leaves out an ingredient of recovery.
fn arm_from_environment() {
    static ARMED: Once = Once::new();
    ARMED.call_once(|| {
        if let Ok(armed) = std::env::var("NTIPC_CRASH_AT") {
            let (name, countdown) = armed.split_once(':').unwrap_or((&armed, "1"));
            fault::arm(name, countdown.parse().unwrap_or(1), fault::Action::Kill);
        }
        if let Ok(ingredient) = std::env::var("NTIPC_WITHOUT") {
            mutation::leave_out(&ingredient);
        }
    });
}

#[pymethods]
impl PySession {
    /// Join the session in the directory ``path``, making it if need be.
    #[staticmethod]
    #[pyo3(signature = (path, owner, mode=0o700, gid=None, create=true))]
    fn attach(
        py: Python<'_>,
        path: &str,
        owner: u32,
        mode: u32,
        gid: Option<u32>,
        create: bool,
    ) -> PyResult<PySession> {
        arm_from_environment();
        let ownership = Ownership { uid: owner, mode, gid, must_exist: !create };
        // May wait for others that make or leave the session, or hold its lock: not with the GIL.
        let attached = detached(py, || attach::attach(path, ownership))
            .map_err(|failure| errors::raise(py, &failure, "Session", &format!("session {path}")))?;
        Ok(PySession {
            attachment: Mutex::new(attached),
            path: path.to_owned(),
            ownership,
            names_seen: AtomicU64::new(u64::MAX),
        })
    }

    /// The session's directory.
    #[getter]
    fn path(&self) -> &str {
        &self.path
    }

    /// True once this process has left.
    #[getter]
    fn closed(&self) -> bool {
        self.attachment().is_left()
    }

    /// Close every handle of this process in the session and stop taking part. The last one takes the session away.
    fn leave(&self, py: Python<'_>) -> PyResult<()> {
        // With the GIL: a fork in the middle of it would leave the child with half an attachment.
        let attachment = Arc::clone(&self.attachment());
        attachment
            .leave(false)
            .map_err(|failure| errors::raise(py, &failure, "Session.close", &format!("session {}", self.path)))
    }

    /// Process id of the sender of a frame, 0 if it lives in another pid namespace, and its start time in clock ticks
    /// that no time namespace shifts, 0 if that is unknown. None: it has left the session.
    fn process_of(&self, sender: (u32, u32)) -> Option<(u32, u64)> {
        self.current().ok()?.process_identity(sender.0, sender.1)
    }

    /// Whether a participant is dead whose handles no watcher has closed yet, as far as Linux has told.
    fn has_unreaped(&self) -> bool {
        self.current().is_ok_and(|session| session.has_unreaped())
    }

    /// The native type and the name of what a handle of this process leads to.
    fn look_up(&self, py: Python<'_>, handle: u32) -> PyResult<(&'static str, Option<String>)> {
        self.current()
            .and_then(|session| Ok((session.type_of(handle)?.name(), session.name_of(handle)?)))
            .map_err(|failure| errors::raise(py, &failure, "from_handle", &format!("handle {handle:#x}")))
    }

    /// A handle in the table of ``target`` to the object of a handle in that of ``source``; its number there. Processes
    /// are given by id and start time, 0 if that is unknown. `terms`: rights, or None for the same; the mark; whether
    /// to close the source.
    fn duplicate_handle(
        &self,
        py: Python<'_>,
        source: (u32, u64),
        handle: u32,
        target: (u32, u64),
        terms: (Option<u32>, bool, bool),
    ) -> PyResult<u32> {
        let participant = |(pid, start_time): (u32, u64)| Participant { pid, start_time };
        let (access, inheritable, close_source) = terms;
        let terms = Terms { access, inheritable, close_source };
        self.current()
            .and_then(|session| session.duplicate_between(participant(source), handle, participant(target), terms))
            .map_err(|failure| errors::raise(py, &failure, "duplicate_handle", &format!("handle {handle}")))
    }

    /// Set handles aside for a child that is about to be started: those of these numbers, or None: those marked
    /// inheritable. What to name it by; None: there is nothing to inherit.
    fn prepare_heir(&self, py: Python<'_>, numbers: Option<Vec<u32>>) -> PyResult<Option<(u32, u32)>> {
        self.current()
            .and_then(|session| session.prepare_heir(numbers.as_deref()))
            .map(|heir| heir.map(|heir| (heir.slot, heir.generation)))
            .map_err(|failure| errors::raise(py, &failure, "Process.start", "the handles to inherit"))
    }

    /// The child was started: it has that process id, and began so many clock ticks after the machine.
    fn name_heir(&self, heir: (u32, u32), pid: u32, start_time: u64) {
        if let Ok(session) = self.current() {
            session.name_heir(Heir { slot: heir.0, generation: heir.1 }, pid, start_time);
        }
    }

    /// The child was not started: give back what was set aside for it.
    fn disinherit(&self, heir: (u32, u32)) {
        if let Ok(session) = self.current() {
            session.disinherit(Heir { slot: heir.0, generation: heir.1 });
        }
    }

    /// Whether an object of Python in this process has this handle.
    fn is_owned(&self, handle: u32) -> bool {
        self.current().is_ok_and(|session| owned::is_noted(&session, handle))
    }

    /// Write a line into the debug log if anybody reads it. What cannot be written is not. Gives the count of names
    /// that were given to objects, if it has changed since ``names_seen``: another process may
    /// read the lines now.
    fn log(&self, text: &Bound<'_, PyString>) -> PyResult<Option<u32>> {
        let Ok(session) = self.current() else { return Ok(None) };
        if session.log_is_read() {
            debuglog::with_bytes(text, |bytes| session.log(bytes))?;
        }
        Ok(self.unseen(&session))
    }

    /// Whether anybody reads the debug log; and the count that ``log`` would give.
    fn log_is_wanted(&self) -> (bool, Option<u32>) {
        match self.current() {
            Ok(session) => (session.log_is_read(), self.unseen(&session)),
            Err(_) => (false, None),
        }
    }

    /// From now on ``log`` gives another count only.
    fn names_seen(&self, count: u32) {
        self.names_seen.store(u64::from(count), Ordering::Relaxed);
    }

    /// Counters of the session.
    fn statistics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = PyDict::new(py);
        for (name, value) in self.attachment().statistics() {
            counters.set_item(name, value)?;
        }
        Ok(counters)
    }

    fn __repr__(&self) -> String {
        format!("<_kernel.Session {}{}>", self.path, if self.attachment().is_left() { " closed" } else { "" })
    }
}

/// Whether /proc numbers processes as this process does.
#[pyfunction]
pub fn is_proc_ours() -> bool {
    ntipc_kernel::sys::proc::is_ours()
}

/// By how many clock ticks the time namespace of this process shifts the start times in /proc.
#[pyfunction]
pub fn start_time_shift() -> i64 {
    ntipc_kernel::sys::namespaces::start_time_shift()
}

/// The pid namespace of this process; 0 if it cannot be told.
#[pyfunction]
pub fn pid_namespace() -> u64 {
    ntipc_kernel::sys::namespaces::pid_namespace()
}

#[pyfunction]
pub fn before_fork(py: Python<'_>) -> PyResult<()> {
    let prepared = errors::prepare(py);
    detached(py, fork::before);
    prepared
}

#[pyfunction]
pub fn after_fork_in_child(py: Python<'_>) -> PyResult<()> {
    fork::in_child().map_err(|failure| errors::raise(py, &failure, "fork", "the session"))
}

/// Look whether nobody takes part in the session in the directory ``path``, and if ``remove``, remove it then: the
/// bytes that it occupied, and whether it is gone. None: somebody takes part.
#[pyfunction]
pub fn clean(py: Python<'_>, path: &str, owner: u32, remove: bool) -> PyResult<Option<(u64, bool)>> {
    match detached(py, || cleaning::clean(path, owner, remove)) {
        Ok(Cleaned::Living) => Ok(None),
        Ok(Cleaned::Dead(bytes)) => Ok(Some((bytes, false))),
        Ok(Cleaned::Removed(bytes)) => Ok(Some((bytes, true))),
        Err(failure) => Err(errors::raise(py, &failure, "clean", &format!("session {path}"))),
    }
}

/// Leave every session, at the end of the process.
#[pyfunction]
pub fn leave_all() {
    attach::leave_all();
}
