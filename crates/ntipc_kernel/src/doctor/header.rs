//! The header: journal, lock, the mark of damage. (Counters of tables: `Look::measure`.)

use super::look::Look;
use crate::arena::damage::sentence;
use crate::arena::layout::{BLOCKS, journal};
use crate::process::lock;
use crate::sync::Shared;

const SESSION: &str = "the session";

impl Look<'_> {
    pub fn header(&mut self) {
        let header = self.arena.header();
        let damaged = header.damaged.get();
        self.find_if(damaged != 0, "damaged", SESSION, || {
            format!("A participant found damage and marked the session: {}.", sentence(damaged))
        });
        let (valid, count) = (header.journal_valid.get(), header.journal_count.get());
        self.find_if(self.locked && valid != 0, "journal", "the journal", || {
            format!("The journal holds a step ({valid}) though nobody is in the middle of one.")
        });
        let known = matches!(valid, 0 | journal::COMPLETE | journal::REFUND);
        self.find_if(!known || valid != 0 && count > BLOCKS, "journal", "the journal", || {
            format!("The journal holds step {valid} with {count} entries, and there is no such step.")
        });
        let pulse = header.pulse.get();
        self.find_if(self.locked && pulse != 0, "pulse", "the pulse mark", || {
            format!("A pulse of object {} is marked as under way and is not.", pulse.wrapping_sub(1))
        });
        if !self.locked {
            self.lock_word();
        }
    }

    fn lock_word(&mut self) {
        if let Some(holder) = super::holder(self.arena).filter(|holder| holder.ends_with("stopped")) {
            self.find("lock", "the dispatcher lock", format!("The dispatcher lock is held by {holder}."));
        }
        let word = self.arena.header().lock.read();
        let owner = word.owner();
        self.find_if(owner != 0 && lock::owner_is_dead(self.arena, owner), "lock", "the dispatcher lock", || {
            format!("The lock word {word:#x} names an owner that does not exist, and nobody takes the lock over.")
        });
        self.find_if(owner != 0 && lock::owner_is_elsewhere(self.arena, owner), "lock", "the dispatcher lock", || {
            format!(
                "The lock word {word:#x} names an owner that sleeps elsewhere, which a holder of the lock never does."
            )
        });
    }
}
