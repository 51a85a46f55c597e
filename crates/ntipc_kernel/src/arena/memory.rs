//! The mapping, and the way from an index to a record.
// UNSAFETY: turns indices into references inside the mapping; each accessor brings its index into range first.

use super::known::{Known, Nowhere, Table, nowhere};
use super::layout::*;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, AtomicU64, Ordering, Shared};
use crate::sys::files::{self, Mapping, Protection};
use crate::sys::kept::Kept;
use crate::sys::namespaces::MonotonicClock;
use crate::sys::process;
use std::os::fd::{BorrowedFd, OwnedFd};

/// The session's shared memory. Records hold nothing but atomics, so `&` references to them are sound whatever other
/// processes write.
pub struct Arena {
    mapping: Mapping,
    file: Kept,
    /// Where the file is to be found again if the program closes the descriptor.
    path: String,
    /// Pages of the pool that the mapping has.
    pub(super) pages_mapped: u32,
    pub(super) known: Known,
}

/// A process that may not have so much address space (`ulimit -v`) maps fewer pages of the pool, but no fewer than
/// these.
const FEWEST_PAGES: u32 = PAGES >> 4;

/// Tables grow: an index beyond the memory there is leads to nowhere. What happens beyond is a function of
/// its own, so that callers have a comparison and a jump that is hardly ever taken, and keep their values in registers.
macro_rules! growing {
    ($($name:ident, $beyond:ident, $table:ident: $type:ty = $at:ident, $reserved:ident, $known:ident, $count:ident;)*) => {
        $(
        #[inline(always)]
        pub fn $name(&self, index: u32) -> &$type {
            const { assert!($count.is_power_of_two() && size_of::<$type>() <= size_of::<Nowhere>()) };
            let index = index & ($count - 1);
            if index >= self.known.$known.load(Ordering::Relaxed) {
                return self.$beyond(index);
            }
            // SAFETY: the index was masked into the table, which lies inside the mapping and is suitably aligned, and
            // there is memory for it; the record consists of atomics only.
            unsafe { &*self.at::<$type>($at + u64::from(index) * size_of::<$type>() as u64) }
        }

        #[cold]
        #[inline(never)]
        fn $beyond(&self, index: u32) -> &$type {
            if self.learn(&self.$table(), index) {
                return self.$name(index);
            }
            // SAFETY: as long, as aligned, and nothing but atomics, as the record is.
            unsafe { &*nowhere().cast::<$type>() }
        }

        pub(super) fn $table(&self) -> Table<'_> {
            Table {
                known: &self.known.$known,
                reserved: &self.header().$reserved,
                at: $at,
                size: size_of::<$type>() as u64,
                limit: $count,
            }
        }
        )*
    };
}

impl Arena {
    /// Give a new, empty file its length, its first chunks and its header.
    pub fn format(file: &OwnedFd) -> NtResult<()> {
        files::set_length(file, ARENA_SIZE)?;
        files::reserve(file, 0, HEADER_SIZE)?;
        let header = Mapping::new(file, 0, size_of::<Header>(), Protection::ReadWrite)?;
        // SAFETY: the mapping is as long as a header and page aligned.
        let header = unsafe { &*header.address.cast::<Header>() };
        header.object_serial.put(process::random());
        Arena::set_clock(header, MonotonicClock::own());
        header.fingerprint.put(FINGERPRINT);
        header.magic.put(MAGIC);
        Ok(())
    }

    fn set_clock(header: &Header, clock: MonotonicClock) {
        header.clock_namespace.put(clock.namespace);
        header.clock_shift_ns.put(clock.shift_ns as u64);
        header.clock_behind_ns.put(clock.behind_ns as u64);
    }

    /// Fails if a deadline in the session would mean another moment to this process than to those in it.
    pub fn check_clock(&self) -> NtResult<()> {
        let (header, own) = (self.header(), MonotonicClock::own());
        let clock = MonotonicClock {
            namespace: header.clock_namespace.get(),
            shift_ns: header.clock_shift_ns.get() as i64,
            behind_ns: header.clock_behind_ns.get() as i64,
        };
        clock.agrees_with(own)?;
        if clock.is_comparable(own) {
            header.clock_behind_ns.put(own.behind_ns as u64); // for those who know no better, as it is by now
        }
        Ok(())
    }

    /// Look at a file before believing it.
    pub fn verify(file: &OwnedFd) -> NtResult<()> {
        if Arena::verify_shape(file)? {
            let header = Mapping::new(file, 0, size_of::<Header>(), Protection::Read)?;
            // SAFETY: `verify_shape` has found the file to be longer than a header.
            let number = unsafe { &*header.address.cast::<Header>() }.damaged.get();
            return Err(Failure::damaged(super::damage::sentence(number)));
        }
        Ok(())
    }

    /// Is it an arena of ours, and as long as one? Then, whether somebody found it damaged.
    pub fn verify_shape(file: &OwnedFd) -> NtResult<bool> {
        let status = files::status_of(file)?;
        if status.st_mode & libc::S_IFMT != libc::S_IFREG {
            return Err(Failure::damaged("the session's arena is no plain file"));
        }
        let size = status.st_size as u64;
        if size < size_of::<Header>() as u64 {
            return Err(Failure::damaged("the session's arena file is cut short"));
        }
        let header = Mapping::new(file, 0, size_of::<Header>(), Protection::Read)?;
        // SAFETY: the mapping is as long as a header, page aligned, and the file at least as long.
        let header = unsafe { &*header.address.cast::<Header>() };
        if header.magic.get() != MAGIC {
            return Err(Failure::damaged("the session's arena file does not begin as one"));
        }
        if header.fingerprint.get() != FINGERPRINT {
            return Err(Failure::new(
                NtStatus::REVISION_MISMATCH,
                "the session was made by another version of ntipc whose memory is laid out differently",
            ));
        }
        if size != ARENA_SIZE {
            return Err(Failure::damaged("the session's arena file has the wrong length"));
        }
        Ok(header.damaged.get() != 0)
    }

    /// Map the arena in `file`, which lies at `path`.
    pub fn map(file: OwnedFd, path: &str, protection: Protection) -> NtResult<Arena> {
        let mut pages_mapped = PAGES;
        let mapping = loop {
            let length = PAGES_AT + u64::from(pages_mapped) * u64::from(PAGE_SIZE);
            match Mapping::guarded(&file, length as usize, protection) {
                Ok(mapping) => break mapping,
                Err(failure) if failure.status == NtStatus::INSUFFICIENT_RESOURCES && pages_mapped > FEWEST_PAGES => {
                    pages_mapped /= 2
                }
                Err(failure) => {
                    let why = format!(
                        "a session takes {} MiB of address space (ulimit -v; for a program that locks its memory also ulimit -l): {}",
                        length >> 20,
                        failure.detail
                    );
                    return Err(Failure::new(failure.status, why));
                }
            }
        };
        // SAFETY: advice about the mapping that was just made: leave it out of core dumps.
        unsafe { libc::madvise(mapping.address.cast(), mapping.length, libc::MADV_DONTDUMP) };
        let known = Known::nothing(protection == Protection::ReadWrite, files::is_in_memory(&file));
        Ok(Arena { mapping, file: Kept::new(file)?, path: path.to_owned(), pages_mapped, known })
    }

    /// The file; opened again where the program has closed the descriptor.
    fn file(&self) -> NtResult<BorrowedFd<'_>> {
        let open = || {
            let flags = libc::O_NOFOLLOW | if self.known.writable { libc::O_RDWR } else { libc::O_RDONLY };
            files::open_path(&files::c_string(&self.path)?, flags)
                .map_err(|error| Failure::from_io("opening the session's arena file again", &error))
        };
        let lost = || Failure::damaged("the session's arena file is gone while it is in use");
        self.file.get_or_open(open)?.ok_or_else(lost)
    }

    /// The descriptor is not needed any more.
    pub fn close_file(&self) {
        self.file.close();
    }

    /// Was the file removed? False where that cannot be told.
    pub fn is_unlinked(&self) -> bool {
        self.file.get().is_some_and(|file| files::status_of(&file).is_ok_and(|status| status.st_nlink == 0))
    }

    /// Take the space for a part of the file.
    pub(super) fn reserve(&self, offset: u64, length: u64) -> NtResult<()> {
        match self.file() {
            Ok(file) => files::reserve(&file, offset, length),
            // Descriptor and right to open the file are both lost: the mapping is left.
            Err(failure) => match self.mapping.populate(offset as usize, length as usize) {
                Some(populated) => populated,
                None => Err(failure),
            },
        }
    }

    /// Has this process reserved more than so many bytes since it was last asked?
    #[inline]
    pub fn has_grown_by(&self, bytes: u64) -> bool {
        self.known.grown.load(Ordering::Relaxed) > bytes && self.known.grown.swap(0, Ordering::Relaxed) != 0
    }

    /// Bytes that the file occupies.
    pub fn occupied(&self) -> u64 {
        let status = self.file().and_then(|file| files::status_of(&file));
        status.map_or(u64::MAX, |status| status.st_blocks as u64 * 512)
    }

    #[inline(always)]
    pub(super) fn at<T>(&self, offset: u64) -> *const T {
        self.mapping.address.wrapping_add(offset as usize).cast()
    }

    #[inline(always)]
    pub fn header(&self) -> &Header {
        // SAFETY: offset 0 of the mapping, page aligned; atomics only.
        unsafe { &*self.at::<Header>(0) }
    }

    growing! {
        journal, journal_beyond, journal_table: JournalEntry = JOURNAL_AT, journal_reserved, journal, BLOCKS;
        change, change_beyond, change_table: AtomicU32 = CHANGES_AT, changes_reserved, changes, CHANGES;
        process, process_beyond, process_table: Process = PROCESSES_AT, processes_reserved, processes, PROCESSES;
        thread, thread_beyond, thread_table: Thread = THREADS_AT, threads_reserved, threads, THREADS;
        object, object_beyond, object_table: Object = OBJECTS_AT, objects_reserved, objects, OBJECTS;
        origin, origin_beyond, origin_table: Origin = ORIGINS_AT, origins_reserved, origins, OBJECTS;
        cell, cell_beyond, cell_table: Cell = CELLS_AT, cells_reserved, cells, CELLS;
        queue, queue_beyond, queue_table: Queue = QUEUES_AT, queues_reserved, queues, QUEUES;
        carrier, carrier_beyond, carrier_table: AtomicU32 = CARRIERS_AT, carriers_reserved, carriers, HANDLES;
        link, link_beyond, link_table: AtomicU32 = LINKS_AT, links_reserved, links, PAGES;
        log_line, log_line_beyond, log_line_table: LogLine = LOG_LINES_AT, log_lines_reserved, log_lines, LOG_LINES;
        log_block, log_block_beyond, log_block_table: LogBlock = LOG_BLOCKS_AT, log_blocks_reserved, log_blocks, LOG_BLOCKS;
    }

    /// The first object of a chain of names.
    #[inline]
    pub fn bucket(&self, index: u32) -> &AtomicU32 {
        let index = index & (BUCKETS - 1);
        let page = index / BUCKETS_A_PAGE;
        if self.known.buckets.load(Ordering::Relaxed) & 1 << page == 0 && !self.learn_buckets(page) {
            // SAFETY: as aligned as a word, and an atomic.
            return unsafe { &*nowhere().cast::<AtomicU32>() };
        }
        // SAFETY: the index was masked into the table, which lies inside the mapping, and there is memory for it; a
        // word, an atomic.
        unsafe { &*self.at::<AtomicU32>(BUCKETS_AT + u64::from(index) * 4) }
    }

    /// Make sure that names can be put into the chain of that bucket. Idempotent, needs no lock.
    #[inline]
    pub fn grow_buckets(&self, index: u32) -> NtResult<()> {
        let page = (index & (BUCKETS - 1)) / BUCKETS_A_PAGE;
        if self.known.buckets.load(Ordering::Relaxed) & 1 << page != 0 {
            return Ok(());
        }
        self.reserve_buckets(page)?;
        self.header().bucket_pages.fetch_or(1 << page, Ordering::AcqRel);
        match self.learn_buckets(page) {
            true => Ok(()),
            false => Err(self.damage().unwrap_or_else(|| NtStatus::DISK_FULL.into())),
        }
    }

    pub(super) fn reserve_buckets(&self, page: u32) -> NtResult<()> {
        self.reserve(BUCKETS_AT + u64::from(page) * u64::from(PAGE_SIZE), u64::from(PAGE_SIZE))
    }

    /// One handle of one process.
    #[inline(always)]
    pub fn handle(&self, process: u32, index: u32) -> &AtomicU64 {
        let (process, index) = (process & (PROCESSES - 1), index & (HANDLES - 1));
        let known = &self.known.handles[process as usize];
        if index >= known.load(Ordering::Relaxed) {
            return self.handle_beyond(process, index);
        }
        let place = u64::from(process) * u64::from(HANDLES) + u64::from(index);
        // SAFETY: both indices are masked into the table inside the mapping; the offset is a multiple of 8.
        unsafe { &*self.at::<AtomicU64>(HANDLES_AT + place * 8) }
    }

    #[cold]
    #[inline(never)]
    fn handle_beyond(&self, process: u32, index: u32) -> &AtomicU64 {
        if self.learn(&self.handle_table(process), index) {
            return self.handle(process, index);
        }
        // SAFETY: as aligned as a word, and an atomic.
        unsafe { &*nowhere().cast::<AtomicU64>() }
    }

    pub(super) fn handle_table(&self, process: u32) -> Table<'_> {
        let process = process & (PROCESSES - 1);
        Table {
            known: &self.known.handles[process as usize],
            reserved: &self.process(process).handles_reserved,
            at: HANDLES_AT + u64::from(process) * u64::from(HANDLES) * 8,
            size: 8,
            limit: HANDLES,
        }
    }

    /// A wait block by its number (thread slot * BLOCKS + place).
    #[inline(always)]
    pub fn block(&self, number: u32) -> &Block {
        let number = number & (THREADS * BLOCKS - 1);
        let (thread, place) = (number / BLOCKS, number % BLOCKS);
        let known = &self.known.blocks[thread as usize];
        if place >= known.load(Ordering::Relaxed) {
            return self.block_beyond(number);
        }
        // SAFETY: the number is masked into the table inside the mapping; the offset is a multiple of 16.
        unsafe { &*self.at::<Block>(BLOCKS_AT + u64::from(number) * 16) }
    }

    #[cold]
    #[inline(never)]
    fn block_beyond(&self, number: u32) -> &Block {
        if self.learn(&self.block_table(number / BLOCKS), number % BLOCKS) {
            return self.block(number);
        }
        // SAFETY: as aligned and long as a block, and nothing but atomics.
        unsafe { &*nowhere().cast::<Block>() }
    }

    pub(super) fn block_table(&self, thread: u32) -> Table<'_> {
        Table {
            known: &self.known.blocks[thread as usize],
            reserved: &self.thread(thread).blocks_reserved,
            at: BLOCKS_AT + u64::from(thread) * u64::from(BLOCKS) * 16,
            size: 16,
            limit: BLOCKS,
        }
    }

    /// Reserve `needed` entries of a table from the front, in chunks, and note it in `reserved`. Idempotent, needs no
    /// lock.
    #[inline(always)]
    pub(super) fn grow(&self, table: &Table<'_>, needed: u32, chunk: u32) -> NtResult<()> {
        if needed <= table.known.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.grow_on(table, needed, chunk)
    }

    #[cold]
    #[inline(never)]
    fn grow_on(&self, table: &Table<'_>, needed: u32, chunk: u32) -> NtResult<()> {
        let have = table.reserved.load(Ordering::Acquire);
        if have > table.limit {
            return Err(self.damaged("the counts of its tables are impossible"));
        }
        if needed <= have && self.learn(table, needed - 1) {
            return Ok(());
        }
        if needed > table.limit {
            return Err(Failure::new(
                NtStatus::QUOTA_EXCEEDED,
                format!("the session's table of {} entries is full", table.limit),
            ));
        }
        // A small session takes little; a large one is not told to ask often.
        let ahead = if have < 16 * chunk { have.saturating_mul(2) } else { have.saturating_mul(5) / 4 };
        let target = needed.next_multiple_of(chunk).max(ahead / chunk * chunk).min(table.limit);
        let bytes = u64::from(target - have) * table.size;
        self.reserve(table.at + u64::from(have) * table.size, bytes)?;
        self.known.grown.fetch_add(bytes, Ordering::Relaxed);
        table.reserved.fetch_max(target, Ordering::AcqRel);
        match self.learn(table, needed - 1) {
            true => Ok(()),
            false => Err(self.damage().unwrap_or_else(|| NtStatus::DISK_FULL.into())),
        }
    }

    pub fn grow_processes(&self, needed: u32) -> NtResult<()> {
        self.grow(&self.process_table(), needed, 4)
    }

    pub fn grow_threads(&self, needed: u32) -> NtResult<()> {
        self.grow(&self.thread_table(), needed, 4)
    }

    pub fn grow_objects(&self, needed: u32) -> NtResult<()> {
        self.grow(&self.origin_table(), needed, 256)?;
        self.grow(&self.object_table(), needed, 64)
    }

    pub fn grow_cells(&self, needed: u32) -> NtResult<()> {
        self.grow(&self.cell_table(), needed, 64)
    }

    pub fn grow_queues(&self, needed: u32) -> NtResult<()> {
        self.grow(&self.queue_table(), needed, 16)
    }

    pub fn grow_handles(&self, process: u32, needed: u32) -> NtResult<()> {
        self.grow(&self.handle_table(process), needed, 512)
    }

    pub fn grow_carriers(&self, needed: u32) -> NtResult<()> {
        self.grow(&self.carrier_table(), needed, 1024)
    }

    /// All of the debug log.
    pub fn grow_log(&self) -> NtResult<()> {
        self.grow(&self.log_line_table(), LOG_LINES, LOG_LINES)?;
        self.grow(&self.log_block_table(), LOG_BLOCKS, LOG_BLOCKS)
    }

    #[inline]
    pub fn grow_changes(&self, needed: u32) -> NtResult<()> {
        self.grow(&self.change_table(), needed, 1024)
    }

    /// Wait blocks of a thread, and the journal that is to hold a step of its wait: the thread that ends the wait
    /// cannot fail.
    pub fn grow_blocks(&self, thread: u32, needed: u32) -> NtResult<()> {
        self.grow(&self.journal_table(), needed, 256)?;
        self.grow(&self.block_table(thread & (THREADS - 1)), needed, 256)
    }
}
