//! The end of a queue that frames are taken from.

use crate::blocking::Blocking;
use crate::buffers::{NewBytes, Target};
use crate::frame::{Frame, give_up};
use crate::object::Object;
use crate::operation::{Context, Operation, call_of, disposition};
use crate::queue::{answer, timed_out};
use crate::session::PySession;
use crate::waitable::{Deadline, POLL, WaitError, Waitable, deadline_or_block};
use crate::write_end::WriteEnd;
use ntipc_kernel::object::kind::Type;
use ntipc_kernel::object::table::{Disposition, Opened};
use ntipc_kernel::queue::{Badge, Ends, Mode, NewQueue, Taken};
use ntipc_kernel::{NtStatus, Session};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};
use std::cell::Cell;
use std::sync::Arc;

/// A frame that lies in line is no longer than this: it is taken before anybody knows how long it is.
const SMALL: usize = 2048;
/// Room for a frame that leads nowhere; a longer one goes in pieces.
const STRANDED: usize = 256;

thread_local! {
    static SMALL_FRAME: Cell<Option<Box<[u8; SMALL]>>> = const { Cell::new(None) };
}

/// Memory for a small frame, the thread's own, which is lent to one call at a time: a handler that interrupts it gets
/// other memory.
pub fn with_small_buffer<T>(body: impl FnOnce(&mut [u8; SMALL]) -> T) -> T {
    let mut buffer = SMALL_FRAME.take().unwrap_or_else(|| Box::new([0; SMALL]));
    let answer = body(&mut buffer);
    SMALL_FRAME.set(Some(buffer));
    answer
}

/// The next frame, or with a limit up to so many bytes of it, or of a stream. `None`: it did not come in time.
pub fn take_new<'py>(
    py: Python<'py>,
    session: &Arc<Session>,
    handle: u32,
    limit: usize,
    mode: Mode,
    waiting: &mut Blocking<'py>,
) -> Result<Option<(Bound<'py, PyBytes>, Taken)>, WaitError> {
    loop {
        // Into memory that is there already. What does not fit there is left, and told.
        let (most, looking) = match mode {
            Mode::Peek | Mode::PeekStream => (0, Mode::Peek),
            _ if limit <= SMALL => (limit, mode),
            Mode::Whole => (SMALL, Mode::Whole),
            _ => (0, Mode::Peek),
        };
        let small = with_small_buffer(|buffer| {
            let taken = session.take_wait(handle, &mut buffer[..most], looking, waiting)?;
            Ok::<_, WaitError>(taken.map(|taken| match looking {
                Mode::Peek => (None, taken),
                Mode::Whole if taken.left > 0 => (None, taken),
                _ => (Some(PyBytes::new(py, &buffer[..taken.bytes])), taken),
            }))
        })?;
        let length = match small {
            None => return Ok(None),
            Some((Some(bytes), taken)) => return Ok(Some((bytes, taken))),
            Some((None, taken)) if matches!(mode, Mode::Stream | Mode::PeekStream) => {
                let (bytes, _) = session.waiting_in_queue(handle)?;
                taken.left.max(usize::try_from(bytes).unwrap_or(usize::MAX))
            }
            Some((None, taken)) => taken.left,
        };
        let mut bytes = NewBytes::of(py, length.min(limit)).map_err(WaitError::Raised)?;
        let taken = session.take_wait(handle, bytes.slice(), mode, &mut Blocking { py, deadline: POLL })?;
        match taken {
            // Another reader was quicker.
            None => {}
            Some(taken) if mode == Mode::Whole && taken.left > 0 => {}
            Some(taken) => return Ok(Some((bytes.filled(taken.bytes), taken))),
        }
    }
}

/// Has a frame nothing but data, and perhaps a badge?
pub fn is_bare(taken: &Taken) -> bool {
    taken.tag == 0 && taken.correlation == 0 && taken.handles.is_empty() && !taken.closed()
}

/// The next frame, all of it, if it is there and small. `None`: another way must be gone, and nothing is taken.
pub fn take_small<'py>(py: Python<'py>, session: &Arc<Session>, handle: u32) -> Option<Bound<'py, PyBytes>> {
    with_small_buffer(|buffer| {
        let mut length = [0];
        match session.take_short(handle, buffer, &mut length) {
            Some(0) => return None,
            Some(_) => return Some(PyBytes::new(py, buffer.get(..length[0] as usize)?)),
            None => {}
        }
        let taken = session.take_frame(handle, buffer, Mode::Whole).ok()??;
        if taken.left > 0 {
            return None;
        }
        give_up(session, &taken);
        Some(PyBytes::new(py, &buffer[..taken.bytes]))
    })
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

    /// Make a queue, or open the one of that name: this end of it, and ``writer``. By its name it has no more handles
    /// to this end than ``readers_limit``, 0 for any number.
    #[pyo3(
        name = "_bind",
        signature = (
            session, name, disposition, access, quota, user, writer, readers_limit=0, operation=None, badge_quota=0
        )
    )]
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
        readers_limit: u32,
        operation: Option<&Bound<'_, PyAny>>,
        badge_quota: u64,
    ) -> PyResult<()> {
        let disposition: Disposition = self::disposition(disposition)?;
        let (py, call) = (slf.py(), Context::new(call_of(disposition), operation));
        let mut made: Option<Ends> = None;
        core(slf).bind_with(py, session, name, call, |session| {
            let new = NewQueue { quota, readers_limit, badge_quota, user: [user.0, user.1] };
            let ends = session.make_queue(name, disposition, access, new)?;
            made = Some(ends);
            Ok(Opened { handle: ends.reader, created: ends.created })
        })?;
        let Some(ends) = made else { return Ok(()) };
        let opened = Opened { handle: ends.writer, created: ends.created };
        let bound = writer.as_super().as_super().get().bind_with(py, session, name, call, |_| Ok(opened));
        bound.inspect_err(|_| {
            let _ = session.current().map(|attachment| attachment.close(ends.writer));
            let _ = core(slf).close_handle();
        })
    }

    /// Make ``writer``, a new one, a write end of this queue whose frames bear a badge of that number. Of a frame
    /// through it, ``Frame.badge`` is the number. When its last handle goes, one frame whose ``closed`` is true comes
    /// after all of these. What it returns names the badge for ``_revoke_badge``.
    #[pyo3(name = "_make_badge", signature = (number, writer, operation=None))]
    fn make_badge(
        slf: &Bound<'_, Self>,
        number: u64,
        writer: &Bound<'_, WriteEnd>,
        operation: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(u32, u32)> {
        let (py, call) = (slf.py(), Context::new("make_badge", operation));
        let end = core(slf);
        let (session, handle) = end.open_handle().map_err(|failure| end.error(py, &failure, call))?;
        let badge = session.make_badge(handle, number).map_err(|failure| end.error(py, &failure, call))?;
        let opened = Opened { handle: badge.handle, created: true };
        let bound = writer.as_super().as_super().get().bind_to(py, session, None, call, |_| Ok(opened));
        bound.inspect_err(|_| _ = session.close(badge.handle))?;
        Ok((badge.object, badge.generation))
    }

    /// Puts through that badged end fail from now on, with PORT_DISCONNECTED, and calls that went through it are lost.
    #[pyo3(name = "_revoke_badge", signature = (number, badge, operation=None))]
    fn revoke_badge(
        slf: &Bound<'_, Self>,
        number: u64,
        badge: (u32, u32),
        operation: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let badge = Badge { handle: 0, object: badge.0, generation: badge.1 };
        core(slf).with(slf.py(), Context::new("revoke_badge", operation), |session, handle| {
            session.revoke_badge(handle, badge, number)
        })
    }

    /// Has anybody a writing end with that badge, or is the notice of its end still to be taken?
    #[pyo3(name = "_has_badge", signature = (number, badge))]
    fn has_badge(slf: &Bound<'_, Self>, number: u64, badge: (u32, u32)) -> PyResult<bool> {
        let badge = Badge { handle: 0, object: badge.0, generation: badge.1 };
        core(slf).with(slf.py(), "has_badge", |session, handle| session.has_badge(handle, badge, number))
    }

    /// Open this end of the queue of that name, unless it has as many handles as it may.
    #[pyo3(name = "_open_end", signature = (session, name, access, operation=None))]
    fn open_end(
        slf: &Bound<'_, Self>,
        session: &PySession,
        name: &str,
        access: u32,
        operation: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        core(slf).bind_with(slf.py(), session, Some(name), Context::new("open", operation), |session| {
            let handle = session.open_queue(name, Type::ReadEnd, access)?;
            Ok(Opened { handle, created: false })
        })
    }

    /// Take the next message, all of it. Timeout in seconds; 0 only looks, None waits for ever.
    ///
    /// Raises Timeout if none came in time, and EndOfStream once none is left and nobody can write any more.
    #[pyo3(name = "_get", signature = (timeout=None))]
    fn get<'py>(slf: &Bound<'py, Self>, timeout: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyBytes>> {
        match bytes(slf, "get", timeout)? {
            Some(bytes) => Ok(bytes),
            None => Err(timed_out(slf.py(), core(slf), "get", "nothing has come")),
        }
    }

    /// Take the next message, all of it, for the call of the program that is named. None: the time ran out.
    #[pyo3(name = "_take_bytes", signature = (timeout, operation))]
    fn take_bytes<'py>(
        slf: &Bound<'py, Self>,
        timeout: Option<&Bound<'py, PyAny>>,
        operation: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        bytes(slf, Context::new("get", Some(operation)), timeout)
    }

    /// Take the next frame, or up to ``limit`` bytes of it; the rest comes next. With ``stream``, of as many frames as
    /// it takes.
    /// None: the time ran out.
    #[pyo3(name = "_take", signature = (limit=None, timeout=None, stream=false, operation=None))]
    fn take<'py>(
        slf: &Bound<'py, Self>,
        limit: Option<usize>,
        timeout: Option<&Bound<'py, PyAny>>,
        stream: bool,
        operation: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Frame>> {
        let mode = match (limit, stream) {
            (_, true) => Mode::Stream,
            (Some(_), false) => Mode::Part,
            (None, false) => Mode::Whole,
        };
        let (call, deadline) = (Context::new("get", operation), deadline_or_block(timeout)?);
        take_frame(slf, call, limit.unwrap_or(usize::MAX), mode, deadline)
    }

    /// Answer a request, and take the next frame: as one operation, which the failure of the answer does not end if its
    /// caller has gone. Whether it was answered, and the frame. None: the time, which begins with the answer, ran out.
    #[pyo3(name = "_answer_and_take", signature = (request, data, *, tag=0, handles=None, timeout=None, operation=None))]
    fn answer_and_take<'py>(
        slf: &Bound<'py, Self>,
        request: &Bound<'py, Frame>,
        data: &Bound<'py, PyAny>,
        tag: u32,
        handles: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
        operation: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(bool, Option<Frame>)> {
        let (py, call) = (slf.py(), Context::new("get", operation));
        deadline_or_block(timeout)?; // what is no number fails before anything has happened
        core(slf).with(py, call, |_, _| Ok(()))?;
        let answered = match request.get().answer(py, data, tag, handles, false) {
            Err(WaitError::Failed(failure)) if is_of_caller(failure.status) => false,
            given => answer(py, core(slf), call, given).map(|()| true)?,
        };
        let taken = take_frame(slf, call, usize::MAX, Mode::Whole, deadline_or_block(timeout)?)?;
        Ok((answered, taken))
    }

    /// Look at the next frame, or up to ``limit`` bytes of it, and leave it there. With ``stream``, of as many frames
    /// as it takes.
    /// None: nothing is there now.
    #[pyo3(name = "_peek", signature = (limit=None, stream=false, operation=None))]
    fn peek<'py>(
        slf: &Bound<'py, Self>,
        limit: Option<usize>,
        stream: bool,
        operation: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Frame>> {
        let mode = if stream { Mode::PeekStream } else { Mode::Peek };
        take_frame(slf, Context::new("peek", operation), limit.unwrap_or(usize::MAX), mode, POLL)
    }

    /// Take the next frame into a buffer. A frame that is longer is taken in part, or, if
    /// ``whole``, not at all. With ``stream``, as many frames as fill the buffer. None: the time ran out.
    #[pyo3(name = "_take_into", signature = (buffer, timeout=None, whole=false, stream=false, operation=None))]
    fn take_into(
        slf: &Bound<'_, Self>,
        buffer: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
        whole: bool,
        stream: bool,
        operation: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Frame>> {
        let (py, end, call) = (slf.py(), core(slf), Context::new("get_into", operation));
        let mut waiting = Blocking { py, deadline: deadline_or_block(timeout)? };
        let mut target = Target::of(buffer)?;
        let mode = match (whole, stream) {
            (true, _) => Mode::Whole,
            (false, true) => Mode::Stream,
            (false, false) => Mode::Part,
        };
        let (session, handle) = end.open_handle().map_err(|failure| end.error(py, &failure, call))?;
        let taken = session.take_wait(handle, target.slice(), mode, &mut waiting);
        let taken = answer(py, end, call, taken)?;
        Ok(taken.map(|taken| Frame::new(PyBytes::new(py, b""), session, taken)))
    }

    /// Bytes and frames that wait to be taken.
    #[pyo3(name = "_available", signature = (operation=None))]
    fn available(slf: &Bound<'_, Self>, operation: Option<&Bound<'_, PyAny>>) -> PyResult<(u64, u64)> {
        core(slf)
            .with(slf.py(), Context::new("available", operation), |session, handle| session.waiting_in_queue(handle))
    }

    /// How many frames have been taken since there is the queue.
    #[getter(_taken)]
    fn taken(slf: &Bound<'_, Self>) -> PyResult<u64> {
        core(slf).with(slf.py(), "available", |session, handle| session.taken_from_queue(handle))
    }

    /// Throw away frames at the head that carry an end of a queue of which nobody has the other end. Whether another is
    /// there.
    #[pyo3(name = "_drop_stranded")]
    fn drop_stranded(slf: &Bound<'_, Self>) -> PyResult<bool> {
        core(slf).with(slf.py(), "get", |session, handle| {
            loop {
                match session.take_frame(handle, &mut [0; STRANDED], Mode::Stranded)? {
                    None => return Ok(false),
                    Some(taken) if taken.bytes == 0 && taken.left > 0 => return Ok(true),
                    Some(taken) => give_up(session, &taken),
                }
            }
        })
    }

    /// Throw away what is in the queue; from now on both ends fail with ``status``.
    #[pyo3(name = "_break_queue")]
    fn break_queue(slf: &Bound<'_, Self>, status: u32) -> PyResult<()> {
        core(slf).with(slf.py(), "break_queue", |session, handle| session.break_queue(handle, NtStatus(status)))
    }
}

/// Does that failure of an answer say that its caller waits no more?
fn is_of_caller(status: NtStatus) -> bool {
    matches!(
        status,
        NtStatus::REPLY_MESSAGE_MISMATCH
            | NtStatus::PORT_DISCONNECTED
            | NtStatus::PIPE_DISCONNECTED
            | NtStatus::PIPE_CLOSING
            | NtStatus::PIPE_BROKEN
    )
}

fn take<'py>(
    slf: &Bound<'py, ReadEnd>,
    call: impl Operation + Copy,
    limit: usize,
    mode: Mode,
    deadline: Deadline,
) -> PyResult<Option<(Bound<'py, PyBytes>, Taken)>> {
    let (py, end) = (slf.py(), core(slf));
    let (session, handle) = end.open_handle().map_err(|failure| end.error(py, &failure, call))?;
    let taken = take_new(py, session, handle, limit, mode, &mut Blocking { py, deadline });
    answer(py, end, call, taken)
}

/// The data of the next frame. What came along with it is given up, and so is the answer, if it is a request.
fn bytes<'py>(
    slf: &Bound<'py, ReadEnd>,
    call: impl Operation + Copy,
    timeout: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let taken = take(slf, call, usize::MAX, Mode::Whole, deadline_or_block(timeout)?)?;
    Ok(taken.map(|(bytes, taken)| {
        if let Some((session, _)) = core(slf).if_open() {
            give_up(session, &taken);
        }
        bytes
    }))
}

fn take_frame(
    slf: &Bound<'_, ReadEnd>,
    call: impl Operation + Copy,
    limit: usize,
    mode: Mode,
    deadline: Deadline,
) -> PyResult<Option<Frame>> {
    let (session, _) = core(slf).open_handle().map_err(|failure| core(slf).error(slf.py(), &failure, call))?;
    let make = if mode == Mode::Whole { Frame::whole } else { Frame::new };
    Ok(take(slf, call, limit, mode, deadline)?.map(|(bytes, taken)| make(bytes, session, taken)))
}

#[inline]
fn core<'a>(slf: &'a Bound<'_, ReadEnd>) -> &'a Object {
    slf.as_super().as_super().get()
}
