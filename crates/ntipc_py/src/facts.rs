//! The state of an object, as ``info`` tells it.

use crate::object::Object;
use ntipc_kernel::object::kind::{Type, access};
use pyo3::prelude::*;
use pyo3::types::PyDict;

impl Object {
    /// What ``info`` tells of an object of this kind, beside what it tells of every object.
    pub fn query_kind(&self, py: Python<'_>, facts: &Bound<'_, PyDict>, signals: u32) -> PyResult<()> {
        match self.kind() {
            Type::Event => {
                let manual = self.with(py, "info", |session, handle| session.is_manual(handle))?;
                facts.set_item("manual_reset", manual)?;
                facts.set_item("signaled", signals & 1 != 0)
            }
            Type::Semaphore => {
                let (count, maximum) = self.with(py, "info", |session, handle| session.query_semaphore(handle))?;
                facts.set_item("count", count)?;
                facts.set_item("maximum", maximum)
            }
            Type::Mutant => {
                let (state, owner) = self.with(py, "info", |session, handle| {
                    let state = session.query_mutant(handle)?;
                    Ok((state, state.owner.checked_sub(1).and_then(|slot| session.thread_identity(slot))))
                })?;
                facts.set_item("count", 1 - i64::from(state.recursion))?;
                facts.set_item("owned_by_caller", state.owned_by_caller)?;
                facts.set_item("abandoned", state.abandoned)?;
                facts.set_item("owner_pid", owner.map(|(pid, _)| pid))?;
                facts.set_item("owner_tid", owner.map(|(_, tid)| tid))?;
                facts.set_item("recursion", state.recursion)
            }
            Type::Timer => {
                let (state, manual) = self.with(py, "info", |session, handle| {
                    Ok((session.query_timer(handle)?, session.is_manual(handle)?))
                })?;
                let due = state.due_ns.checked_sub(ntipc_kernel::sys::clock::now_ns());
                let due = (state.due_ns != 0).then(|| due.unwrap_or(0) as f64 / 1e9);
                facts.set_item("manual_reset", manual)?;
                facts.set_item("signaled", state.signalled)?;
                facts.set_item("due_in", due)?;
                facts.set_item("period", state.period_ns as f64 / 1e9)
            }
            Type::EventPair => {
                facts.set_item("low", signals & 1 != 0)?;
                facts.set_item("high", signals & 2 != 0)
            }
            Type::Section => {
                let state = self.with(py, "info", |session, handle| session.query_section(handle, access::QUERY))?;
                facts.set_item("size", state.size)?;
                facts.set_item("protection", crate::view::protection_name(state.protection))?;
                facts.set_item("reserve", state.reserve)?;
                facts.set_item("file", state.file)
            }
            kind @ (Type::Process | Type::Thread) => {
                let state = self.with(py, "info", |session, handle| session.query_life(handle, kind))?;
                facts.set_item("signaled", state.ended)?;
                facts.set_item("pid", state.process)?;
                facts.set_item("tid", (kind == Type::Thread).then_some(state.number))
            }
            end @ (Type::ReadEnd | Type::WriteEnd) => {
                let state = self.with(py, "info", |session, handle| session.query_queue(handle, end))?;
                crate::queue::put_facts(facts, &state)
            }
        }
    }
}
