//! Numbers in a view, each read and changed in one step: the fields of records that processes share.
//!
//! Others write the same memory at any time, hostile ones too. So a cell is only ever touched as an atomic of its size,
//! and whatever bits are found are a number. Where cells lie is checked once, when the object is made: bounds and
//! alignment, against a view that stays where it is. The object counts as a user of the view, as a memoryview does:
//! while it lives, the view cannot be unmapped.
//!
//! All steps are sequentially consistent: who sees a number sees everything that its writer did before.
// UNSAFETY: makes references to atomics in a mapping that outlives them, at places that were checked.

use crate::cell::{Cell, Kind};
use crate::errors;
use crate::fast_calls::{ANY_ARGUMENTS, Behind, FastCall};
use crate::view::View;
use pyo3::exceptions::{PyAttributeError, PyIndexError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Where the cells of one field lie in memory: `count` of them, one after the other.
#[derive(Clone, Copy)]
struct Place {
    address: usize,
    kind: Kind,
    count: usize,
}

/// The numbers of one record in a view.
#[pyclass(module = "ntipc._kernel", frozen)]
pub struct Cells {
    /// Names of fields, and their places.
    places: Py<PyDict>,
    list: Vec<Place>,
    title: String,
    view: Py<View>,
}

impl Cells {
    #[inline]
    fn cell(&self, field: &Bound<'_, PyAny>, index: usize) -> PyResult<Cell> {
        let known = self.places.bind(field.py()).get_item(field)?;
        let Some(place) = known.and_then(|number| self.list.get(number.extract::<usize>().ok()?)) else {
            return Err(self.unknown(field));
        };
        if index >= place.count {
            return Err(PyIndexError::new_err(format!("there are {} of them, and none at {index}", place.count)));
        }
        // SAFETY: `new` has checked that all of them lie in the view, aligned, and it stays mapped as long as the cells
        // live.
        Ok(unsafe { Cell::at(place.address + index * place.kind.size(), place.kind) })
    }

    #[cold]
    fn unknown(&self, field: &Bound<'_, PyAny>) -> PyErr {
        match field.extract::<&str>() {
            Ok(name) => PyAttributeError::new_err(format!("{} has no number {name:?}", self.title)),
            Err(_) => PyTypeError::new_err(format!("a field is named by a str, not {}", errors::class_of(field))),
        }
    }
}

#[pymethods]
impl Cells {
    /// `places`: by the name of a field its offset, in bytes, behind `base`, its letter and how many of them there are.
    #[new]
    fn new(view: &Bound<'_, View>, base: usize, places: &Bound<'_, PyDict>, title: String) -> PyResult<Cells> {
        let py = view.py();
        let (start, length) = view.get().keep(py)?;
        // From here on the view is given back when this is dropped, whatever fails.
        let mut cells =
            Cells { places: PyDict::new(py).unbind(), list: Vec::new(), title, view: view.clone().unbind() };
        for (name, place) in places {
            let (offset, letter, count): (usize, char, usize) = place.extract()?;
            let kind =
                Kind::named(letter).ok_or_else(|| PyValueError::new_err(format!("no number is called {letter:?}")))?;
            let end = count.checked_mul(kind.size()).and_then(|size| base.checked_add(offset)?.checked_add(size));
            if end.is_none_or(|end| end > length) {
                return Err(PyValueError::new_err(format!(
                    "{name} does not lie in the view, which has {length} bytes"
                )));
            }
            let address = start + base + offset;
            if address % kind.size() != 0 {
                return Err(PyValueError::new_err(format!("{name} does not lie at a multiple of its size")));
            }
            cells.places.bind(py).set_item(name, cells.list.len())?;
            cells.list.push(Place { address, kind, count });
        }
        Ok(cells)
    }

    #[pyo3(signature = (field, index=0))]
    fn get<'py>(&self, field: &Bound<'py, PyAny>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let cell = self.cell(field, index)?;
        cell.value(field.py(), cell.load())
    }

    #[pyo3(signature = (field, value, index=0))]
    fn set(&self, field: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, index: usize) -> PyResult<()> {
        let cell = self.cell(field, index)?;
        cell.exchange(cell.bits(value)?);
        Ok(())
    }

    #[pyo3(signature = (field, n, index=0))]
    fn add<'py>(&self, field: &Bound<'py, PyAny>, n: &Bound<'py, PyAny>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        self.cell(field, index)?.add(field.py(), n)
    }

    #[pyo3(signature = (field, value, index=0))]
    fn exchange<'py>(
        &self,
        field: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        index: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let cell = self.cell(field, index)?;
        cell.value(field.py(), cell.exchange(cell.bits(value)?))
    }

    #[pyo3(signature = (field, expected, new, index=0))]
    fn compare_exchange(
        &self,
        field: &Bound<'_, PyAny>,
        expected: &Bound<'_, PyAny>,
        new: &Bound<'_, PyAny>,
        index: usize,
    ) -> PyResult<bool> {
        let cell = self.cell(field, index)?;
        let (expected, new) = (cell.bits(expected)?, cell.bits(new)?);
        Ok(cell.compare_exchange(expected, new).is_ok())
    }
}

/// `add` of a whole number of 64 bits, called by the interpreter without anything in between. What it cannot answer it
/// hands on, as it came, to the method.
unsafe extern "C" fn add(
    receiver: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    if count == 2 && names.is_null() {
        // SAFETY: called by the interpreter: the GIL is held, the receiver is of this class, and lives through the
        // call, as do the arguments.
        let answer = unsafe {
            let cells = Borrowed::from_ptr(Python::assume_attached(), receiver).cast_unchecked::<Cells>();
            cells.get().add_at_once(*arguments, *arguments.add(1))
        };
        if let Some(before) = answer {
            // SAFETY: the GIL is held.
            return unsafe { ffi::PyLong_FromLongLong(before) };
        }
    }
    // SAFETY: the interpreter's own call, passed on.
    unsafe { ADD.call(receiver, arguments, count, names) }
}

static ADD: Behind = Behind::new();

impl Cells {
    /// # Safety
    /// The GIL is held, and the objects live through the call.
    #[inline(always)]
    unsafe fn add_at_once(&self, field: *mut ffi::PyObject, n: *mut ffi::PyObject) -> Option<i64> {
        // SAFETY: the caller's promise. Keys that are exactly strings are looked up without a call of Python, and fail
        // only for want of memory, which the method then tells.
        let (number, addend) = unsafe {
            if ffi::PyUnicode_CheckExact(field) == 0 || ffi::PyLong_CheckExact(n) == 0 {
                return None;
            }
            let number = ffi::PyDict_GetItemWithError(self.places.as_ptr(), field);
            let mut overflow = 0;
            let addend = ffi::PyLong_AsLongLongAndOverflow(n, &raw mut overflow);
            if number.is_null() || overflow != 0 {
                ffi::PyErr_Clear();
                return None;
            }
            (ffi::PyLong_AsSize_t(number), addend)
        };
        let place = self.list.get(number).filter(|place| place.kind == Kind::I64 && place.count > 0)?;
        // SAFETY: as in `cell`.
        unsafe { Cell::at(place.address, place.kind) }.add_whole(addend)
    }
}

/// Put the fast call before its method.
pub fn install(py: Python<'_>) -> PyResult<()> {
    let view = Bound::new(py, View::default())?.unbind();
    let none = Cells { places: PyDict::new(py).unbind(), list: Vec::new(), title: String::new(), view };
    let call = FastCall {
        class: |py| py.get_type::<Cells>(),
        name: "add",
        function: add as *const (),
        flags: ANY_ARGUMENTS,
        behind: &ADD,
    };
    call.install(Bound::new(py, none)?.as_any())
}

impl Drop for Cells {
    fn drop(&mut self) {
        self.view.get().give_back();
    }
}
