//! Waiting: try with the GIL, spin briefly with it, sleep without it.

use crate::object::Object;
use crate::{errors, object};
use ntipc_kernel::dispatch::wait::{Outcome, Queued, Slumber, Started, Target};
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::sys::clock::{NEVER, now_ns};
use ntipc_kernel::sys::process::{pid, processors, tid};
use ntipc_kernel::{Failure, NtStatus, Session};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use smallvec::SmallVec;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How long a wait spins before it sleeps: enough for a partner on another processor to answer.
const SPIN_NS: u64 = 6_000;
/// The main thread looks for signals that often, should one come just before it falls asleep.
const SLICE_NS: u64 = 100_000_000;
const CREDIT_MAX: u32 = 16;
/// Without credit, every so many waits spin all the same, to find out whether it pays by now.
const PROBE_EVERY: u32 = 64;

thread_local! {
    /// Spin credit: grows when the spin was worth it, shrinks when it was not; and waits since the last probe.
    static CREDIT: Cell<(u32, u32)> = const { Cell::new((CREDIT_MAX / 2, 0)) };
    static MAIN: Cell<Option<bool>> = const { Cell::new(None) };
}

fn on_main_thread() -> bool {
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

fn may_spin() -> bool {
    let (credit, waited) = CREDIT.get();
    if credit > 0 {
        return processors_cached() > 1;
    }
    CREDIT.set((0, (waited + 1) % PROBE_EVERY));
    waited + 1 == PROBE_EVERY && processors_cached() > 1
}

fn processors_cached() -> usize {
    static COUNT: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    *COUNT.get_or_init(processors)
}

fn settle_credit(worth_it: bool) {
    let (credit, waited) = CREDIT.get();
    CREDIT.set((if worth_it { (credit + 4).min(CREDIT_MAX) } else { credit.saturating_sub(1) }, waited));
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

pub fn deadline(timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Deadline> {
    let Some(timeout) = timeout else { return Ok(FOREVER) };
    let seconds: f64 = timeout.extract().map_err(|_| {
        let kind = timeout.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("timeout must be a number of seconds or None, not {kind}"))
    })?;
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

/// Wait, with the GIL given up only while asleep. `Err(Left)` is a failure of the kernel, `Err(Right)` an exception of a handler.
pub fn wait_for(
    py: Python<'_>,
    session: &Arc<Session>,
    targets: &[Target],
    all: bool,
    deadline: Deadline,
    mut signal: Option<Target>,
) -> Result<Option<Outcome>, WaitError> {
    loop {
        let queued = match session.start_wait(targets, all, deadline.poll, signal)? {
            Started::Satisfied(outcome) => return Ok(Some(outcome)),
            Started::TimedOut => return Ok(None),
            Started::Queued(queued) => queued,
        };
        if may_spin() {
            let outcome = session.spin(queued, SPIN_NS);
            settle_credit(outcome.is_some());
            if outcome.is_some() {
                return Ok(outcome);
            }
        }
        signal = None; // done; should the wait have to begin anew
        if let Some(outcome) = sleep(py, session, queued, deadline)? {
            return Ok(outcome);
        }
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

/// `None`: a signal handler waited meanwhile and put this wait aside; begin anew.
fn sleep(
    py: Python<'_>,
    session: &Arc<Session>,
    queued: Queued,
    deadline: Deadline,
) -> Result<Option<Option<Outcome>>, WaitError> {
    loop {
        let slice = if on_main_thread() { now_ns() + SLICE_NS } else { NEVER };
        match py.detach(|| session.sleep(queued, deadline.at_ns, slice)) {
            Slumber::Satisfied(outcome) => return Ok(Some(Some(outcome))),
            Slumber::TimedOut => return Ok(Some(None)),
            Slumber::Interrupted => {
                if let Err(raised) = py.check_signals() {
                    session.abort(queued);
                    return Err(WaitError::Raised(raised));
                }
                if !session.is_current(queued) {
                    return Ok(None);
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
        match wait_for(py, session, &[Target { handle, channel }], false, deadline, signal) {
            Ok(Some(outcome)) => {
                if self.kind() == Type::Mutant {
                    self.note_abandoned(py, !outcome.abandoned.is_empty())?;
                }
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(WaitError::Failed(failure)) => Err(self.error(py, &failure, call)),
            Err(WaitError::Raised(raised)) => Err(raised),
        }
    }

    /// After an acquire: remember, and warn, if the owner before had died. A warning that is an error gives the mutex back.
    #[inline]
    fn note_abandoned(&self, py: Python<'_>, abandoned: bool) -> PyResult<()> {
        if abandoned || self.abandoned.load(Ordering::Relaxed) {
            self.abandoned.store(abandoned, Ordering::Relaxed);
        }
        if !abandoned {
            return Ok(());
        }
        errors::warn_abandoned(py, &self.subject()).inspect_err(|_| {
            if let Ok((session, handle)) = self.open_handle() {
                let _ = session.release_mutant(handle);
            }
        })
    }

    /// The arguments of `acquire`, as `threading` has them.
    pub fn acquire_deadline(blocking: bool, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Deadline> {
        match (blocking, timeout) {
            (true, None) => Ok(FOREVER),
            (true, timeout) => deadline(timeout),
            (false, None) => Ok(POLL),
            (false, Some(_)) => Err(PyValueError::new_err("a timeout makes no sense for a call that does not block")),
        }
    }
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

/// Objects of one wait: their session and handles.
fn gather<'a>(
    py: Python<'_>,
    objects: &'a [Bound<'_, Waitable>],
    call: &str,
) -> PyResult<(&'a Arc<Session>, SmallVec<[Target; 8]>)> {
    let mut targets = SmallVec::new();
    let mut common: Option<&Arc<Session>> = None;
    for object in objects {
        let core = object.as_super().get();
        let (session, handle) = core.open_handle().map_err(|failure| core.error(py, &failure, call))?;
        match common {
            Some(known) if !Arc::ptr_eq(known, session) => {
                let failure = Failure::new(
                    NtStatus::NOT_SUPPORTED,
                    "the objects of one wait must belong to one session (Local\\ and Global\\ are two)",
                );
                return Err(core.error(py, &failure, call));
            }
            _ => common = Some(session),
        }
        targets.push(Target { handle, channel: 0 });
    }
    match common {
        Some(session) => Ok((session, targets)),
        None => Err(PyValueError::new_err("a wait needs at least one object")),
    }
}

#[pyfunction]
#[pyo3(signature = (objects, wait_all, timeout))]
pub fn wait_multiple(
    py: Python<'_>,
    objects: &Bound<'_, PyTuple>,
    wait_all: bool,
    timeout: Option<&Bound<'_, PyAny>>,
) -> PyResult<Option<(u32, Vec<u32>)>> {
    let call = if wait_all { "wait_all" } else { "wait_any" };
    let deadline = deadline(timeout)?;
    let mut waitables = Vec::with_capacity(objects.len());
    for object in objects.iter() {
        waitables.push(object.cast_into::<Waitable>().map_err(|error| {
            PyTypeError::new_err(format!("{call} takes events, semaphores, mutexes and timers: {error}"))
        })?);
    }
    let (session, targets) = gather(py, &waitables, call)?;
    match wait_for(py, session, &targets, wait_all, deadline, None) {
        Ok(None) => Ok(None),
        Ok(Some(outcome)) => {
            let taken = if wait_all { 0..waitables.len() } else { outcome.index as usize..outcome.index as usize + 1 };
            for place in taken {
                if let Some(object) = waitables.get(place) {
                    let core = object.as_super().get();
                    if core.kind() == Type::Mutant {
                        core.note_abandoned(py, outcome.abandoned.contains(&(place as u32)))?;
                    }
                }
            }
            Ok(Some((outcome.index, outcome.abandoned.to_vec())))
        }
        Err(WaitError::Failed(failure)) => {
            Err(errors::raise(py, &failure, call, &format!("{} objects", waitables.len())))
        }
        Err(WaitError::Raised(raised)) => Err(raised),
    }
}

#[pyfunction]
#[pyo3(signature = (signal, wait, timeout))]
pub fn signal_and_wait(
    py: Python<'_>,
    signal: &Bound<'_, object::Object>,
    wait: &Bound<'_, Waitable>,
    timeout: Option<&Bound<'_, PyAny>>,
) -> PyResult<bool> {
    let call = "signal_and_wait";
    let (signal, wait) = (signal.get(), wait.as_super().get());
    let deadline = deadline(timeout)?;
    let (there, handle) = signal.open_handle().map_err(|failure| signal.error(py, &failure, call))?;
    let (here, _) = wait.open_handle().map_err(|failure| wait.error(py, &failure, call))?;
    if !Arc::ptr_eq(there, here) {
        let failure = Failure::new(NtStatus::NOT_SUPPORTED, "both objects must belong to one session");
        return Err(wait.error(py, &failure, call));
    }
    wait.wait_channel(py, call, 0, deadline, Some(Target { handle, channel: 0 }))
}
