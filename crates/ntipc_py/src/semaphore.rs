//! Semaphores.

use crate::object::Object;
use crate::operation::{call_of, disposition};
use crate::session::PySession;
use crate::waitable::{FOREVER, Waitable, truth};
use ntipc_kernel::object::kind::{Kind, Type};
use ntipc_kernel::object::table::Initial;
use ntipc_kernel::{Failure, NtStatus};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// A count of units to take and give back.
#[pyclass(module = "ntipc._kernel", extends = Waitable, subclass, frozen)]
pub struct Semaphore;

#[pymethods]
impl Semaphore {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Semaphore> {
        PyClassInitializer::from(Object::of_type(Type::Semaphore)).add_subclass(Waitable).add_subclass(Semaphore)
    }

    #[pyo3(name = "_bind", signature = (session, name, disposition, access, initial=0, maximum=1))]
    fn bind(
        slf: &Bound<'_, Self>,
        session: &PySession,
        name: Option<&str>,
        disposition: u32,
        access: u32,
        initial: i64,
        maximum: i64,
    ) -> PyResult<()> {
        let disposition = self::disposition(disposition)?;
        core(slf).bind_with(slf.py(), session, name, call_of(disposition), |session| {
            // Bad counts are an error even if the name exists.
            if maximum < 1 || maximum > i64::from(i32::MAX) || initial < 0 || initial > maximum {
                let why = format!(
                    "counts must satisfy 0 <= initial <= maximum <= 2147483647, maximum >= 1; not {initial}, {maximum}"
                );
                return Err(Failure::new(NtStatus::INVALID_PARAMETER, why));
            }
            let first =
                Initial { kind: Kind::Semaphore, value: initial as u64, limit: maximum as u32, quantity: 0, detail: 0 };
            session.create(name, disposition, access, first, false)
        })
    }

    /// Units that can be taken now.
    #[getter]
    fn count(slf: &Bound<'_, Self>) -> PyResult<u32> {
        core(slf).with(slf.py(), "count", |session, handle| Ok(session.query_semaphore(handle)?.0))
    }

    /// The most units there can be.
    #[getter]
    fn maximum(slf: &Bound<'_, Self>) -> PyResult<u32> {
        core(slf).with(slf.py(), "maximum", |session, handle| Ok(session.query_semaphore(handle)?.1))
    }

    /// Take one unit, waiting for it if need be. False if the timeout (seconds) passed first.
    #[pyo3(signature = (blocking=true, timeout=None))]
    fn acquire(
        slf: &Bound<'_, Self>,
        #[pyo3(from_py_with = truth)] blocking: bool,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let deadline = Object::acquire_deadline(blocking, timeout)?;
        core(slf).wait_channel(slf.py(), "acquire", 0, deadline, None)
    }

    /// Add ``n`` units and wake that many waiters. Returns the count before.
    #[pyo3(signature = (n=1))]
    fn release(slf: &Bound<'_, Self>, n: i64) -> PyResult<u32> {
        core(slf).with(slf.py(), "release", |session, handle| {
            let units = u32::try_from(n).unwrap_or(0);
            session.release_semaphore(handle, units)
        })
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
        core(slf).with(slf.py(), "release", |session, handle| session.release_semaphore(handle, 1).map(|_| ()))
    }
}

#[inline]
fn core<'a>(slf: &'a Bound<'_, Semaphore>) -> &'a Object {
    slf.as_super().as_super().get()
}
