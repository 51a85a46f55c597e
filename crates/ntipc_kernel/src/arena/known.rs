//! Which entries of the tables that grow have memory: known to this process, not believed.
//!
//! The header says how much of each table is reserved, and anybody in the session may scribble there. Touching what the file
//! has no memory for takes memory that nobody meant to give, and where there is none left it is SIGBUS. So each process
//! keeps in private memory how far it has made sure itself, by reserving once more what the header says is reserved, which is
//! nothing new if the header is right. An index beyond both leads to [`NOWHERE`], a record of zeros: no object, no wait, nobody.
//!
//! What a header claims in all is held against what the file occupies, so that claims alone take no memory.

use super::layout::{HANDLES, PROCESSES, THREADS};
use super::memory::Arena;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::sys::files;

/// Entries known to have memory.
pub struct Known {
    pub processes: AtomicU32,
    pub threads: AtomicU32,
    pub objects: AtomicU32,
    pub cells: AtomicU32,
    /// Of each process, of each thread.
    pub handles: Box<[AtomicU32; PROCESSES as usize]>,
    pub blocks: Box<[AtomicU32; THREADS as usize]>,
    /// All of these in bytes.
    bytes: AtomicU64,
    /// The mapping may be written to, and so the file be reserved.
    pub writable: bool,
    /// What the file occupies is a measure of what was reserved.
    pub exact: bool,
}

impl Known {
    pub fn nothing(writable: bool, exact: bool) -> Known {
        Known {
            processes: AtomicU32::new(0),
            threads: AtomicU32::new(0),
            objects: AtomicU32::new(0),
            cells: AtomicU32::new(0),
            handles: Box::new([const { AtomicU32::new(0) }; PROCESSES as usize]),
            blocks: Box::new([const { AtomicU32::new(0) }; THREADS as usize]),
            bytes: AtomicU64::new(super::layout::PROCESSES_AT),
            writable,
            exact,
        }
    }
}

/// Where indices lead that lead to nothing: as long as the longest record.
#[repr(C, align(1024))]
pub struct Nowhere([AtomicU64; 128]);

pub static NOWHERE: Nowhere = Nowhere([const { AtomicU64::new(0) }; 128]);

/// A table that grows.
pub struct Table<'a> {
    pub known: &'a AtomicU32,
    pub reserved: &'a AtomicU32,
    pub at: u64,
    pub size: u64,
    pub limit: u32,
}

impl Arena {
    /// Make sure of the entries that are said to be reserved. `false`: there is no memory for entry `index`.
    #[cold]
    pub(super) fn learn(&self, table: &Table<'_>, index: u32) -> bool {
        let have = table.known.load(Ordering::Relaxed);
        let claimed = table.reserved.load(Ordering::Acquire).min(table.limit);
        if index < have || index >= claimed {
            return index < have;
        }
        let bytes = u64::from(claimed - have) * table.size;
        let all = self.known.bytes.load(Ordering::Relaxed) + bytes;
        if self.known.exact && files::status_of(&self.file).is_ok_and(|status| all > status.st_blocks as u64 * 512) {
            self.damaged("more of its tables is said to have memory than the file has");
            return false;
        }
        if self.known.writable && files::reserve(&self.file, table.at + u64::from(have) * table.size, bytes).is_err() {
            return false;
        }
        if table.known.compare_exchange(have, claimed, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.known.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        true
    }

    /// How many of the first `high` entries can be looked at.
    fn usable(&self, table: &Table<'_>, high: u32) -> u32 {
        match high.min(table.limit) {
            0 => 0,
            high if self.learn(table, high - 1) => high,
            high => table.known.load(Ordering::Relaxed).min(high),
        }
    }

    /// Process slots that may be in use.
    pub fn processes(&self) -> u32 {
        self.usable(&self.process_table(), self.header().process_high.load(Ordering::Acquire))
    }

    pub fn threads(&self) -> u32 {
        self.usable(&self.thread_table(), self.header().thread_high.load(Ordering::Acquire))
    }

    pub fn objects(&self) -> u32 {
        self.usable(&self.object_table(), self.header().object_high.load(Ordering::Acquire))
    }

    pub fn cells(&self) -> u32 {
        self.usable(&self.cell_table(), self.header().cell_high.load(Ordering::Acquire))
    }

    /// Wait blocks that the wait of a thread has.
    pub fn blocks(&self, thread: u32) -> u32 {
        self.usable(&self.block_table(thread & (THREADS - 1)), self.thread(thread).block_count.load(Ordering::Acquire))
    }

    /// Handles of a process that may be in use.
    pub fn handles(&self, process: u32) -> u32 {
        self.usable(&self.handle_table(process), self.process(process).handle_high.load(Ordering::Acquire).min(HANDLES))
    }
}
