//! Events.

use crate::object::Object;
use crate::operation::{call_of, disposition};
use crate::session::PySession;
use crate::waitable::Waitable;
use ntipc_kernel::object::kind::{Kind, Type};
use ntipc_kernel::object::table::Initial;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// A flag to wait for.
#[pyclass(module = "ntipc._kernel", extends = Waitable, subclass, frozen)]
pub struct Event;

#[pymethods]
impl Event {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Event> {
        PyClassInitializer::from(Object::of_type(Type::Event)).add_subclass(Waitable).add_subclass(Event)
    }

    #[pyo3(name = "_bind", signature = (session, name, disposition, access, manual_reset=false, initial=false))]
    fn bind(
        slf: &Bound<'_, Self>,
        session: &PySession,
        name: Option<&str>,
        disposition: u32,
        access: u32,
        manual_reset: bool,
        initial: bool,
    ) -> PyResult<()> {
        let disposition = self::disposition(disposition)?;
        let kind = if manual_reset { Kind::NotificationEvent } else { Kind::SynchronizationEvent };
        let initial = Initial { kind, value: u64::from(initial), limit: 0, quantity: 0, detail: 0 };
        core(slf).bind_with(slf.py(), session, name, call_of(disposition), |session| {
            session.create(name, disposition, access, initial, false)
        })
    }

    /// True if the event stays set until it is cleared.
    #[getter]
    fn manual_reset(slf: &Bound<'_, Self>) -> PyResult<bool> {
        core(slf).with(slf.py(), "manual_reset", |session, handle| session.is_manual(handle))
    }

    /// Set the event and wake its waiters: all if it is manual-reset, else one. Returns whether it was set before.
    fn set(slf: &Bound<'_, Self>) -> PyResult<bool> {
        core(slf).with(slf.py(), "set", |session, handle| session.set_event(handle))
    }

    /// Clear the event. Returns whether it was set before.
    fn clear(slf: &Bound<'_, Self>) -> PyResult<bool> {
        core(slf).with(slf.py(), "clear", |session, handle| session.clear_event(handle))
    }

    /// Wake the threads that wait now (all, or one) and leave the event clear. Returns whether it was set before.
    fn pulse(slf: &Bound<'_, Self>) -> PyResult<bool> {
        core(slf).with(slf.py(), "pulse", |session, handle| session.pulse_event(handle))
    }

    /// Whether the event is set. Takes nothing.
    fn is_set(slf: &Bound<'_, Self>) -> PyResult<bool> {
        core(slf).with(slf.py(), "is_set", |session, handle| session.event_is_set(handle))
    }
}

#[inline]
fn core<'a>(slf: &'a Bound<'_, Event>) -> &'a Object {
    slf.as_super().as_super().get()
}
