//! The debug log: lines in and out.

use crate::errors;
use crate::event::Event;
use crate::object::Object;
use ntipc_kernel::{NtResult, debuglog};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// A text in UTF-8. Halves of surrogate pairs, which UTF-8 has no form for, are passed as what stands for them in
/// Python.
pub fn with_bytes(text: &Bound<'_, PyString>, use_them: impl FnOnce(&[u8])) -> PyResult<()> {
    match text.to_str() {
        Ok(whole) => use_them(whole.as_bytes()),
        Err(_) => {
            let bytes = text.call_method1(intern!(text.py(), "encode"), ("utf-8", "surrogatepass"))?;
            use_them(bytes.cast::<PyBytes>()?.as_bytes());
        }
    }
    Ok(())
}

/// A reader of the debug log of a session. ``bell`` is a manual-reset event that is set when there is something to
/// read. With ``kept`` it begins with the lines that are still there.
#[pyclass(module = "ntipc._kernel", frozen)]
pub struct LogReader(debuglog::LogReader);

fn checked<T>(py: Python<'_>, call: &str, result: NtResult<T>) -> PyResult<T> {
    result.map_err(|failure| errors::raise(py, &failure, call, "the debug log"))
}

#[pymethods]
impl LogReader {
    #[new]
    #[pyo3(signature = (bell, kept=false))]
    fn new(bell: &Bound<'_, Event>, kept: bool) -> PyResult<LogReader> {
        let object: &Object = bell.as_super().as_super().get();
        let opened = object.open_handle().and_then(|(session, handle)| session.read_log(handle, kept));
        checked(bell.py(), "Reader", opened).map(LogReader)
    }

    /// Take the next line that is there: process and thread id or None, nanoseconds since 1970, the text in UTF-8,
    /// whether it was cut.
    #[expect(clippy::type_complexity, reason = "the columns of a line")]
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Option<(Option<(u32, u32)>, u64, Bound<'py, PyBytes>, bool)>> {
        let line = checked(py, "Reader.read", self.0.read())?;
        Ok(line.map(|line| (line.ids, line.time_ns, PyBytes::new(py, &line.text), line.is_cut)))
    }

    /// Whether there is a line to read. The event is set then, and otherwise as soon as there is one.
    fn arm(&self, py: Python<'_>) -> PyResult<bool> {
        checked(py, "Reader.wait", self.0.arm())
    }

    /// Lines written since it was made that it will never read.
    #[getter]
    fn lost(&self) -> u64 {
        self.0.lost()
    }

    /// Read no more.
    fn close(&self) {
        self.0.close();
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        self.0.close();
    }
}
