//! A call: a request, and the wait for its reply, as one operation.
//!
//! A thread that calls has a queue of its own for replies, made at its first call, held by two hidden handles of its process, closed
//! with the thread. A request carries a correlation number: the caller's thread slot, bits of that slot's generation, the serial
//! number of the call. The taker of the request enters its process in the caller's record. That entry is the licence to reply,
//! once, and tells whose end ends the call.
//!
//! State: `Thread::call` = serial << 32 | one of
//!
//! | lower half          | meaning                                                | left by                     |
//! | ------------------- | ------------------------------------------------------ | --------------------------- |
//! | OVER                | no call is under way                                   | caller: K2                  |
//! | 0                   | nobody has the request yet                             | taker: T2; caller           |
//! | process             | that one has it                                        | replier: R1; caller         |
//! | process + ANSWERING | its reply is on the way, or lies in the reply queue    | caller; replier, if he fails |
//!
//!   caller   K1 a queue for replies   K2 lost := 0, call := serial, 0   K3 put the request
//!            K4 look at lost, then for the reply: it is here? take it   K5 lost? fail   K6 wait, K4      K7 call := OVER
//!   taker    T1 hand: correlation; commit := TAKE   T2 call: 0 -> process   (the head moves after it)
//!   replier  R1 call: process -> process + ANSWERING   R2 put the reply
//!
//! A serial number comes round after 4,294,967,296 calls from one thread slot, hours at full speed. A reply that is late by a whole
//! number of rounds is taken for another call's only if that call is under way just then and the same process has its request.
//!
//! Invariant: of a call under way the request lies in a queue or in the hand of somebody alive, or the word names a process that is
//! alive, or the reply lies in the reply queue, or `lost` is the serial number.
//! Crash: a request that is thrown away (`drain`), or was in the hand of a dead taker (`hand`), and each call that names a process that
//! ends (`process::release`) is lost: `lost` := serial, and the caller is told. K4 looks for the reply after it has looked at
//! `lost`: a reply put just before its sender died counts. A reply that comes when nobody waits for it any more is thrown away by the
//! next call (K4).

use super::flight::Attached;
use super::message::{Message, To};
use super::operation::Patience;
use super::state::{Wants, is_empty};
use super::take::{Mode, Taken};
use super::waiting::{Poll, Waiting, Wanted};
use crate::arena::layout::{PROCESSES, Queue, THREADS, Thread, word};
use crate::dispatch::wait::Target;
use crate::fault::fault;
use crate::mutation::without;
use crate::object::handles::{Entry, HIDDEN, place};
use crate::object::kind::Type;
use crate::process::lock::Locked;
use crate::session::Session;
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{Ordering, Shared, fence};
use std::sync::Arc;

const ANSWERING: u32 = 1 << 31;
/// No process: slot 0 is nobody's.
const OVER: u32 = ANSWERING;
const THREAD_BITS: u32 = THREADS.trailing_zeros();
const GENERATION_MASK: u32 = (1 << (32 - THREAD_BITS)) - 1;
const PROCESS_BITS: u32 = PROCESSES.trailing_zeros();

pub(crate) fn serial_of(call: u64) -> u32 {
    (call >> 32) as u32
}

/// The thread slot in a correlation number.
pub(crate) fn slot_of(correlation: u64) -> u32 {
    correlation as u32 & (THREADS - 1)
}

/// Is a call under way, by the word of its thread?
pub(crate) fn is_under_way(call: u64) -> bool {
    call as u32 != OVER
}

/// Who may answer a call: a process, by slot and bits of its generation.
pub(crate) enum Answerer {
    NoCall,
    Nobody,
    Process(u32, u32),
}

impl Answerer {
    pub fn of(call: u64) -> Answerer {
        match call as u32 {
            OVER => Answerer::NoCall,
            0 => Answerer::Nobody,
            name => Answerer::Process(name & (PROCESSES - 1), (name & !ANSWERING) >> PROCESS_BITS),
        }
    }

    /// Are these bits of that generation?
    pub fn is_named(bits: u32, generation: u32) -> bool {
        named(0, generation) >> PROCESS_BITS == bits
    }
}

/// How a call names a process.
fn named(process: u32, generation: u32) -> u32 {
    (process | generation << PROCESS_BITS) & !ANSWERING
}

pub(super) fn mismatch() -> Failure {
    let why =
        "it was given before, it is another process's to give, its caller waits no more, or the message was no request";
    Failure::new(NtStatus::REPLY_MESSAGE_MISMATCH, why)
}

fn lost() -> Failure {
    let why = "the process that had the request ended without a reply, or nobody is left who could take it";
    Failure::new(NtStatus::LPC_REPLY_LOST, why)
}

/// A call under way. Ends it when dropped.
struct Outstanding<'a> {
    session: &'a Arc<Session>,
    slot: u32,
    incarnation: u64,
    correlation: u64,
    /// The queue for replies: a handle to its read end, that end, the body.
    reader: u32,
    end: u32,
    body: u32,
}

/// The reply to a call. It lies in the queue for replies until it is taken, or dropped.
pub struct Answer<'a> {
    call: Outstanding<'a>,
    /// Bytes.
    pub length: usize,
}

impl Answer<'_> {
    /// Take the reply, which must fit into the buffer.
    pub fn take<W: Waiting>(self, buffer: &mut [u8], waiting: &mut W) -> Result<Taken, W::Error> {
        let taken = self.call.session.take_wait(self.call.reader, buffer, Mode::Whole, waiting)?;
        Ok(taken.ok_or_else(lost)?)
    }
}

impl Session {
    /// Put a request into a queue, and wait for the reply to it. `None`: it did not come in time.
    ///
    /// The taker of the request answers by [`Session::reply`]. If it ends instead, or nobody is left who could take it, the call
    /// fails at once. One thread has one call under way: a signal handler that runs in the middle of one cannot make another.
    pub fn call<W: Waiting>(
        self: &Arc<Self>,
        handle: u32,
        pieces: &[&[u8]],
        tag: u32,
        attached: Attached<'_>,
        waiting: &mut W,
    ) -> Result<Option<Answer<'_>>, W::Error> {
        self.call_within(handle, handle, pieces, tag, attached, waiting)
    }

    /// The same, as a part of what goes through the write end of handle `line`: if the badge of that one is revoked, this call is lost.
    pub fn call_within<W: Waiting>(
        self: &Arc<Self>,
        line: u32,
        handle: u32,
        pieces: &[&[u8]],
        tag: u32,
        attached: Attached<'_>,
        waiting: &mut W,
    ) -> Result<Option<Answer<'_>>, W::Error> {
        let message = Message::new(pieces, tag, attached)?;
        let mut patience = Patience::default();
        'anew: loop {
            let call = self.begin_call(self.badge_through(line)?)?;
            if line != handle {
                fence(Ordering::SeqCst);
                self.badge_through(line)?; // revoked before the call was there to be lost (K2)? The put looks at its own badge.
            }
            let put = self.put_any(To::Handle(handle), &message.asking(call.correlation), waiting)?; // K3
            while call.is_mine() {
                patience.spend(self)?;
                if let (Some(length), true) = (call.look_for_reply()?, put.is_some()) {
                    return Ok(Some(Answer { call, length }));
                }
                if put.is_none() || waiting.polls() {
                    return Ok(None);
                }
                if !call.wait(waiting)? && call.is_mine() {
                    let length = call.look_for_reply()?;
                    return Ok(length.map(|length| Answer { call, length }));
                }
                if !call.is_mine() {
                    continue 'anew;
                }
            }
        }
    }

    /// Answer a request that this process has taken; once. Never waits but for memory.
    pub fn reply<W: Waiting>(
        self: &Arc<Self>,
        correlation: u64,
        pieces: &[&[u8]],
        tag: u32,
        attached: Attached<'_>,
        waiting: &mut W,
    ) -> Result<(), W::Error> {
        let message = Message::new(pieces, tag, attached)?;
        self.thread_slot()?;
        let Some((_, thread)) = self.caller_of(correlation) else { return Err(mismatch().into()) };
        // A server that has seen that nobody waits any more (`is_awaited_reply`) gives no answer.
        if thread.lost.load(Ordering::Acquire) == serial_of(correlation) {
            return Err(mismatch().into());
        }
        let mine = correlation & !0xffff_ffff | u64::from(self.own_name());
        let answering = mine | u64::from(ANSWERING);
        let change = |from, to| thread.call.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !change(mine, answering) {
            return Err(mismatch().into()); // R1
        }
        fault!(ReplyAllowed);
        let put = self.put_any(To::Caller(correlation), &message.answering(correlation), waiting); // R2
        if !matches!(put, Ok(Some(_))) {
            change(answering, mine); // it may be tried again
        }
        put?.ok_or_else(mismatch)?;
        Ok(())
    }

    /// This process will not answer that request, which it has taken: the call is lost. Nothing happens if it has been answered.
    pub fn give_up_request(self: &Arc<Self>, correlation: u64) -> NtResult<()> {
        let is_mine = || {
            let mine = correlation & !0xffff_ffff | u64::from(self.own_name());
            self.caller_of(correlation).is_some_and(|(_, thread)| thread.call.load(Ordering::Acquire) == mine)
        };
        if is_mine() {
            let mut locked = self.lock()?;
            // Again: it may have been answered, or this is a child of a fork, which has a name of its own by now.
            if is_mine() {
                locked.lose_request(correlation);
            }
        }
        Ok(())
    }

    /// Does somebody still wait for the reply to that request?
    pub fn is_awaited_reply(&self, correlation: u64) -> bool {
        self.caller_of(correlation)
            .is_some_and(|(_, thread)| thread.lost.load(Ordering::Acquire) != serial_of(correlation))
    }

    fn own_name(&self) -> u32 {
        named(self.slot(), self.own.generation.load(Ordering::Relaxed))
    }

    /// The thread that a correlation number names, if that call of it is still under way.
    fn caller_of(&self, correlation: u64) -> Option<(u32, &Thread)> {
        let slot = slot_of(correlation);
        let thread = self.arena.thread(slot);
        let call = thread.call.load(Ordering::Acquire);
        let is_it = thread.generation.get() & GENERATION_MASK == correlation as u32 >> THREAD_BITS
            && serial_of(call) == serial_of(correlation)
            && call as u32 != OVER;
        is_it.then_some((slot, thread))
    }

    /// Where the reply of that correlation number goes, while this process may give it.
    pub(super) fn way_to_caller(&self, correlation: u64) -> NtResult<(Entry, u32, &Queue, u32)> {
        let (_, thread) = self.caller_of(correlation).ok_or_else(mismatch)?;
        let body = thread.reply_queue.get().checked_sub(1).filter(|body| *body < self.arena.queues());
        let queue = body.map(|body| self.arena.queue(body)).ok_or_else(mismatch)?;
        let ends = queue.read_end.get().checked_sub(1).zip(queue.write_end.get().checked_sub(1));
        let (read, write) = ends.filter(|_| queue.state.get() != 0).ok_or_else(mismatch)?;
        let allowed = thread.call.load(Ordering::Acquire) as u32 == self.own_name() | ANSWERING;
        if !allowed || self.arena.object(read).handles.get() == 0 {
            return Err(mismatch());
        }
        let entry = Entry { object: write, generation: 0, access: 0, flags: 0 };
        Ok((entry, body.unwrap_or(0), queue, read))
    }

    /// K1, K2.
    fn begin_call(self: &Arc<Self>, badge: u32) -> NtResult<Outstanding<'_>> {
        let slot = self.thread_slot()?;
        self.check_attached()?;
        self.whole()?;
        let thread = self.arena.thread(slot);
        let before = thread.call.get();
        if before as u32 != OVER {
            let why = "this thread waits for the reply to another call";
            return Err(Failure::new(NtStatus::UNSUCCESSFUL, why));
        }
        if thread.reply_queue.get() == 0 {
            self.make_reply_queue(slot)?;
        }
        let reader = thread.reply_reader.get();
        let (entry, body, _, _) = self.end_of(reader, Type::ReadEnd)?;
        let serial = match serial_of(before).wrapping_add(1) {
            0 => 1,
            next => next,
        };
        let incarnation = self.own.incarnation.load(Ordering::Acquire);
        let generation = thread.generation.get() & GENERATION_MASK;
        let correlation = u64::from(serial) << 32 | u64::from(slot | generation << THREAD_BITS);
        thread.lost.put(0);
        thread.call_badge.put(badge);
        let object = badge.checked_sub(1).map(|index| self.arena.object(index).word.get());
        thread.call_badge_generation.put(object.map_or(0, word::generation));
        thread.call.store(u64::from(serial) << 32, Ordering::SeqCst); // K2
        fault!(CallNoted);
        Ok(Outstanding { session: self, slot, incarnation, correlation, reader, end: entry.object, body })
    }

    /// K1: a queue that only this thread reads, and that those whom it calls write to without a handle.
    fn make_reply_queue(self: &Arc<Self>, slot: u32) -> NtResult<()> {
        let (reader, writer) = self.create_queue(None, u64::MAX)?;
        let (_, body, _, _) = self.end_of(reader, Type::ReadEnd)?;
        let _locked = self.lock_whole(slot)?;
        for handle in [reader, writer] {
            let entry = Entry { flags: HIDDEN, ..self.entry(handle)? };
            if let Some(index) = place(handle) {
                self.arena.handle(self.slot(), index).put(entry.pack());
            }
        }
        let thread = self.arena.thread(slot);
        thread.reply_reader.put(reader);
        thread.reply_writer.put(writer);
        thread.reply_queue.put(body + 1);
        fault!(ReplyQueueMade);
        Ok(())
    }

    /// T2: the request is ours now.
    pub(super) fn take_request(&self, correlation: u64) {
        if let Some((_, thread)) = self.caller_of(correlation) {
            let nobody = correlation & !0xffff_ffff;
            let ours = nobody | u64::from(self.own_name());
            let _ = thread.call.compare_exchange(nobody, ours, Ordering::AcqRel, Ordering::Relaxed);
            fault!(CallTaken);
        }
    }
}

impl Outstanding<'_> {
    fn is_mine(&self) -> bool {
        self.session.is_mine(self.incarnation, self.slot)
    }

    fn thread(&self) -> &Thread {
        self.session.arena.thread(self.slot)
    }

    /// K4, K5: how long the reply is, if it is here.
    fn look_for_reply(&self) -> NtResult<Option<usize>> {
        let session = self.session;
        let mut patience = Patience::default();
        loop {
            patience.spend(session)?;
            let is_lost = self.thread().lost.load(Ordering::Acquire) == serial_of(self.correlation); // before the queue
            match session.take_wait(self.reader, &mut [], Mode::Peek, &mut Poll)? {
                None if is_lost => return Err(lost()),
                None => return Ok(None),
                Some(reply) if reply.correlation == self.correlation => return Ok(Some(reply.left)),
                Some(late) => self.throw_away(late.left)?,
            }
        }
    }

    /// A reply that came too late for another call.
    fn throw_away(&self, length: usize) -> NtResult<()> {
        let late = self.session.take_wait(self.reader, &mut vec![0; length], Mode::Whole, &mut Poll)?;
        late.iter().flat_map(|late| &late.handles).try_for_each(|received| self.session.close(received.handle))
    }

    /// K6. `false`: the time is over.
    fn wait<W: Waiting>(&self, waiting: &mut W) -> Result<bool, W::Error> {
        self.session.want(self.slot, Wants::Room(0));
        let target = Target { handle: self.reader, channel: 0 };
        waiting.wait(self.session, &Wanted { target, slot: self.slot, end: self.end, body: self.body })
    }
}

impl Drop for Outstanding<'_> {
    /// K7.
    fn drop(&mut self) {
        if cfg!(feature = "models") && std::thread::panicking() {
            return; // killed: the dead do nothing more
        }
        if !self.is_mine() {
            return;
        }
        self.thread().call.store(self.correlation & !0xffff_ffff | u64::from(OVER), Ordering::SeqCst);
        if !is_empty(self.session.arena.queue(self.body)) {
            self.session.lock_as(self.slot + 1).throw_away(self.body);
        }
    }
}

impl Locked<'_> {
    /// Nobody will answer that request any more: tell its caller. May be repeated.
    pub(super) fn lose_request(&mut self, correlation: u64) {
        if let Some((slot, _)) = self.session.caller_of(correlation) {
            self.lose_call(slot, serial_of(correlation));
        }
    }

    /// A process ends: tell those who wait for its replies.
    pub(crate) fn lose_calls_to(&mut self, process: u32) {
        let arena = &self.session.arena;
        let name = named(process, arena.process(process).generation.get());
        for slot in 0..arena.threads() {
            let call = arena.thread(slot).call.get();
            if call as u32 & !ANSWERING == name {
                self.lose_call(slot, serial_of(call));
            }
        }
    }

    pub(super) fn lose_call(&mut self, slot: u32, serial: u32) {
        if without!(LostTold) {
            return;
        }
        let thread = self.session.arena.thread(slot);
        thread.lost.put(serial);
        fault!(LostTold);
        if let Some(body) = thread.reply_queue.get().checked_sub(1) {
            self.tell_both_ends(body);
        }
    }

    /// A thread ends: its call does, and its queue for replies goes.
    pub(crate) fn end_calls(&mut self, slot: u32) {
        let arena = &self.session.arena;
        let thread = arena.thread(slot);
        thread.call.put(thread.call.get() & !0xffff_ffff | u64::from(OVER));
        thread.reply_queue.put(0);
        let Some(process) = thread.process_slot() else { return };
        for handle in [&thread.reply_writer, &thread.reply_reader] {
            // It may have gone with all handles of the process.
            if let Some(index) = place(handle.get())
                && Entry::unpack(arena.handle(process, index).get()).is_some_and(|entry| entry.flags & HIDDEN != 0)
            {
                self.clear_handle(process, index);
            }
            handle.put(0);
        }
    }
}
