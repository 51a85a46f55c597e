//! What has come for a thread that takes window messages.
//!
//! A queue of the kernel holds frames of all kinds. The inbox takes all there are: posted messages are kept as numbers
//! until they are retrieved, and everything else as it came, for Python to sort in. What a frame says is checked here,
//! byte for byte: others can write what they like into the queue.
//!
//! Invariant: a frame that was taken from the queue is in the inbox when a call ends, however it ends: no Python code
//! runs in between. The kernel's queue is not touched while the state is borrowed: a thread that waits for a side there
//! gives the GIL up.
// UNSAFETY: makes tuples by the interpreter's C interface, with the GIL held.

use crate::blocking::Blocking;
use crate::frame::{Frame, give_up};
use crate::object::Object;
use crate::operation::Context;
use crate::post_frame::{Post, WIDE_LPARAM, WIDE_WPARAM};
use crate::queue::answer;
use crate::read_end::{self, ReadEnd, with_small_buffer};
use crate::semaphore::Semaphore;
use crate::shared_word::SharedWord;
use crate::under_gil::UnderGil;
use crate::waitable::{Deadline, POLL, deadline};
use ntipc_kernel::queue::Mode;
use ntipc_kernel::sys::clock::now_ns;
use ntipc_kernel::{NtStatus, Session};
use pyo3::exceptions::{PyIndexError, PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const WM_QUIT: u32 = 0x0012;
/// `QS_POSTMESSAGE | QS_ALLPOSTMESSAGE`.
const POSTED_NEWS: u32 = 0x0108;
/// What a retrieval without a range leaves of the news: not `QS_POSTMESSAGE`, `QS_TIMER`, `QS_HOTKEY`,
/// `QS_ALLPOSTMESSAGE`.
const OLD: u32 = !(0x0008 | 0x0010 | 0x0080 | 0x0100);
/// Messages for whose room posters wait at most; and beyond how many that are left nobody waits.
const MOST_OWED: u32 = 16;
const MANY: usize = 1000;
/// Between two notes of the thread's looks, so that not every look costs one.
const LOOKS_APART_NS: u64 = 250_000_000;
/// Frames that are taken at once: as many posted messages as fit into the buffer.
const AT_ONCE: usize = 56;

/// One entry of the list of posted messages.
enum Posted {
    Message(Post),
    /// The message of a timer that a peek has left there.
    Left(Py<PyAny>),
}

#[derive(Default)]
struct State {
    posted: VecDeque<Posted>,
    /// The numbers of the thread's windows.
    windows: BTreeSet<u64>,
    /// What is to be sorted in: bytes, or a `Frame`.
    others: VecDeque<Py<PyAny>>,
    /// Kinds of messages that have come since the thread retrieved some, or asked.
    changed: u32,
    /// Messages that were retrieved, and whose room was not given back yet.
    owed: u32,
    /// Something has come that the tasks of an event loop were not told of; and whether there is such a loop.
    untold: bool,
    watched: bool,
    looked_ns: u64,
}

/// The inbox of one thread. Only that thread uses it.
#[pyclass(module = "ntipc._kernel", frozen)]
pub struct Inbox {
    reader: Py<ReadEnd>,
    room: Py<Semaphore>,
    /// The class of messages, a tuple of five.
    message: Py<PyType>,
    /// What comes before posted messages: if either has anything in it, a retrieval is more than taking the next one.
    sent: Py<PyAny>,
    timers: Py<PyDict>,
    /// Where others see when the thread has last looked, in seconds.
    look: SharedWord,
    state: UnderGil<State>,
    tuples: Tuples,
}

/// How a message is made.
#[derive(Clone, Copy)]
enum Tuples {
    /// An instance is allocated and filled.
    Filled,
    /// By `tuple.__new__`, which copies: a tuple has its hash in it from Python 3.14 on, and only that knows where.
    Copied(ffi::newfunc),
}

fn in_use() -> PyErr {
    PyRuntimeError::new_err("the inbox is in use by another thread")
}

impl Inbox {
    fn with<R>(&self, py: Python<'_>, body: impl FnOnce(&mut State) -> R) -> PyResult<R> {
        self.state.with(py, body).ok_or_else(in_use)
    }

    fn end<'a>(&'a self, py: Python<'a>) -> &'a Object {
        self.reader.bind(py).as_super().as_super().get()
    }

    /// Take the frames that are there and have only data. How many; `None`: another call must decide.
    fn take_short(&self, py: Python<'_>, session: &Arc<Session>, handle: u32) -> Option<usize> {
        let mut lengths = [0; AT_ONCE];
        with_small_buffer(|buffer| {
            let count = session.take_short(handle, buffer, &mut lengths)?;
            let mut rest = &buffer[..];
            for length in &lengths[..count] {
                let (frame, after) = rest.split_at_checked(*length as usize)?;
                rest = after;
                match Post::of(frame) {
                    Some(post) => self.state.with(py, |state| state.admit(post))?,
                    None => {
                        let frame = PyBytes::new(py, frame).into_any().unbind();
                        self.state.with(py, |state| state.put_by(frame))?;
                    }
                }
            }
            Some(count)
        })
    }

    /// Take the next frame, whatever it is. Whether there was one in time.
    fn take_any(&self, py: Python<'_>, deadline: Deadline) -> PyResult<bool> {
        let (end, call) = (self.end(py), Context::new("get", None));
        let (session, handle) = end.open_handle().map_err(|failure| end.error(py, &failure, call))?;
        let mut waiting = Blocking { py, deadline };
        let taken = read_end::take_new(py, session, handle, usize::MAX, Mode::Whole, &mut waiting);
        let Some((data, taken)) = answer(py, end, call, taken)? else { return Ok(false) };
        if !taken.closed()
            && let Some(post) = Post::of(data.as_bytes())
        {
            give_up(session, &taken);
            self.with(py, |state| state.admit(post))?;
            return Ok(true);
        }
        let frame = match read_end::is_bare(&taken) {
            true => data.into_any(),
            false => Bound::new(py, Frame::whole(data, session, taken))?.into_any(),
        };
        self.with(py, |state| state.put_by(frame.unbind()))?;
        Ok(true)
    }

    /// Take all that is there.
    fn take_all(&self, py: Python<'_>) -> PyResult<()> {
        loop {
            let taken = match self.end(py).if_open() {
                Some((session, handle)) => self.take_short(py, session, handle),
                None => None,
            };
            match taken {
                Some(0) => return Ok(()),
                Some(_) => {}
                None if self.take_any(py, POLL)? => {}
                None => return Ok(()),
            }
        }
    }

    /// The message of a post, whose window's number is that object.
    fn make<'py>(&self, py: Python<'py>, post: &Post, hwnd: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let number = |wide: bool, value: u64| {
            // SAFETY: the GIL is held.
            unsafe {
                match wide {
                    true => ffi::PyLong_FromUnsignedLongLong(value),
                    false => ffi::PyLong_FromLongLong(value as i64),
                }
            }
        };
        // SAFETY: the GIL is held. Each part is a new reference, or null for want of memory; the tuple is new, has a
        // place for each, and takes them over. Whatever is null is found before anybody else sees the tuple.
        unsafe {
            let parts = [
                hwnd.into_ptr(),
                ffi::PyLong_FromUnsignedLong(post.msg.into()),
                number(post.wide & WIDE_WPARAM != 0, post.wparam),
                number(post.wide & WIDE_LPARAM != 0, post.lparam),
                ffi::PyFloat_FromDouble(post.time),
            ];
            let tuple = match self.tuples {
                Tuples::Filled => ffi::PyType_GenericAlloc(self.message.as_ptr().cast(), parts.len() as isize),
                Tuples::Copied(_) => ffi::PyTuple_New(parts.len() as isize),
            };
            let tuple = Bound::from_owned_ptr_or_err(py, tuple)?;
            for (place, part) in parts.into_iter().enumerate() {
                ffi::PyTuple_SetItem(tuple.as_ptr(), place as isize, part);
            }
            if parts.iter().any(|part| part.is_null()) {
                return Err(PyErr::fetch(py));
            }
            let Tuples::Copied(new_tuple) = self.tuples else { return Ok(tuple) };
            let arguments = Bound::from_owned_ptr_or_err(py, ffi::PyTuple_Pack(1, tuple.as_ptr()))?;
            let made = new_tuple(self.message.as_ptr().cast(), arguments.as_ptr(), std::ptr::null_mut());
            Bound::from_owned_ptr_or_err(py, made)
        }
    }

    /// Take the first posted message, if it is for the thread, or for a window that is there; and not a quit, if that
    /// is not wanted.
    fn take_plain<'py>(&self, py: Python<'py>, quits: bool) -> PyResult<Option<Bound<'py, PyAny>>> {
        let first = self.with(py, |state| match state.posted.front() {
            Some(Posted::Message(post)) if quits || post.msg != WM_QUIT => {
                (post.hwnd == 0 || state.windows.contains(&post.hwnd)).then_some(*post)
            }
            _ => None,
        })?;
        let Some(post) = first else { return Ok(None) };
        let hwnd = post.hwnd.into_pyobject(py)?.into_any();
        let message = self.make(py, &post, hwnd)?;
        let is_time = self.with(py, |state| {
            state.posted.pop_front();
            state.owed += 1;
            state.owed >= MOST_OWED || state.posted.len() > MANY
        })?;
        if is_time {
            self.give_room(py, 0)?;
        }
        Ok(Some(message))
    }

    fn note(&self, py: Python<'_>, seconds: f64, now: u64) -> PyResult<()> {
        self.with(py, |state| state.looked_ns = now)?;
        self.look.atomic().store(seconds.to_bits(), Ordering::Release);
        Ok(())
    }

    /// The next message, if it is a posted one and there is nothing to do but to take it.
    pub fn next_at_once<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let (session, handle) =
            self.end(py).if_open().filter(|_| self.state.with(py, |state| !state.watched) == Some(true))?;
        if self.take_short(py, session, handle).is_none() {
            self.take_all(py).ok()?;
        }
        // SAFETY: the GIL is held, and both live as long as this does.
        let is_before =
            unsafe { ffi::PyObject_Size(self.sent.as_ptr()) > 0 || ffi::PyDict_Size(self.timers.as_ptr()) > 0 };
        let now = now_ns();
        let looked = self.state.with(py, |state| {
            let is_plain = !is_before && state.others.is_empty() && !state.posted.is_empty();
            is_plain.then_some(state.looked_ns)
        })??;
        let message = self.take_plain(py, false).ok()??;
        self.state.with(py, |state| state.changed &= OLD);
        if now.saturating_sub(looked) > LOOKS_APART_NS {
            let _ = self.note(py, now as f64 / 1e9, now);
        }
        Some(message)
    }
}

impl State {
    fn admit(&mut self, post: Post) {
        self.untold = true;
        self.changed |= POSTED_NEWS;
        self.posted.push_back(Posted::Message(post));
    }

    fn put_by(&mut self, frame: Py<PyAny>) {
        self.untold = true;
        self.others.push_back(frame);
    }
}

#[pymethods]
impl Inbox {
    /// ``look``: the eight bytes in which the thread notes its looks. ``sent`` and ``timers`` hold what comes before
    /// posted messages.
    #[new]
    fn new(
        reader: Py<ReadEnd>,
        room: Py<Semaphore>,
        look: &Bound<'_, PyAny>,
        message: &Bound<'_, PyType>,
        sent: Py<PyAny>,
        timers: Py<PyDict>,
    ) -> PyResult<Inbox> {
        if !message.is_subclass_of::<PyTuple>()? {
            return Err(PyTypeError::new_err("a message is a tuple"));
        }
        // SAFETY: the type of tuples lives for ever, and this slot of it has this signature.
        let new_tuple = unsafe {
            let slot = ffi::PyType_GetSlot(&raw mut ffi::PyTuple_Type, ffi::Py_tp_new);
            std::mem::transmute::<*mut std::ffi::c_void, Option<ffi::newfunc>>(slot)
        };
        let tuples = match new_tuple {
            Some(new_tuple) if message.py().version_info() >= (3, 14) => Tuples::Copied(new_tuple),
            _ => Tuples::Filled,
        };
        Ok(Inbox {
            reader,
            room,
            message: message.clone().unbind(),
            sent,
            timers,
            look: SharedWord::of(look)?,
            state: UnderGil::new(State::default()),
            tuples,
        })
    }

    /// Take all that has come. Whether something has since ``told`` was called.
    fn take(&self, py: Python<'_>) -> PyResult<bool> {
        self.take_all(py)?;
        self.with(py, |state| state.untold)
    }

    /// All tasks that wait were told of what has come.
    fn told(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |state| state.untold = false)
    }

    /// Whether tasks of an event loop wait for what comes: then each taking is followed by telling them.
    fn watch(&self, py: Python<'_>, watched: bool) -> PyResult<()> {
        self.with(py, |state| state.watched = watched)
    }

    /// Wait until something comes, and take it. Whether it did in time.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        self.take_any(py, deadline(timeout)?)
    }

    /// The first that is to be sorted in: bytes of a frame that has nothing else, or the frame. None: there is none.
    fn unsorted(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.with(py, |state| state.others.front().map(|frame| frame.clone_ref(py)))
    }

    /// It is sorted in. Does nothing if another is the first by now.
    fn sorted(&self, py: Python<'_>, frame: &Bound<'_, PyAny>) -> PyResult<()> {
        let gone = self.with(py, |state| match state.others.front() {
            Some(first) if first.is(frame) => state.others.pop_front(),
            _ => None,
        })?;
        drop(gone); // what goes with it may run code of Python's
        Ok(())
    }

    /// There is a window of that number. Messages for others are not taken by ``first``.
    fn window_made(&self, py: Python<'_>, hwnd: u64) -> PyResult<()> {
        self.with(py, |state| _ = state.windows.insert(hwnd))
    }

    /// The window of that number is about to go.
    fn window_goes(&self, py: Python<'_>, hwnd: u64) -> PyResult<()> {
        self.with(py, |state| _ = state.windows.remove(&hwnd))
    }

    /// How many posted messages wait to be retrieved.
    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |state| state.posted.len())
    }

    /// The posted message at a place.
    fn __getitem__<'py>(&self, py: Python<'py>, place: usize) -> PyResult<Bound<'py, PyAny>> {
        let found = self.with(py, |state| match state.posted.get(place) {
            Some(Posted::Message(post)) => Some(Ok(*post)),
            Some(Posted::Left(message)) => Some(Err(message.clone_ref(py))),
            None => None,
        })?;
        match found {
            Some(Ok(post)) => self.make(py, &post, post.hwnd.into_pyobject(py)?.into_any()),
            Some(Err(message)) => Ok(message.into_bound(py)),
            None => Err(PyIndexError::new_err("there are fewer posted messages")),
        }
    }

    /// Take the message at a place out of the list. None, its room given back, if it was posted; else what ``leave``
    /// has put there.
    fn discard(&self, py: Python<'_>, place: usize) -> PyResult<Option<Py<PyAny>>> {
        match self.with(py, |state| state.posted.remove(place))? {
            Some(Posted::Left(message)) => Ok(Some(message)),
            Some(Posted::Message(_)) => self.give_room(py, 1).map(|()| None),
            None => Err(PyIndexError::new_err("there are fewer posted messages")),
        }
    }

    /// Put a message that nobody has posted behind the others.
    fn leave(&self, py: Python<'_>, message: Py<PyAny>) -> PyResult<()> {
        self.with(py, |state| state.posted.push_back(Posted::Left(message)))
    }

    /// Take the first posted message, if it is for the thread, or for a window that is there. None: look closer.
    fn first<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.take_plain(py, true)
    }

    /// Let others post as many as were retrieved since that was last done, and so many more.
    ///
    /// Not for each message, where few are there: the count is a word that all posters write to.
    #[pyo3(signature = (more=0))]
    fn give_room(&self, py: Python<'_>, more: u32) -> PyResult<()> {
        let count = self.with(py, |state| std::mem::take(&mut state.owed))? + more;
        if count == 0 {
            return Ok(());
        }
        let room: &Object = self.room.bind(py).as_super().as_super().get();
        let given = room.open_handle().and_then(|(session, handle)| session.release_semaphore(handle, count));
        match given {
            Err(failure) if failure.status != NtStatus::SEMAPHORE_LIMIT_EXCEEDED => {
                Err(room.error(py, &failure, "release"))
            }
            _ => Ok(()), // of the limit: a poster has gone on that was taken for dead
        }
    }

    /// Kinds of messages that have come since the thread retrieved some, or asked.
    #[getter]
    fn changed(&self, py: Python<'_>) -> PyResult<u32> {
        self.with(py, |state| state.changed)
    }

    #[setter]
    fn set_changed(&self, py: Python<'_>, kinds: u32) -> PyResult<()> {
        self.with(py, |state| state.changed = kinds)
    }

    /// Whether the thread has noted a look within the last quarter of a second.
    #[getter]
    fn has_looked(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(now_ns().saturating_sub(self.with(py, |state| state.looked_ns)?) <= LOOKS_APART_NS)
    }

    /// Tell others that the thread looks at its queue, unless it has told them a moment ago.
    fn note_look(&self, py: Python<'_>) -> PyResult<()> {
        let now = now_ns();
        match now.saturating_sub(self.with(py, |state| state.looked_ns)?) {
            ..=LOOKS_APART_NS => Ok(()),
            _ => self.note(py, now as f64 / 1e9, now),
        }
    }

    /// Tell others that the thread waits at its queue, until it looks.
    fn note_wait(&self, py: Python<'_>) -> PyResult<()> {
        self.note(py, f64::INFINITY, 0)
    }
}
