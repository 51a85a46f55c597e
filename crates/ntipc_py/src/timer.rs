//! Timers.

use crate::object::Object;
use crate::operation::{call_of, disposition};
use crate::session::PySession;
use crate::waitable::{Waitable, nanoseconds};
use ntipc_kernel::object::kind::{Kind, Type};
use ntipc_kernel::object::table::Initial;
use ntipc_kernel::sys::clock::now_ns;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// An event that the clock sets.
#[pyclass(module = "ntipc._kernel", extends = Waitable, subclass, frozen)]
pub struct Timer;

fn seconds(value: f64, what: &str) -> PyResult<u64> {
    if value.is_nan() || value < 0.0 {
        return Err(PyValueError::new_err(format!("{what} must be 0 or more seconds, not {value}")));
    }
    Ok(nanoseconds(value))
}

#[pymethods]
impl Timer {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Timer> {
        PyClassInitializer::from(Object::of_type(Type::Timer)).add_subclass(Waitable).add_subclass(Timer)
    }

    #[pyo3(name = "_bind", signature = (session, name, disposition, access, manual_reset=false))]
    fn bind(
        slf: &Bound<'_, Self>,
        session: &PySession,
        name: Option<&str>,
        disposition: u32,
        access: u32,
        manual_reset: bool,
    ) -> PyResult<()> {
        let disposition = self::disposition(disposition)?;
        let kind = if manual_reset { Kind::NotificationTimer } else { Kind::SynchronizationTimer };
        let initial = Initial { kind, value: 0, limit: 0, quantity: 0, detail: 0 };
        core(slf).bind_with(slf.py(), session, name, call_of(disposition), |session| {
            session.create(name, disposition, access, initial, false)
        })
    }

    /// True if the timer stays signalled until it is set again.
    #[getter]
    fn manual_reset(slf: &Bound<'_, Self>) -> PyResult<bool> {
        core(slf).with(slf.py(), "manual_reset", |session, handle| session.is_manual(handle))
    }

    /// Let the timer fire ``due`` seconds from now, then every ``period`` seconds (0: once). Returns whether it was
    /// signalled before.
    #[pyo3(signature = (due, period=0.0))]
    fn set(slf: &Bound<'_, Self>, due: f64, period: f64) -> PyResult<bool> {
        let due = seconds(due, "due")?;
        let period = match seconds(period, "period")? {
            0 if period > 0.0 => 1,
            ns => ns,
        };
        core(slf)
            .with(slf.py(), "set", |session, handle| session.set_timer(handle, now_ns().saturating_add(due), period))
    }

    /// Stop the timer; its state stays. Returns whether it was running.
    fn cancel(slf: &Bound<'_, Self>) -> PyResult<bool> {
        core(slf).with(slf.py(), "cancel", |session, handle| session.cancel_timer(handle))
    }

    /// Whether the timer is signalled. Takes nothing.
    fn is_set(slf: &Bound<'_, Self>) -> PyResult<bool> {
        core(slf).with(slf.py(), "is_set", |session, handle| Ok(session.query_timer(handle)?.signalled))
    }
}

#[inline]
fn core<'a>(slf: &'a Bound<'_, Timer>) -> &'a Object {
    slf.as_super().as_super().get()
}
