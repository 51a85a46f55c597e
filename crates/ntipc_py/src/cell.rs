//! One number in memory that others write at any time, hostile ones too: only ever touched as an atomic of its size,
//! and whatever bits are found are a number.
//!
//! All steps are sequentially consistent: a thread that reads a number sees everything that its writer did before.
// UNSAFETY: makes references to atomics at addresses that the maker of a cell vouches for.

use crate::errors;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64};

/// What a cell holds, by the letter that `struct` has for it.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

impl Kind {
    pub fn named(letter: char) -> Option<Kind> {
        Some(match letter {
            '?' => Kind::Bool,
            'b' => Kind::I8,
            'B' => Kind::U8,
            'h' => Kind::I16,
            'H' => Kind::U16,
            'i' => Kind::I32,
            'I' => Kind::U32,
            'q' => Kind::I64,
            'Q' => Kind::U64,
            'f' => Kind::F32,
            'd' => Kind::F64,
            _ => return None,
        })
    }

    pub fn size(self) -> usize {
        match self {
            Kind::Bool | Kind::I8 | Kind::U8 => 1,
            Kind::I16 | Kind::U16 => 2,
            Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::I64 | Kind::U64 | Kind::F64 => 8,
        }
    }
}

/// One number in memory.
#[derive(Clone, Copy)]
pub struct Cell {
    address: usize,
    kind: Kind,
}

/// The atomic of a type at an address.
macro_rules! at {
    ($atomic:ty, $address:expr) => {
        // SAFETY: the address is aligned and stays mapped, as the maker of the cell promised. Nobody makes references
        // to these bytes but atomics.
        unsafe { <$atomic>::from_ptr($address as *mut _) }
    };
}

/// Do the same for a whole number of whatever size; `$int` is its type and `$atomic` its atomic.
macro_rules! for_integer {
    ($kind:expr, $int:ident, $atomic:ident => $body:expr, else $others:expr) => {
        match $kind {
            Kind::I8 => {
                type $int = i8;
                type $atomic = AtomicI8;
                $body
            }
            Kind::U8 => {
                type $int = u8;
                type $atomic = AtomicU8;
                $body
            }
            Kind::I16 => {
                type $int = i16;
                type $atomic = AtomicI16;
                $body
            }
            Kind::U16 => {
                type $int = u16;
                type $atomic = AtomicU16;
                $body
            }
            Kind::I32 => {
                type $int = i32;
                type $atomic = AtomicI32;
                $body
            }
            Kind::U32 => {
                type $int = u32;
                type $atomic = AtomicU32;
                $body
            }
            Kind::I64 => {
                type $int = i64;
                type $atomic = AtomicI64;
                $body
            }
            Kind::U64 => {
                type $int = u64;
                type $atomic = AtomicU64;
                $body
            }
            _ => $others,
        }
    };
}

impl Cell {
    /// # Safety
    /// The address is a multiple of the size, and that many bytes there can be written as long as the cell is used.
    pub unsafe fn at(address: usize, kind: Kind) -> Cell {
        Cell { address, kind }
    }

    /// Add to a whole number of 64 bits. What was there; `None`, with nothing done, if the sum does not fit.
    #[inline(always)]
    pub fn add_whole(self, addend: i64) -> Option<i64> {
        let atomic = at!(AtomicI64, self.address);
        let mut before = atomic.load(SeqCst);
        loop {
            let after = before.checked_add(addend)?;
            match atomic.compare_exchange_weak(before, after, SeqCst, SeqCst) {
                Ok(_) => return Some(before),
                Err(found) => before = found,
            }
        }
    }

    /// The bits of a value that is to be stored.
    pub fn bits(self, value: &Bound<'_, PyAny>) -> PyResult<u64> {
        for_integer!(self.kind, Int, _Atomic => Ok(i128::from(value.extract::<Int>().map_err(|error| refused(value, self, error))?) as u64), else match self.kind {
            Kind::F32 => Ok(u64::from((self.float(value)? as f32).to_bits())),
            Kind::F64 => Ok(self.float(value)?.to_bits()),
            _ => match value.cast::<PyBool>() {
                Ok(truth) => Ok(u64::from(truth.is_true())),
                Err(error) => Err(refused(value, self, error.into())),
            },
        })
    }

    fn float(self, value: &Bound<'_, PyAny>) -> PyResult<f64> {
        value.extract::<f64>().map_err(|error| refused(value, self, error))
    }

    pub fn value<'py>(self, py: Python<'py>, bits: u64) -> PyResult<Bound<'py, PyAny>> {
        for_integer!(self.kind, Int, _Atomic => Ok((bits as Int).into_pyobject(py)?.into_any()), else match self.kind {
            Kind::F32 => Ok(f64::from(f32::from_bits(bits as u32)).into_pyobject(py)?.into_any()),
            Kind::F64 => Ok(f64::from_bits(bits).into_pyobject(py)?.into_any()),
            _ => Ok(PyBool::new(py, bits as u8 != 0).to_owned().into_any()),
        })
    }

    pub fn load(self) -> u64 {
        match self.kind.size() {
            1 => at!(AtomicU8, self.address).load(SeqCst).into(),
            2 => at!(AtomicU16, self.address).load(SeqCst).into(),
            4 => at!(AtomicU32, self.address).load(SeqCst).into(),
            _ => at!(AtomicU64, self.address).load(SeqCst),
        }
    }

    pub fn exchange(self, bits: u64) -> u64 {
        match self.kind.size() {
            1 => at!(AtomicU8, self.address).swap(bits as u8, SeqCst).into(),
            2 => at!(AtomicU16, self.address).swap(bits as u16, SeqCst).into(),
            4 => at!(AtomicU32, self.address).swap(bits as u32, SeqCst).into(),
            _ => at!(AtomicU64, self.address).swap(bits, SeqCst),
        }
    }

    /// Store `new` if the bits are `expected`. What was there.
    pub fn compare_exchange(self, expected: u64, new: u64) -> Result<u64, u64> {
        macro_rules! with {
            ($atomic:ty, $int:ty) => {
                at!($atomic, self.address)
                    .compare_exchange(expected as $int, new as $int, SeqCst, SeqCst)
                    .map(u64::from)
                    .map_err(u64::from)
            };
        }
        match self.kind.size() {
            1 => with!(AtomicU8, u8),
            2 => with!(AtomicU16, u16),
            4 => with!(AtomicU32, u32),
            _ => with!(AtomicU64, u64),
        }
    }

    /// Add in one step. What was there. Beyond what the cell can hold it stays as it is.
    pub fn add<'py>(self, py: Python<'py>, n: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        for_integer!(self.kind, Int, Atomic => {
            let addend = n.extract::<Int>();
            let atomic = at!(Atomic, self.address);
            let mut before = atomic.load(SeqCst);
            loop {
                // Of a cell without a sign a number below 0 may be added all the same.
                let after = match &addend {
                    Ok(addend) => before.checked_add(*addend),
                    Err(_) => match n.extract::<i64>() {
                        Ok(addend) => Int::try_from(i128::from(before) + i128::from(addend)).ok(),
                        Err(error) => return Err(refused(n, self, error)),
                    },
                };
                let Some(after) = after else {
                    let why = format!("{before} + {n} is more or less than a field of {} bytes can hold; it is unchanged", size_of::<Int>());
                    return Err(PyOverflowError::new_err(why));
                };
                match atomic.compare_exchange_weak(before, after, SeqCst, SeqCst) {
                    Ok(_) => return Ok(before.into_pyobject(py)?.into_any()),
                    Err(found) => before = found,
                }
            }
        }, else {
            if self.kind == Kind::Bool {
                return Err(PyTypeError::new_err("nothing can be added to a bool"));
            }
            let addend = self.float(n)?;
            let mut before = self.load();
            loop {
                let after = match self.kind {
                    Kind::F32 => u64::from(((f64::from(f32::from_bits(before as u32)) + addend) as f32).to_bits()),
                    _ => (f64::from_bits(before) + addend).to_bits(),
                };
                match self.compare_exchange(before, after) {
                    Ok(_) => return self.value(py, before),
                    Err(found) => before = found,
                }
            }
        })
    }
}

#[cold]
fn refused(value: &Bound<'_, PyAny>, cell: Cell, error: PyErr) -> PyErr {
    if !error.is_instance_of::<PyTypeError>(value.py()) {
        return error;
    }
    let wanted = match cell.kind {
        Kind::Bool => "a bool",
        Kind::F32 | Kind::F64 => "a number",
        _ => "an int",
    };
    PyTypeError::new_err(format!("the field takes {wanted}, not {}", errors::class_of(value)))
}
