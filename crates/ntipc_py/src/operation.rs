//! Which call of the program it is: for the messages of errors, and how it makes or opens an object.

use ntipc_kernel::object::table::Disposition;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

pub const OPEN_OR_CREATE: u32 = 0;
pub const CREATE: u32 = 1;
pub const OPEN: u32 = 2;

pub fn disposition(value: u32) -> PyResult<Disposition> {
    match value {
        OPEN_OR_CREATE => Ok(Disposition::OpenOrCreate),
        CREATE => Ok(Disposition::Create),
        OPEN => Ok(Disposition::Open),
        _ => Err(PyValueError::new_err("disposition must be OPEN_OR_CREATE, CREATE or OPEN")),
    }
}

/// The call that a disposition stands for: the constructor itself, or a class method.
pub fn call_of(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::OpenOrCreate => "",
        Disposition::Create => "create",
        Disposition::Open => "open",
    }
}

/// Which call of the program failed, for the message of an error: the method of the object, or what the caller in
/// Python named.
pub trait Operation {
    fn name(&self, class: &str) -> String;
}

impl Operation for &str {
    /// An empty name is the constructor.
    fn name(&self, class: &str) -> String {
        match *self {
            "" => class.to_owned(),
            method => format!("{class}.{method}"),
        }
    }
}

/// The argument ``operation`` of a method that a mechanism made of several objects calls for its program.
#[derive(Clone, Copy)]
pub struct Context<'a, 'py> {
    method: &'static str,
    operation: Option<&'a Bound<'py, PyAny>>,
}

impl<'a, 'py> Context<'a, 'py> {
    /// `operation` is the full name of the program's call; without it, the call is `method` of the object's own class.
    pub fn new(method: &'static str, operation: Option<&'a Bound<'py, PyAny>>) -> Self {
        Context { method, operation }
    }
}

impl Operation for Context<'_, '_> {
    fn name(&self, class: &str) -> String {
        match self.operation.and_then(|operation| operation.extract().ok()) {
            Some(operation) => operation,
            None => self.method.name(class),
        }
    }
}
