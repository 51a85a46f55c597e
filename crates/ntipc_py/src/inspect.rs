//! The picture of a session as dictionaries.

use crate::errors;
use crate::gil::detached;
use crate::view::protection_name;
use ntipc_kernel::inspect::{ObjectView, Snapshot, ThreadId};
use ntipc_kernel::object::kind::{Kind, Type};
use ntipc_kernel::section;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// What a session looks like now. Changes nothing.
#[pyfunction]
pub fn inspect<'py>(py: Python<'py>, path: &str) -> PyResult<Bound<'py, PyDict>> {
    let snapshot = ntipc_kernel::inspect::inspect(path)
        .map_err(|failure| errors::raise(py, &failure, "inspect", &format!("session {path}")))?;
    let picture = PyDict::new(py);
    picture.set_item("path", path)?;
    picture.set_item("layout", format!("{:016x}", ntipc_kernel::FINGERPRINT))?;
    picture.set_item("uid", snapshot.uid)?;
    picture.set_item(
        "participants",
        snapshot.processes.iter().filter(|process| process.alive && process.joined).count(),
    )?;
    let holder = snapshot.lock_holder.map(|holder| identity(py, holder)).transpose()?;
    picture.set_item("lock_owner", holder)?;
    let counters = PyDict::new(py);
    for (name, value) in &snapshot.counters {
        counters.set_item(name, value)?;
    }
    picture.set_item("counters", counters)?;
    picture.set_item("processes", processes(py, &snapshot)?)?;
    picture.set_item("threads", threads(py, &snapshot)?)?;
    let objects = PyList::empty(py);
    for object in &snapshot.objects {
        objects.append(object_dict(py, object)?)?;
    }
    picture.set_item("objects", objects)?;
    Ok(picture)
}

fn identity(py: Python<'_>, id: ThreadId) -> PyResult<Bound<'_, PyDict>> {
    let who = PyDict::new(py);
    who.set_item("process", id.process)?;
    who.set_item("pid", id.ids.map(|(pid, _)| pid))?;
    who.set_item("tid", id.ids.map(|(_, tid)| tid))?;
    Ok(who)
}

fn processes<'py>(py: Python<'py>, snapshot: &Snapshot) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for process in &snapshot.processes {
        let entry = PyDict::new(py);
        entry.set_item("slot", process.slot)?;
        entry.set_item("pid", process.pid)?;
        entry.set_item("own_pid", process.own_pid)?;
        entry.set_item("pid_namespace", (process.pid_namespace != 0).then_some(process.pid_namespace))?;
        entry.set_item("alive", process.alive)?;
        entry.set_item("joined", process.joined)?;
        entry.set_item("handles", process.handles)?;
        entry.set_item("watchers", &process.watchers)?;
        entry.set_item("watched_by", &process.watched_by)?;
        list.append(entry)?;
    }
    Ok(list)
}

fn threads<'py>(py: Python<'py>, snapshot: &Snapshot) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for thread in &snapshot.threads {
        let entry = identity(py, thread.id)?;
        entry.set_item("slot", thread.slot)?;
        entry.set_item("state", thread.state)?;
        entry.set_item("wait_all", thread.wait_all)?;
        entry.set_item("waiting_on", &thread.waiting_on)?;
        entry.set_item("owns", &thread.owns)?;
        list.append(entry)?;
    }
    Ok(list)
}

fn object_dict<'py>(py: Python<'py>, object: &ObjectView) -> PyResult<Bound<'py, PyDict>> {
    let entry = PyDict::new(py);
    entry.set_item("index", object.index)?;
    entry.set_item("serial", object.serial)?;
    entry.set_item("kind", object.kind.object_type().name())?;
    entry.set_item("name", &object.name)?;
    entry.set_item("creator_pid", object.creator_pid)?;
    let set = object.word & 1 != 0;
    match object.kind.object_type() {
        Type::Event => {
            entry.set_item("manual_reset", object.kind == Kind::NotificationEvent)?;
            entry.set_item("signaled", set)?;
        }
        Type::Semaphore => {
            entry.set_item("count", object.count)?;
            entry.set_item("maximum", object.limit)?;
        }
        Type::Mutant => {
            let ids = object.owner.and_then(|owner| owner.ids);
            entry.set_item("owner_process", object.owner.map(|owner| owner.process))?;
            entry.set_item("owner_pid", ids.map(|(pid, _)| pid))?;
            entry.set_item("owner_tid", ids.map(|(_, tid)| tid))?;
            entry.set_item("recursion", if object.owner.is_some() { object.recursion } else { 0 })?;
            entry.set_item("abandoned", object.word >> 62 & 1 != 0)?;
        }
        Type::Timer => {
            entry.set_item("manual_reset", object.kind == Kind::NotificationTimer)?;
            entry.set_item("signaled", set || object.due_in_ns == Some(0))?;
            entry.set_item("due_in", object.due_in_ns.map(|ns| ns as f64 / 1e9))?;
            entry.set_item("period", object.detail as f64 / 1e9)?;
        }
        Type::EventPair => {
            entry.set_item("low", set)?;
            entry.set_item("high", object.word & 2 != 0)?;
        }
        Type::Section => {
            let (protection, reserve) = section::flags(object.limit);
            entry.set_item("size", object.quantity)?;
            entry.set_item("protection", protection_name(protection))?;
            entry.set_item("reserve", reserve)?;
            entry.set_item("file", &object.file)?;
        }
        Type::Process | Type::Thread => {
            entry.set_item("id", object.limit)?;
            entry.set_item("signaled", set)?;
        }
        Type::ReadEnd | Type::WriteEnd => {
            if let Some(queue) = &object.queue {
                if object.kind == Kind::BadgedEnd {
                    entry.set_item("badge", object.detail)?;
                    entry.set_item("revoked", set)?;
                } else {
                    crate::queue::put_facts(&entry, queue)?;
                    if let Some(badges) = queue.badges {
                        entry.set_item("badges", badges)?;
                    }
                }
                entry.set_item("other_end", queue.other)?;
            }
        }
    }
    let holders = PyList::empty(py);
    for holder in &object.holders {
        let one = PyDict::new(py);
        one.set_item("process", holder.process)?;
        one.set_item("pid", holder.pid)?;
        one.set_item("handle", holder.handle)?;
        one.set_item("access", holder.access)?;
        one.set_item("inheritable", holder.inheritable)?;
        holders.append(one)?;
    }
    entry.set_item("holders", holders)?;
    entry.set_item("in_messages", object.in_messages)?;
    let waiters = PyList::empty(py);
    for waiter in &object.waiters {
        waiters.append(identity(py, *waiter)?)?;
    }
    entry.set_item("waiters", waiters)?;
    Ok(entry)
}

/// Where each field of a session's memory lies in its file, by table and name: (first, stride, entries, bytes).
#[pyfunction]
pub fn fields(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let all = PyDict::new(py);
    for field in ntipc_kernel::fields() {
        let place = (field.at, field.stride, field.count, field.width);
        all.set_item(format!("{}.{}", field.table, field.name), place)?;
    }
    Ok(all)
}

/// Check the memory of a session; each finding with the invariant, what it is about, and a sentence.
#[pyfunction]
#[pyo3(signature = (path, patience_ms=1650))]
pub fn examine<'py>(py: Python<'py>, path: &str, patience_ms: u64) -> PyResult<Bound<'py, PyDict>> {
    let report = detached(py, || ntipc_kernel::doctor::examine(path, patience_ms))
        .map_err(|failure| errors::raise(py, &failure, "examine", &format!("session {path}")))?;
    let findings = PyList::empty(py);
    for finding in &report.findings {
        let one = PyDict::new(py);
        one.set_item("check", finding.check)?;
        one.set_item("subject", &finding.subject)?;
        one.set_item("text", &finding.text)?;
        findings.append(one)?;
    }
    let examined = PyDict::new(py);
    examined.set_item("path", &report.path)?;
    examined.set_item("locked", report.locked)?;
    examined.set_item("note", &report.note)?;
    examined.set_item("findings", findings)?;
    Ok(examined)
}
