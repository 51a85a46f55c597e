//! Posts and retrievals of window messages in the default session, called by the interpreter without anything in
//! between.
//!
//! They do what nearly all messages need, and say `False` or `None` wherever there is more to it: another session, a
//! window that this process does not know yet or that has gone, a full queue, parameters that are no plain numbers.
//! Python does those, from the start.
//!
//! The default session is what two variables of the environment say. That they say the same as before is seen by the
//! objects which the dictionary of the environment holds: nobody changes bytes.
//!
//! A poster takes a unit of the receiver's room before it puts the message, and gives it back if it does not. One that
//! is killed in between leaves a unit missing, which the receiver finds; the message is there whole or not at all
//! (`queue::short`).
//!
//! PyO3 does not know that the interpreter calls these functions with the GIL: a `Py` that is dropped in them would
//! wait for another call. So what they drop is a `Bound`.
// UNSAFETY: receivers and arguments are those of calls that the interpreter makes, with the GIL held.

use crate::fast_calls::{ANY_ARGUMENTS, Behind, FastCall};
use crate::inbox::Inbox;
use crate::object::Object;
use crate::post_frame::post_frame;
use crate::semaphore::Semaphore;
use crate::shared_word::SharedWord;
use crate::under_gil::UnderGil;
use crate::write_end::WriteEnd;
use ntipc_kernel::dispatch::at_once::Try;
use ntipc_kernel::sys::clock::now_ns;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyType};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Smaller numbers may be those of messages that cannot be posted.
const WM_USER: i64 = 0x0400;

/// The way to the queue of a window's thread.
struct Way {
    /// Is the window's number for as long as the window lives.
    word: SharedWord,
    writer: Py<WriteEnd>,
    room: Py<Semaphore>,
}

/// The ways to the windows of one session that this process has posted or sent to.
#[pyclass(module = "ntipc._kernel", frozen)]
pub struct Ways(UnderGil<BTreeMap<u64, Way>>);

impl Ways {
    /// Post a message. `None`: it was not posted.
    fn post(&self, py: Python<'_>, hwnd: u64, msg: u32, wparam: i64, lparam: i64) -> Option<()> {
        // The ends are kept through the call: another thread may forget the way meanwhile.
        let (writer, room) = self.0.with(py, |ways| {
            let way = ways.get(&hwnd)?;
            let lives = way.word.atomic().load(Ordering::Acquire) == hwnd;
            lives.then(|| (way.writer.bind(py).clone(), way.room.bind(py).clone()))
        })??;
        let writer: &Object = writer.as_super().as_super().get();
        let room: &Object = room.as_super().as_super().get();
        let ((session, end), (_, room)) = (writer.if_open()?, room.if_open()?);
        let Try::Taken(_) = session.take_unit_at_once(room) else { return None };
        let frame = post_frame(hwnd, msg, wparam, lparam, now_ns() as f64 / 1e9);
        if session.put_short(end, &frame) || session.put_frame(end, &[&frame], 0).unwrap_or(false) {
            return Some(());
        }
        let _ = session.release_semaphore(room, 1); // fails only if the receiver has found it missing
        None
    }
}

#[pymethods]
impl Ways {
    #[new]
    fn new() -> Ways {
        Ways(UnderGil::new(BTreeMap::new()))
    }

    /// Remember the way to a window. ``word``: the eight bytes that are its number for as long as it lives.
    fn learn(
        &self,
        py: Python<'_>,
        hwnd: u64,
        word: &Bound<'_, PyAny>,
        writer: Py<WriteEnd>,
        room: Py<Semaphore>,
    ) -> PyResult<()> {
        let way = Way { word: SharedWord::of(word)?, writer, room };
        drop(self.0.with(py, |ways| ways.insert(hwnd, way)));
        Ok(())
    }

    /// Forget the way to a window, if it is known.
    fn forget(&self, py: Python<'_>, hwnd: u64) {
        drop(self.0.with(py, |ways| ways.remove(&hwnd)));
    }

    /// Forget all.
    fn clear(&self, py: Python<'_>) {
        drop(self.0.with(py, std::mem::take));
    }
}

#[derive(Default)]
struct DefaultSession {
    /// What the two variables were, as the dictionary has them.
    name: Option<Py<PyAny>>,
    directory: Option<Py<PyAny>>,
    /// Another number whenever they have changed; 0: they were never looked at.
    epoch: u64,
    ways: Option<Py<Ways>>,
}

struct Own {
    inbox: Py<Inbox>,
    /// Of the default session of that time.
    epoch: u64,
}

thread_local! {
    /// The thread's inbox in the default session.
    static OWN: RefCell<Option<Own>> = const { RefCell::new(None) };
}

/// What this process, and each thread of it, knows of messages in the default session.
#[pyclass(module = "ntipc._kernel", frozen)]
pub struct DefaultMessages {
    environment: Py<PyDict>,
    name_key: Py<PyBytes>,
    directory_key: Py<PyBytes>,
    known: UnderGil<DefaultSession>,
}

impl DefaultMessages {
    /// Does the environment hold that object under the key?
    #[inline(always)]
    fn holds(&self, key: &Py<PyBytes>, value: &Option<Py<PyAny>>) -> bool {
        // SAFETY: the GIL is held; keys are bytes, which are looked up without any code of Python's. The answer is
        // compared, not used.
        let found = unsafe { ffi::PyDict_GetItemWithError(self.environment.as_ptr(), key.as_ptr()) };
        found == value.as_ref().map_or(std::ptr::null_mut(), |value| value.as_ptr())
    }

    /// Which default session it is, if it is the known one.
    #[inline(always)]
    fn epoch(&self, known: &DefaultSession) -> Option<u64> {
        let is_same = known.epoch != 0
            && self.holds(&self.name_key, &known.name)
            && self.holds(&self.directory_key, &known.directory);
        is_same.then_some(known.epoch)
    }

    /// Look at the environment again; the number of the default session that it means.
    fn look(&self, py: Python<'_>) -> PyResult<u64> {
        let environment = self.environment.bind(py);
        let name = environment.get_item(&self.name_key)?.map(Bound::unbind);
        let directory = environment.get_item(&self.directory_key)?.map(Bound::unbind);
        let (epoch, before) = self
            .known
            .with(py, |known| match self.epoch(known) {
                Some(epoch) => (epoch, None),
                None => {
                    let new = DefaultSession { name, directory, epoch: known.epoch + 1, ways: None };
                    (new.epoch, Some(std::mem::replace(known, new)))
                }
            })
            .unwrap_or((0, None));
        drop(before);
        Ok(epoch)
    }

    #[inline(always)]
    pub fn post_at_once(&self, py: Python<'_>, [hwnd, msg, wparam, lparam]: [*mut PyObject; 4]) -> Option<()> {
        let (hwnd, msg) = (plain(hwnd)?, plain(msg)?);
        if hwnd <= 0 || !(WM_USER..=i64::from(u32::MAX)).contains(&msg) {
            return None;
        }
        let (wparam, lparam) = (plain(wparam)?, plain(lparam)?);
        let ways = self.known.with(py, |known| {
            self.epoch(known)?;
            known.ways.as_ref().map(|ways| ways.bind(py).clone())
        })??;
        ways.get().post(py, hwnd as u64, msg as u32, wparam, lparam)
    }

    #[inline(always)]
    pub fn get_at_once<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let epoch = self.known.with(py, |known| self.epoch(known))??;
        let inbox = OWN.try_with(|own| {
            let own = own.try_borrow().ok()?;
            own.as_ref().filter(|own| own.epoch == epoch).map(|own| own.inbox.bind(py).clone())
        });
        inbox.ok()??.get().next_at_once(py)
    }
}

/// Put `new` in the place of the thread's inbox, if it has none, or one that may go.
fn exchange_own(may_go: impl Fn(&Own) -> bool, new: Option<Own>) {
    let before = OWN.try_with(|own| {
        let mut own = own.try_borrow_mut().ok()?;
        own.as_ref().is_none_or(may_go).then(|| std::mem::replace(&mut *own, new))
    });
    drop(before); // what goes with it may run code of Python's
}

/// The value of an exact int of 64 bits with a sign.
#[inline(always)]
fn plain(number: *mut PyObject) -> Option<i64> {
    let mut overflow = 0;
    // SAFETY: the GIL is held, and the caller of the method keeps its arguments alive. Of an exact int this runs no
    // code of Python's, and fails in no other way than by overflow, without an exception.
    let value = unsafe {
        if ffi::PyLong_CheckExact(number) == 0 {
            return None;
        }
        ffi::PyLong_AsLongLongAndOverflow(number, &raw mut overflow)
    };
    (overflow == 0).then_some(value)
}

#[pymethods]
impl DefaultMessages {
    #[new]
    fn new(environment: Py<PyDict>, name_key: Py<PyBytes>, directory_key: Py<PyBytes>) -> DefaultMessages {
        DefaultMessages { environment, name_key, directory_key, known: UnderGil::new(DefaultSession::default()) }
    }

    /// These are the ways in the session that is the default one now.
    fn know(&self, py: Python<'_>, ways: Py<Ways>) -> PyResult<()> {
        self.look(py)?;
        drop(self.known.with(py, |known| known.ways.replace(ways)));
        Ok(())
    }

    /// This is the calling thread's inbox in the session that is the default one now.
    fn own(&self, py: Python<'_>, inbox: Py<Inbox>) -> PyResult<()> {
        let epoch = self.look(py)?;
        exchange_own(|_| true, Some(Own { inbox, epoch }));
        Ok(())
    }

    /// The calling thread has that inbox no more. Does nothing if it has another one.
    fn disown(&self, inbox: &Bound<'_, Inbox>) {
        exchange_own(|own| own.inbox.is(inbox), None);
    }

    /// Post a message to a window. False: it was not posted, and the whole call must decide.
    #[pyo3(signature = (hwnd, msg, wparam, lparam))]
    fn post(
        &self,
        hwnd: &Bound<'_, PyAny>,
        msg: &Bound<'_, PyAny>,
        wparam: &Bound<'_, PyAny>,
        lparam: &Bound<'_, PyAny>,
    ) -> bool {
        let arguments = [hwnd, msg, wparam, lparam].map(|argument| argument.as_ptr());
        self.post_at_once(hwnd.py(), arguments).is_some()
    }

    /// Take the calling thread's next message, if it is a posted one, no quit, and there is nothing to do but to take
    /// it. None: the whole call must decide.
    #[pyo3(signature = ())]
    fn get<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.get_at_once(py)
    }
}

static POST: Behind = Behind::new();
static GET: Behind = Behind::new();

unsafe extern "C" fn post(
    receiver: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    if count == 4 && names.is_null() {
        // SAFETY: called by the interpreter: the GIL is held, the receiver is of this class, and lives through the
        // call, as do the four arguments.
        let (py, messages, arguments) = unsafe {
            let py = Python::assume_attached();
            (py, Borrowed::from_ptr(py, receiver).cast_unchecked::<DefaultMessages>(), *arguments.cast::<[_; 4]>())
        };
        let posted = messages.get().post_at_once(py, arguments).is_some();
        // SAFETY: the addresses of the two are constants, and they live for ever.
        return unsafe { ffi::Py_NewRef(if posted { ffi::Py_True() } else { ffi::Py_False() }) };
    }
    // SAFETY: as above.
    unsafe { POST.call(receiver, arguments, count, names) }
}

unsafe extern "C" fn get(receiver: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: called by the interpreter: the GIL is held, and the receiver is of this class and lives through the call.
    let (py, messages) = unsafe {
        let py = Python::assume_attached();
        (py, Borrowed::from_ptr(py, receiver).cast_unchecked::<DefaultMessages>())
    };
    match messages.get().get_at_once(py) {
        Some(message) => message.into_ptr(),
        None => py.None().into_ptr(),
    }
}

/// Put the fast calls before their methods.
pub fn install(py: Python<'_>) -> PyResult<()> {
    let key = || PyBytes::new(py, b"").unbind();
    let instance = Bound::new(py, DefaultMessages::new(PyDict::new(py).unbind(), key(), key()))?;
    let class: fn(Python<'_>) -> Bound<'_, PyType> = |py| py.get_type::<DefaultMessages>();
    let calls = [
        FastCall { class, name: "post", function: post as *const (), flags: ANY_ARGUMENTS, behind: &POST },
        FastCall { class, name: "get", function: get as *const (), flags: ffi::METH_NOARGS, behind: &GET },
    ];
    calls.into_iter().try_for_each(|call| call.install(instance.as_any()))
}
