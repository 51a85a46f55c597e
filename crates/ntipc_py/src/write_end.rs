//! The end of a queue that frames are put into.

use crate::blocking::Blocking;
use crate::buffers::{NewBytes, Pieces};
use crate::frame::Frame;
use crate::luggage::{self, Luggage};
use crate::object::Object;
use crate::operation::{Context, Operation};
use crate::queue::{answer, timed_out};
use crate::session::PySession;
use crate::waitable::{Deadline, POLL, WaitError, Waitable, deadline_or_block};
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::object::table::Opened;
use ntipc_kernel::queue::{Attached, Put};
use ntipc_kernel::{NtStatus, Session};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use std::sync::Arc;

/// The end of a queue that frames are put into. Signalled while there is room (in a queue with a limit of readers:
/// while there may be one more), and when nobody can read any more.
#[pyclass(module = "ntipc._kernel", extends = Waitable, subclass, frozen)]
pub struct WriteEnd;

#[pymethods]
impl WriteEnd {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        cls: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<WriteEnd>> {
        let object = Object::labelled(Type::WriteEnd, cls)?;
        Ok(PyClassInitializer::from(object).add_subclass(Waitable).add_subclass(WriteEnd))
    }

    /// Open this end of the queue of that name.
    #[pyo3(name = "_open_end", signature = (session, name, access, operation=None))]
    fn open_end(
        slf: &Bound<'_, Self>,
        session: &PySession,
        name: &str,
        access: u32,
        operation: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        core(slf).bind_with(slf.py(), session, Some(name), Context::new("open", operation), |session| {
            let handle = session.open_queue(name, Type::WriteEnd, access)?;
            Ok(Opened { handle, created: false })
        })
    }

    /// What the maker of the queue keeps with it.
    #[pyo3(name = "_limits")]
    fn limits(slf: &Bound<'_, Self>) -> PyResult<(u64, u64)> {
        core(slf).with(slf.py(), "limits", |session, handle| {
            let [first, second] = session.end_facts(handle, Type::WriteEnd)?.user;
            Ok((first, second))
        })
    }

    /// Put bytes, or a list or tuple of pieces, as one message, whole or not at all. Timeout in seconds; 0 only looks.
    ///
    /// Raises Timeout if there was no room in time, and PeerGone if nobody can read it any more. ``tag`` is a number
    /// for the receiver. ``handles``: up to 8 objects that go along, as copies of their handles, or with ``move``
    /// themselves: then they are closed here.
    #[pyo3(
        name = "_put",
        signature = (data, timeout=None, *, tag=0, handles=None, r#move=false),
        text_signature = "($self, data, timeout=None, *, tag=0, handles=None, move=False)"
    )]
    fn put(
        slf: &Bound<'_, Self>,
        data: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
        tag: u32,
        handles: Option<&Bound<'_, PyAny>>,
        r#move: bool,
    ) -> PyResult<()> {
        match put(slf, "put", data, deadline_or_block(timeout)?, tag, handles, r#move)? {
            Some(_) => Ok(()),
            None => Err(timed_out(slf.py(), core(slf), "put", "the queue is full")),
        }
    }

    /// The same, for the call of the program that is named, if there is room for it now; whether there was.
    #[pyo3(name = "_put_now", signature = (data, operation))]
    fn put_now(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>, operation: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(put(slf, Context::new("put", Some(operation)), data, POLL, 0, None, false)?.is_some())
    }

    /// As ``_put``, and how far the queue's data went with it: a mark for ``_wait_taken``. None: the time ran out.
    #[pyo3(
        name = "_put_marked",
        signature = (data, timeout=None, *, tag=0, handles=None, r#move=false, operation=None),
        text_signature = "($self, data, timeout=None, *, tag=0, handles=None, move=False, operation=None)"
    )]
    fn put_marked(
        slf: &Bound<'_, Self>,
        data: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
        tag: u32,
        handles: Option<&Bound<'_, PyAny>>,
        r#move: bool,
        operation: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<u64>> {
        let (call, deadline) = (Context::new("put", operation), deadline_or_block(timeout)?);
        Ok(put(slf, call, data, deadline, tag, handles, r#move)?.map(|put| put.mark))
    }

    /// Put a frame as a pipe is written to: it also waits until no more than the quota is unread, so that of a frame
    /// longer than it enough is. How many bytes; None: there was no room in time. Once the frame is put, time matters
    /// no more.
    #[pyo3(name = "_deliver", signature = (data, timeout=None, operation=None))]
    fn deliver(
        slf: &Bound<'_, Self>,
        data: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
        operation: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<usize>> {
        let pieces = Pieces::of(data)?;
        operate(slf, Context::new("put", operation), deadline_or_block(timeout)?, |session, handle, waiting| {
            let Some(put) = session.put_wait(handle, pieces.slices(), 0, waiting)? else { return Ok(None) };
            session.wait_taken(handle, put.mark, waiting)?;
            Ok(Some(put.bytes))
        })
    }

    /// Put a frame, be there room for it or not; it waits only for memory. False: there was none in time.
    #[pyo3(name = "_put_beyond", signature = (data, timeout=None, operation=None, tag=0))]
    fn put_beyond(
        slf: &Bound<'_, Self>,
        data: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
        operation: Option<&Bound<'_, PyAny>>,
        tag: u32,
    ) -> PyResult<bool> {
        let pieces = Pieces::of(data)?;
        let put =
            |session: &Arc<Session>, handle, waiting: &mut _| session.put_beyond(handle, pieces.slices(), tag, waiting);
        Ok(operate(slf, Context::new("put", operation), deadline_or_block(timeout)?, put)?.is_some())
    }

    /// Put a request, and wait for the reply to it. None: the time ran out. Raises ReplyLost if the process that took
    /// the request ended without a reply, or nobody is left who could take it. ``line``: a writing end with a badge;
    /// the request is lost if that is revoked. ``plain``: of a reply whose tag has this low byte, and with which no
    /// handles came, the data alone are returned.
    #[pyo3(name = "_request", signature = (data, timeout=None, *, tag=0, handles=None, operation=None, line=None, plain=None))]
    #[expect(clippy::too_many_arguments, reason = "a call of Python's, most of them by keyword")]
    fn request(
        slf: &Bound<'_, Self>,
        data: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
        tag: u32,
        handles: Option<&Bound<'_, PyAny>>,
        operation: Option<&Bound<'_, PyAny>>,
        line: Option<&Bound<'_, WriteEnd>>,
        plain: Option<u32>,
    ) -> PyResult<Option<Py<PyAny>>> {
        let py = slf.py();
        let (pieces, objects) = (Pieces::of(data)?, luggage::objects(handles)?);
        let call = Context::new("call", operation);
        operate(slf, call, deadline_or_block(timeout)?, |session, handle, waiting| {
            // Copies only: of a call that fails, nobody can say whether the request went.
            let luggage = Luggage::pack(session, &objects, false)?;
            let attached = Attached { handles: &luggage.handles, move_them: false };
            let line = line.map_or(Ok(handle), |line| core(line).open_handle().map(|(_, handle)| handle))?;
            let reply = session.call_within(line, handle, pieces.slices(), tag, attached, waiting)?;
            let Some(reply) = reply else { return Ok(None) };
            let mut bytes = NewBytes::of(py, reply.length).map_err(WaitError::Raised)?;
            let mut taken = reply.take(bytes.slice(), waiting)?;
            taken.correlation = 0; // no request of its own
            let data = bytes.filled(taken.bytes);
            if plain == Some(taken.tag & 0xff) && taken.handles.is_empty() {
                return Ok(Some(data.into_any().unbind()));
            }
            let frame = Py::new(py, Frame::new(data, session, taken)).map_err(WaitError::Raised)?;
            Ok(Some(frame.into_any()))
        })
    }

    /// Could a message be put, if there is room for it? False once nobody can read it, or the badge is revoked.
    #[getter(_leads_on)]
    fn leads_on(slf: &Bound<'_, Self>) -> bool {
        core(slf).if_open().is_some_and(|(session, handle)| session.check_writer(handle).is_ok())
    }

    /// Put as much of a stream as there is room for, at most 64 KiB, as soon as there is room for any: how many bytes,
    /// and the mark. None: the time ran out.
    #[pyo3(name = "_put_some", signature = (data, timeout=None, operation=None))]
    fn put_some(
        slf: &Bound<'_, Self>,
        data: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
        operation: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<(usize, u64)>> {
        let pieces = Pieces::of(data)?;
        let first = pieces.slices().first().copied().unwrap_or_default();
        let (call, deadline) = (Context::new("put", operation), deadline_or_block(timeout)?);
        let done =
            operate(slf, call, deadline, |session, handle, waiting| session.put_some(handle, first, 0, waiting))?;
        Ok(done.map(|put| (put.bytes, put.mark)))
    }

    /// Wait until no more than the quota is unread of what was put up to a mark. False: the time ran out.
    #[pyo3(name = "_wait_taken", signature = (mark, timeout=None, operation=None))]
    fn wait_taken(
        slf: &Bound<'_, Self>,
        mark: u64,
        timeout: Option<&Bound<'_, PyAny>>,
        operation: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let (call, deadline) = (Context::new("wait_taken", operation), deadline_or_block(timeout)?);
        operate(slf, call, deadline, |session, handle, waiting| session.wait_taken(handle, mark, waiting))
    }

    /// Wait until all that was put by now has been read. False: the time ran out.
    #[pyo3(name = "_flush", signature = (timeout=None))]
    fn flush(slf: &Bound<'_, Self>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        operate(slf, "flush", deadline_or_block(timeout)?, |session, handle, waiting| {
            session.flush_queue(handle, waiting)
        })
    }

    /// The same, for the call of the program that is named.
    #[pyo3(name = "_flush_for", signature = (timeout, operation))]
    fn flush_for(
        slf: &Bound<'_, Self>,
        timeout: Option<&Bound<'_, PyAny>>,
        operation: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let (call, deadline) = (Context::new("flush", Some(operation)), deadline_or_block(timeout)?);
        operate(slf, call, deadline, |session, handle, waiting| session.flush_queue(handle, waiting))
    }

    /// Throw away what is in the queue; from now on both ends fail with ``status``.
    #[pyo3(name = "_break_queue")]
    fn break_queue(slf: &Bound<'_, Self>, status: u32) -> PyResult<()> {
        core(slf).with(slf.py(), "break_queue", |session, handle| session.break_queue(handle, NtStatus(status)))
    }
}

fn operate<'py, T>(
    slf: &Bound<'py, WriteEnd>,
    call: impl Operation + Copy,
    deadline: Deadline,
    body: impl FnOnce(&Arc<Session>, u32, &mut Blocking<'py>) -> Result<T, WaitError>,
) -> PyResult<T> {
    let (py, end) = (slf.py(), core(slf));
    let mut waiting = Blocking { py, deadline };
    let (session, handle) = end.open_handle().map_err(|failure| end.error(py, &failure, call))?;
    answer(py, end, call, body(session, handle, &mut waiting))
}

fn put<'py>(
    slf: &Bound<'py, WriteEnd>,
    call: impl Operation + Copy,
    data: &Bound<'py, PyAny>,
    deadline: Deadline,
    tag: u32,
    handles: Option<&Bound<'py, PyAny>>,
    move_them: bool,
) -> PyResult<Option<Put>> {
    let pieces = Pieces::of(data)?;
    let objects = luggage::objects(handles)?;
    if objects.is_empty() {
        return operate(slf, call, deadline, |session, handle, waiting| {
            session.put_wait(handle, pieces.slices(), tag, waiting)
        });
    }
    operate(slf, call, deadline, |session, handle, waiting| {
        let mut luggage = Luggage::pack(session, &objects, move_them)?;
        let attached = Attached { handles: &luggage.handles, move_them };
        let put = session.put_attached(handle, pieces.slices(), tag, attached, waiting)?;
        luggage.gone = put.is_some();
        Ok(put)
    })
}

#[inline]
fn core<'a>(slf: &'a Bound<'_, WriteEnd>) -> &'a Object {
    slf.as_super().as_super().get()
}
