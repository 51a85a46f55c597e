//! Views: mapped memory with the buffer protocol.
// UNSAFETY: fills in Py_buffer structures that point into a mapping which outlives them.

use crate::errors;
use crate::gil::detached;
use ntipc_kernel::sys::files::{Mapping, Protection};
use ntipc_kernel::{Failure, NtResult, NtStatus};
use pyo3::exceptions::{PyBufferError, PyRuntimeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use std::ffi::c_int;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub fn protection(access: &str) -> PyResult<Protection> {
    match access {
        "r" => Ok(Protection::Read),
        "rw" => Ok(Protection::ReadWrite),
        "copy" => Ok(Protection::Copy),
        _ => Err(PyValueError::new_err(format!("access must be 'r', 'rw' or 'copy', not {access:?}"))),
    }
}

pub fn protection_name(protection: Protection) -> &'static str {
    match protection {
        Protection::Read => "r",
        Protection::ReadWrite => "rw",
        Protection::Copy => "copy",
    }
}

const PAGE: usize = ntipc_kernel::section::PAGE as usize;

struct Mapped {
    mapping: Arc<Mapping>,
    protection: Protection,
}

#[derive(Default)]
struct State {
    mapped: Option<Mapped>,
    /// Buffers handed out and not given back.
    exports: usize,
}

/// A part of a section in this process's memory.
#[pyclass(module = "ntipc._kernel", subclass, frozen)]
#[derive(Default)]
pub struct View {
    state: Mutex<State>,
}

impl View {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn fill(&self, mapping: Mapping, protection: Protection) -> PyResult<()> {
        let mut state = self.state();
        if state.mapped.is_some() {
            return Err(PyRuntimeError::new_err("this view is mapped already"));
        }
        state.mapped = Some(Mapped { mapping: Arc::new(mapping), protection });
        Ok(())
    }

    /// Keep the view mapped until it is given back as often: where its memory, which can be written, begins, and its
    /// length.
    pub fn keep(&self, py: Python<'_>) -> PyResult<(usize, usize)> {
        let mut state = self.state();
        let Some(mapped) = &state.mapped else { return Err(unmapped(py, "View")) };
        if mapped.protection == Protection::Read {
            return Err(PyValueError::new_err("the view cannot be written"));
        }
        let place = (mapped.mapping.address as usize, mapped.mapping.length);
        state.exports += 1;
        Ok(place)
    }

    pub fn give_back(&self) {
        let mut state = self.state();
        state.exports = state.exports.saturating_sub(1);
    }

    /// Do something with the mapping without the GIL, while which it stays.
    fn with_kept(
        &self,
        py: Python<'_>,
        call: &str,
        body: impl Send + FnOnce(&Mapping) -> NtResult<()>,
    ) -> PyResult<()> {
        let mapping = self.read(py, call, |mapped| Arc::clone(&mapped.mapping))?;
        detached(py, || body(&mapping)).map_err(|failure| errors::raise(py, &failure, call, "view"))
    }

    fn read<T>(&self, py: Python<'_>, call: &str, body: impl FnOnce(&Mapped) -> T) -> PyResult<T> {
        match &self.state().mapped {
            Some(mapped) => Ok(body(mapped)),
            None => Err(unmapped(py, call)),
        }
    }
}

fn unmapped(py: Python<'_>, call: &str) -> PyErr {
    errors::raise(py, &Failure::new(NtStatus::INVALID_HANDLE, "the view has been unmapped"), call, "view")
}

#[pymethods]
impl View {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> View {
        View::default()
    }

    /// Size in bytes; 0 once unmapped.
    fn __len__(&self) -> usize {
        self.state().mapped.as_ref().map_or(0, |mapped| mapped.mapping.length)
    }

    /// "r", "rw" or "copy".
    #[getter]
    fn access(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.read(py, "View.access", |mapped| protection_name(mapped.protection))
    }

    /// True if the memory cannot be written through this view.
    #[getter]
    fn readonly(&self, py: Python<'_>) -> PyResult<bool> {
        self.read(py, "View.readonly", |mapped| mapped.protection == Protection::Read)
    }

    /// True once unmapped.
    #[getter]
    fn closed(&self) -> bool {
        self.state().mapped.is_none()
    }

    /// Where the view begins in this process's memory.
    #[getter]
    fn address(&self, py: Python<'_>) -> PyResult<usize> {
        self.read(py, "View.address", |mapped| mapped.mapping.address as usize)
    }

    /// Write changes of a file's view back to the file, in whole pages. Size None: to the end.
    #[pyo3(signature = (offset=0, size=None))]
    fn flush(&self, py: Python<'_>, offset: usize, size: Option<usize>) -> PyResult<()> {
        let flushed = {
            let mut state = self.state();
            let Some(mapped) = &state.mapped else { return Err(unmapped(py, "View.flush")) };
            let whole = mapped.mapping.length;
            let end = size
                .map_or(Some(whole), |size| offset.checked_add(size))
                .filter(|_| offset <= whole)
                .filter(|end| *end <= whole);
            let Some(end) = end else {
                return Err(PyValueError::new_err(format!(
                    "the range does not lie in the view, which has {whole} bytes"
                )));
            };
            let offset = offset / PAGE * PAGE;
            let (address, length) = (mapped.mapping.address as usize + offset, end - offset);
            state.exports += 1; // keeps the mapping while the lock and the GIL are given up
            drop(state);
            let result = detached(py, || ntipc_kernel::sys::files::flush(address, length));
            self.state().exports -= 1;
            result
        };
        flushed.map_err(|failure| errors::raise(py, &failure, "View.flush", "view"))
    }

    /// Take memory for a part now, so that it is an error here if there is none, and no signal at a later write.
    #[pyo3(name = "_take_space")]
    fn take_space(&self, py: Python<'_>, offset: usize, size: usize) -> PyResult<()> {
        self.with_kept(py, "View", |mapping| match mapping.populate(offset, size) {
            Some(taken) => taken,
            None => {
                Err(Failure::new(NtStatus::NOT_SUPPORTED, "this Linux cannot reserve memory, or the range is wrong"))
            }
        })
    }

    /// Give the memory of a part back, in whole pages; from then on it reads as 0 in every view.
    #[pyo3(name = "_give_back_space")]
    fn give_back_space(&self, py: Python<'_>, offset: usize, size: usize) -> PyResult<()> {
        self.with_kept(py, "View", |mapping| mapping.give_back(offset, size))
    }

    /// Take the view out of memory. BufferError while a memoryview or an array uses it. Unmapping twice does nothing.
    fn unmap(&self) -> PyResult<()> {
        let mut state = self.state();
        if state.exports > 0 {
            return Err(PyBufferError::new_err(format!(
                "cannot unmap the view: {} memoryviews or arrays still use it; release or delete them first",
                state.exports
            )));
        }
        state.mapped = None;
        Ok(())
    }

    /// # Safety
    /// `buffer` comes from the interpreter.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, buffer: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let view = slf.get();
        let mut state = view.state();
        let Some(mapped) = &state.mapped else { return Err(unmapped(slf.py(), "memoryview")) };
        let readonly = c_int::from(mapped.protection == Protection::Read);
        let length = ffi::Py_ssize_t::try_from(mapped.mapping.length)?;
        // SAFETY: the memory stays mapped while `exports` is not 0, and the buffer holds a reference to this object.
        let filled = unsafe {
            ffi::PyBuffer_FillInfo(buffer, slf.as_ptr(), mapped.mapping.address.cast(), length, readonly, flags)
        };
        if filled != 0 {
            return Err(PyErr::fetch(slf.py()));
        }
        state.exports += 1;
        Ok(())
    }

    /// # Safety
    /// `buffer` was filled by `__getbuffer__`.
    unsafe fn __releasebuffer__(&self, _buffer: *mut ffi::Py_buffer) {
        self.give_back();
    }
}
