//! Waiting: try with the GIL, spin as `spinning` says, sleep without the GIL.

use crate::errors;
use crate::gil::detached;
use crate::object::Object;
use crate::spinning::{self, Watch};
use ntipc_kernel::dispatch::at_once::Try;
use ntipc_kernel::dispatch::wait::{Outcome, Queued, Slumber, Started, Target};
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::sys::clock::{NEVER, now_ns};
use ntipc_kernel::sys::process::{pid, tid};
use ntipc_kernel::{Failure, Session};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The main thread looks for signals that often, should one come just before it falls asleep.
const SLICE_NS: u64 = 100_000_000;

thread_local! {
    static MAIN: Cell<Option<bool>> = const { Cell::new(None) };
}

pub fn on_main_thread() -> bool {
    // The answer changes with a fork, and then costs two system calls again only if it was no.
    match MAIN.get() {
        Some(true) => true,
        _ => {
            let main = pid() == tid();
            MAIN.set(Some(main));
            main
        }
    }
}

/// When a wait ends.
#[derive(Clone, Copy)]
pub struct Deadline {
    pub at_ns: u64,
    pub poll: bool,
}

pub const FOREVER: Deadline = Deadline { at_ns: NEVER, poll: false };
pub const POLL: Deadline = Deadline { at_ns: 0, poll: true };

/// Seconds into nanoseconds; what does not fit is for ever.
pub fn nanoseconds(seconds: f64) -> u64 {
    let ns = seconds * 1e9;
    if ns >= 9.0e18 { NEVER } else { ns as u64 }
}

/// The end of a wait that has so many seconds. A bool is the number that it is in Python, as for `threading`.
pub fn deadline(timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Deadline> {
    let Some(timeout) = timeout else { return Ok(FOREVER) };
    let seconds: f64 = match timeout.extract() {
        Ok(seconds) => seconds,
        // An integer beyond all floats: for ever, unless it lies below zero.
        Err(error) if error.is_instance_of::<PyOverflowError>(timeout.py()) => {
            return Ok(if timeout.lt(0)? { POLL } else { FOREVER });
        }
        Err(_) => {
            let kind = errors::class_of(timeout);
            return Err(PyTypeError::new_err(format!("timeout must be a number of seconds or None, not {kind}")));
        }
    };
    if seconds.is_nan() {
        return Err(PyValueError::new_err("timeout must be a number of seconds or None, not NaN"));
    }
    if seconds <= 0.0 {
        return Ok(POLL);
    }
    match nanoseconds(seconds) {
        NEVER => Ok(FOREVER),
        ns => Ok(Deadline { at_ns: now_ns().saturating_add(ns), poll: false }),
    }
}

/// The end of a call that moves data. `queue.Queue` and its kin have `block` in that place, so a bool says whether to
/// wait.
pub fn deadline_or_block(timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Deadline> {
    match timeout {
        Some(block) if block.is_exact_instance_of::<PyBool>() => Ok(if block.is_truthy()? { FOREVER } else { POLL }),
        _ => deadline(timeout),
    }
}

/// Wait, with the GIL given up only while asleep.
pub fn wait_for(
    py: Python<'_>,
    session: &Arc<Session>,
    targets: &[Target],
    all: bool,
    deadline: Deadline,
    mut signal: Option<Target>,
) -> Result<Option<Outcome>, WaitError> {
    let mut poll = deadline.poll;
    loop {
        let queued = match session.start_wait(targets, all, poll, signal)? {
            Started::Satisfied(outcome) => return Ok(Some(outcome)),
            Started::TimedOut => return Ok(None),
            Started::Queued(queued) => queued,
        };
        let mut watch = Watch::begin(targets.first().map_or(0, |target| target.handle));
        if let Some(outcome) = watch.spin(py, deadline.at_ns, |budget_ns| session.spin(queued, budget_ns)) {
            watch.found(|began_ns| session.partner_of(queued, began_ns));
            return Ok(Some(outcome));
        }
        signal = None; // given, should the wait have to begin again
        if let Some(outcome) = sleep(py, session, queued, deadline, watch)? {
            return Ok(outcome);
        }
        poll = now_ns() >= deadline.at_ns; // too late to wait again
    }
}

pub enum WaitError {
    Failed(Failure),
    Raised(PyErr),
}

impl From<Failure> for WaitError {
    fn from(failure: Failure) -> Self {
        WaitError::Failed(failure)
    }
}

/// Sleep until the wait ends. `None`: a signal handler waited meanwhile and put this wait aside; it must begin again.
pub fn sleep(
    py: Python<'_>,
    session: &Arc<Session>,
    queued: Queued,
    deadline: Deadline,
    watch: Watch,
) -> Result<Option<Option<Outcome>>, WaitError> {
    loop {
        let slice = if on_main_thread() { now_ns() + SLICE_NS } else { NEVER };
        match detached(py, || session.sleep(queued, deadline.at_ns, slice)) {
            Slumber::Satisfied(outcome, rest) => {
                watch.slept(rest, |began_ns| session.partner_of(queued, began_ns));
                return Ok(Some(Some(outcome)));
            }
            Slumber::TimedOut => {
                watch.gave_up();
                return Ok(Some(None));
            }
            Slumber::Damaged(failure) => return Err(WaitError::Failed(failure)),
            Slumber::Interrupted => {
                if let Err(raised) = py.check_signals() {
                    session.abort(queued);
                    return Err(WaitError::Raised(raised));
                }
                if !session.is_current(queued) {
                    return Ok(None);
                }
                if let Some(outcome) = session.look_again(queued) {
                    return Ok(Some(Some(outcome)));
                }
            }
        }
    }
}

impl Object {
    /// Wait for this object alone.
    #[inline]
    pub fn wait_channel(
        &self,
        py: Python<'_>,
        call: &str,
        channel: u32,
        deadline: Deadline,
        signal: Option<Target>,
    ) -> PyResult<bool> {
        let (session, handle) = self.open_handle().map_err(|failure| self.error(py, &failure, call))?;
        let target = Target { handle, channel };
        if signal.is_none() {
            match session.take_at_once(target) {
                Try::Taken(abandoned) => return self.taken(py, abandoned),
                Try::Unsignalled if deadline.poll => return Ok(false),
                _ => {}
            }
        }
        self.wait_slowly(py, call, session, target, deadline, signal)
    }

    #[cold]
    fn wait_slowly(
        &self,
        py: Python<'_>,
        call: &str,
        session: &Arc<Session>,
        target: Target,
        deadline: Deadline,
        signal: Option<Target>,
    ) -> PyResult<bool> {
        if self.kind() == Type::Mutant
            && signal.is_none()
            && !deadline.poll
            && let Some(abandoned) = spinning::until_freed(|budget_ns| session.own_soon(target.handle, budget_ns))
        {
            return self.taken(py, abandoned);
        }
        match wait_for(py, session, &[target], false, deadline, signal) {
            Ok(outcome) => self.settle(py, outcome),
            Err(WaitError::Failed(failure)) => Err(self.error(py, &failure, call)),
            Err(WaitError::Raised(raised)) => Err(raised),
        }
    }

    /// The answer of a wait for this object alone.
    #[inline]
    pub fn settle(&self, py: Python<'_>, outcome: Option<Outcome>) -> PyResult<bool> {
        match outcome {
            Some(outcome) => self.taken(py, !outcome.abandoned.is_empty()),
            None => Ok(false),
        }
    }

    #[inline]
    pub fn taken(&self, py: Python<'_>, abandoned: bool) -> PyResult<bool> {
        if self.kind() == Type::Mutant {
            self.note_abandoned(py, abandoned)?;
        }
        Ok(true)
    }

    /// After an acquire: remember if the owner before had died.
    #[inline]
    pub fn note_abandoned(&self, py: Python<'_>, abandoned: bool) -> PyResult<()> {
        if abandoned {
            return self.tell_abandoned(py);
        }
        if self.abandoned.load(Ordering::Relaxed) {
            self.abandoned.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Warn. A warning that is an error gives the mutex back.
    #[cold]
    fn tell_abandoned(&self, py: Python<'_>) -> PyResult<()> {
        self.abandoned.store(true, Ordering::Relaxed);
        errors::warn_abandoned(py, &self.subject()).inspect_err(|_| {
            if let Ok((session, handle)) = self.open_handle() {
                let _ = session.release_mutant(handle);
            }
        })
    }

    /// The deadline that the arguments of `acquire` mean. As in `threading`, a call that does not block takes no
    /// timeout but -1, which `threading.Lock` has for "none given".
    pub fn acquire_deadline(blocking: bool, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Deadline> {
        match (blocking, timeout) {
            (true, None) => Ok(FOREVER),
            (true, Some(_)) => deadline(timeout),
            (false, None) => Ok(POLL),
            (false, Some(timeout)) if timeout.eq(-1)? => Ok(POLL),
            (false, Some(_)) => Err(PyValueError::new_err("a call that does not block cannot have a timeout")),
        }
    }
}

/// The truth value of an argument, which may be any object.
pub fn truth(argument: &Bound<'_, PyAny>) -> PyResult<bool> {
    argument.is_truthy()
}

/// An object that can be waited for.
#[pyclass(module = "ntipc._kernel", extends = Object, subclass, frozen)]
pub struct Waitable;

#[pymethods]
impl Waitable {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> (Waitable, Object) {
        (Waitable, Object::of_type(Type::Event))
    }

    /// Wait until the object is signalled, and take it as its type says. Timeout in seconds.
    #[pyo3(signature = (timeout=None))]
    fn wait(slf: &Bound<'_, Self>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        slf.as_super().get().wait_channel(slf.py(), "wait", 0, deadline(timeout)?, None)
    }
}
