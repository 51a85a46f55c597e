//! The two ends of a queue: putting and taking frames. Pipes, mailslots and queues are made of these in Python.

use crate::blocking::Blocking;
use crate::buffers::{NewBytes, Pieces, Target};
use crate::object::{Object, call_of, disposition};
use crate::session::PySession;
use crate::waitable::{Deadline, POLL, WaitError, Waitable, deadline};
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::object::table::{Disposition, Opened};
use ntipc_kernel::queue::{Ends, Mode, QueueFacts, Taken};
use ntipc_kernel::{Failure, NtStatus, Session};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};
use std::cell::Cell;
use std::sync::Arc;

/// A frame that lies in line is no longer than this: it is taken before anybody knows how long it is.
const SMALL: usize = 2048;
const TIMEOUT: NtStatus = NtStatus(0x102);

thread_local! {
    static SMALL_FRAME: Cell<Option<Box<[u8; SMALL]>>> = const { Cell::new(None) };
}

pub fn put_facts(facts: &Bound<'_, PyDict>, queue: &QueueFacts) -> PyResult<()> {
    facts.set_item("quota", queue.quota)?;
    facts.set_item("bytes", queue.data)?;
    facts.set_item("messages", queue.frames)?;
    facts.set_item("readers", queue.readers)?;
    facts.set_item("writers", queue.writers)?;
    facts.set_item("broken", queue.broken)?;
    facts.set_item("user", (queue.user[0], queue.user[1]))
}

/// The answer of an operation, in which Python may have raised something.
fn answer<T>(py: Python<'_>, end: &Object, call: &str, done: Result<T, WaitError>) -> PyResult<T> {
    match done {
        Ok(done) => Ok(done),
        Err(WaitError::Failed(failure)) => Err(end.error(py, &failure, call)),
        Err(WaitError::Raised(raised)) => Err(raised),
    }
}

/// Do something with the session and the handle of an end.
fn operate<T>(
    py: Python<'_>,
    end: &Object,
    call: &str,
    operation: impl FnOnce(&Arc<Session>, u32) -> Result<T, WaitError>,
) -> PyResult<T> {
    let (session, handle) = end.open_handle().map_err(|failure| end.error(py, &failure, call))?;
    answer(py, end, call, operation(session, handle))
}

/// A frame, or what was wanted of it: data, bytes of it that are left, tag, sender's process slot and generation.
type Frame<'py> = (Bound<'py, PyBytes>, usize, u32, (u32, u32));

/// What was put into a buffer: bytes, bytes of the frame that are left, tag, sender's process slot and generation.
type Placed = (usize, usize, u32, (u32, u32));

fn frame<'py>(bytes: Bound<'py, PyBytes>, taken: &Taken) -> Frame<'py> {
    (bytes, taken.left, taken.tag, taken.sender)
}

/// Take the next frame, all of it.
fn take_whole<'py>(
    py: Python<'py>,
    session: &Arc<Session>,
    handle: u32,
    deadline: Deadline,
) -> Result<Option<Frame<'py>>, WaitError> {
    let mut waiting = Blocking { py, deadline };
    // Taken away for the time of the call: a signal handler may come here as well.
    let mut small = SMALL_FRAME.take().unwrap_or_else(|| Box::new([0; SMALL]));
    let taken = session.take_wait(handle, &mut small[..], Mode::Whole, &mut waiting);
    let done = taken.map(|taken| {
        taken.map(|taken| match taken.left {
            0 => (Some(PyBytes::new(py, &small[..taken.bytes])), taken),
            _ => (None, taken),
        })
    });
    SMALL_FRAME.set(Some(small));
    let mut taken = match done? {
        None => return Ok(None),
        Some((Some(bytes), taken)) => return Ok(Some(frame(bytes, &taken))),
        Some((None, taken)) => taken,
    };
    loop {
        let mut bytes = NewBytes::of(py, taken.left).map_err(WaitError::Raised)?;
        match session.take_wait(handle, bytes.slice(), Mode::Whole, &mut waiting)? {
            None => return Ok(None),
            // Another reader was quicker, and this one is longer.
            Some(other) if other.left > 0 => taken = other,
            Some(taken) => return Ok(Some(frame(bytes.filled(taken.bytes), &taken))),
        }
    }
}

/// Take or see up to `limit` bytes of the next frame.
fn take_part<'py>(
    py: Python<'py>,
    session: &Arc<Session>,
    handle: u32,
    limit: usize,
    mode: Mode,
    deadline: Deadline,
) -> Result<Option<Frame<'py>>, WaitError> {
    let mut waiting = Blocking { py, deadline };
    let Some(next) = session.take_wait(handle, &mut [], Mode::Peek, &mut waiting)? else { return Ok(None) };
    let mut bytes = NewBytes::of(py, next.left.min(limit)).map_err(WaitError::Raised)?;
    let taken = session.take_wait(handle, bytes.slice(), mode, &mut waiting)?;
    Ok(taken.map(|taken| frame(bytes.filled(taken.bytes), &taken)))
}

#[cold]
fn timed_out(py: Python<'_>, end: &Object, call: &str, detail: &'static str) -> PyErr {
    end.error(py, &Failure::new(TIMEOUT, detail), call)
}

/// The end of a queue that frames are taken from. Signalled while there is one, and when none can come any more.
#[pyclass(module = "ntipc._kernel", extends = Waitable, subclass, frozen)]
pub struct ReadEnd;

#[pymethods]
impl ReadEnd {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        cls: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<ReadEnd>> {
        let object = Object::labelled(Type::ReadEnd, cls)?;
        Ok(PyClassInitializer::from(object).add_subclass(Waitable).add_subclass(ReadEnd))
    }

    /// Make a queue, or open the one of that name: this end of it, and ``writer``.
    #[expect(clippy::too_many_arguments, reason = "one call from Python, positional")]
    fn bind(
        slf: &Bound<'_, Self>,
        session: &PySession,
        name: Option<&str>,
        disposition: u32,
        access: u32,
        quota: u64,
        user: (u64, u64),
        writer: &Bound<'_, WriteEnd>,
    ) -> PyResult<()> {
        let disposition: Disposition = self::disposition(disposition)?;
        let (py, call) = (slf.py(), call_of(disposition));
        let mut made: Option<Ends> = None;
        core(slf).bind_with(py, session, name, call, |session| {
            let ends = session.make_queue(name, disposition, access, quota, [user.0, user.1])?;
            made = Some(ends);
            Ok(Opened { handle: ends.reader, created: ends.created })
        })?;
        let Some(ends) = made else { return Ok(()) };
        let opened = Opened { handle: ends.writer, created: ends.created };
        let bound = write_core(writer).bind_with(py, session, name, call, |_| Ok(opened));
        bound.inspect_err(|_| {
            let _ = session.session.close(ends.writer);
            let _ = core(slf).close_handle();
        })
    }

    /// Open this end of the queue of that name, unless it has ``most`` handles already.
    fn open_end(slf: &Bound<'_, Self>, session: &PySession, name: &str, access: u32, most: u32) -> PyResult<()> {
        core(slf).bind_with(slf.py(), session, Some(name), "open", |session| {
            let handle = session.open_queue(name, Type::ReadEnd, access, most)?;
            Ok(Opened { handle, created: false })
        })
    }

    /// Take the next message, all of it. Timeout in seconds; 0 only looks, None waits for ever.
    ///
    /// Raises Timeout if none came in time, and EndOfStream once none is left and nobody can write any more.
    #[pyo3(signature = (timeout=None))]
    fn get<'py>(slf: &Bound<'py, Self>, timeout: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyBytes>> {
        let (py, deadline) = (slf.py(), deadline(timeout)?);
        let taken = operate(py, core(slf), "get", |session, handle| take_whole(py, session, handle, deadline))?;
        Ok(taken.ok_or_else(|| timed_out(py, core(slf), "get", "nothing has come"))?.0)
    }

    /// Take the next frame, or up to ``limit`` bytes of it; the rest comes next. None: the time ran out.
    #[pyo3(signature = (limit=None, timeout=None))]
    fn take<'py>(
        slf: &Bound<'py, Self>,
        limit: Option<usize>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Frame<'py>>> {
        let (py, deadline) = (slf.py(), deadline(timeout)?);
        operate(py, core(slf), "get", |session, handle| match limit {
            None => take_whole(py, session, handle, deadline),
            Some(limit) => take_part(py, session, handle, limit, Mode::Part, deadline),
        })
    }

    /// Look at the next frame, or up to ``limit`` bytes of it, and leave it there. None: nothing is there now.
    #[pyo3(signature = (limit=None))]
    fn peek<'py>(slf: &Bound<'py, Self>, limit: Option<usize>) -> PyResult<Option<Frame<'py>>> {
        let py = slf.py();
        operate(py, core(slf), "peek", |session, handle| {
            take_part(py, session, handle, limit.unwrap_or(usize::MAX), Mode::Peek, POLL)
        })
    }

    /// Take the next frame into a buffer: bytes taken, bytes left, tag, sender. A frame that is longer is taken in part, or, if
    /// ``whole``, not at all. None: the time ran out.
    #[pyo3(signature = (buffer, timeout=None, whole=false))]
    fn take_into(
        slf: &Bound<'_, Self>,
        buffer: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
        whole: bool,
    ) -> PyResult<Option<Placed>> {
        let (py, deadline) = (slf.py(), deadline(timeout)?);
        let mut target = Target::of(buffer)?;
        let room = target.slice();
        let mode = if whole { Mode::Whole } else { Mode::Part };
        let taken = operate(py, core(slf), "get_into", |session, handle| {
            session.take_wait(handle, room, mode, &mut Blocking { py, deadline })
        })?;
        Ok(taken.map(|taken| (taken.bytes, taken.left, taken.tag, taken.sender)))
    }

    /// Bytes and frames that wait to be taken.
    fn available(slf: &Bound<'_, Self>) -> PyResult<(u64, u64)> {
        core(slf).with(slf.py(), "available", |session, handle| session.waiting_in_queue(handle))
    }

    /// Process id of the sender of a frame, and its start time in clock ticks. None: it has left the session.
    fn process_of(slf: &Bound<'_, Self>, sender: (u32, u32)) -> PyResult<Option<(u32, u64)>> {
        core(slf).with(slf.py(), "process_of", |session, _| Ok(session.process_identity(sender.0, sender.1)))
    }

    /// Throw away what is in the queue; from now on both ends fail with ``status``.
    fn break_queue(slf: &Bound<'_, Self>, status: u32) -> PyResult<()> {
        core(slf).with(slf.py(), "break_queue", |session, handle| session.break_queue(handle, NtStatus(status)))
    }
}

/// The end of a queue that frames are put into. Signalled while there is room, and when nobody can read any more.
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

    /// Open this end of the queue of that name, unless it has ``most`` handles already.
    fn open_end(slf: &Bound<'_, Self>, session: &PySession, name: &str, access: u32, most: u32) -> PyResult<()> {
        write_core(slf).bind_with(slf.py(), session, Some(name), "open", |session| {
            let handle = session.open_queue(name, Type::WriteEnd, access, most)?;
            Ok(Opened { handle, created: false })
        })
    }

    /// What the maker of the queue keeps with it.
    fn limits(slf: &Bound<'_, Self>) -> PyResult<(u64, u64)> {
        write_core(slf).with(slf.py(), "limits", |session, handle| {
            let [first, second] = session.end_facts(handle, Type::WriteEnd)?.user;
            Ok((first, second))
        })
    }

    /// Put bytes, or a list or tuple of pieces, as one message, whole or not at all. Timeout in seconds; 0 only looks.
    ///
    /// Raises Timeout if there was no room in time, and PeerGone if nobody can read it any more. ``tag`` is a number for the
    /// receiver.
    #[pyo3(signature = (data, timeout=None, *, tag=0))]
    fn put(
        slf: &Bound<'_, Self>,
        data: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
        tag: u32,
    ) -> PyResult<()> {
        match put(slf, data, timeout, tag)? {
            true => Ok(()),
            false => Err(timed_out(slf.py(), write_core(slf), "put", "the queue is full")),
        }
    }

    /// The same; False: the time ran out.
    #[pyo3(signature = (data, timeout=None, *, tag=0))]
    fn offer(
        slf: &Bound<'_, Self>,
        data: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
        tag: u32,
    ) -> PyResult<bool> {
        put(slf, data, timeout, tag)
    }

    /// Throw away what is in the queue; from now on both ends fail with ``status``.
    fn break_queue(slf: &Bound<'_, Self>, status: u32) -> PyResult<()> {
        write_core(slf).with(slf.py(), "break_queue", |session, handle| session.break_queue(handle, NtStatus(status)))
    }
}

fn put(
    slf: &Bound<'_, WriteEnd>,
    data: &Bound<'_, PyAny>,
    timeout: Option<&Bound<'_, PyAny>>,
    tag: u32,
) -> PyResult<bool> {
    let (py, deadline) = (slf.py(), deadline(timeout)?);
    let pieces = Pieces::of(data)?;
    let slices = pieces.slices();
    let put = operate(py, write_core(slf), "put", |session, handle| {
        session.put_wait(handle, slices, tag, &mut Blocking { py, deadline })
    })?;
    Ok(put.is_some())
}

#[inline]
fn core<'a>(slf: &'a Bound<'_, ReadEnd>) -> &'a Object {
    slf.as_super().as_super().get()
}

#[inline]
fn write_core<'a>(slf: &'a Bound<'_, WriteEnd>) -> &'a Object {
    slf.as_super().as_super().get()
}
