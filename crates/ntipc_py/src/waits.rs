//! Waits for several objects at once, and signal-and-wait.

use crate::errors;
use crate::object::Object;
use crate::waitable::{WaitError, Waitable, deadline, wait_for};
use ntipc_kernel::dispatch::wait::Target;
use ntipc_kernel::object::kind::{Type, access};
use ntipc_kernel::{Failure, NtStatus, Session};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyNotImplemented, PyTuple};
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Objects of one wait: their session and handles.
type Gathered = (Arc<Session>, SmallVec<[Target; 8]>);

/// `None`: one of the objects is no [`Waitable`].
fn gather(objects: &Bound<'_, PyTuple>, call: &str) -> PyResult<Option<Gathered>> {
    let py = objects.py();
    let mut targets = SmallVec::with_capacity(objects.len());
    let mut common: Option<Arc<Session>> = None;
    for object in objects.iter_borrowed() {
        let Ok(waitable) = object.cast::<Waitable>() else { return Ok(None) };
        let core = waitable.as_super().get();
        let (session, handle) =
            core.open_handle().map_err(|failure| errors::raise(py, &failure, call, &core.subject()))?;
        match &common {
            Some(known) if !Arc::ptr_eq(known, session) => {
                let failure = Failure::new(
                    NtStatus::NOT_SUPPORTED,
                    "the objects of one wait must belong to one session (Local\\ and Global\\ are two)",
                );
                return Err(errors::raise(py, &failure, call, &core.subject()));
            }
            Some(_) => {}
            None => common = Some(Arc::clone(session)),
        }
        targets.push(Target { handle, channel: 0 });
    }
    match common {
        Some(session) => Ok(Some((session, targets))),
        None => Err(PyValueError::new_err("a wait needs at least one object")),
    }
}

/// Wait for objects of the kernel. Without `warn`, only the result tells that a mutex was abandoned. `NotImplemented`:
/// something else is among them, of which the library must know what it stands for.
#[pyfunction]
#[pyo3(signature = (objects, wait_all, timeout, warn=true))]
pub fn wait_multiple<'py>(
    py: Python<'py>,
    objects: &Bound<'py, PyTuple>,
    wait_all: bool,
    timeout: Option<&Bound<'py, PyAny>>,
    warn: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let call = if wait_all { "wait_all" } else { "wait_any" };
    let deadline = deadline(timeout)?;
    let Some((session, targets)) = gather(objects, call)? else {
        return Ok(PyNotImplemented::get(py).to_owned().into_any());
    };
    match wait_for(py, &session, &targets, wait_all, deadline, None) {
        Ok(None) => Ok(py.None().into_bound(py)),
        Ok(Some(outcome)) => {
            let index = outcome.index as usize;
            let taken = if wait_all { 0..objects.len() } else { index..(index + 1).min(objects.len()) };
            for place in taken.clone() {
                let object = objects.get_borrowed_item(place)?.to_owned().cast_into::<Waitable>()?;
                let core = object.as_super().get();
                if core.kind() == Type::Mutant {
                    let abandoned = outcome.abandoned.contains(&(place as u32));
                    if !warn {
                        core.abandoned.store(abandoned, Ordering::Relaxed);
                        continue;
                    }
                    core.note_abandoned(py, abandoned)
                        .inspect_err(|_| give_back_others(objects, taken.clone(), place, &outcome.abandoned))?;
                }
            }
            Ok((outcome.index, outcome.abandoned.to_vec()).into_pyobject(py)?.into_any())
        }
        Err(WaitError::Failed(failure)) => Err(errors::raise(py, &failure, call, &culprit(objects, &failure))),
        Err(WaitError::Raised(raised)) => Err(raised),
    }
}

/// The warning about the mutex at `told` was raised as an error and has given that one back. The caller does not learn
/// what else the wait took, so nobody else could release it.
#[cold]
fn give_back_others(objects: &Bound<'_, PyTuple>, taken: Range<usize>, told: usize, abandoned: &[u32]) {
    for place in taken.filter(|place| *place != told) {
        let Ok(object) = objects.get_borrowed_item(place) else { continue };
        let Ok(waitable) = object.cast::<Waitable>() else { continue };
        let core = waitable.as_super().get();
        let Ok((session, handle)) = core.open_handle() else { continue };
        match core.kind() {
            Type::Mutant => {
                core.abandoned.store(abandoned.contains(&(place as u32)), Ordering::Relaxed);
                let _ = session.release_mutant(handle);
            }
            Type::Semaphore => {
                let _ = session.release_semaphore(handle, 1);
            }
            _ => {}
        }
    }
}

/// Which of the objects of a failed wait it was, as far as can be told.
#[cold]
fn culprit(objects: &Bound<'_, PyTuple>, failure: &Failure) -> String {
    let mut seen = Vec::new();
    for object in objects.iter_borrowed() {
        let Ok(waitable) = object.cast::<Waitable>() else { continue };
        let core = waitable.as_super().get();
        let identity = core.with(objects.py(), "", |session, handle| session.basics(handle, core.kind(), 0));
        let (Ok(basics), NtStatus::INVALID_PARAMETER_MIX) = (&identity, failure.status) else {
            match (identity, failure.status) {
                (Ok(basics), NtStatus::ACCESS_DENIED) if basics.access & access::SYNCHRONIZE == 0 => {}
                (Err(_), NtStatus::INVALID_HANDLE) => {}
                _ => continue,
            }
            return core.subject();
        };
        if seen.contains(&basics.index) {
            return core.subject();
        }
        seen.push(basics.index);
    }
    format!("{} objects", objects.len())
}

/// Signal one object and wait for another in one step. `NotImplemented`: one of the two is no object of the kernel.
#[pyfunction]
#[pyo3(signature = (signal, wait, timeout))]
pub fn signal_and_wait<'py>(
    py: Python<'py>,
    signal: &Bound<'py, PyAny>,
    wait: &Bound<'py, PyAny>,
    timeout: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let call = "signal_and_wait";
    let (Ok(signal), Ok(wait)) = (signal.cast::<Object>(), wait.cast::<Waitable>()) else {
        return Ok(PyNotImplemented::get(py).to_owned().into_any());
    };
    let (signal, wait) = (signal.get(), wait.as_super().get());
    if !matches!(signal.kind(), Type::Event | Type::Semaphore | Type::Mutant) {
        let kind = signal.kind().name();
        return Err(PyTypeError::new_err(format!("{call} signals an Event, a Semaphore or a Mutex, not a {kind}")));
    }
    let deadline = deadline(timeout)?;
    let (there, handle) =
        signal.open_handle().map_err(|failure| errors::raise(py, &failure, call, &signal.subject()))?;
    let (here, here_handle) =
        wait.open_handle().map_err(|failure| errors::raise(py, &failure, call, &wait.subject()))?;
    if !Arc::ptr_eq(there, here) {
        let failure = Failure::new(NtStatus::NOT_SUPPORTED, "both objects must belong to one session");
        return Err(errors::raise(py, &failure, call, &wait.subject()));
    }
    let both = [Target { handle: here_handle, channel: 0 }];
    match wait_for(py, here, &both, false, deadline, Some(Target { handle, channel: 0 })) {
        Ok(outcome) => Ok(PyBool::new(py, wait.settle(py, outcome)?).to_owned().into_any()),
        Err(WaitError::Raised(raised)) => Err(raised),
        Err(WaitError::Failed(failure)) => {
            let of_signal = match failure.status {
                NtStatus::SEMAPHORE_LIMIT_EXCEEDED | NtStatus::MUTANT_NOT_OWNED => true,
                NtStatus::ACCESS_DENIED => wait.access(py).is_ok_and(|rights| rights & access::SYNCHRONIZE != 0),
                _ => false,
            };
            let subject = if of_signal { signal.subject() } else { wait.subject() };
            Err(errors::raise(py, &failure, call, &subject))
        }
    }
}
