//! The debug log: its readers belong to participants, and can be told.

use super::look::Look;
use crate::arena::layout::LOG_LINES;
use crate::object::kind::Kind;
use crate::sync::Shared;

impl Look<'_> {
    /// All of it changes under the dispatcher lock, and is looked at under it only.
    pub fn debug_log(&mut self) {
        let header = self.arena.header();
        let readers = header.log.readers.get();
        if !self.locked || readers == 0 {
            return;
        }
        self.find_if(header.log_lines_reserved.get() < LOG_LINES, "log", "the debug log", || {
            "The debug log has readers, and no memory for its lines.".to_owned()
        });
        for (place, entry) in header.log.reader.iter().enumerate().filter(|(place, _)| readers >> place & 1 != 0) {
            let title = format!("reader {place} of the debug log");
            let (slot, generation) = (entry.process.get() as u32, (entry.process.get() >> 32) as u32);
            let process = self.arena.process(slot);
            let takes_part =
                slot < self.processes && process.life.word.get() != 0 && process.generation.get() == generation;
            self.find_if(!takes_part, "log", &title, || {
                format!("{title} belongs to a process that does not take part.")
            });
            let bell = entry.bell.get() as u32;
            let is_bell = self.object(bell).is_some_and(|(_, kind)| kind == Kind::NotificationEvent)
                && self.arena.origin(bell).serial.get() == entry.serial.get();
            self.find_if(!is_bell, "log", &title, || {
                format!("{title} has no event by which it could be told of a line.")
            });
        }
    }
}
