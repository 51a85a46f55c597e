//! Processes and threads.

use crate::gil::detached;
use crate::object::Object;
use crate::session::PySession;
use crate::waitable::Waitable;
use ntipc_kernel::NtResult;
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::object::table::Opened;
use ntipc_kernel::session::Session;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::sync::Arc;

/// Id, id of the process, start time in clock ticks since boot.
type Identity = (u32, u32, u64);

impl Object {
    fn bind_life(
        &self,
        py: Python<'_>,
        session: &PySession,
        subject: String,
        operation: &str,
        open: impl Fn(&Arc<Session>) -> NtResult<Opened> + Send + Sync,
    ) -> PyResult<()> {
        self.call_it(subject);
        self.bind_with(py, session, None, operation, |session| detached(py, || open(session)))
    }

    fn life(&self, py: Python<'_>, call: &'static str) -> PyResult<Identity> {
        let state = self.with(py, call, |session, handle| session.query_life(handle, self.kind()))?;
        Ok((state.number, state.process, state.start_time))
    }

    /// Messages call it by its number, and it is watched from here on.
    pub fn life_arrived(&self, session: &Arc<Session>, handle: u32) {
        if let Ok(state) = session.query_life(handle, self.kind()) {
            let noun = if self.kind() == Type::Thread { "thread" } else { "process" };
            self.call_it(match state.number {
                0 => format!("a {noun} of another pid namespace"),
                number => format!("{noun} {number}"),
            });
            session.watch_life(handle);
        }
    }
}

/// A process, signalled once it has ended.
#[pyclass(module = "ntipc._kernel", extends = Waitable, subclass, frozen)]
pub struct Process;

#[pymethods]
impl Process {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Process> {
        PyClassInitializer::from(Object::of_type(Type::Process)).add_subclass(Waitable).add_subclass(Process)
    }

    /// Open a process of this pid namespace.
    #[pyo3(signature = (session, pid, access, operation="Process.open"))]
    fn _open(slf: &Bound<'_, Self>, session: &PySession, pid: u32, access: u32, operation: &str) -> PyResult<()> {
        let open = |session: &Arc<Session>| session.open_process(pid, access);
        slf.as_super().as_super().get().bind_life(slf.py(), session, format!("process {pid}"), operation, open)
    }

    /// Its id, twice, and when it started, in clock ticks since boot.
    fn _identity(slf: &Bound<'_, Self>) -> PyResult<Identity> {
        slf.as_super().as_super().get().life(slf.py(), "pid")
    }

    /// How it ended; None while it runs, or where Linux does not tell.
    #[getter]
    fn exit_code(slf: &Bound<'_, Self>) -> PyResult<Option<i32>> {
        core(slf).with(slf.py(), "exit_code", |session, handle| session.exit_code(handle, Type::Process))
    }

    /// Note the code with which it is about to end.
    fn _note_exit_code(slf: &Bound<'_, Self>, code: i32) -> PyResult<()> {
        core(slf).with(slf.py(), "exit_code", |session, handle| session.note_exit_code(handle, Type::Process, code))
    }

    /// End it.
    fn _terminate(slf: &Bound<'_, Self>, code: i32) -> PyResult<()> {
        let py = slf.py();
        core(slf).with(py, "terminate", |session, handle| detached(py, || session.terminate(handle, code)))
    }
}

#[inline]
fn core<'a>(slf: &'a Bound<'_, Process>) -> &'a Object {
    slf.as_super().as_super().get()
}

/// A thread, signalled once it has ended.
#[pyclass(module = "ntipc._kernel", extends = Waitable, subclass, frozen)]
pub struct Thread;

#[pymethods]
impl Thread {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Thread> {
        PyClassInitializer::from(Object::of_type(Type::Thread)).add_subclass(Waitable).add_subclass(Thread)
    }

    /// Open a thread of any process of this pid namespace.
    #[pyo3(signature = (session, tid, access, operation="Thread.open"))]
    fn _open(slf: &Bound<'_, Self>, session: &PySession, tid: u32, access: u32, operation: &str) -> PyResult<()> {
        let open = |session: &Arc<Session>| session.open_thread(tid, access);
        slf.as_super().as_super().get().bind_life(slf.py(), session, format!("thread {tid}"), operation, open)
    }

    /// Its id, that of its process, and when it started, in clock ticks since boot.
    fn _identity(slf: &Bound<'_, Self>) -> PyResult<Identity> {
        slf.as_super().as_super().get().life(slf.py(), "id")
    }

    /// How it ended; None while it runs, or where Linux does not tell.
    #[getter]
    fn exit_code(slf: &Bound<'_, Self>) -> PyResult<Option<i32>> {
        slf.as_super()
            .as_super()
            .get()
            .with(slf.py(), "exit_code", |session, handle| session.exit_code(handle, Type::Thread))
    }

    /// Note the code with which it is about to end.
    fn _note_exit_code(slf: &Bound<'_, Self>, code: i32) -> PyResult<()> {
        slf.as_super()
            .as_super()
            .get()
            .with(slf.py(), "exit_code", |session, handle| session.note_exit_code(handle, Type::Thread, code))
    }
}
