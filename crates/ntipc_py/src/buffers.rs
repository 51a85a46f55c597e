//! Memory of Python objects, borrowed for the time of a call.
// UNSAFETY: asks the interpreter for buffers, and makes slices of them. A buffer that is held is neither moved nor
// freed. Its bytes may change under us if the program writes to them meanwhile: then what is copied is some mixture, as
// with every call that gives up the GIL; nothing but copying is done with them.

use crate::errors;
use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use smallvec::SmallVec;
use std::mem::MaybeUninit;

/// One buffer, given back when it is dropped (with the GIL).
struct Held(Box<ffi::Py_buffer>);

impl Held {
    fn of(object: &Bound<'_, PyAny>, flags: std::ffi::c_int) -> PyResult<Held> {
        let mut view = Box::new(MaybeUninit::<ffi::Py_buffer>::uninit());
        // SAFETY: the GIL is held; on success the view is filled in. It is boxed, so it never moves.
        if unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), view.as_mut_ptr(), flags) } != 0 {
            return Err(PyErr::fetch(object.py()));
        }
        // SAFETY: filled in, see above; the box is the same memory.
        Ok(Held(unsafe { Box::from_raw(Box::into_raw(view).cast()) }))
    }

    fn length(&self) -> usize {
        usize::try_from(self.0.len).unwrap_or(0)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the view is ours, given back once; who drops this has the GIL.
        unsafe { ffi::PyBuffer_Release(&raw mut *self.0) };
    }
}

/// Bytes to read, in one or several pieces.
pub struct Pieces<'py> {
    _kept: SmallVec<[Bound<'py, PyAny>; 2]>,
    _held: SmallVec<[Held; 1]>,
    /// What `_kept` and `_held` keep alive: for no longer than they do.
    slices: SmallVec<[&'static [u8]; 2]>,
}

impl<'py> Pieces<'py> {
    /// Of a bytes-like object, or of a list or tuple of such.
    pub fn of(data: &Bound<'py, PyAny>) -> PyResult<Pieces<'py>> {
        let mut pieces = Pieces { _kept: SmallVec::new(), _held: SmallVec::new(), slices: SmallVec::new() };
        if let Ok(list) = data.cast::<PyList>() {
            for item in list.iter() {
                pieces.add(item)?;
            }
        } else if let Ok(tuple) = data.cast::<PyTuple>() {
            for item in tuple.iter() {
                pieces.add(item)?;
            }
        } else {
            pieces.add(data.clone())?;
        }
        Ok(pieces)
    }

    fn add(&mut self, object: Bound<'py, PyAny>) -> PyResult<()> {
        let (start, length) = match object.cast::<PyBytes>() {
            Ok(bytes) => (bytes.as_bytes().as_ptr(), bytes.as_bytes().len()),
            Err(_) => {
                let held = Held::of(&object, ffi::PyBUF_SIMPLE).map_err(|error| refused(&object, error))?;
                let found = (held.0.buf.cast_const().cast::<u8>(), held.length());
                self._held.push(held);
                found
            }
        };
        if length > 0 {
            // SAFETY: the object, or the buffer it gave, keeps that memory for as long as `self` holds them, and the
            // slices are lent out for no longer (see `slices`).
            self.slices.push(unsafe { std::slice::from_raw_parts(start, length) });
        }
        self._kept.push(object);
        Ok(())
    }

    pub fn slices(&self) -> &[&[u8]] {
        &self.slices
    }
}

#[cold]
fn refused(object: &Bound<'_, PyAny>, error: PyErr) -> PyErr {
    let py = object.py();
    if !error.is_instance_of::<PyTypeError>(py) {
        return error;
    }
    let kind = errors::class_of(object);
    PyTypeError::new_err(format!("data must be bytes-like, or a list or tuple of such, not {kind}"))
}

/// Memory to write into.
pub struct Target {
    held: Held,
}

impl Target {
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Target> {
        Ok(Target { held: Held::of(object, ffi::PyBUF_WRITABLE)? })
    }

    pub fn slice(&mut self) -> &mut [u8] {
        let length = self.held.length();
        if length == 0 {
            return &mut [];
        }
        // SAFETY: the buffer is writable and held for as long as the slice is lent.
        unsafe { std::slice::from_raw_parts_mut(self.held.0.buf.cast(), length) }
    }
}

/// A bytes object that nobody has seen yet, with the memory to fill it.
pub struct NewBytes<'py> {
    bytes: Bound<'py, PyBytes>,
    length: usize,
}

impl<'py> NewBytes<'py> {
    pub fn of(py: Python<'py>, length: usize) -> PyResult<NewBytes<'py>> {
        let size = ffi::Py_ssize_t::try_from(length)?;
        // SAFETY: the GIL is held; with a null pointer the bytes are left as they are, to be filled.
        let bytes = unsafe {
            Bound::from_owned_ptr_or_err(py, ffi::PyBytes_FromStringAndSize(std::ptr::null(), size))?
                .cast_into_unchecked()
        };
        Ok(NewBytes { bytes, length })
    }

    pub fn slice(&mut self) -> &mut [u8] {
        // SAFETY: as long as it has not been handed out, nobody else reads or writes these bytes; there are `length` of
        // them.
        unsafe {
            let start = ffi::PyBytes_AsString(self.bytes.as_ptr()).cast::<u8>();
            std::slice::from_raw_parts_mut(start, self.length)
        }
    }

    /// The object with its first `length` bytes filled.
    pub fn filled(self, length: usize) -> Bound<'py, PyBytes> {
        match length == self.length {
            true => self.bytes,
            false => PyBytes::new(self.bytes.py(), &self.bytes.as_bytes()[..length.min(self.length)]),
        }
    }
}
