//! Memory of other processes, by `process_vm_readv` and `process_vm_writev`. Linux decides who may, and by which rule.
// UNSAFETY: hands Linux the addresses of buffers that stay where they are for the time of the call.

use crate::blocking::COPIED_WITH_GIL;
use crate::buffers::{NewBytes, Pieces};
use crate::gil::detached;
use ntipc_kernel::sys::foreign::{self, Outcome, Piece};
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

fn copy(py: Python<'_>, size: usize, body: impl Send + FnOnce() -> Outcome) -> (usize, i32) {
    let outcome = if size > COPIED_WITH_GIL { detached(py, body) } else { body() };
    (outcome.copied, outcome.errno)
}

/// Read pieces of another process's memory, each an address and a size, one after the other. The bytes, of which there
/// may be fewer than wanted, and the error number of Linux that stopped it, or 0.
#[pyfunction]
pub fn read_foreign<'py>(
    py: Python<'py>,
    pid: i32,
    pieces: Vec<(usize, usize)>,
) -> PyResult<(Bound<'py, PyBytes>, i32)> {
    let too_much = || PyOverflowError::new_err("more bytes than there are addresses");
    let size = pieces.iter().try_fold(0usize, |sum, piece| sum.checked_add(piece.1)).ok_or_else(too_much)?;
    let mut bytes = NewBytes::of(py, size)?;
    let there: Vec<Piece> = pieces.iter().map(|&(address, size)| Piece { address, size }).collect();
    let here = bytes.slice();
    let (copied, errno) = copy(py, size, || foreign::read(pid, here, &there));
    Ok((bytes.filled(copied), errno))
}

/// Write data, each to its address in another process's memory. How many bytes were written, and the error number of
/// Linux that stopped it, or 0.
#[pyfunction]
pub fn write_foreign(
    py: Python<'_>,
    pid: i32,
    addresses: Vec<usize>,
    data: &Bound<'_, PyTuple>,
) -> PyResult<(usize, i32)> {
    let pieces = Pieces::of(data)?;
    // Pieces leave out what is empty, so the addresses of those go, too.
    let mut there = Vec::with_capacity(addresses.len());
    let mut slices = pieces.slices().iter();
    for (address, part) in addresses.into_iter().zip(data.iter_borrowed()) {
        if part.len()? > 0 {
            let size = slices.next().map_or(0, |slice| slice.len());
            there.push(Piece { address, size });
        }
    }
    let slices = pieces.slices();
    let size = slices.iter().map(|slice| slice.len()).sum();
    Ok(copy(py, size, || foreign::write(pid, slices, &there)))
}
