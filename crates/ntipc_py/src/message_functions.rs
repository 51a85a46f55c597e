//! The functions of a program that post and retrieve window messages: ``post_message``, ``get_message`` and
//! ``peek_message``. They answer at once what [`DefaultMessages`] can, and hand every other call on to the functions of
//! Python.
// UNSAFETY: arguments are those of calls that the interpreter makes, with the GIL held.

use crate::fast_calls::ANY_ARGUMENTS;
use crate::posts::DefaultMessages;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi::{self, Py_ssize_t, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyString};
use std::ffi::CString;

/// What the functions need. Set once, and kept for ever.
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
