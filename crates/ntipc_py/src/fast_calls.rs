//! The hottest methods, called by the interpreter without anything in between.
//!
//! What PyO3 puts around a method (counting attachments, checking the receiver, parsing arguments, catching panics) costs
//! more than the kernel's fast paths. So a plain C function stands before each of these methods. It answers a call
//! without arguments, or with the one that there always is, that the kernel can answer at once, and hands every other one, as it came, to the method itself:
//! whatever blocks, fails or takes arguments is decided in one place, there.
// UNSAFETY: receivers are of the right class, because the interpreter's method descriptors check that; the GIL is held,
// because it calls us; functions that PyO3 made are called as their flags say.

use crate::blocking::COPIED_WITH_GIL;
use crate::event::Event;
use crate::mutex::Mutex;
use crate::object::Object;
use crate::read_end::{self, ReadEnd};
use crate::semaphore::Semaphore;
use crate::waitable::Waitable;
use crate::write_end::WriteEnd;
use ntipc_kernel::dispatch::at_once::Try;
use ntipc_kernel::dispatch::wait::Target;
use pyo3::exceptions::PySystemError;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};
use std::ffi::{CString, c_int};
use std::sync::atomic::{AtomicPtr, Ordering};

/// A call as the interpreter makes it: receiver, arguments, number of positional ones, names of the others.
type Call = unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, Py_ssize_t, *mut PyObject) -> *mut PyObject;
type CallWithoutArguments = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;

/// The method behind a fast call.
pub struct Behind(AtomicPtr<()>);

impl Behind {
    pub const fn new() -> Behind {
        Behind(AtomicPtr::new(std::ptr::null_mut()))
    }

    #[cold]
    unsafe fn call_without_arguments(&self, receiver: *mut PyObject) -> *mut PyObject {
        // SAFETY: `install` stored a function of this signature before anybody could call.
        let method: CallWithoutArguments = unsafe { std::mem::transmute(self.0.load(Ordering::Relaxed)) };
        // SAFETY: the interpreter's own call, passed on.
        unsafe { method(receiver, std::ptr::null_mut()) }
    }

    /// # Safety
    /// The arguments are those of a call that the interpreter makes.
    #[cold]
    pub unsafe fn call(
        &self,
        receiver: *mut PyObject,
        arguments: *const *mut PyObject,
        count: Py_ssize_t,
        names: *mut PyObject,
    ) -> *mut PyObject {
        // SAFETY: `install` stored a function of this signature before anybody could call.
        let method: Call = unsafe { std::mem::transmute(self.0.load(Ordering::Relaxed)) };
        // SAFETY: the interpreter's own call, passed on.
        unsafe { method(receiver, arguments, count, names) }
    }
}

#[inline(always)]
fn new_reference(object: *mut PyObject) -> *mut PyObject {
    // SAFETY: the GIL is held, and the objects that this is called with live for ever.
    unsafe { ffi::Py_INCREF(object) };
    object
}

#[inline(always)]
fn boolean(value: bool) -> *mut PyObject {
    // SAFETY: the addresses of the two are constants.
    new_reference(unsafe { if value { ffi::Py_True() } else { ffi::Py_False() } })
}

#[inline(always)]
fn none() -> *mut PyObject {
    // SAFETY: its address is a constant.
    new_reference(unsafe { ffi::Py_None() })
}

/// The answer of a method that takes the object. `None`: the method must decide.
#[inline(always)]
fn taken(py: Python<'_>, object: &Object, found: Try) -> Option<*mut PyObject> {
    match found {
        Try::Taken(false) if !object.abandoned.load(Ordering::Relaxed) => Some(boolean(true)),
        // Taken is taken: from here on the method could only take it once more.
        Try::Taken(abandoned) => Some(told(py, object, abandoned)),
        Try::Unsignalled | Try::Unclear => None,
    }
}

#[inline(always)]
fn take(py: Python<'_>, object: &Object) -> Option<*mut PyObject> {
    let (session, handle) = object.if_open()?;
    taken(py, object, session.take_at_once(Target { handle, channel: 0 }))
}

#[inline(always)]
fn take_unit(py: Python<'_>, object: &Object) -> Option<*mut PyObject> {
    let (session, handle) = object.if_open()?;
    taken(py, object, session.take_unit_at_once(handle))
}

#[inline(always)]
fn own(py: Python<'_>, object: &Object) -> Option<*mut PyObject> {
    let (session, handle) = object.if_open()?;
    taken(py, object, session.own_at_once(handle))
}

#[cold]
fn told(py: Python<'_>, object: &Object, abandoned: bool) -> *mut PyObject {
    match object.taken(py, abandoned) {
        Ok(taken) => boolean(taken),
        Err(raised) => {
            raised.restore(py);
            std::ptr::null_mut()
        }
    }
}

fn release_mutant(_: Python<'_>, object: &Object) -> Option<*mut PyObject> {
    let (session, handle) = object.if_open()?;
    session.release_mutant_at_once(handle).map(|()| none())
}

fn set_event(_: Python<'_>, object: &Object) -> Option<*mut PyObject> {
    let (session, handle) = object.if_open()?;
    session.set_event(handle).ok().map(boolean)
}

fn clear_event(_: Python<'_>, object: &Object) -> Option<*mut PyObject> {
    let (session, handle) = object.if_open()?;
    session.clear_event(handle).ok().map(boolean)
}

fn event_is_set(_: Python<'_>, object: &Object) -> Option<*mut PyObject> {
    let (session, handle) = object.if_open()?;
    session.event_is_set(handle).ok().map(boolean)
}

fn release_unit(_: Python<'_>, object: &Object) -> Option<*mut PyObject> {
    let (session, handle) = object.if_open()?;
    // SAFETY: the GIL is held.
    session.release_semaphore(handle, 1).ok().map(|before| unsafe { ffi::PyLong_FromUnsignedLong(before.into()) })
}

fn leave_semaphore(_: Python<'_>, object: &Object) -> Option<*mut PyObject> {
    let (session, handle) = object.if_open()?;
    session.release_semaphore(handle, 1).ok().map(|_| none())
}

/// The next message of a queue, if it is there and short.
fn get_message(py: Python<'_>, object: &Object) -> Option<*mut PyObject> {
    let (session, handle) = object.if_open()?;
    read_end::take_small(py, session, handle).map(|bytes| bytes.into_ptr())
}

/// The same. Only a call that may take all the time there is goes this way: others have their deadline to be checked.
fn take_message(py: Python<'_>, object: &Object, timeout: *mut PyObject) -> Option<*mut PyObject> {
    // SAFETY: its address is a constant.
    (timeout == unsafe { ffi::Py_None() }).then(|| get_message(py, object))?
}

/// Put bytes into a queue, if they are few and there is room. `None`: they are not, or there is none.
#[inline(always)]
fn put_few(py: Python<'_>, object: &Object, data: *mut PyObject) -> Option<()> {
    let (session, handle) = object.if_open()?;
    // SAFETY: the caller keeps the argument alive through the call.
    let data = unsafe { Borrowed::from_ptr(py, data) };
    let bytes = data.cast::<PyBytes>().ok()?;
    let bytes = bytes.as_bytes();
    if session.put_short(handle, bytes) {
        return Some(());
    }
    (bytes.len() <= COPIED_WITH_GIL && session.put_frame(handle, &[bytes], 0).ok()?).then_some(())
}

fn put_message(py: Python<'_>, object: &Object, data: *mut PyObject) -> Option<*mut PyObject> {
    put_few(py, object, data).map(|()| none())
}

fn put_message_now(py: Python<'_>, object: &Object, data: *mut PyObject) -> Option<*mut PyObject> {
    put_few(py, object, data).map(|()| boolean(true))
}

fn core<'a>(receiver: &'a Borrowed<'_, '_, Waitable>) -> &'a Object {
    receiver.as_super().get()
}

pub struct FastCall {
    pub class: fn(Python<'_>) -> Bound<'_, PyType>,
    pub name: &'static str,
    pub function: *const (),
    pub flags: c_int,
    pub behind: &'static Behind,
}

pub const ANY_ARGUMENTS: c_int = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;

/// `Class.method(form) => function`: a fast call of that method. By the form, the fast way is a call with no arguments (`none`: the
/// method has none; `optional`; `exit`: with the three of `__exit__`), with `one`, or with a `pair`, of which the function gets the first.
macro_rules! fast_calls {
    ($($class:ident.$name:ident($arguments:ident) => $function:ident),* $(,)?) => {
        [$(fast_calls!(@$arguments $class $name $function)),*]
    };
    (@none $class:ident $name:ident $function:ident) => {{
        static BEHIND: Behind = Behind::new();
        unsafe extern "C" fn call(receiver: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
            // SAFETY: called by the interpreter: the GIL is held, the receiver is of this class, and lives through the call.
            let receiver_of_class = unsafe { waitable(receiver) };
            match $function(receiver_of_class.py(), core(&receiver_of_class)) {
                Some(answer) => answer,
                // SAFETY: as above.
                None => unsafe { BEHIND.call_without_arguments(receiver) },
            }
        }
        FastCall {
            class: |py| py.get_type::<$class>(),
            name: stringify!($name),
            function: call as *const (),
            flags: ffi::METH_NOARGS,
            behind: &BEHIND,
        }
    }};
    (@optional $class:ident $name:ident $function:ident) => {
        fast_calls!(@counted $class $name $function, 0)
    };
    (@exit $class:ident $name:ident $function:ident) => {
        fast_calls!(@counted $class $name $function, 3)
    };
    (@one $class:ident $name:ident $function:ident) => {
        fast_calls!(@given $class $name $function, 1)
    };
    (@pair $class:ident $name:ident $function:ident) => {
        fast_calls!(@given $class $name $function, 2)
    };
    (@given $class:ident $name:ident $function:ident, $count:literal) => {{
        static BEHIND: Behind = Behind::new();
        unsafe extern "C" fn call(
            receiver: *mut PyObject,
            arguments: *const *mut PyObject,
            count: Py_ssize_t,
            names: *mut PyObject,
        ) -> *mut PyObject {
            if count == $count && names.is_null() {
                // SAFETY: called by the interpreter: the GIL is held, the receiver is of this class, and lives through the call,
                // as does the first argument.
                let (receiver_of_class, argument) = unsafe { (waitable(receiver), *arguments) };
                if let Some(answer) = $function(receiver_of_class.py(), core(&receiver_of_class), argument) {
                    return answer;
                }
            }
            // SAFETY: as above.
            unsafe { BEHIND.call(receiver, arguments, count, names) }
        }
        FastCall {
            class: |py| py.get_type::<$class>(),
            name: stringify!($name),
            function: call as *const (),
            flags: ANY_ARGUMENTS,
            behind: &BEHIND,
        }
    }};
    (@counted $class:ident $name:ident $function:ident, $count:literal) => {{
        static BEHIND: Behind = Behind::new();
        unsafe extern "C" fn call(
            receiver: *mut PyObject,
            arguments: *const *mut PyObject,
            count: Py_ssize_t,
            names: *mut PyObject,
        ) -> *mut PyObject {
            if count == $count && names.is_null() {
                // SAFETY: called by the interpreter: the GIL is held, the receiver is of this class, and lives through the call.
                let receiver_of_class = unsafe { waitable(receiver) };
                if let Some(answer) = $function(receiver_of_class.py(), core(&receiver_of_class)) {
                    return answer;
                }
            }
            // SAFETY: as above.
            unsafe { BEHIND.call(receiver, arguments, count, names) }
        }
        FastCall {
            class: |py| py.get_type::<$class>(),
            name: stringify!($name),
            function: call as *const (),
            flags: ANY_ARGUMENTS,
            behind: &BEHIND,
        }
    }};
}

/// # Safety
/// The GIL is held, and `receiver` is an instance of a class derived from `Waitable` that lives for as long as the result.
#[inline(always)]
unsafe fn waitable<'a>(receiver: *mut PyObject) -> Borrowed<'a, 'a, Waitable> {
    // SAFETY: the caller's promise.
    unsafe { Borrowed::from_ptr(Python::assume_attached(), receiver).cast_unchecked() }
}

/// Put the fast calls before their methods.
pub fn install(py: Python<'_>) -> PyResult<()> {
    let calls = fast_calls! {
        Waitable.wait(optional) => take,
        Event.set(none) => set_event,
        Event.clear(none) => clear_event,
        Event.is_set(none) => event_is_set,
        Semaphore.acquire(optional) => take_unit,
        Semaphore.release(optional) => release_unit,
        Semaphore.__enter__(none) => take_unit,
        Semaphore.__exit__(exit) => leave_semaphore,
        Mutex.acquire(optional) => own,
        Mutex.release(none) => release_mutant,
        Mutex.__enter__(none) => own,
        Mutex.__exit__(exit) => release_mutant,
        ReadEnd._get(optional) => get_message,
        ReadEnd._take_bytes(pair) => take_message,
        WriteEnd._put(one) => put_message,
        WriteEnd._put_now(pair) => put_message_now,
    };
    for call in calls {
        let instance = (call.class)(py).call0()?;
        call.install(&instance)?;
    }
    Ok(())
}

impl FastCall {
    /// Put it before the method of the class, of which there is an instance to find the method by.
    pub fn install(self, instance: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = instance.py();
        let class = (self.class)(py);
        let method = instance.getattr(self.name)?;
        // SAFETY: `method` is checked to be a built-in method before its parts are asked for.
        let (function, flags) = unsafe {
            if ffi::PyCFunction_Check(method.as_ptr()) == 0 {
                return Err(PySystemError::new_err(format!("{} is no built-in method", self.name)));
            }
            (ffi::PyCFunction_GetFunction(method.as_ptr()), ffi::PyCFunction_GetFlags(method.as_ptr()))
        };
        let (Some(function), true) = (function, flags == self.flags) else {
            return Err(PySystemError::new_err(format!("{} is called in another way: {flags:#x}", self.name)));
        };
        self.behind.0.store(function as *mut (), Ordering::Relaxed);
        let signature: String = method.getattr("__text_signature__")?.extract()?;
        let text: Option<String> = method.getattr("__doc__")?.extract()?;
        let text = format!("{}{signature}\n--\n\n{}", self.name, text.unwrap_or_default());
        // The interpreter keeps pointers to all of this for as long as the class lives, that is, for ever.
        let definition = Box::leak(Box::new(ffi::PyMethodDef {
            ml_name: CString::new(self.name)?.into_raw(),
            // SAFETY: the flags say which of the signatures it has.
            ml_meth: unsafe { std::mem::transmute::<*const (), ffi::PyMethodDefPointer>(self.function) },
            ml_flags: self.flags,
            ml_doc: CString::new(text)?.into_raw(),
        }));
        // SAFETY: the class and the definition outlive the descriptor.
        let descriptor =
            unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyDescr_NewMethod(class.as_type_ptr(), definition))? };
        class.setattr(self.name, descriptor)
    }
}
