//! Calls: queues for replies and their hidden handles, who may answer whom, and that nobody waits for a reply that
//! cannot come.

use super::carried::Requests;
use super::look::{Life, Look, life};
use crate::arena::layout::{PROCESSES, Thread, progress};
use crate::object::handles::{Entry, HIDDEN, place};
use crate::queue::call::{Answerer, serial_of};
use crate::sync::Shared;
use std::collections::HashSet;

impl Look<'_> {
    pub(super) fn all_calls(&mut self, requests: &Requests) {
        if !self.locked {
            return;
        }
        let mut named = HashSet::new();
        for slot in 0..self.threads {
            if Some(slot) == self.guest {
                continue;
            }
            let thread = self.arena.thread(slot);
            let title = self.thread_title(slot);
            match (life(thread.life.word.get()), thread.reply_queue.get().checked_sub(1)) {
                (Life::Free, body) => self.find_if(body.is_some(), "call", &title, || {
                    format!("Thread slot {slot} is free and has a queue for replies.")
                }),
                (_, None) => {}
                (_, Some(body)) => {
                    self.queue_for_replies(thread, body, &title, &mut named);
                    self.call_of(slot, thread, body, &title, requests);
                }
            }
        }
        let stray: Vec<(u32, u32)> = self.hidden.iter().copied().filter(|hidden| !named.contains(hidden)).collect();
        for (process, index) in stray {
            let title = format!("hidden handle {index} of {}", self.process_title(process));
            self.find("call", &title, format!("{title} belongs to no thread."));
        }
    }

    /// Each end of the queue is held by one hidden handle.
    fn queue_for_replies(&mut self, thread: &Thread, body: u32, title: &str, named: &mut HashSet<(u32, u32)>) {
        let subject = format!("the queue for replies of {title}");
        let Some(process) = thread.process_slot().filter(|process| *process < self.processes) else { return };
        let queue = self.arena.queue(body);
        let ends = [(&thread.reply_reader, &queue.read_end), (&thread.reply_writer, &queue.write_end)];
        let whole = body < self.queues
            && queue.state.get() != 0
            && ends.iter().all(|(handle, end)| {
                let Some(index) = place(handle.get()).filter(|index| *index < self.handles[process as usize]) else {
                    return false;
                };
                named.insert((process, index));
                let entry = Entry::unpack(self.arena.handle(process, index).get());
                entry.is_some_and(|entry| entry.flags & HIDDEN != 0 && entry.object + 1 == end.get())
            });
        self.find_if(!whole, "call", &subject, || {
            format!("The handles of {title} do not lead to queue {body}, its own.")
        });
    }

    /// Does that thread wait for a reply?
    fn is_asleep(&self, slot: u32, body: u32) -> bool {
        let end = self.arena.queue(body).read_end.get().wrapping_sub(1);
        progress::is_queued(self.arena.thread(slot).progress.get())
            && self.blocks[slot as usize] > 0
            && self.block_object(slot, 0) == end
    }

    /// Threads that wait for a reply now, and their calls.
    pub(super) fn sleeping_callers(&self) -> Vec<(u32, u64)> {
        let call = |slot| {
            let thread = self.arena.thread(slot);
            let body = thread.reply_queue.get().checked_sub(1)?;
            let call = thread.call.get();
            self.is_asleep(slot, body).then_some((slot, call))
        };
        (0..self.threads).filter_map(call).collect()
    }

    fn call_of(&mut self, slot: u32, thread: &Thread, body: u32, title: &str, requests: &Requests) {
        let call = thread.call.get();
        let serial = serial_of(call);
        let is_lost = thread.lost.get() == serial;
        match Answerer::of(call) {
            Answerer::NoCall => {}
            Answerer::Process(process, generation) => {
                let there = process < self.processes.min(PROCESSES)
                    && Answerer::is_named(generation, self.arena.process(process).generation.get())
                    && life(self.arena.process(process).life.word.get()) != Life::Free;
                self.find_if(!there && !is_lost, "call", title, || {
                    format!("{title} waits for the reply of process slot {process}, which has ended, and was not told.")
                });
            }
            Answerer::Nobody => {
                // Asleep since before the frames were looked at, and ever since.
                let asleep = requests.asleep.contains(&(slot, call)) && self.is_asleep(slot, body);
                self.find_if(asleep && !is_lost && !requests.has(slot, serial), "call", title, || {
                    format!("{title} waits for a reply, and its request is nowhere.")
                });
            }
        }
    }
}
