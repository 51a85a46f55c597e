//! What every object has: a handle in a session.

use crate::errors;
use crate::operation::Operation;
use crate::owned;
use crate::session::PySession;
use ntipc_kernel::object::handles::Token;
use ntipc_kernel::object::kind::{Type, access};
use ntipc_kernel::object::table::Opened;
use ntipc_kernel::{Failure, NtResult, NtStatus, Session};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Base of all objects. A new instance is closed until ``_bind``, ``_copy_from``, ``_adopt`` or ``_claim`` gives it a
/// handle.
#[pyclass(module = "ntipc._kernel", subclass, frozen)]
pub struct Object {
    session: OnceLock<Arc<Session>>,
    handle: AtomicU32,
    /// What the handle led to when it became ours.
    leads_to: AtomicU64,
    name: OnceLock<Option<String>>,
    created: AtomicBool,
    kind: Type,
    /// Of a mutex: the last acquire found its owner dead.
    pub abandoned: AtomicBool,
    /// What messages call the object's class: its noun, and the name of the Python class.
    label: OnceLock<Label>,
    /// What messages call the object, where a mechanism that is made of several objects says so.
    subject: OnceLock<Box<str>>,
}

/// What messages call a class: its noun, and what stands before the name of a method.
type Label = Arc<(String, String)>;

/// Those of classes that had an instance. Each keeps its class, so that no other one has its address.
static LABELS: Mutex<BTreeMap<usize, (Py<PyType>, Label)>> = Mutex::new(BTreeMap::new());
/// A program that makes classes without end has those after so many asked each time.
const LABELS_KEPT: usize = 256;

fn label_of(class: &Bound<'_, PyType>) -> PyResult<Option<Label>> {
    let address = class.as_ptr() as usize;
    let labels = || LABELS.lock().unwrap_or_else(PoisonError::into_inner); // nothing of Python's runs with it held
    if let Some((_, label)) = labels().get(&address) {
        return Ok(Some(Arc::clone(label)));
    }
    let Ok(noun) = class.getattr(pyo3::intern!(class.py(), "_kind")) else { return Ok(None) };
    // Not by `Display`, which asks Python, and swallows what a signal handler raises then.
    let title = match class.getattr(pyo3::intern!(class.py(), "_title")) {
        Ok(title) => title.extract()?,
        Err(_) => class.name()?.extract()?,
    };
    let label: Label = Arc::new((noun.extract()?, title));
    let kept = class.clone().unbind();
    let mut labels = labels();
    if labels.len() < LABELS_KEPT {
        labels.insert(address, (kept, Arc::clone(&label)));
    }
    Ok(Some(label))
}

impl Object {
    pub fn of_type(kind: Type) -> Object {
        Object {
            session: OnceLock::new(),
            handle: AtomicU32::new(0),
            leads_to: AtomicU64::new(0),
            name: OnceLock::new(),
            created: AtomicBool::new(false),
            kind,
            abandoned: AtomicBool::new(false),
            label: OnceLock::new(),
            subject: OnceLock::new(),
        }
    }

    #[inline]
    pub fn kind(&self) -> Type {
        self.kind
    }

    #[inline]
    pub fn raw_handle(&self) -> u32 {
        self.handle.load(Ordering::Relaxed)
    }

    /// The session and the handle, unless closed.
    #[inline(always)]
    pub fn if_open(&self) -> Option<(&Arc<Session>, u32)> {
        let handle = self.raw_handle();
        self.session.get().filter(|_| handle != 0).map(|session| (session, handle))
    }

    /// The session and the handle; fails once closed.
    #[inline]
    pub fn open_handle(&self) -> NtResult<(&Arc<Session>, u32)> {
        self.if_open().ok_or_else(|| Failure::new(NtStatus::INVALID_HANDLE, ""))
    }

    /// One that messages call what its Python class says: `_kind` is the noun; `_title`, or else the name of the class,
    /// stands before the method.
    pub fn labelled(kind: Type, class: &Bound<'_, PyType>) -> PyResult<Object> {
        let object = Object::of_type(kind);
        if let Some(label) = label_of(class)? {
            let _ = object.label.set(label);
        }
        Ok(object)
    }

    fn class_name(&self) -> &str {
        self.label.get().map_or_else(|| self.kind().name(), |label| &label.1)
    }

    pub fn subject(&self) -> String {
        if let Some(subject) = self.subject.get() {
            return subject.to_string();
        }
        let kind = match self.kind() {
            Type::Event => "event",
            Type::Semaphore => "semaphore",
            Type::Mutant => "mutex",
            Type::Timer => "timer",
            Type::EventPair => "event pair",
            Type::Section => "section",
            Type::ReadEnd | Type::WriteEnd => "queue",
            Type::Process => "process",
            Type::Thread => "thread",
        };
        let kind = self.label.get().map_or(kind, |label| &label.0);
        match self.name.get() {
            // What lies in a directory is known by the rest of its name.
            Some(Some(name)) => format!("{kind} '{}'", name.split_once('\\').map_or(name.as_str(), |(_, name)| name)),
            _ => format!("unnamed {kind}"),
        }
    }

    #[cold]
    pub fn error(&self, py: Python<'_>, failure: &Failure, call: impl Operation) -> PyErr {
        let raise = if self.kind() == Type::ReadEnd { errors::raise_reading } else { errors::raise };
        raise(py, failure, &call.name(self.class_name()), &self.subject())
    }

    /// Run a call of the kernel on the open handle.
    #[inline]
    pub fn with<T>(
        &self,
        py: Python<'_>,
        call: impl Operation,
        body: impl FnOnce(&Arc<Session>, u32) -> NtResult<T>,
    ) -> PyResult<T> {
        self.open_handle()
            .and_then(|(session, handle)| body(session, handle))
            .map_err(|failure| self.error(py, &failure, call))
    }

    fn attach_to(&self, session: &Arc<Session>) -> PyResult<()> {
        if self.raw_handle() != 0 || self.session.set(Arc::clone(session)).is_err() {
            return Err(PyRuntimeError::new_err("this instance has been bound to an object before"));
        }
        Ok(())
    }

    fn own(&self, session: &Arc<Session>, handle: u32) {
        owned::note(session, handle);
        self.leads_to.store(session.identity_of(handle), Ordering::Relaxed);
        self.handle.store(handle, Ordering::Release);
    }

    /// Take what create or open gave.
    pub fn bind_with(
        &self,
        py: Python<'_>,
        session: &PySession,
        name: Option<&str>,
        call: impl Operation,
        make: impl FnOnce(&Arc<Session>) -> NtResult<Opened>,
    ) -> PyResult<()> {
        let refused = |failure: Failure| errors::raise(py, &failure, &call.name(self.class_name()), &self.subject());
        self.bind_to(py, &session.current().map_err(refused)?, name, call, make)
    }

    /// The same, in that attachment.
    pub fn bind_to(
        &self,
        py: Python<'_>,
        attachment: &Arc<Session>,
        name: Option<&str>,
        call: impl Operation,
        make: impl FnOnce(&Arc<Session>) -> NtResult<Opened>,
    ) -> PyResult<()> {
        let refused = |failure: Failure| errors::raise(py, &failure, &call.name(self.class_name()), &self.subject());
        self.attach_to(attachment)?;
        let _ = self.name.set(name.map(str::to_owned));
        let opened = make(attachment).map_err(refused)?;
        self.created.store(opened.created, Ordering::Relaxed);
        self.own(attachment, opened.handle);
        Ok(())
    }

    /// Own a handle of this process, if it is one to an object of this type.
    pub fn take_over(&self, py: Python<'_>, session: &Arc<Session>, handle: u32, call: &str) -> PyResult<()> {
        let name = session
            .basics(handle, self.kind(), 0)
            .and_then(|_| session.name_of(handle))
            .map_err(|failure| self.error(py, &failure, call))?;
        self.attach_to(session)?;
        self.own(session, handle);
        match self.kind() {
            Type::Process | Type::Thread => self.life_arrived(session, handle), // its name says who it is, and is no name to open
            _ => drop(self.name.set(name)),
        }
        Ok(())
    }

    /// Say what messages call the object, once.
    pub fn call_it(&self, subject: String) {
        let _ = self.subject.set(subject.into());
    }

    /// The object is closed from here on, and the handle the caller's; 0 if somebody was quicker.
    pub fn take_handle(&self) -> u32 {
        let handle = self.handle.swap(0, Ordering::AcqRel);
        if let Some(session) = self.session.get().filter(|_| handle != 0) {
            owned::strike_out(session, handle);
        }
        handle
    }

    pub fn give_handle_back(&self, handle: u32) {
        match self.session.get() {
            Some(session) => self.own(session, handle),
            None => self.handle.store(handle, Ordering::Release),
        }
    }

    pub fn close_handle(&self) -> NtResult<()> {
        match (self.session.get(), self.take_handle()) {
            (Some(session), handle) if handle != 0 && !session.is_left() => {
                session.close_same(handle, self.leads_to.load(Ordering::Relaxed))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        let _ = self.close_handle();
    }
}

fn type_of(class: &Bound<'_, PyType>) -> PyResult<Type> {
    Ok(if class.is_subclass_of::<crate::semaphore::Semaphore>()? {
        Type::Semaphore
    } else if class.is_subclass_of::<crate::mutex::Mutex>()? {
        Type::Mutant
    } else if class.is_subclass_of::<crate::timer::Timer>()? {
        Type::Timer
    } else if class.is_subclass_of::<crate::event_pair::EventPair>()? {
        Type::EventPair
    } else if class.is_subclass_of::<crate::section::Section>()? {
        Type::Section
    } else if class.is_subclass_of::<crate::read_end::ReadEnd>()? {
        Type::ReadEnd
    } else if class.is_subclass_of::<crate::write_end::WriteEnd>()? {
        Type::WriteEnd
    } else if class.is_subclass_of::<crate::process::Process>()? {
        Type::Process
    } else if class.is_subclass_of::<crate::process::Thread>()? {
        Type::Thread
    } else {
        Type::Event
    })
}

/// A reference in flight as Python has it: sender, generation and handle there, object, serial number, rights.
type Parked = (u32, u32, u32, u32, u64, u32);

#[pymethods]
impl Object {
    /// Also what makes the instances of a Python class that lists a mixin derived from this class before its native
    /// class.
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        cls: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Object> {
        Ok(Object::of_type(type_of(cls)?))
    }

    /// The handle's number in this process; raises HandleClosed once closed.
    #[getter]
    fn handle(&self, py: Python<'_>) -> PyResult<u32> {
        self.with(py, "handle", |_, handle| Ok(handle))
    }

    /// Say what messages call the object, once: what it is a part of has a name that the kernel does not know.
    #[pyo3(name = "_describe")]
    fn describe(&self, subject: &str) {
        let _ = self.subject.set(subject.into());
    }

    /// The name within its session, or None.
    #[getter]
    fn name(&self) -> Option<&str> {
        self.name.get().and_then(|name| name.as_deref())
    }

    /// True if the constructor made the object, False if it opened an existing one.
    #[getter]
    fn created(&self) -> bool {
        self.created.load(Ordering::Relaxed)
    }

    /// True once the handle is closed, or its session left.
    #[getter]
    fn closed(&self) -> bool {
        self.raw_handle() == 0 || self.session.get().is_none_or(|session| session.is_left() || session.is_lost())
    }

    /// The directory of the object's session.
    #[getter(_session_path)]
    fn session_path(&self) -> Option<&str> {
        self.session.get().map(|session| session.path.as_str())
    }

    /// The rights of the handle.
    #[getter]
    pub fn access(&self, py: Python<'_>) -> PyResult<u32> {
        self.with(py, "access", |session, handle| Ok(session.basics(handle, self.kind(), 0)?.access))
    }

    /// Whether a child started with inherited handles gets this one.
    #[getter]
    fn inheritable(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, "inheritable", |session, handle| Ok(session.basics(handle, self.kind(), 0)?.inheritable))
    }

    #[setter]
    fn set_inheritable(&self, py: Python<'_>, value: bool) -> PyResult<()> {
        self.with(py, "inheritable", |session, handle| session.set_inheritable(handle, value))
    }

    /// Index and serial number: the same for all handles to one object, and never those of another one.
    #[getter]
    fn identity(&self, py: Python<'_>) -> PyResult<(u32, u64)> {
        self.with(py, "identity", |session, handle| {
            let basics = session.basics(handle, self.kind(), 0)?;
            Ok((basics.index, basics.serial))
        })
    }

    /// Close the handle. The object goes with its last one. Closing twice does nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.close_handle().map_err(|failure| self.error(py, &failure, "close"))
    }

    /// The object's state, without changing it.
    #[pyo3(name = "_query")]
    fn query<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let facts = PyDict::new(py);
        let rights = match self.kind() {
            // The exit code of a process has a right of its own.
            Type::EventPair | Type::Process | Type::Thread => 0,
            _ => access::QUERY,
        };
        let basics = self.with(py, "info", |session, handle| session.basics(handle, self.kind(), rights))?;
        facts.set_item("kind", self.kind().name())?;
        facts.set_item("name", self.name())?;
        facts.set_item("handles", basics.handles)?;
        facts.set_item("waiters", basics.waiters)?;
        facts.set_item("access", basics.access)?;
        facts.set_item("inheritable", basics.inheritable)?;
        facts.set_item("index", basics.index)?;
        facts.set_item("serial", basics.serial)?;
        self.query_kind(py, &facts, basics.signals)?;
        Ok(facts)
    }

    /// Another handle to the same object, in this process or in another participant; its number there.
    #[pyo3(signature = (pid=None, access=None, inheritable=false))]
    fn duplicate_handle(
        &self,
        py: Python<'_>,
        pid: Option<u32>,
        access: Option<u32>,
        inheritable: bool,
    ) -> PyResult<u32> {
        self.with(py, "duplicate", |session, handle| session.duplicate(handle, pid, access, inheritable))
    }

    /// Take another handle to the object of ``original``, in this process: in one step, so that no signal handler comes
    /// in between.
    #[pyo3(name = "_copy_from", signature = (original, access=None, inheritable=false))]
    fn copy_from(
        &self,
        py: Python<'_>,
        original: &Bound<'_, Object>,
        access: Option<u32>,
        inheritable: bool,
    ) -> PyResult<()> {
        let original = original.get();
        if original.kind() != self.kind() {
            return Err(PyTypeError::new_err("the two are of different types"));
        }
        let (session, handle) = original.open_handle().map_err(|failure| original.error(py, &failure, "duplicate"))?;
        self.attach_to(session)?;
        let _ = self.name.set(original.name().map(str::to_owned));
        if let Some(subject) = original.subject.get() {
            let _ = self.subject.set(subject.clone());
        }
        let copy = session.duplicate(handle, None, access, inheritable);
        self.own(session, copy.map_err(|failure| original.error(py, &failure, "duplicate"))?);
        Ok(())
    }

    /// Take over a handle that this process has already, for example one that another process put there.
    #[pyo3(name = "_adopt")]
    fn adopt(&self, py: Python<'_>, session: &PySession, handle: u32) -> PyResult<()> {
        let attachment = session.current().map_err(|failure| self.error(py, &failure, "from_handle"))?;
        self.take_over(py, &attachment, handle, "from_handle")
    }

    /// Give up the handle without closing it; its number, 0 if it was closed. This instance is closed from here on.
    #[pyo3(name = "_disown")]
    fn disown(&self) -> u32 {
        self.take_handle()
    }

    /// Make a reference in flight, for pickling.
    #[pyo3(name = "_park")]
    fn park(&self, py: Python<'_>) -> PyResult<Parked> {
        let Token { sender, sender_generation, parked, object, serial, access } =
            self.with(py, "__reduce__", |session, handle| session.park(handle))?;
        Ok((sender, sender_generation, parked, object, serial, access))
    }

    /// Turn a reference in flight into a handle of this process.
    #[pyo3(name = "_claim")]
    fn claim(&self, py: Python<'_>, session: &PySession, token: Parked) -> PyResult<()> {
        let (sender, sender_generation, parked, object, serial, access) = token;
        let token = Token { sender, sender_generation, parked, object, serial, access };
        let kind = self.kind();
        let refused = |failure: Failure| self.error(py, &failure, "unpickle");
        let attachment = session.current().map_err(refused)?;
        let handle = attachment.claim(token, kind).map_err(refused)?;
        self.take_over(py, &attachment, handle, "unpickle").inspect_err(|_| {
            let _ = attachment.close(handle);
        })
    }
}
