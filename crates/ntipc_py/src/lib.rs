//! Python binding of the kernel: convert, give up the GIL while asleep, translate. No policy.
//!
//! A class hierarchy of native classes ([`object::Object`], [`waitable::Waitable`], one a kind), which `ntipc`'s Python
//! classes extend. Everything is frozen: state lies in atomics, so no call pays for a borrow.

mod acquisition;
mod blocking;
mod buffers;
mod cell;
mod cells;
mod completion_port;
mod debuglog;
mod errors;
mod event;
mod event_pair;
mod facts;
mod fast_calls;
mod foreign_memory;
mod frame;
mod gil;
mod inbox;
mod inspect;
mod luggage;
mod message_functions;
mod mutex;
mod object;
mod operation;
mod owned;
mod post_frame;
mod posts;
mod process;
mod queue;
mod read_end;
mod section;
mod semaphore;
mod session;
mod shared_word;
mod spinning;
mod timer;
mod under_gil;
mod view;
mod waitable;
mod waits;
mod write_end;

use ntipc_kernel::{NtStatus, fault};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::collections::BTreeMap;

#[pyfunction]
#[pyo3(signature = (name, countdown=1, action="kill"))]
fn arm_fault(name: &str, countdown: i32, action: &str) -> PyResult<()> {
    let Some(action) = fault::Action::named(action) else {
        return Err(PyValueError::new_err(format!("a fault point can kill, stop or hang, not {action:?}")));
    };
    match fault::arm(name, countdown, action) {
        true => Ok(()),
        false => Err(PyValueError::new_err(format!("no fault point {name:?} in this build"))),
    }
}

#[pyfunction]
fn report_faults(fd: i32) {
    fault::report_to(fd);
}

#[pyfunction]
fn set_eligible(eligible: bool) {
    ntipc_kernel::process::let_watch(eligible);
}

#[pyfunction]
fn allow_spinning(allow: bool) -> bool {
    spinning::allow(allow)
}

#[pymodule]
fn _kernel(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    ntipc_kernel::process::fork::install();
    gil::install();
    module.add("LAYOUT", format!("{:016x}", ntipc_kernel::FINGERPRINT))?;
    module.add("FAULT_POINTS", PyTuple::new(py, fault::NAMES)?)?;
    module.add("INGREDIENTS", PyTuple::new(py, ntipc_kernel::mutation::recovery())?)?;
    module.add("STATUSES", NtStatus::ALL.iter().copied().collect::<BTreeMap<_, _>>())?;
    module.add("MAXIMUM_WAIT_OBJECTS", ntipc_kernel::dispatch::wait::MAXIMUM_WAIT_OBJECTS)?;
    module.add("OPEN_OR_CREATE", operation::OPEN_OR_CREATE)?;
    module.add("CREATE", operation::CREATE)?;
    module.add("OPEN", operation::OPEN)?;
    module.add_class::<session::PySession>()?;
    module.add_class::<object::Object>()?;
    module.add_class::<waitable::Waitable>()?;
    module.add_class::<event::Event>()?;
    module.add_class::<semaphore::Semaphore>()?;
    module.add_class::<mutex::Mutex>()?;
    module.add_class::<acquisition::Acquisition>()?;
    module.add_class::<timer::Timer>()?;
    module.add_class::<event_pair::EventPair>()?;
    module.add_class::<process::Process>()?;
    module.add_class::<process::Thread>()?;
    module.add_class::<section::Section>()?;
    module.add_class::<view::View>()?;
    module.add_class::<cells::Cells>()?;
    module.add_class::<frame::Frame>()?;
    module.add_class::<read_end::ReadEnd>()?;
    module.add_class::<write_end::WriteEnd>()?;
    module.add_class::<inbox::Inbox>()?;
    module.add_class::<posts::Ways>()?;
    module.add_class::<posts::DefaultMessages>()?;
    module.add_class::<completion_port::CompletionPort>()?;
    module.add_class::<debuglog::LogReader>()?;
    module.add("LONGEST_LINE", ntipc_kernel::debuglog::LONGEST)?;
    module.add("LONGEST_FRAME", ntipc_kernel::queue::LENGTH_MAX)?;
    fast_calls::install(py)?;
    cells::install(py)?;
    posts::install(py)?;
    module.add_function(wrap_pyfunction!(message_functions::put_before, module)?)?;
    module.add_function(wrap_pyfunction!(waits::wait_multiple, module)?)?;
    module.add_function(wrap_pyfunction!(waits::signal_and_wait, module)?)?;
    module.add_function(wrap_pyfunction!(inspect::inspect, module)?)?;
    module.add_function(wrap_pyfunction!(inspect::examine, module)?)?;
    module.add_function(wrap_pyfunction!(inspect::fields, module)?)?;
    module.add_function(wrap_pyfunction!(session::before_fork, module)?)?;
    module.add_function(wrap_pyfunction!(session::after_fork_in_child, module)?)?;
    module.add_function(wrap_pyfunction!(session::leave_all, module)?)?;
    module.add_function(wrap_pyfunction!(session::clean, module)?)?;
    module.add_function(wrap_pyfunction!(session::is_proc_ours, module)?)?;
    module.add_function(wrap_pyfunction!(session::pid_namespace, module)?)?;
    module.add_function(wrap_pyfunction!(foreign_memory::read_foreign, module)?)?;
    module.add_function(wrap_pyfunction!(foreign_memory::write_foreign, module)?)?;
    module.add_function(wrap_pyfunction!(session::start_time_shift, module)?)?;
    module.add_function(wrap_pyfunction!(allow_spinning, module)?)?;
    module.add_function(wrap_pyfunction!(arm_fault, module)?)?;
    module.add_function(wrap_pyfunction!(report_faults, module)?)?;
    module.add_function(wrap_pyfunction!(set_eligible, module)?)?;
    Ok(())
}
