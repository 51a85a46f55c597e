//! The two ends of a queue: putting and taking frames. Pipes, mailslots and queues are made of these in Python.

use crate::buffers::{NewBytes, Pieces, Target};
use crate::gil::detached;
use crate::object::{Object, call_of, disposition};
use crate::session::PySession;
use crate::waitable::{Deadline, WaitError, Waitable, deadline, wait_for};
use ntipc_kernel::dispatch::wait::Target as Awaited;
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::object::table::{Disposition, Opened};
use ntipc_kernel::queue::{Ends, Mode, QueueFacts, Taken};
use ntipc_kernel::sys::clock::now_ns;
use ntipc_kernel::{Failure, NtResult, NtStatus, Session};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};
use std::cell::UnsafeCell;
use std::sync::Arc;

/// More than this is copied without the GIL.
const COPIED_WITH_GIL: usize = 1 << 16;
/// A frame that lies in line is no longer than this: it is taken before anybody knows how long it is.
const SMALL: usize = 2048;
/// The channel of a write end that says: room for what this thread could not put.
const ROOM: u32 = 1;
const TIMEOUT: NtStatus = NtStatus(0x102);

thread_local! {
    static SMALL_FRAME: UnsafeCell<[u8; SMALL]> = const { UnsafeCell::new([0; SMALL]) };
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

/// Try, and wait for the end by that channel until it works or the time is out.
fn until<T>(
    py: Python<'_>,
    end: &Object,
    call: &str,
    channel: u32,
    deadline: Deadline,
    mut attempt: impl FnMut(&Arc<Session>, u32) -> NtResult<Option<T>>,
) -> PyResult<Option<T>> {
    loop {
        let (session, handle) = end.open_handle().map_err(|failure| end.error(py, &failure, call))?;
        match attempt(session, handle) {
            Ok(Some(done)) => return Ok(Some(done)),
            Ok(None) if deadline.poll || now_ns() >= deadline.at_ns => return Ok(None),
            Ok(None) => {}
            Err(failure) => return Err(end.error(py, &failure, call)),
        }
        match wait_for(py, session, &[Awaited { handle, channel }], false, deadline, None) {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(WaitError::Failed(failure)) => return Err(end.error(py, &failure, call)),
            Err(WaitError::Raised(raised)) => return Err(raised),
        }
    }
}

/// Do something that copies so many bytes, without the GIL if it takes long.
fn copying<T: Send>(py: Python<'_>, bytes: usize, body: impl Send + FnOnce() -> T) -> T {
    match bytes > COPIED_WITH_GIL {
        true => detached(py, body),
        false => body(),
    }
}

/// A frame, or what was wanted of it: data, bytes of it that are left, tag, sender's process slot and generation.
type Frame<'py> = (Bound<'py, PyBytes>, usize, u32, (u32, u32));

/// What was put into a buffer: bytes, bytes of the frame that are left, tag, sender's process slot and generation.
type Placed = (usize, usize, u32, (u32, u32));

fn frame<'py>(bytes: Bound<'py, PyBytes>, taken: &Taken) -> Frame<'py> {
    (bytes, taken.left, taken.tag, taken.sender)
}

/// One attempt to take the next frame, all of it.
fn take_whole<'py>(
    py: Python<'py>,
    session: &Arc<Session>,
    handle: u32,
) -> NtResult<Option<Result<Frame<'py>, PyErr>>> {
    let small = SMALL_FRAME.with(|buffer| {
        // SAFETY: the thread's own, and nothing between here and the end of this block runs code of the interpreter.
        let buffer = unsafe { &mut *buffer.get() };
        let taken = session.take_frame(handle, buffer, Mode::Whole)?;
        Ok::<_, Failure>(taken.map(|taken| match taken.left {
            0 => (Some(PyBytes::new(py, &buffer[..taken.bytes])), taken),
            _ => (None, taken),
        }))
    })?;
    let mut taken = match small {
        None => return Ok(None),
        Some((Some(bytes), taken)) => return Ok(Some(Ok(frame(bytes, &taken)))),
        Some((None, taken)) => taken,
    };
    loop {
        let mut bytes = match NewBytes::of(py, taken.left) {
            Ok(bytes) => bytes,
            Err(raised) => return Ok(Some(Err(raised))),
        };
        let room = bytes.slice();
        match copying(py, room.len(), || session.take_frame(handle, room, Mode::Whole))? {
            None => return Ok(None),
            // Another reader was quicker, and this one is longer.
            Some(other) if other.left > 0 => taken = other,
            Some(taken) => return Ok(Some(Ok(frame(bytes.filled(taken.bytes), &taken)))),
        }
    }
}

/// One attempt to take or see up to `limit` bytes of the next frame.
fn take_part<'py>(
    py: Python<'py>,
    session: &Arc<Session>,
    handle: u32,
    limit: usize,
    mode: Mode,
) -> NtResult<Option<Result<Frame<'py>, PyErr>>> {
    let Some(next) = session.take_frame(handle, &mut [], Mode::Peek)? else { return Ok(None) };
    let mut bytes = match NewBytes::of(py, next.left.min(limit)) {
        Ok(bytes) => bytes,
        Err(raised) => return Ok(Some(Err(raised))),
    };
    let room = bytes.slice();
    let taken = copying(py, room.len(), || session.take_frame(handle, room, mode))?;
    Ok(taken.map(|taken| Ok(frame(bytes.filled(taken.bytes), &taken))))
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
        let taken = until(py, core(slf), "get", 0, deadline, |session, handle| take_whole(py, session, handle))?;
        let taken = taken.ok_or_else(|| timed_out(py, core(slf), "get", "nothing has come"))?;
        Ok(taken?.0)
    }

    /// Take the next frame, or up to ``limit`` bytes of it; the rest comes next. None: the time ran out.
    #[pyo3(signature = (limit=None, timeout=None))]
    fn take<'py>(
        slf: &Bound<'py, Self>,
        limit: Option<usize>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Frame<'py>>> {
        let (py, deadline) = (slf.py(), deadline(timeout)?);
        let taken = until(py, core(slf), "get", 0, deadline, |session, handle| match limit {
            None => take_whole(py, session, handle),
            Some(limit) => take_part(py, session, handle, limit, Mode::Part),
        })?;
        taken.transpose()
    }

    /// Look at the next frame, or up to ``limit`` bytes of it, and leave it there. None: nothing is there now.
    #[pyo3(signature = (limit=None))]
    fn peek<'py>(slf: &Bound<'py, Self>, limit: Option<usize>) -> PyResult<Option<Frame<'py>>> {
        let py = slf.py();
        let seen = core(slf).with(py, "peek", |session, handle| {
            take_part(py, session, handle, limit.unwrap_or(usize::MAX), Mode::Peek)
        })?;
        seen.transpose()
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
        let taken = until(py, core(slf), "get_into", 0, deadline, |session, handle| {
            copying(py, room.len(), || session.take_frame(handle, room, mode))
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
    let (slices, length) = (pieces.slices(), pieces.length());
    let done = until(py, write_core(slf), "put", ROOM, deadline, |session, handle| {
        let done = copying(py, length, || session.put_frame(handle, slices, tag))?;
        Ok(done.then_some(()))
    })?;
    Ok(done.is_some())
}

#[inline]
fn core<'a>(slf: &'a Bound<'_, ReadEnd>) -> &'a Object {
    slf.as_super().as_super().get()
}

#[inline]
fn write_core<'a>(slf: &'a Bound<'_, WriteEnd>) -> &'a Object {
    slf.as_super().as_super().get()
}
