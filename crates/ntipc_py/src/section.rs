//! Sections.

use crate::gil::detached;
use crate::object::Object;
use crate::operation::{call_of, disposition};
use crate::session::PySession;
use crate::view::{View, protection, protection_name};
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::section::{Backing, NewSection};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use std::os::fd::IntoRawFd;

/// Shared memory, to be mapped in views.
#[pyclass(module = "ntipc._kernel", extends = Object, subclass, frozen)]
pub struct Section;

#[pymethods]
impl Section {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> PyClassInitializer<Section> {
        PyClassInitializer::from(Object::of_type(Type::Section)).add_subclass(Section)
    }

    #[pyo3(
        name = "_bind",
        signature = (session, name, disposition, access, size=0, protection="rw", reserve=false, file=None)
    )]
    #[expect(clippy::too_many_arguments, reason = "one call from Python, positional")]
    fn bind(
        slf: &Bound<'_, Self>,
        session: &PySession,
        name: Option<&str>,
        disposition: u32,
        access: u32,
        size: u64,
        protection: &str,
        reserve: bool,
        file: Option<(String, u64, u64)>,
    ) -> PyResult<()> {
        let disposition = self::disposition(disposition)?;
        let protection = self::protection(protection)?;
        let file = file.map(|(path, device, inode)| Backing { path, device, inode });
        let wanted = NewSection { size, protection, reserve, file };
        let py = slf.py();
        core(slf).bind_with(py, session, name, call_of(disposition), |session| {
            // Zeroing a large section takes a while: not with the GIL.
            detached(py, || session.create_section(name, disposition, access, &wanted))
        })
    }

    /// Size in bytes.
    #[getter]
    fn size(slf: &Bound<'_, Self>) -> PyResult<u64> {
        core(slf).with(slf.py(), "size", |session, handle| Ok(session.query_section(handle, 0)?.size))
    }

    /// What views the section allows: "r", "rw" or "copy".
    #[getter]
    fn protection(slf: &Bound<'_, Self>) -> PyResult<&'static str> {
        core(slf).with(slf.py(), "protection", |session, handle| {
            Ok(protection_name(session.query_section(handle, 0)?.protection))
        })
    }

    /// Map a part of the section into an instance of ``cls``. Size None: to the end. Access None: the most that is
    /// allowed. ``rounded``: a view of a file may go on to the end of its last page, as on NT; what is written beyond
    /// the file is lost.
    #[pyo3(name = "_map_view", signature = (cls, offset, size, access, rounded=false))]
    fn map_view<'py>(
        slf: &Bound<'py, Self>,
        cls: &Bound<'py, PyType>,
        offset: u64,
        size: Option<u64>,
        access: Option<&str>,
        rounded: bool,
    ) -> PyResult<Bound<'py, View>> {
        let wanted = access.map(self::protection).transpose()?;
        let (mapping, protection) = core(slf).with(slf.py(), "map", |session, handle| {
            let protection = wanted.map_or_else(|| session.best_protection(handle), Ok)?;
            Ok((session.map_view(handle, offset, size, protection, rounded)?, protection))
        })?;
        let view = cls.call0()?.cast_into::<View>()?;
        view.get().fill(mapping, protection)?;
        Ok(view)
    }

    /// Open the file that holds the section's bytes; a descriptor that the caller closes.
    #[pyo3(name = "_open_descriptor")]
    fn open_descriptor(slf: &Bound<'_, Self>, writable: bool) -> PyResult<i32> {
        core(slf).with(slf.py(), "open the memory of", |session, handle| {
            Ok(session.section_descriptor(handle, writable)?.into_raw_fd())
        })
    }
}

#[inline]
fn core<'a>(slf: &'a Bound<'_, Section>) -> &'a Object {
    slf.as_super().get()
}
