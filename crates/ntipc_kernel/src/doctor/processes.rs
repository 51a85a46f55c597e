//! Participants and their handle tables.

use super::look::{Life, Look, life};
use crate::arena::layout::{FULL_WORDS, IN_FRAMES, NOBODY, PROCESSES, word};
use crate::object::handles::{Entry, HIDDEN, IN_FLIGHT, INHERITABLE, number};
use crate::sync::Shared;
use crate::sys::process;
use crate::sys::robust::HEIR;

impl Look<'_> {
    pub fn all_processes(&mut self) {
        if self.handles.len() > IN_FRAMES as usize {
            self.handles_of(IN_FRAMES, "the frames of queues");
        }
        let nobody = self.arena.process(NOBODY);
        let is_used =
            nobody.life.word.get() != 0 || nobody.handle_high.get() != 0 || nobody.handles_reserved.get() != 0;
        self.find_if(is_used, "process", "the slot of those who take no part", || {
            "The slot of those who take no part is in use: a forked child would act by what is there.".to_owned()
        });
        for slot in IN_FRAMES + 1..self.processes.min(PROCESSES) {
            let title = self.process_title(slot);
            let record = self.arena.process(slot);
            let alive = life(record.life.word.get());
            match alive {
                Life::Free => self.find_if(record.handle_high.get() != 0, "process", &title, || {
                    format!("The slot of {title} is free and its handle table is not empty.")
                }),
                Life::Died => {
                    self.find(
                        "death",
                        &title,
                        format!("The end of {title} was told and nobody has cleaned up after it."),
                    );
                }
                Life::Held(HEIR) => {
                    let pid = record.pid.get();
                    let gone =
                        pid != 0 && self.arena.pid_in(self.pid_namespace, slot).is_some() && process::is_gone(pid);
                    self.find_if(gone, "death", &title, || {
                        format!("{title} has ended before it joined, and nobody has given back what it was to inherit.")
                    });
                }
                Life::Held(tid) => {
                    self.is_there(slot, &title, tid);
                    self.is_watched(slot, &title, tid);
                }
            }
            if alive != Life::Free {
                self.handles_of(slot, &title);
            }
        }
    }

    /// The process and its helper thread exist, as far as can be told from here.
    fn is_there(&mut self, slot: u32, title: &str, tid: u32) {
        let record = self.arena.process(slot);
        let pid = record.pid.get();
        if self.arena.pid_in(self.pid_namespace, slot).is_none() {
            return;
        }
        let no_thread = process::is_no_thread(Some(pid), tid);
        let replaced = || no_thread && process::is_other_start(record.start_time.get(), process::start_time(pid));
        if pid == 0 || process::is_gone(pid) || replaced() {
            self.find("death", title, format!("{title} exists no more, and its life word says that it does."));
        } else if no_thread {
            self.find("life", title, format!("The life word of {title} names thread {tid}, which it does not have."));
        }
    }

    /// Its end would be told, and one of those that would be told could act.
    fn is_watched(&mut self, slot: u32, title: &str, tid: u32) {
        for bell in &self.arena.process(slot).bells {
            let word = bell.word.get();
            self.find_if(life(word) != Life::Held(tid), "bell", title, || {
                format!("A bell of {title} says {word:#x} and its life word names thread {tid}: a watcher would not hear of its end.")
            });
        }
        let watchers = self.arena.watchers_of(slot);
        let (arena, here) = (self.arena, self.pid_namespace);
        let all_stopped = !watchers.is_empty() && watchers.iter().all(|watcher| self.is_stopped(*watcher));
        self.find_if(all_stopped, "watch", title, || {
            let names: Vec<_> = watchers.iter().map(|watcher| arena.named_in(here, *watcher)).collect();
            format!("The end of {title} would be told late: all who watch it are stopped ({}).", names.join(", "))
        });
    }

    fn handles_of(&mut self, slot: u32, title: &str) {
        let record = self.arena.process(slot);
        let high = self.handles[slot as usize];
        let mut handles = 0;
        for place in 0..high {
            let packed = self.arena.handle(slot, place).get();
            if packed == 0 {
                continue;
            }
            let subject = format!("handle {} of {title}", number(place));
            let Some(entry) = Entry::unpack(packed) else {
                self.find("handle", &subject, format!("Word {packed:#x} of {subject} leads to nothing."));
                continue;
            };
            handles += 1;
            if entry.flags & HIDDEN != 0 {
                self.hidden.push((slot, place));
            }
            *self.references.entry(entry.object).or_default() += 1;
            let Some((object, _)) = self.object(entry.object) else {
                self.find(
                    "handle",
                    &subject,
                    format!("{subject} leads to object {}, which does not exist.", entry.object),
                );
                continue;
            };
            let generation = word::generation(object.word.get());
            let known_flags = entry.flags & !(INHERITABLE | IN_FLIGHT | HIDDEN) == 0;
            self.find_if(generation != entry.generation || !known_flags, "handle", &subject, || {
                let (object, old, flags) = (entry.object, entry.generation, entry.flags);
                format!("{subject} leads to generation {old} of object {object}, which is at {generation}; flags {flags:#x}.")
            });
        }
        let count = record.handle_count.get();
        self.find_if(count != handles, "handle-count", title, || {
            format!("The handle count of {title} is {count} and its table holds {handles}.")
        });
        self.full_bits(slot, title, high);
    }

    fn full_bits(&mut self, slot: u32, title: &str, high: u32) {
        for group in 0..FULL_WORDS as u32 {
            let full = self.arena.process(slot).full[group as usize].get();
            for bit in (0..64).filter(|bit| full >> bit & 1 != 0) {
                let first = (group * 64 + bit) * 64;
                let free =
                    (first..first + 64).find(|place| *place >= high || self.arena.handle(slot, *place).get() == 0);
                if let Some(free) = free {
                    let handle = number(free);
                    let text =
                        format!("The handles around {handle} of {title} are marked as full and {handle} is free.");
                    self.find("full-bits", title, text);
                }
            }
        }
    }
}
