//! Event pairs: two sides, high and low, for strict ping-pong.

use crate::object::Object;
use crate::operation::{call_of, disposition};
use crate::session::PySession;
use crate::waitable::{Deadline, deadline};
use ntipc_kernel::dispatch::wait::Target;
use ntipc_kernel::object::kind::{Kind, Type};
use ntipc_kernel::object::table::Initial;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

const LOW: u32 = 0;
const HIGH: u32 = 1;

/// Two auto-reset events in one object.
#[pyclass(module = "ntipc._kernel", extends = Object, subclass, frozen)]
pub struct EventPair;

#[pymethods]
impl EventPair {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<EventPair> {
        PyClassInitializer::from(Object::of_type(Type::EventPair)).add_subclass(EventPair)
    }

    #[pyo3(name = "_bind")]
    fn bind(
        slf: &Bound<'_, Self>,
        session: &PySession,
        name: Option<&str>,
        disposition: u32,
        access: u32,
    ) -> PyResult<()> {
        let disposition = self::disposition(disposition)?;
        let initial = Initial { kind: Kind::EventPair, value: 0, limit: 0, quantity: 0, detail: 0 };
        core(slf).bind_with(slf.py(), session, name, call_of(disposition), |session| {
            session.create(name, disposition, access, initial, false)
        })
    }

    /// Signal the high side.
    fn set_high(slf: &Bound<'_, Self>) -> PyResult<()> {
        core(slf).with(slf.py(), "set_high", |session, handle| session.set_pair(handle, HIGH).map(|_| ()))
    }

    /// Signal the low side.
    fn set_low(slf: &Bound<'_, Self>) -> PyResult<()> {
        core(slf).with(slf.py(), "set_low", |session, handle| session.set_pair(handle, LOW).map(|_| ()))
    }

    /// Wait for the high side and take its signal.
    #[pyo3(signature = (timeout=None))]
    fn wait_high(slf: &Bound<'_, Self>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        core(slf).wait_channel(slf.py(), "wait_high", HIGH, deadline(timeout)?, None)
    }

    /// Wait for the low side and take its signal.
    #[pyo3(signature = (timeout=None))]
    fn wait_low(slf: &Bound<'_, Self>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        core(slf).wait_channel(slf.py(), "wait_low", LOW, deadline(timeout)?, None)
    }

    /// Signal the high side and wait for the low one, in one step.
    #[pyo3(signature = (timeout=None))]
    fn set_high_wait_low(slf: &Bound<'_, Self>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        turn(slf, "set_high_wait_low", HIGH, LOW, deadline(timeout)?)
    }

    /// Signal the low side and wait for the high one, in one step.
    #[pyo3(signature = (timeout=None))]
    fn set_low_wait_high(slf: &Bound<'_, Self>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        turn(slf, "set_low_wait_high", LOW, HIGH, deadline(timeout)?)
    }
}

fn turn(slf: &Bound<'_, EventPair>, call: &str, set: u32, wait: u32, deadline: Deadline) -> PyResult<bool> {
    let signal = Target { handle: core(slf).raw_handle(), channel: set };
    core(slf).wait_channel(slf.py(), call, wait, deadline, Some(signal))
}

#[inline]
fn core<'a>(slf: &'a Bound<'_, EventPair>) -> &'a Object {
    slf.as_super().get()
}
