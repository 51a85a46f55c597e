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
use crate::inbox::{Inbox, post_frame};
use crate::object::Object;
use crate::semaphore::Semaphore;
use crate::shared_word::SharedWord;
use crate::under_gil::UnderGil;
use crate::write_end::WriteEnd;
use ntipc_kernel::dispatch::at_once::Try;
use ntipc_kernel::sys::clock::now_ns;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyBytes, PyDict, PyString, PyType};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::CString;
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
    fn post_at_once(&self, py: Python<'_>, [hwnd, msg, wparam, lparam]: [*mut PyObject; 4]) -> Option<()> {
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
    fn get_at_once<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
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

/// What the functions before those of a program know. Set once, and kept for ever.
struct Before {
    messages: Py<DefaultMessages>,
    post_message: Py<PyAny>,
    get_message: Py<PyAny>,
    peek_message: Py<PyAny>,
    /// The name of the argument with which a program has most of its messages got.
    timeout: Py<PyString>,
    zero: Py<PyAny>,
}

static BEFORE: PyOnceLock<Before> = PyOnceLock::new();

/// Call the function of Python, as the interpreter has called the one before it.
///
/// # Safety
/// The arguments are those of a call that the interpreter makes, with the GIL held.
#[cold]
unsafe fn whole(
    function: &Py<PyAny>,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the GIL is held; there are as many arguments as is said, and one more for each name; the tuple takes over
    // a reference to each.
    unsafe {
        let positional = ffi::PyTuple_New(count);
        if positional.is_null() {
            return std::ptr::null_mut();
        }
        for place in 0..count {
            ffi::PyTuple_SetItem(positional, place, ffi::Py_NewRef(*arguments.offset(place)));
        }
        let mut named = std::ptr::null_mut();
        if !names.is_null() {
            named = ffi::PyDict_New();
            for place in 0..ffi::PyTuple_Size(names) {
                let value = *arguments.offset(count + place);
                if named.is_null() || ffi::PyDict_SetItem(named, ffi::PyTuple_GetItem(names, place), value) != 0 {
                    ffi::Py_DECREF(positional);
                    ffi::Py_XDECREF(named);
                    return std::ptr::null_mut();
                }
            }
        }
        let answer = ffi::PyObject_Call(function.as_ptr(), positional, named);
        ffi::Py_DECREF(positional);
        ffi::Py_XDECREF(named);
        answer
    }
}

/// One of the functions: by what it answers at once, and by what else.
macro_rules! before {
    ($name:ident, $function:ident, |$py:ident, $before:ident, $arguments:ident, $count:ident, $names:ident| $at_once:expr) => {
        unsafe extern "C" fn $name(
            _: *mut PyObject,
            $arguments: *const *mut PyObject,
            $count: Py_ssize_t,
            $names: *mut PyObject,
        ) -> *mut PyObject {
            // SAFETY: called by the interpreter, with the GIL held.
            let $py = unsafe { Python::assume_attached() };
            let Some($before) = BEFORE.get($py) else { return std::ptr::null_mut() }; // it is set before any of these is made
            let at_once: Option<*mut PyObject> = $at_once;
            // SAFETY: the interpreter's own call, passed on.
            at_once.unwrap_or_else(|| unsafe { whole(&$before.$function, $arguments, $count, $names) })
        }
    };
}

before!(post_message, post_message, |py, before, arguments, count, names| {
    if (2..=4).contains(&count) && names.is_null() {
        let zero = before.zero.as_ptr();
        // SAFETY: there are as many arguments as is said.
        let given = |place: isize| if place < count { unsafe { *arguments.offset(place) } } else { zero };
        let posted = before.messages.get().post_at_once(py, [given(0), given(1), given(2), given(3)]);
        posted.map(|()| py.None().into_ptr())
    } else {
        None
    }
});

before!(get_message, get_message, |py, before, _arguments, count, names| {
    // A time limit says nothing where a message is there.
    let only_timeout = match names.is_null() {
        true => count <= 1,
        // SAFETY: a tuple of the names of arguments.
        false => unsafe {
            count == 0 && ffi::PyTuple_Size(names) == 1 && ffi::PyTuple_GetItem(names, 0) == before.timeout.as_ptr()
        },
    };
    only_timeout.then(|| before.messages.get().get_at_once(py)).flatten().map(|message| message.into_ptr())
});

before!(peek_message, peek_message, |py, before, _arguments, count, names| {
    let any = count == 0 && names.is_null();
    any.then(|| before.messages.get().get_at_once(py)).flatten().map(|message| message.into_ptr())
});

/// The functions that stand before ``post_message``, ``get_message`` and ``peek_message``, in that order: they look the
/// same, answer what they can at once, and hand every other call on as it came. May be called once.
#[pyfunction]
pub fn put_before<'py>(
    py: Python<'py>,
    messages: Py<DefaultMessages>,
    functions: [Bound<'py, PyAny>; 3],
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let [post, get, peek] = functions.each_ref().map(|function| function.clone().unbind());
    let before = Before {
        messages,
        post_message: post,
        get_message: get,
        peek_message: peek,
        timeout: PyString::intern(py, "timeout").unbind(),
        zero: 0i32.into_pyobject(py)?.into_any().unbind(),
    };
    if BEFORE.set(py, before).is_err() {
        return Err(PyRuntimeError::new_err("they were put there before"));
    }
    let made = [post_message as *const (), get_message as *const (), peek_message as *const ()];
    made.into_iter().zip(&functions).map(|(function, behind)| same_looking(behind, function)).collect()
}

/// A function of C that looks like one of Python: its name, signature, description and module.
fn same_looking<'py>(behind: &Bound<'py, PyAny>, function: *const ()) -> PyResult<Bound<'py, PyAny>> {
    let py = behind.py();
    let name: String = behind.getattr("__name__")?.extract()?;
    let signature = py.import("inspect")?.call_method1("signature", (behind,))?;
    let without = [("annotation", signature.getattr("empty")?)].into_py_dict(py)?;
    let parameters = signature.getattr("parameters")?.call_method0("values")?;
    let parameters = parameters.try_iter()?.map(|each| each?.call_method("replace", (), Some(&without)));
    let parameters = parameters.collect::<PyResult<Vec<_>>>()?;
    let plain = [("parameters", parameters.into_pyobject(py)?), ("return_annotation", signature.getattr("empty")?)];
    let signature = signature.call_method("replace", (), Some(&plain.into_py_dict(py)?))?;
    let text: String = py.import("inspect")?.call_method1("getdoc", (behind,))?.extract()?;
    let text = format!("{name}{}\n--\n\n{text}", signature.str()?);
    // The interpreter keeps pointers to all of this for as long as the function lives, that is, for ever.
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: CString::new(name)?.into_raw(),
        // SAFETY: the flags say which of the signatures it has.
        ml_meth: unsafe { std::mem::transmute::<*const (), ffi::PyMethodDefPointer>(function) },
        ml_flags: ANY_ARGUMENTS,
        ml_doc: CString::new(text)?.into_raw(),
    }));
    let module = behind.getattr("__module__")?;
    // SAFETY: the definition lives for ever; without a receiver, as functions of modules are.
    unsafe {
        Bound::from_owned_ptr_or_err(py, ffi::PyCFunction_NewEx(definition, std::ptr::null_mut(), module.as_ptr()))
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
