//! To whom a process id is shown: only where it is that of the participant, and of no stranger.

use crate::arena::Arena;
use crate::session::Session;
use crate::sync::Shared;
use crate::sys::namespaces::pid_namespace;

impl Arena {
    /// The pid of the participant in that slot, for somebody in that pid namespace. `None`: it counts in another one,
    /// or may.
    pub fn pid_in(&self, namespace: u64, slot: u32) -> Option<u32> {
        let record = self.process(slot);
        (namespace != 0 && record.pid_namespace.get() == namespace).then(|| record.pid.get())
    }

    /// Do ids that were noted with that pid namespace mean here what they meant there? If none was noted: does nobody
    /// take part from another namespace, or from one that is unknown?
    pub fn counts_here(&self, noted: u64) -> bool {
        let here = pid_namespace();
        let is_from_here = |slot: &u32| self.process(*slot).pid_namespace.get() == here;
        let taken = |slot: &u32| self.process(*slot).life.word.get() != 0;
        here != 0
            && (noted == here || noted == 0 && (0..self.processes()).filter(taken).all(|slot| is_from_here(&slot)))
    }

    /// A participant as sentences name it to somebody in that pid namespace.
    pub fn named_in(&self, namespace: u64, slot: u32) -> String {
        let record = self.process(slot);
        match self.pid_in(namespace, slot) {
            Some(pid) => format!("process {pid}"),
            None => match (record.pid.get(), record.pid_namespace.get()) {
                (pid, 0) => format!("process {pid} of an unknown pid namespace"),
                (pid, other) => format!("process {pid} of pid namespace {other}"),
            },
        }
    }
}

impl Session {
    /// The pid of the participant in that slot, if it means that participant here.
    pub fn pid_of(&self, slot: u32) -> Option<u32> {
        let own = self.arena.process(self.slot()).pid_namespace.get();
        match slot == self.slot() {
            true => Some(self.arena.process(slot).pid.get()),
            false => self.arena.pid_in(own, slot),
        }
    }
}
