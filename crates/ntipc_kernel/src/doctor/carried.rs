//! Handles that lie in frames: each of them in one frame or one hand, and what ends note of them.

use super::look::Look;
use crate::arena::layout::{CARRIED, IN_FRAMES};
use crate::object::handles::Entry;
use crate::object::kind::Kind;
use crate::queue::call::{serial_of, slot_of};
use crate::sync::{AtomicU32, Shared};
use std::collections::{HashMap, HashSet};

/// Requests that lie in frames or in hands, by thread slot and serial number; and who waited before they were looked
/// for.
pub(super) struct Requests {
    found: HashSet<(u32, u32)>,
    pub asleep: Vec<(u32, u64)>,
}

impl Requests {
    pub fn before(asleep: Vec<(u32, u64)>) -> Requests {
        Requests { found: HashSet::new(), asleep }
    }

    pub fn found(&mut self, correlation: u64) {
        self.found.insert((slot_of(correlation), serial_of(correlation)));
    }

    pub fn has(&self, slot: u32, serial: u32) -> bool {
        self.found.contains(&(slot, serial))
    }
}

/// How often each place was found.
#[derive(Default)]
pub(super) struct Places(HashMap<u32, u32>);

impl Places {
    /// Note the places that a frame names, + 1.
    pub fn found(&mut self, carried: &[u32; CARRIED]) {
        for place in carried.iter().filter_map(|place| place.checked_sub(1)) {
            *self.0.entry(place).or_default() += 1;
        }
    }

    pub fn found_in_hand(&mut self, places: &[AtomicU32; CARRIED]) {
        self.found(&std::array::from_fn(|number| places[number].get()));
    }
}

impl Look<'_> {
    pub(super) fn each_handle_is_carried_once(&mut self, places: &Places) {
        let Some(high) = self.handles.get(IN_FRAMES as usize).copied().filter(|_| self.locked) else { return };
        // Of each end: its own handles there, and read ends in its queue's frames.
        let mut ends: HashMap<u32, (u64, u64)> = HashMap::new();
        for place in 0..high {
            let times = places.0.get(&place).copied().unwrap_or(0);
            let subject = format!("handle {place} of those in frames");
            match Entry::unpack(self.arena.handle(IN_FRAMES, place).get()) {
                None => {
                    self.find_if(times > 0, "carried", &subject, || {
                        format!("A frame has {subject}, which is not there.")
                    });
                }
                Some(entry) => {
                    self.find_if(times != 1, "carried", &subject, || format!("{times} frames have {subject}."));
                    let Some((_, kind)) = self.object(entry.object) else { continue };
                    ends.entry(entry.object).or_default().0 += 1;
                    if let (Kind::ReadEnd, Some(carrier)) = (kind, self.carrier(place)) {
                        ends.entry(carrier).or_default().1 += 1;
                    }
                }
            }
        }
        let beyond = places.0.keys().filter(|place| **place >= high).count();
        self.find_if(beyond > 0, "carried", "handles in frames", || format!("Frames have {beyond} handles too many."));
        for index in 0..self.objects {
            let Some((record, _)) = self.object(index).filter(|(_, kind)| kind.is_end()) else { continue };
            let noted = (record.quantity.get(), record.detail.get());
            let there = ends.get(&index).copied().unwrap_or_default();
            let title = self.object_title(index);
            self.find_if(noted != there, "carried", &title, || {
                let ((lie, carries), (noted_lie, noted_carries)) = (there, noted);
                format!("{lie} handles to {title} lie in frames and {carries} read ends in its own; it notes {noted_lie} and {noted_carries}.")
            });
        }
    }

    /// The read end of the queue in whose frames that place lies.
    fn carrier(&self, place: u32) -> Option<u32> {
        let body = self.arena.carrier(place).get().checked_sub(1).filter(|body| *body < self.queues)?;
        self.arena.queue(body).read_end.get().checked_sub(1)
    }
}
