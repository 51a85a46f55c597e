//! The pool of pages: a list of free ones, from which chains are cut and to which they are given back.
//!
//! State: `page_free` begins the list, which runs through `link` (the next page; 0 ends it: page 0 is never given); `pages_free`
//! counts it; pages from `page_high` on have never been in it. A chain is {first, last, count}, its pages linked likewise.
//!
//! Invariant, lock free: every page from 1 to below `page_high` is in the free list, or in the stream or a frame of one queue, or in
//! a chain of one hand.
//!
//!   G1 fill the step, all values absolute   G2 mark it valid   G3 apply it   G4 mark it invalid
//!
//! Taking ends the cut chain (`link[last] := 0`), moves the list's head behind it and names it in the taker's hand; giving links the
//! chain before the list's head and empties the hand. Both are a few stores however long the chain, and to repeat them does no harm.
//! Crash: before G2 nothing has happened; from G2 to G4 recovery repeats G3. So recovery never walks a list.
//! Proof: `tests/queues.rs`; the doctor walks all of it.

use crate::arena::layout::{ChainWords, HANDS, PAGE_SIZE, Queue, THREADS};
use crate::fault::fault;
use crate::process::lock::{FOR_PAGES, Locked};
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::Shared;

const TAKE: u32 = 1;
const GIVE: u32 = 2;

/// A row of linked pages; `count` 0 = none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Chain {
    pub first: u32,
    pub last: u32,
    pub count: u32,
}

impl Chain {
    /// The chain that a hand names, if any.
    pub fn read(words: &ChainWords) -> Option<Chain> {
        let chain = Chain { first: words.first.get(), last: words.last.get(), count: words.count.get() };
        (chain.first != 0).then_some(chain)
    }

    /// Named from the last of these stores on.
    pub fn write(self, words: &ChainWords) {
        words.last.put(self.last);
        words.count.put(self.count);
        words.first.put(self.first);
    }
}

/// A page of the chain of the frame at the head, and which one it is. Saves the way to it when a frame is taken in many parts.
pub(super) struct Cursor {
    frame: u64,
    index: u32,
    page: u32,
}

impl Cursor {
    /// Where readers got to in the frame at the head, whose chain this is. Consumer lock.
    pub fn of(queue: &Queue, chain: Chain) -> Cursor {
        let frame = queue.frames_out.get().wrapping_add(1);
        match queue.cursor_frame.get() == frame {
            true => Cursor { frame, index: queue.cursor_index.get(), page: queue.cursor_page.get() },
            false => Cursor { frame, index: 0, page: chain.first },
        }
    }

    /// Keep it for the next part of that frame. Each frame has a number of its own, so a cursor never serves another.
    pub fn keep(&self, queue: &Queue) {
        queue.cursor_frame.put(0);
        queue.cursor_index.put(self.index);
        queue.cursor_page.put(self.page);
        queue.cursor_frame.put(self.frame);
    }
}

/// One of the chains of one of the hands of a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grip {
    pub thread: u32,
    pub hand: u32,
    pub chain: u32,
}

/// Not a hand: what the header names while a queue is emptied.
pub(crate) const DRAINED: Grip = Grip { thread: THREADS, hand: 0, chain: 0 };

impl Session {
    fn grip(&self, grip: Grip) -> &ChainWords {
        if grip == DRAINED {
            return &self.arena.header().drained;
        }
        &self.arena.thread(grip.thread).hands[grip.hand as usize % HANDS].chains[grip.chain as usize & 1]
    }

    /// Take `count` pages into a hand.
    pub(crate) fn take_pages(&self, owner: u32, count: u32, grip: Grip) -> NtResult<Chain> {
        let mut grown = 0;
        loop {
            let missing = {
                let mut locked = self.lock_as(owner);
                self.whole()?;
                match locked.cut(count, grip)? {
                    Ok(chain) => return Ok(chain),
                    Err(missing) => missing,
                }
            };
            // What was reserved is in use by now, if by others; else something is wrong with the numbers, and will be for ever.
            let high = self.arena.header().page_high.get().max(1);
            if high < grown {
                return Err(self.damaged("the list of free pages leads to none"));
            }
            // Without the lock: fresh memory has to be cleared first.
            grown = high.saturating_add(missing);
            self.arena.grow_pages(grown)?;
        }
    }

    /// The same, as far as the pool has them at hand: nothing is reserved, so this may be done under a side lock.
    pub(crate) fn cut_pages(&self, owner: u32, count: u32, grip: Grip) -> NtResult<Option<Chain>> {
        let mut locked = self.lock_as(owner);
        self.whole()?;
        Ok(locked.cut(count, grip)?.ok())
    }

    /// Did [`Session::take_pages`] fail because there are no more?
    pub(super) fn is_for_want_of_pages(&self, failure: &Failure) -> bool {
        matches!(failure.status, NtStatus::DISK_FULL | NtStatus::QUOTA_EXCEEDED | NtStatus::INSUFFICIENT_RESOURCES)
    }

    /// Give the chain in a hand back. Whether there is one.
    pub(crate) fn give_pages(&self, owner: u32, grip: Grip) -> bool {
        let chain = Chain::read(self.grip(grip));
        if let Some(chain) = chain {
            self.lock_as(owner).give(chain, Some(grip));
        }
        chain.is_some()
    }
}

impl Locked<'_> {
    /// Cut `count` pages off the free list, or say how many are missing.
    fn cut(&mut self, count: u32, grip: Grip) -> NtResult<Result<Chain, u32>> {
        let arena = &self.session.arena;
        let header = arena.header();
        if header.pages_free.get() < count {
            self.add_fresh();
        }
        let missing = count.saturating_sub(header.pages_free.get());
        if missing > 0 || count == 0 {
            return Ok(Err(missing));
        }
        let high = header.page_high.get();
        let first = header.page_free.get();
        let mut last = first;
        for _ in 1..count {
            last = if last < high { arena.link(last).get() } else { 0 };
        }
        if last == 0 || last >= high {
            return Err(self.session.damaged("the list of free pages leads to none"));
        }
        let chain = Chain { first, last, count };
        self.step(TAKE, Some(grip), chain, arena.link(last).get(), high);
        Ok(Ok(chain))
    }

    /// Give a chain back; out of a hand, if it is in one.
    pub(crate) fn give(&mut self, chain: Chain, grip: Option<Grip>) {
        let high = self.session.arena.header().page_high.get();
        if chain.first == 0 || chain.first >= high || chain.last == 0 || chain.last >= high {
            self.session.damaged("the list of free pages leads to none");
            return;
        }
        self.step(GIVE, grip, chain, chain.first, high);
    }

    /// Put what is reserved and was never used into the free list.
    fn add_fresh(&mut self) {
        let arena = &self.session.arena;
        let first = arena.header().page_high.get().max(1);
        let end = arena.pages_reserved();
        if first >= end {
            return;
        }
        for page in first..end - 1 {
            arena.link(page).put(page + 1);
        }
        let chain = Chain { first, last: end - 1, count: end - first };
        self.step(GIVE, None, chain, first, end);
    }

    fn step(&mut self, kind: u32, grip: Option<Grip>, chain: Chain, free: u32, high: u32) {
        let header = self.session.arena.header();
        let step = &header.page_step;
        let (thread, hand, place) = grip.map_or((0, 0, 0), |grip| (grip.thread + 1, grip.hand, grip.chain));
        step.thread.put(thread);
        step.hand.put(hand);
        step.chain.put(place);
        step.first.put(chain.first);
        step.last.put(chain.last);
        step.count.put(chain.count);
        step.free.put(free);
        step.page_high.put(high);
        let free_before = header.pages_free.get();
        step.after_last.put(if kind == TAKE { 0 } else { header.page_free.get() });
        step.pages_free.put(match kind {
            TAKE => free_before.saturating_sub(chain.count),
            _ => free_before.saturating_add(chain.count),
        });
        fault!(PoolFilled); // G1
        step.valid.put(kind); // G2
        fault!(PoolValid);
        self.redo_page_step(); // G3, G4
    }

    /// Do the step that is noted, once more if need be.
    pub(crate) fn redo_page_step(&mut self) {
        let arena = &self.session.arena;
        let header = arena.header();
        let step = &header.page_step;
        let kind = step.valid.get();
        if kind == 0 {
            return;
        }
        let (first, last) = (step.first.get(), step.last.get());
        arena.link(last).put(step.after_last.get());
        fault!(PoolLinked);
        header.page_free.put(step.free.get());
        header.pages_free.put(step.pages_free.get());
        header.page_high.put(step.page_high.get());
        fault!(PoolMoved);
        if let Some(thread) = step.thread.get().checked_sub(1) {
            let words = self.session.grip(Grip { thread, hand: step.hand.get(), chain: step.chain.get() });
            match kind {
                TAKE => Chain { first, last, count: step.count.get() }.write(words),
                _ => words.first.put(0),
            }
        }
        fault!(PoolApplied);
        step.valid.put(0);
        if kind == GIVE && header.pages_wanted.get() != 0 {
            header.pages_wanted.put(0);
            self.tell_of_pages();
        }
    }

    /// Let those who wait for pages look again.
    pub(crate) fn tell_of_pages(&mut self) {
        let given = &self.session.arena.header().pages_given;
        given.put(given.get().wrapping_add(1));
        self.wake_later(FOR_PAGES);
    }
}

/// Pages that so many bytes need.
pub(crate) fn pages_for(bytes: usize) -> u32 {
    bytes.div_ceil(PAGE_SIZE as usize) as u32
}

/// The first `length` bytes of several pieces.
pub(super) fn up_to<'a>(pieces: &'a [&'a [u8]], length: usize) -> impl Iterator<Item = &'a [u8]> {
    let mut left = length;
    pieces.iter().map(move |piece| {
        let now = &piece[..piece.len().min(left)];
        left -= now.len();
        now
    })
}

fn broken_chain(session: &Session) -> Failure {
    session.damaged("the frames of a queue contradict themselves")
}

impl Session {
    /// Fill a chain with the first `length` bytes of several pieces. No lock: the chain is in our hand.
    pub(crate) fn fill_chain(&self, chain: Chain, pieces: &[&[u8]], length: usize) -> NtResult<()> {
        let (mut page, mut at) = (chain.first, 0);
        for piece in up_to(pieces, length) {
            let mut left = piece;
            while !left.is_empty() {
                if at == PAGE_SIZE {
                    (page, at) = (self.arena.link(page).get(), 0);
                }
                let (now, later) = left.split_at(left.len().min((PAGE_SIZE - at) as usize));
                if page == 0 || !self.arena.copy_in(page, at, now) {
                    return Err(broken_chain(self));
                }
                at += now.len() as u32;
                left = later;
                fault!(PutCopied);
            }
        }
        Ok(())
    }

    /// Copy out of a chain, from byte `skip` on.
    pub(crate) fn read_chain(&self, chain: Chain, skip: usize, bytes: &mut [u8]) -> NtResult<()> {
        self.read_on(chain, &mut Cursor { frame: 0, index: 0, page: chain.first }, skip, bytes)
    }

    /// The same, beginning where `cursor` has got to if that is not too far.
    pub(super) fn read_on(&self, chain: Chain, cursor: &mut Cursor, skip: usize, bytes: &mut [u8]) -> NtResult<()> {
        let size = PAGE_SIZE as usize;
        if (skip + bytes.len()).div_ceil(size) > chain.count as usize {
            return Err(broken_chain(self));
        }
        if cursor.index as usize > skip / size {
            (cursor.index, cursor.page) = (0, chain.first);
        }
        let mut at = skip - cursor.index as usize * size;
        let mut left = bytes;
        while !left.is_empty() {
            if at >= size {
                (cursor.page, cursor.index) = (self.arena.link(cursor.page).get(), cursor.index + 1);
                at -= size;
                continue;
            }
            let (now, later) = left.split_at_mut((size - at).min(left.len()));
            if cursor.page == 0 || !self.arena.copy_out(cursor.page, at as u32, now) {
                return Err(broken_chain(self));
            }
            at += now.len();
            left = later;
        }
        Ok(())
    }

    /// The refusal of what is too long for one frame.
    pub(crate) fn too_long(length: usize) -> Failure {
        let why =
            format!("a message of {length} bytes is longer than the {} that one may have", super::frame::LENGTH_MAX);
        Failure::new(NtStatus::INVALID_PARAMETER, why)
    }
}
