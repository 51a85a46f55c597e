//! One word of 64 bits in memory that processes share.
// UNSAFETY: makes a reference to an atomic in a buffer that it keeps, at a place that was checked.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::atomic::AtomicU64;

/// The word, and the buffer that keeps its memory where it is.
pub struct SharedWord {
    buffer: PyBuffer<u8>,
    address: usize,
}

impl SharedWord {
    /// The eight bytes of a buffer that can be written to.
    pub fn of(bytes: &Bound<'_, PyAny>) -> PyResult<SharedWord> {
        let buffer = PyBuffer::<u8>::get(bytes)?;
        let address = buffer.buf_ptr() as usize;
        let is_word = buffer.len_bytes() == size_of::<u64>() && buffer.is_c_contiguous() && !buffer.readonly();
        if !is_word || address % align_of::<AtomicU64>() != 0 {
            return Err(PyValueError::new_err("a word is eight bytes that can be written to, at a multiple of eight"));
        }
        Ok(SharedWord { buffer, address })
    }

    #[inline(always)]
    pub fn atomic(&self) -> &AtomicU64 {
        debug_assert!(self.buffer.len_bytes() == size_of::<u64>());
        // SAFETY: eight aligned bytes, says `of`, that stay there as long as the buffer is kept. Others may write them
        // at any time, and are another process, or use atomics: an atomic reads one of the values that they have
        // stored, or damage.
        unsafe { &*(self.address as *const AtomicU64) }
    }
}
