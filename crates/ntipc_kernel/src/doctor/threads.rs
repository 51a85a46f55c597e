//! Threads: life words, progress and wait records.

use super::look::{Life, Look, life};
use super::waits::PATIENCE_NS;
use crate::arena::layout::{Block, Thread, progress, word};
use crate::object::kind::Kind;
use crate::sync::Shared;
use crate::sys::process;
use std::collections::HashMap;

impl Look<'_> {
    pub fn all_threads(&mut self) {
        let mut sequences = HashMap::new();
        for slot in 0..self.threads {
            if Some(slot) == self.guest {
                continue;
            }
            let title = self.thread_title(slot);
            let thread = self.arena.thread(slot);
            match life(thread.life.word.get()) {
                Life::Free => self.find_if(thread.progress.get() != progress::IDLE, "thread", &title, || {
                    format!("The slot of {title} is free and still in a wait.")
                }),
                Life::Died => {
                    self.find(
                        "death",
                        &title,
                        format!("The end of {title} was told and nobody has cleaned up after it."),
                    );
                }
                Life::Held(tid) => {
                    self.lives(thread, &title, tid);
                    self.progress_of(slot, thread, &title);
                    if progress::is_queued(thread.progress.get())
                        && let Some(other) = sequences.insert(thread.sequence.get(), slot)
                    {
                        let other = self.thread_title(other);
                        self.find(
                            "order",
                            &title,
                            format!("{title} and {other} have the same place in the order of waits."),
                        );
                    }
                }
            }
        }
    }

    fn lives(&mut self, thread: &Thread, title: &str, tid: u32) {
        let Some(process) = thread.process_slot().filter(|process| *process < self.processes) else {
            let text = format!(
                "{title} belongs to process slot {}, which does not exist.",
                thread.process.get().wrapping_sub(1)
            );
            self.find("thread", title, text);
            return;
        };
        let record = self.arena.process(process);
        if life(record.life.word.get()) == Life::Free {
            self.find("thread", title, format!("{title} belongs to process slot {process}, which nobody has."));
        }
        let here = self.arena.pid_in(self.pid_namespace, process);
        if tid != thread.tid.get() || here.is_some_and(|pid| process::is_no_thread(Some(pid), tid)) {
            self.find(
                "life",
                title,
                format!("The life word of {title} names thread {tid}, and there is no such thread."),
            );
        }
        let badges = [&thread.queue_badge, &thread.call_badge].map(Shared::get);
        self.find_if(badges.iter().any(|badge| *badge > self.objects), "badge", title, || {
            format!("{title} puts or calls with the badges {badges:?}, of which one cannot be.")
        });
        let strange = thread.noted.iter().map(|noted| noted.get()).find(|noted| *noted > self.objects);
        if let Some(strange) = strange {
            self.find(
                "noted",
                title,
                format!("{title} notes object {} as its own, which does not exist.", strange - 1),
            );
        }
    }

    fn progress_of(&mut self, slot: u32, thread: &Thread, title: &str) {
        let state = thread.progress.get();
        let (count, linked) = (thread.block_count.get(), thread.linked.get());
        if progress::is_done(state) {
            let index = state & progress::INDEX_MASK;
            let rest = state & !(progress::DONE | progress::ABANDONED | progress::INDEX_MASK);
            if index >= count || rest != 0 {
                let text =
                    format!("The wait of {title} for {count} objects ended with the impossible result {state:#x}.");
                self.find("progress", title, text);
            }
            self.sleeps_on(thread, title);
        } else if !progress::is_queued(state) && state != progress::IDLE {
            self.find(
                "progress",
                title,
                format!("The wait of {title} is in the state {state:#x}, which does not exist."),
            );
        }
        if !progress::is_queued(state) {
            self.find_if(self.locked && linked != 0, "progress", title, || {
                format!("{title} is not queued, and its wait blocks are marked as linked.")
            });
            return;
        }
        self.looks_too_late(thread, title);
        if count == 0 || self.locked && linked != 1 {
            let text = format!("{title} waits for {count} objects, and its mark of being in their lists is {linked}.");
            self.find("progress", title, text);
        }
        let newest = self.arena.header().wait_sequence.get();
        self.find_if(self.locked && thread.sequence.get() > newest, "order", title, || {
            format!("The wait of {title} has number {}, and only {newest} were begun.", thread.sequence.get())
        });
        for place in 0..self.blocks[slot as usize] {
            self.block_of(slot, place, title);
        }
    }

    fn block_of(&mut self, slot: u32, place: u32, title: &str) {
        let block = self.arena.block(slot * crate::arena::layout::BLOCKS + place);
        let index = block.object.get();
        let Some((object, kind)) = self.object(index) else {
            self.find("wait", title, format!("{title} waits for object {index}, which does not exist."));
            return;
        };
        let generation = block.channel.get() >> Block::GENERATION_SHIFT & word::GENERATION_MAX;
        let now = word::generation(object.word.get());
        if kind == Kind::Section || generation != now {
            let what = self.object_title(index);
            let text = format!("{title} waits for generation {generation} of {what}, which is at {now}.");
            self.find("wait", title, text);
        }
    }

    /// Told that its wait is over, and asleep all the same: its wake-up was lost.
    fn sleeps_on(&mut self, thread: &Thread, title: &str) {
        if self.sleeps_in_wait(thread) {
            self.find("lost-wake", title, format!("The wait of {title} is over, and it sleeps on: nobody woke it."));
        }
    }

    /// It was to look whether another, who was told, acts; the time for it is over, and it sleeps.
    fn looks_too_late(&mut self, thread: &Thread, title: &str) {
        let due_ns = thread.lookout_ns.get();
        if due_ns != 0 && due_ns.saturating_add(PATIENCE_NS) < self.now_ns && self.sleeps_in_wait(thread) {
            let text = format!("{title} was to look whether somebody else uses what it waits for, and sleeps on.");
            self.find("lookout", title, text);
        }
    }

    /// Does that thread sleep in a wait, of a process that is not stopped?
    pub(super) fn sleeps_in_wait(&self, thread: &Thread) -> bool {
        let Some(process) = thread.process_slot().filter(|process| *process < self.processes) else { return false };
        let pid = self.arena.pid_in(self.pid_namespace, process);
        pid.is_some_and(|pid| process::sleeps_while(pid, thread.tid.get(), progress::SLEEP))
            && !self.is_stopped(process)
    }
}
