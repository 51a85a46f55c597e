//! One look at the arena: what the checks share.

use super::Finding;
use crate::arena::Arena;
use crate::arena::layout::{
    BLOCKS, CELLS, CHANGES, HANDLES, HEADER_SIZE, OBJECTS, Object, PAGE_SIZE, PAGES, PROCESSES, QUEUES, THREADS,
};
use crate::object::kind::{Kind, Type};
use crate::object::names;
use crate::sync::Shared;
use crate::sys::clock::now_ns;
use crate::sys::namespaces::pid_namespace;
use crate::sys::process;
use crate::sys::robust::{OWNER_DIED, TID_MASK};
use std::collections::HashMap;
use std::os::fd::OwnedFd;

/// More sentences than anybody reads.
const MOST_FINDINGS: usize = 500;

pub struct Look<'a> {
    pub arena: &'a Arena,
    pub directory: &'a OwnedFd,
    /// The thread slot of the process that looks.
    pub guest: Option<u32>,
    pub locked: bool,
    pub now_ns: u64,
    pub pid_namespace: u64,
    /// Entries of each table that were used and that the file has memory for.
    pub processes: u32,
    pub threads: u32,
    pub objects: u32,
    pub cells: u32,
    pub queues: u32,
    pub pages: u32,
    /// The same for the handles of each process and the wait blocks of each thread.
    pub handles: Vec<u32>,
    pub blocks: Vec<u32>,
    /// Handles that lead to each object.
    pub references: HashMap<u32, u32>,
    /// Hidden handles: process slot, place.
    pub hidden: Vec<(u32, u32)>,
    pub findings: Vec<Finding>,
}

impl<'a> Look<'a> {
    pub fn new(arena: &'a Arena, directory: &'a OwnedFd, guest: Option<u32>, locked: bool) -> Look<'a> {
        let mut look = Look {
            arena,
            directory,
            guest,
            locked,
            now_ns: now_ns(),
            pid_namespace: pid_namespace(),
            processes: 0,
            threads: 0,
            objects: 0,
            cells: 0,
            queues: 0,
            pages: 0,
            handles: Vec::new(),
            blocks: Vec::new(),
            references: HashMap::new(),
            hidden: Vec::new(),
            findings: Vec::new(),
        };
        look.measure();
        look
    }

    pub fn everything(&mut self) {
        self.header();
        self.all_processes();
        self.all_threads();
        self.all_objects();
        self.all_waits();
        self.all_names();
        self.all_queues();
        self.debug_log();
    }

    /// How much of each table there is to look at. What the memory claims to have beyond what the file occupies is not
    /// touched. It is measured again for each look: a session grows between them.
    fn measure(&mut self) {
        let header = self.arena.header();
        let mut left = self.arena.occupied().saturating_sub(HEADER_SIZE);
        left = left.saturating_sub(u64::from(header.bucket_pages.get().count_ones()) * u64::from(PAGE_SIZE));
        let tables = [
            ("the journal's entries", header.journal_count.get(), header.journal_reserved.get(), BLOCKS, 16),
            ("changes", header.changes.get(), header.changes_reserved.get(), CHANGES, 4),
            ("processes", header.process_high.get(), header.processes_reserved.get(), PROCESSES, 1024),
            ("threads", header.thread_high.get(), header.threads_reserved.get(), THREADS, 1024),
            ("objects", header.object_high.get(), header.objects_reserved.get(), OBJECTS, 64),
            ("origins", header.object_high.get(), header.origins_reserved.get(), OBJECTS, 16),
            ("cells", header.cell_high.get(), header.cells_reserved.get(), CELLS, 64),
            ("queues", header.queue_high.get(), header.queues_reserved.get(), QUEUES, 256),
            ("links of pages", header.page_high.get(), header.links_reserved.get(), PAGES, 4),
            ("pages", header.page_high.get(), header.pages_reserved.get(), PAGES, u64::from(PAGE_SIZE)),
        ];
        let [_, _, processes, threads, objects, origins, cells, queues, links, pages] = tables
            .map(|(name, high, reserved, limit, size)| self.table("", name, high, reserved, limit, size, &mut left));
        (self.processes, self.threads, self.objects, self.cells) = (processes, threads, objects.min(origins), cells);
        (self.queues, self.pages) = (queues, links.min(pages));
        for slot in 0..processes {
            let record = self.arena.process(slot);
            let (high, reserved) = (record.handle_high.get(), record.handles_reserved.get());
            let whose = self.process_title(slot);
            let handles = self.table(&whose, "handles", high, reserved, HANDLES, 8, &mut left);
            self.handles.push(handles);
        }
        for slot in 0..threads {
            let record = self.arena.thread(slot);
            let (count, reserved) = (record.block_count.get(), record.blocks_reserved.get());
            let whose = self.thread_title(slot);
            let blocks = self.table(&whose, "wait blocks", count, reserved, BLOCKS, 16, &mut left);
            self.blocks.push(blocks);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of a table")]
    fn table(
        &mut self,
        whose: &str,
        name: &str,
        high: u32,
        reserved: u32,
        limit: u32,
        size: u64,
        left: &mut u64,
    ) -> u32 {
        let subject = if whose.is_empty() { format!("the table of {name}") } else { format!("{name} of {whose}") };
        if high > reserved || reserved > limit {
            let text = format!("Of {subject} {high} entries are in use and {reserved} of {limit} have memory.");
            self.find("bounds", &subject, text);
        }
        let usable = high.min(reserved).min(limit);
        let bytes = u64::from(reserved.min(limit)) * size;
        if bytes > *left {
            let text = format!("{reserved} entries of {subject} are said to have memory, more than the file has.");
            self.find("bounds", &subject, text);
        }
        let had = usable.min(u32::try_from(*left / size).unwrap_or(u32::MAX));
        *left = left.saturating_sub(bytes);
        had
    }

    /// Note what is wrong.
    pub fn find(&mut self, check: &'static str, subject: &str, text: String) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding { check, subject: subject.to_owned(), text });
        }
    }

    pub fn find_if(&mut self, wrong: bool, check: &'static str, subject: &str, text: impl FnOnce() -> String) {
        if wrong {
            self.find(check, subject, text());
        }
    }

    /// An object's record, if there is memory for it.
    pub fn object(&self, index: u32) -> Option<(&'a Object, Kind)> {
        let record = (index < self.objects).then(|| self.arena.object(index))?;
        Kind::of(record).map(|kind| (record, kind))
    }

    /// Text in cells that the file has memory for.
    pub fn text(&self, first: u32) -> Option<Vec<u8>> {
        names::read_within(self.arena, first, self.cells)
    }

    pub fn object_title(&self, index: u32) -> String {
        let Some((record, kind)) = self.object(index) else { return format!("object {index}") };
        let kind = match kind.object_type() {
            Type::Event => "event",
            Type::Semaphore => "semaphore",
            Type::Mutant => "mutex",
            Type::Timer => "timer",
            Type::EventPair => "event pair",
            Type::Section => "section",
            Type::ReadEnd => "read end",
            Type::WriteEnd => "write end",
            Type::Process => "process",
            Type::Thread => "thread",
        };
        if matches!(kind, "process" | "thread") {
            return format!("{kind} {} (object {index})", record.limit.get());
        }
        match self.text(record.name.get()) {
            Some(name) => format!("{kind} '{}' (object {index})", String::from_utf8_lossy(&name)),
            None => format!("unnamed {kind} (object {index})"),
        }
    }

    pub fn process_title(&self, slot: u32) -> String {
        match slot < PROCESSES && slot < self.processes {
            true => format!("{} (slot {slot})", self.arena.named_in(self.pid_namespace, slot)),
            false => format!("process slot {slot}"),
        }
    }

    pub fn thread_title(&self, slot: u32) -> String {
        if slot >= self.threads {
            return format!("thread slot {slot}");
        }
        let thread = self.arena.thread(slot);
        let tid = thread.tid.get();
        match thread.process_slot().filter(|process| *process < self.processes) {
            Some(process) => {
                format!("thread {tid} of {} (slot {slot})", self.arena.named_in(self.pid_namespace, process))
            }
            None => format!("thread {tid} (slot {slot})"),
        }
    }

    /// Is the process of that slot stopped, so that it cannot do what it should?
    pub fn is_stopped(&self, process: u32) -> bool {
        let pid = (process < self.processes).then(|| self.arena.pid_in(self.pid_namespace, process)).flatten();
        pid.is_some_and(|pid| matches!(process::state(pid), Some('T' | 't')))
    }
}

/// What a life word says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Free,
    Held(u32),
    Died,
}

pub fn life(word: u32) -> Life {
    match word {
        0 => Life::Free,
        _ if word & OWNER_DIED != 0 || word & TID_MASK == 0 => Life::Died,
        _ => Life::Held(word & TID_MASK),
    }
}
