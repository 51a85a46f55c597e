//! How an operation on a queue waits when Python calls it: it spins as `spinning` says, sleeps without the GIL, and
//! answers signals.

use crate::gil::detached;
use crate::spinning::Watch;
use crate::waitable::{Deadline, WaitError, on_main_thread, sleep};
use ntipc_kernel::Session;
use ntipc_kernel::dispatch::wait::Started;
use ntipc_kernel::queue::{Waiting, Wanted};
use ntipc_kernel::sys::clock::now_ns;
use pyo3::prelude::*;
use std::sync::Arc;

/// More than this is copied without the GIL.
pub const COPIED_WITH_GIL: usize = 1 << 16;

/// One call of an operation, and when it ends.
pub struct Blocking<'py> {
    pub py: Python<'py>,
    pub deadline: Deadline,
}

impl Waiting for Blocking<'_> {
    type Error = WaitError;

    fn polls(&self) -> bool {
        self.deadline.poll
    }

    fn wait(&mut self, session: &Arc<Session>, wanted: &Wanted) -> Result<bool, WaitError> {
        if self.deadline.poll {
            return Ok(false);
        }
        let mut watch = Watch::begin(wanted.target.handle);
        let look = |budget_ns| session.spin_for(wanted, budget_ns).then_some(());
        if watch.spin(self.py, self.deadline.at_ns, look).is_some() {
            watch.found(|began_ns| session.partner_at(wanted, began_ns));
            return Ok(true);
        }
        match session.start_wait(&[wanted.target], false, false, None)? {
            Started::Satisfied(_) => Ok(true),
            Started::TimedOut => Ok(false),
            // If a signal handler has put the wait aside, the operation says again what it needs.
            Started::Queued(queued) => {
                Ok(sleep(self.py, session, queued, self.deadline, watch)?.is_none_or(|end| end.is_some()))
            }
        }
    }

    fn wait_for_pages(&mut self, session: &Arc<Session>, seen: u32) -> Result<bool, WaitError> {
        detached(self.py, || session.sleep_for_pages(seen, self.deadline.at_ns));
        if on_main_thread() {
            self.py.check_signals().map_err(WaitError::Raised)?;
        }
        Ok(now_ns() < self.deadline.at_ns)
    }

    fn beside(&mut self, bytes: usize, work: &mut (dyn FnMut() + Send)) {
        match bytes > COPIED_WITH_GIL {
            true => detached(self.py, work),
            false => work(),
        }
    }
}
