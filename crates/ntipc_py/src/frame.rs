//! Frames, as Python sees what it took out of a queue.

use crate::blocking::Blocking;
use crate::buffers::Pieces;
use crate::errors;
use crate::luggage::{self, Luggage};
use crate::object::Object;
use crate::waitable::{FOREVER, WaitError};
use ntipc_kernel::Session;
use ntipc_kernel::queue::{Attached, Received, Taken};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A frame, or a part of one, as it was taken.
#[pyclass(module = "ntipc._kernel", frozen)]
pub struct Frame {
    /// The data; empty if it was taken into a buffer.
    #[pyo3(get)]
    data: Py<PyBytes>,
    /// Bytes that were taken.
    #[pyo3(get)]
    size: usize,
    /// Bytes of the frame that are left.
    #[pyo3(get)]
    left: usize,
    /// The number that its sender gave it.
    #[pyo3(get)]
    tag: u32,
    /// Process slot of the sender, and its generation.
    #[pyo3(get)]
    sender: (u32, u32),
    /// Of a request: its number; of anything else 0.
    #[pyo3(get)]
    correlation: u64,
    /// The number of the badge of the end that it was put through, or None.
    #[pyo3(get)]
    badge: Option<u64>,
    /// What names that badge for ``ReadEnd._revoke_badge``.
    #[pyo3(get)]
    badge_token: (u32, u32),
    /// It is the notice that nobody has a handle with that badge any more.
    #[pyo3(get)]
    closed: bool,
    session: Arc<Session>,
    /// A request that was taken with it, and that nobody can answer once this is gone.
    owes_answer: bool,
    /// Handles that came along: they are closed if nobody claims them.
    arrived: Mutex<Vec<Received>>,
}

impl Drop for Frame {
    fn drop(&mut self) {
        close_all(&self.session, self.arrived.get_mut().unwrap_or_else(PoisonError::into_inner));
        if self.owes_answer && !self.session.is_left() {
            let _ = self.session.give_up_request(self.correlation); // nothing happens if it was answered
        }
    }
}

/// Close handles that nobody wants.
fn close_all(session: &Arc<Session>, handles: &[Received]) {
    for received in handles.iter().filter(|_| !session.is_left()) {
        let _ = session.close(received.handle);
    }
}

/// Give up what came with a frame of which only the data are wanted: handles, and the right to answer.
pub fn give_up(session: &Arc<Session>, taken: &Taken) {
    close_all(session, &taken.handles);
    if taken.correlation != 0 && !session.is_left() {
        let _ = session.give_up_request(taken.correlation);
    }
}

impl Frame {
    pub fn new(data: Bound<'_, PyBytes>, session: &Arc<Session>, taken: Taken) -> Frame {
        Frame {
            data: data.unbind(),
            size: taken.bytes,
            left: taken.left,
            tag: taken.tag,
            sender: taken.sender,
            correlation: taken.correlation,
            badge: taken.badge().map(|(number, _)| number),
            badge_token: taken.badge().map_or((0, 0), |(_, badge)| (badge.object, badge.generation)),
            closed: taken.closed(),
            session: Arc::clone(session),
            owes_answer: false,
            arrived: Mutex::new(taken.handles),
        }
    }

    /// The same of a whole frame that was taken: if it is a request, its caller is told that the call is lost when this
    /// is dropped without an answer.
    pub fn whole(data: Bound<'_, PyBytes>, session: &Arc<Session>, taken: Taken) -> Frame {
        let mut frame = Frame::new(data, session, taken);
        frame.owes_answer = frame.correlation != 0;
        frame
    }

    /// Answer a request, once.
    pub fn answer(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        tag: u32,
        handles: Option<&Bound<'_, PyAny>>,
        move_them: bool,
    ) -> Result<(), WaitError> {
        let pieces = Pieces::of(data).map_err(WaitError::Raised)?;
        let objects = luggage::objects(handles).map_err(WaitError::Raised)?;
        let mut luggage = Luggage::pack(&self.session, &objects, move_them)?;
        let attached = Attached { handles: &luggage.handles, move_them };
        let mut waiting = Blocking { py, deadline: FOREVER };
        self.session.reply(self.correlation, pieces.slices(), tag, attached, &mut waiting)?;
        luggage.gone = true;
        Ok(())
    }

    fn unclaimed(&self) -> MutexGuard<'_, Vec<Received>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Frame {
    /// Process id of the sender, as the session knows it; None if that process has left the session, or lives in
    /// another pid namespace.
    #[getter]
    fn pid(&self) -> Option<u32> {
        let (slot, generation) = self.sender;
        self.session.sender_pid(slot, generation)
    }

    /// Does its sender still wait for the reply?
    #[getter]
    fn awaited(&self) -> bool {
        self.correlation != 0 && self.session.is_awaited_reply(self.correlation)
    }

    /// The types of the objects whose handles came with it and that nobody has claimed.
    #[getter]
    fn carried(&self) -> Vec<&'static str> {
        self.unclaimed().iter().map(|received| received.object_type.name()).collect()
    }

    /// Give each handle that came with it to one of ``objects``, new ones of those types: in one step, so that no
    /// signal handler comes in between. If it fails some of them have theirs, and the frame keeps the others.
    fn claim(&self, py: Python<'_>, objects: Vec<Bound<'_, Object>>) -> PyResult<()> {
        // Nothing of Python's runs with the lock held.
        let mut arrived = std::mem::take(&mut *self.unclaimed());
        let claimed = if objects.len() == arrived.len() {
            objects.iter().rev().try_for_each(|object| {
                let Some(handle) = arrived.last().map(|received| received.handle) else { return Ok(()) };
                object.get().take_over(py, &self.session, handle, "claim")?;
                arrived.pop();
                Ok(())
            })
        } else {
            let message = format!("{} handles came along, and the objects are {}", arrived.len(), objects.len());
            Err(PyValueError::new_err(message))
        };
        self.unclaimed().append(&mut arrived);
        claimed
    }

    /// Answer a request, once. Fails with ReplyMismatch if its caller has given up.
    #[pyo3(
        signature = (data, *, tag=0, handles=None, r#move=false, operation="Frame.reply"),
        text_signature = "($self, data, *, tag=0, handles=None, move=False, operation='Frame.reply')"
    )]
    fn reply(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        tag: u32,
        handles: Option<&Bound<'_, PyAny>>,
        r#move: bool,
        operation: &str,
    ) -> PyResult<()> {
        self.answer(py, data, tag, handles, r#move).map_err(|error| match error {
            WaitError::Failed(failure) => errors::raise(py, &failure, operation, "request"),
            WaitError::Raised(raised) => raised,
        })
    }
}
