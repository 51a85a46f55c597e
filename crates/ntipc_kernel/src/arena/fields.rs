//! Where each field lies in the arena's file, for tests that read or damage it from outside.

use super::layout::*;
use crate::sys::robust::LifeWord;

/// A field of a table: that of entry `i` lies `at + i * stride` bytes into the file.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub table: &'static str,
    pub name: &'static str,
    pub at: u64,
    pub stride: u64,
    pub count: u64,
    pub width: u64,
}

fn width<Record, Value>(_: fn(&Record) -> &Value) -> u64 {
    size_of::<Value>() as u64
}

macro_rules! fields {
    ($($table:ident: $type:ident at $at:expr, $count:expr => $($field:ident $(. $part:ident)?),*;)*) => {
        vec![$($(Field {
            table: stringify!($table),
            name: concat!(stringify!($field) $(, ".", stringify!($part))?),
            at: $at + std::mem::offset_of!($type, $field $(. $part)?) as u64,
            stride: size_of::<$type>() as u64,
            count: $count as u64,
            width: width(|record: &$type| &record.$field $(. $part)?),
        }),*),*]
    };
}

/// Every field that means something.
pub fn fields() -> Vec<Field> {
    let mut all = fields! {
        header: Header at 0, 1 => magic, fingerprint, damaged, lock, journal_valid, journal_thread, journal_result,
            journal_count, pulse, object_free, object_high, objects_live, cell_free, cell_high, wait_sequence,
            section_serial, changes, change_flags, live_before, process_high, thread_high, processes_reserved, threads_reserved, objects_reserved,
            cells_reserved, page_free, pages_free, page_high, queue_free, queue_high,
            queues_reserved, links_reserved, pages_reserved, page_step.valid, page_step.thread, page_step.hand,
            page_step.chain, page_step.first, page_step.last, page_step.count, page_step.free, page_step.after_last,
            page_step.pages_free, page_step.page_high, pages_given, pages_wanted, undrained, queue_busy, drained.first, drained.last,
            drained.count, drained_to, drained_request, drained_badge, drained_badge_after, drained_places, carriers_reserved, origins_reserved, object_serial, clock_namespace,
            clock_shift_ns, clock_behind_ns, log_lines_reserved, log_blocks_reserved, journal_reserved, changes_reserved,
            bucket_pages, log.lines, log.blocks, log.readers, log.waiting;
        log_line: LogLine at LOG_LINES_AT, LOG_LINES => word, time_ns, ids, namespace, length, block, text;
        log_block: LogBlock at LOG_BLOCKS_AT, LOG_BLOCKS => word, text;
        journal: JournalEntry at JOURNAL_AT, BLOCKS => object, block, word;
        process: Process at PROCESSES_AT, PROCESSES => life.word, pid, generation, start_time, pid_namespace, attached,
            handle_high, handles_reserved, handle_count, fork_until_ns, full, poke, watches;
        thread: Thread at THREADS_AT, THREADS => life.word, process, tid, generation, blocks_reserved, progress,
            block_count, wait_all, linked, told_by, sequence, since_ns, woken_ns, woken_at_ns, told_at_ns, pid_namespace, noted, noted_overflow, lost, call, reply_queue, reply_reader,
            reply_writer, lookout_ns, offered_ns,
            queue_need, queue_wants, queue_badge, call_badge, call_badge_generation, hands;
        object: Object at OBJECTS_AT, OBJECTS => word, kind, limit, head, tail, handles, link, name, hash, extra,
            quantity, detail;
        origin: Origin at ORIGINS_AT, OBJECTS => serial, creator;
        cell: Cell at CELLS_AT, CELLS => next, text;
        block: Block at BLOCKS_AT, THREADS as u64 * BLOCKS as u64 => object, next, previous, channel;
        queue: Queue at QUEUES_AT, QUEUES => state, read_end, write_end, link, quota, broken, user, put_lock, first, data_in, frames_in,
            turn, turn_usable_ns, put_by, tail, take_lock, taken_by, head, data_out, frames_out, cursor_frame, cursor_index, cursor_page, thrown_from,
            thrown_data, badge_quota, notices, last_notice, badges;
    };
    for (rank, name) in (0..WATCHERS as u64 - 1).zip(["second_bell", "third_bell"]) {
        let at = PROCESSES_AT + std::mem::offset_of!(Process, bells) as u64 + rank * size_of::<LifeWord>() as u64;
        all.push(Field {
            table: "process",
            name,
            at,
            stride: size_of::<Process>() as u64,
            count: u64::from(PROCESSES),
            width: 4,
        });
    }
    let plain = |table, at, width, count| Field { table, name: "word", at, stride: width, count, width };
    all.push(plain("change", CHANGES_AT, 4, u64::from(CHANGES)));
    all.push(plain("bucket", BUCKETS_AT, 4, u64::from(BUCKETS)));
    all.push(plain("link", LINKS_AT, 4, u64::from(PAGES)));
    // Of each page the first words, where frames begin, and all words of the first page.
    for (place, name) in (0..).zip(["first", "second", "third", "fourth", "fifth"]) {
        let at = PAGES_AT + place * 8;
        all.push(Field { table: "page", name, at, stride: u64::from(PAGE_SIZE), count: u64::from(PAGES), width: 8 });
    }
    all.push(plain("page_one", PAGES_AT + u64::from(PAGE_SIZE), 8, u64::from(PAGE_SIZE) / 8));
    all.push(plain("carrier", CARRIERS_AT, 4, u64::from(HANDLES)));
    all.push(plain("handle", HANDLES_AT, 8, u64::from(PROCESSES) * u64::from(HANDLES)));
    all
}
