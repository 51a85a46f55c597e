//! Mutexes (NT calls them mutants).

use crate::object::Object;
use crate::operation::{call_of, disposition};
use crate::session::PySession;
use crate::waitable::{FOREVER, Waitable, truth};
use ntipc_kernel::object::kind::{Kind, Type};
use ntipc_kernel::object::table::Initial;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::sync::atomic::Ordering;

/// A lock owned by a thread, recursive, told when its owner died.
#[pyclass(module = "ntipc._kernel", extends = Waitable, subclass, frozen)]
pub struct Mutex;

#[pymethods]
impl Mutex {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Mutex> {
        PyClassInitializer::from(Object::of_type(Type::Mutant)).add_subclass(Waitable).add_subclass(Mutex)
    }

    #[pyo3(name = "_bind", signature = (session, name, disposition, access, initial_owner=false))]
    fn bind(
        slf: &Bound<'_, Self>,
        session: &PySession,
        name: Option<&str>,
        disposition: u32,
        access: u32,
        initial_owner: bool,
    ) -> PyResult<()> {
        let disposition = self::disposition(disposition)?;
        let initial = Initial { kind: Kind::Mutant, value: 0, limit: 0, quantity: 0, detail: 0 };
        core(slf).bind_with(slf.py(), session, name, call_of(disposition), |session| {
            session.create(name, disposition, access, initial, initial_owner)
        })
    }

    /// True after an acquire that found the owner before dead; False again after the next one that did not.
    #[getter]
    fn abandoned(slf: &Bound<'_, Self>) -> bool {
        core(slf).abandoned.load(Ordering::Relaxed)
    }

    /// Own the mutex, once more if the calling thread owns it. False if the timeout (seconds) passed first.
    #[pyo3(signature = (blocking=true, timeout=None))]
    fn acquire(
        slf: &Bound<'_, Self>,
        #[pyo3(from_py_with = truth)] blocking: bool,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let deadline = Object::acquire_deadline(blocking, timeout)?;
        core(slf).wait_channel(slf.py(), "acquire", 0, deadline, None)
    }

    /// Release once; the last release of the owner frees the mutex.
    fn release(slf: &Bound<'_, Self>) -> PyResult<()> {
        core(slf).with(slf.py(), "release", |session, handle| session.release_mutant(handle))
    }

    fn __enter__(slf: &Bound<'_, Self>) -> PyResult<bool> {
        core(slf).wait_channel(slf.py(), "acquire", 0, FOREVER, None)
    }

    fn __exit__(
        slf: &Bound<'_, Self>,
        _kind: &Bound<'_, PyAny>,
        _value: &Bound<'_, PyAny>,
        _trace: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        core(slf).with(slf.py(), "release", |session, handle| session.release_mutant(handle))
    }
}

#[inline]
fn core<'a>(slf: &'a Bound<'_, Mutex>) -> &'a Object {
    slf.as_super().as_super().get()
}
