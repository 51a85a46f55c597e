//! Which entries of the tables that grow have memory: known to this process, not believed.
//!
//! The header says how much of each table is reserved, and anybody in the session may scribble there. Touching what the
//! file has no memory for takes memory that nobody meant to give, and where there is none left it is SIGBUS. So each
//! process keeps in private memory how far it has made sure itself, by reserving once more what the header says is
//! reserved, which is nothing new if the header is right. An index beyond both leads to [`NOWHERE`], a record of zeros:
//! no object, no wait, nobody.
//!
//! What a header claims in all is held against what the file occupies, so that claims alone take no memory.

use super::layout::{BUCKETS, BUCKETS_A_PAGE, HEADER_SIZE, PAGE_SIZE, PROCESSES, THREADS};
use super::memory::Arena;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Entries known to have memory.
pub struct Known {
    pub journal: AtomicU32,
    pub changes: AtomicU32,
    pub processes: AtomicU32,
    pub threads: AtomicU32,
    pub objects: AtomicU32,
    pub origins: AtomicU32,
    pub cells: AtomicU32,
    pub queues: AtomicU32,
    pub carriers: AtomicU32,
    pub links: AtomicU32,
    pub pages: AtomicU32,
    pub log_lines: AtomicU32,
    pub log_blocks: AtomicU32,
    /// Pages of buckets, a bit each.
    pub buckets: AtomicU64,
    /// Of each process, of each thread.
    pub handles: Box<[AtomicU32; PROCESSES as usize]>,
    pub blocks: Box<[AtomicU32; THREADS as usize]>,
    /// All of these in bytes.
    bytes: AtomicU64,
    /// Bytes that this process has reserved, since somebody last asked.
    pub grown: AtomicU64,
    /// The mapping may be written to, and so the file be reserved.
    pub writable: bool,
    /// What the file occupies is a measure of what was reserved.
    pub exact: bool,
}

impl Known {
    pub fn nothing(writable: bool, exact: bool) -> Known {
        Known {
            journal: AtomicU32::new(0),
            changes: AtomicU32::new(0),
            processes: AtomicU32::new(0),
            threads: AtomicU32::new(0),
            objects: AtomicU32::new(0),
            origins: AtomicU32::new(0),
            cells: AtomicU32::new(0),
            queues: AtomicU32::new(0),
            carriers: AtomicU32::new(0),
            links: AtomicU32::new(0),
            pages: AtomicU32::new(0),
            log_lines: AtomicU32::new(0),
            log_blocks: AtomicU32::new(0),
            buckets: AtomicU64::new(0),
            handles: Box::new([const { AtomicU32::new(0) }; PROCESSES as usize]),
            blocks: Box::new([const { AtomicU32::new(0) }; THREADS as usize]),
            bytes: AtomicU64::new(HEADER_SIZE),
            grown: AtomicU64::new(0),
            writable,
            exact,
        }
    }
}

/// Where indices lead that lead to nothing: as long as the longest record.
#[repr(C, align(1024))]
pub struct Nowhere([AtomicU64; 128]);

static NOWHERE: Nowhere = Nowhere([const { AtomicU64::new(0) }; 128]);

/// That record. A thread that damage led there may have written to it: it is zeroed again, or it could name somebody.
pub fn nowhere() -> *const Nowhere {
    for word in &NOWHERE.0 {
        word.store(0, Ordering::Relaxed);
    }
    &raw const NOWHERE
}

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
        loop {
            let have = table.known.load(Ordering::Acquire);
            let claimed = table.reserved.load(Ordering::Acquire).min(table.limit);
            if index < have || index >= claimed {
                return index < have;
            }
            let bytes = u64::from(claimed - have) * table.size;
            // Acquire: who sees what another thread has added here sees below that it had learnt of the table before.
            let all = self.known.bytes.load(Ordering::Acquire) + bytes;
            // A model reserves nothing (see `files::reserve`).
            let exact = self.known.exact && cfg!(not(feature = "models"));
            if exact && all > self.occupied() {
                if table.known.load(Ordering::Acquire) != have {
                    continue; // another thread learnt it meanwhile, and so it was counted twice
                }
                self.damaged("more of its tables is said to have memory than the file has");
                return false;
            }
            let at = table.at + u64::from(have) * table.size;
            if self.known.writable && self.reserve(at, bytes).is_err() {
                return false;
            }
            if table.known.compare_exchange(have, claimed, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                self.known.bytes.fetch_add(bytes, Ordering::AcqRel);
            }
            return true;
        }
    }

    /// The same of a page of buckets.
    #[cold]
    pub(super) fn learn_buckets(&self, page: u32) -> bool {
        let (bit, bytes) = (1_u64 << page, u64::from(PAGE_SIZE));
        if self.header().bucket_pages.load(Ordering::Acquire) & bit == 0 {
            return false;
        }
        let all = self.known.bytes.load(Ordering::Acquire) + bytes;
        let exact = self.known.exact && cfg!(not(feature = "models"));
        if exact && all > self.occupied() && self.known.buckets.load(Ordering::Acquire) & bit == 0 {
            self.damaged("more of its tables is said to have memory than the file has");
            return false;
        }
        if self.known.writable && self.reserve_buckets(page).is_err() {
            return false;
        }
        if self.known.buckets.fetch_or(bit, Ordering::AcqRel) & bit == 0 {
            self.known.bytes.fetch_add(bytes, Ordering::AcqRel);
        }
        true
    }

    /// The buckets that names may be in.
    pub fn buckets(&self) -> impl Iterator<Item = u32> {
        let mut pages = self.header().bucket_pages.load(Ordering::Acquire);
        pages &= u64::MAX >> (u64::BITS - BUCKETS.div_ceil(BUCKETS_A_PAGE));
        (0..BUCKETS).filter(move |bucket| pages & 1 << (bucket / BUCKETS_A_PAGE) != 0)
    }

    /// How many of the first `high` entries can be looked at, where that is more than is known.
    #[cold]
    fn learn_some(&self, table: &Table<'_>, high: u32) -> u32 {
        let high = high.min(table.limit);
        match self.learn(table, high.wrapping_sub(1)) {
            true => high,
            false => table.known.load(Ordering::Relaxed).min(high),
        }
    }

    /// Wait blocks that the wait of a thread has.
    #[inline]
    pub fn blocks(&self, thread: u32) -> u32 {
        let high = self.thread(thread).block_count.load(Ordering::Acquire);
        match &self.known.blocks[(thread & (THREADS - 1)) as usize] {
            known if high <= known.load(Ordering::Relaxed) => high,
            _ => self.learn_some(&self.block_table(thread & (THREADS - 1)), high),
        }
    }

    /// Handles of a process that may be in use.
    #[inline]
    pub fn handles(&self, process: u32) -> u32 {
        let high = self.process(process).handle_high.load(Ordering::Acquire);
        match &self.known.handles[(process & (PROCESSES - 1)) as usize] {
            known if high <= known.load(Ordering::Relaxed) => high,
            _ => self.learn_some(&self.handle_table(process), high),
        }
    }
}

macro_rules! in_use {
    ($($(#[doc = $what:literal])* $name:ident = $high:ident, $table:ident;)*) => {
        impl Arena {
            $($(#[doc = $what])*
            #[inline]
            pub fn $name(&self) -> u32 {
                match self.header().$high.load(Ordering::Acquire) {
                    high if high <= self.known.$name.load(Ordering::Relaxed) => high,
                    high => self.learn_some(&self.$table(), high),
                }
            })*
        }
    };
}

in_use! {
    /// Process slots that may be in use.
    processes = process_high, process_table;
    /// Thread slots that may be in use.
    threads = thread_high, thread_table;
    /// Objects that there may be.
    objects = object_high, object_table;
    /// Cells of text that may be in use.
    cells = cell_high, cell_table;
    /// Bodies of queues that there may be.
    queues = queue_high, queue_table;
}

#[cfg(all(test, not(feature = "models")))]
mod tests {
    use crate::object::kind::Kind;
    use crate::object::table::{Disposition, Initial};
    use crate::process::attach::{Ownership, attach};
    use crate::sync::Ordering;
    use crate::sys::process::uid;

    /// A lock that names it was waited for for ever.
    #[test]
    fn what_damage_wrote_beyond_the_tables_is_nobody() -> crate::NtResult<()> {
        let path = format!("/dev/shm/ntipc-rust-{}-beyond", std::process::id());
        let session = attach(&path, Ownership { uid: uid(), mode: 0o700, gid: None, must_exist: false })?;
        let initial = Initial { kind: Kind::NotificationEvent, value: 0, limit: 0, quantity: 0, detail: 0 };
        let event = session.create(None, Disposition::Create, 0, initial, false)?.handle;
        session.arena.thread(2047).life.word.store(std::process::id(), Ordering::Release);
        session.arena.header().lock.scribble(2048);
        session.close(event)?;
        session.leave(true)
    }
}
