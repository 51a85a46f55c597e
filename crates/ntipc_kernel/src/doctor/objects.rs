//! Objects: words, owners, the free list, the files of sections.

use super::look::{Life, Look, life};
use crate::arena::layout::{BLOCKS, Object, THREADS, ending, progress, word};
use crate::dispatch::signal::{count, owner, recursion};
use crate::object::kind::Kind;
use crate::queue::badge::NOTICED;
use crate::section;
use crate::sync::Shared;
use crate::sys::files;
use std::collections::HashSet;

impl Look<'_> {
    pub fn all_objects(&mut self) {
        let mut files: HashSet<String> =
            files::list_of(self.directory).into_iter().filter(|name| name.starts_with("section.")).collect();
        let free = self.free_list();
        let (mut live, mut missing) = (0, 0);
        let mut serials = HashSet::new();
        for index in 0..self.objects {
            let record = self.arena.object(index);
            let raw = record.kind.get();
            let Some(kind) = Kind::from_u32(raw) else {
                self.find_if(raw != 0, "kind", &format!("object {index}"), || {
                    format!("Object {index} is of kind {raw}, which does not exist.")
                });
                missing += u32::from(raw == 0 && !free.contains(&index));
                continue;
            };
            live += 1;
            let title = self.object_title(index);
            let serial = self.arena.origin(index).serial.get();
            self.find_if(serial == 0 || !serials.insert(serial), "serial", &title, || {
                format!("{title} has the serial number {serial}, which is none, or that of another object.")
            });
            self.references_of(index, record, &title);
            self.word_of(index, record, kind, &title);
            if kind == Kind::Section {
                self.file_of(record, &title, &mut files);
            }
        }
        self.find_if(self.locked && missing > 0, "free-list", "the list of free objects", || {
            format!("{missing} objects are free and not in the list of free ones.")
        });
        let noted = self.arena.header().objects_live.get();
        self.find_if(self.locked && noted != live, "count", "the count of objects", || {
            format!("{live} objects exist and the count says {noted}.")
        });
        for file in files {
            self.find("file", &file, format!("The file {file} belongs to no section."));
        }
    }

    fn free_list(&mut self) -> HashSet<u32> {
        const LIST: &str = "the list of free objects";
        let mut seen = HashSet::new();
        let mut next = self.arena.header().object_free.get();
        while let Some(index) = next.checked_sub(1) {
            if index >= self.objects || self.arena.object(index).kind.get() != 0 {
                self.find(
                    "free-list",
                    LIST,
                    format!("The list of free objects leads to object {index}, which is none."),
                );
                break;
            }
            if !seen.insert(index) {
                self.find("free-list", LIST, "The list of free objects runs in a circle.".to_owned());
                break;
            }
            next = self.arena.object(index).link.get();
        }
        seen
    }

    fn references_of(&mut self, index: u32, record: &Object, title: &str) {
        let (noted, held) = (record.handles.get(), self.references.get(&index).copied().unwrap_or(0));
        self.find_if(noted != held, "references", title, || {
            format!("{title} has {held} handles in all tables and its count says {noted}.")
        });
        // An end lives as long as its queue does.
        let kept = self.arena.queue_of(record).filter(|_| Kind::of(record).is_some_and(Kind::is_end));
        let is_used = |end: u32| {
            let end = self.arena.object(end);
            end.handles.get() != 0 || end.head.get() != 0
        };
        let kept =
            kept.is_some_and(|(_, queue, read, write)| is_used(read) || is_used(write) || queue.badges.get() != 0);
        // A badge without handles is what its notice lies in.
        let kept = kept || Kind::of(record) == Some(Kind::BadgedEnd) && record.word.get() & NOTICED != 0;
        self.find_if(noted == 0 && record.head.get() == 0 && !kept, "leak", title, || {
            format!("{title} has neither handles nor waiters, and exists.")
        });
    }

    fn word_of(&mut self, index: u32, record: &Object, kind: Kind, title: &str) {
        let seen = record.word.get();
        let value = seen & word::VALUE;
        let wrong = |why: &str| format!("The state {seen:#x} of {title} cannot be: {why}.");
        match kind {
            Kind::Mutant => self.owner_of(index, record, title),
            Kind::Semaphore => {
                let limit = record.limit.get();
                let fits = value <= u64::from(limit) && (1..=i32::MAX as u32).contains(&limit);
                self.find_if(!fits, "state", title, || wrong(&format!("{} units of {limit}", count(value))));
            }
            Kind::EventPair => self.find_if(value > 3, "state", title, || wrong("a pair is two bits")),
            Kind::Section => self.find_if(value != 0, "state", title, || wrong("a section has none")),
            Kind::BadgedEnd => {
                self.find_if(value > 3, "state", title, || wrong("a badge is revoked, noticed, or neither"))
            }
            Kind::Process | Kind::Thread => {
                let detail = record.detail.get();
                self.find_if(value > 1, "state", title, || wrong("it is one bit"));
                // Signalled without ENDED: of another pid namespace, whose end nobody could watch.
                let asked_and_known =
                    detail & ending::ASKED != 0 && detail & (ending::ENDED | ending::KNOWN) == 0 && value == 1;
                self.find_if(asked_and_known, "ending", title, || {
                    format!("{title} has ended, was asked to, and has no exit code.")
                });
                let named = self.text(record.name.get()).is_some_and(|name| {
                    let name = String::from_utf8_lossy(&name).into_owned();
                    name.split('.').nth(1) == Some(&record.limit.get().to_string())
                });
                self.find_if(record.handles.get() != 0 && !named, "ending", title, || {
                    format!("{title} is not found by its number: its name is another one's.")
                });
            }
            Kind::ReadEnd | Kind::WriteEnd => self.find_if(value != 0, "state", title, || wrong("an end has none")),
            _ => self.find_if(value > 1, "state", title, || wrong("it is one bit")),
        }
        self.find_if(kind != Kind::Mutant && seen & word::ABANDONED != 0, "state", title, || {
            wrong("only a mutex is abandoned")
        });
    }

    fn owner_of(&mut self, index: u32, record: &Object, title: &str) {
        let seen = record.word.get();
        let (holder, times) = (owner(seen), recursion(seen));
        let Some(slot) = holder.checked_sub(1) else {
            self.find_if(times != 0, "state", title, || format!("{title} is free and has been taken {times} times."));
            return;
        };
        self.find_if(times == 0 || seen & word::ABANDONED != 0, "state", title, || {
            format!("{title} is owned, {times} times, and abandoned: {}.", seen & word::ABANDONED != 0)
        });
        let whose = self.thread_title(slot);
        if slot >= self.threads.min(THREADS) || life(self.arena.thread(slot).life.word.get()) == Life::Free {
            self.find("owner", title, format!("{title} is owned by {whose}, which does not exist."));
            return;
        }
        let thread = self.arena.thread(slot);
        let notes = thread.noted.iter().any(|noted| noted.get() == index + 1) || thread.noted_overflow.get() != 0;
        let is_told = || {
            progress::is_done(thread.progress.get())
                && (0..self.blocks[slot as usize])
                    .any(|place| self.arena.block(slot * BLOCKS + place).object.get() == index)
        };
        if !(notes || is_told()) && record.word.get() == seen {
            self.find("owner", title, format!("{title} is owned by {whose}, which knows nothing of it."));
        }
    }

    fn file_of(&mut self, record: &Object, title: &str, files: &mut HashSet<String>) {
        if section::has_file(record.limit.get()) {
            let readable = self.text(record.extra.get()).is_some_and(|text| text.len() > 16);
            self.find_if(!readable, "file", title, || format!("{title} has no readable path of its file."));
            return;
        }
        let serial = record.detail.get();
        let name = format!("section.{serial}");
        let there = files.remove(&name);
        let newest = self.arena.header().section_serial.get();
        self.find_if(!there || serial > newest, "file", title, || {
            format!("{title} has its memory in the file {name}, which is not there or was never made ({newest} were).")
        });
    }
}
