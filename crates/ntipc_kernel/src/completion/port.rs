//! A completion port: one descriptor of an event loop, behind which lie the news of everything that the loop watches.
//!
//! A watch is for an end of a queue, and takes nothing: it fires once when its object is signalled, and no more until
//! it is armed again. The port's descriptor, an eventfd, is readable from the first watch that fires until the loop
//! lowers it.
//!
//!   relay   F1 armed := 0   F2 raised: 0 -> 1?   F3 write the eventfd
//!   loop    L1 read the eventfd   L2 raised := 0   L3 look at every object   L4 armed := 1, ring the relay's bell
//!
//! Invariant: an object that is signalled, and that the loop will not look at by itself, has an armed watch, or
//! `raised` is 1 and the eventfd readable. L1 comes before L2: the other way round, a write between the two would be
//! read with `raised` left at 1, and no write would follow. A watch that fires between L1 and L2 writes nothing: it
//! fired before L3, which sees what it told of. L4 comes after L3, and the relay begins a wait for what is armed, which
//! looks (`dispatch::wait`, W3): what is signalled after L3 is told then.
//!
//! fork: ports are the parent's. The child neither reads nor writes the eventfd, which is the same one; it closes its
//! copy.

use super::relay::{RELAY, Relay, Watch};
use crate::fault::fault;
#[cfg(feature = "models")]
use crate::models::eventfd::EventFd;
use crate::mutation::without;
use crate::object::kind::Type;
use crate::session::{Session, locked};
use crate::status::{Failure, NtResult, NtStatus};
use crate::sync::{AtomicU32, Ordering};
#[cfg(not(feature = "models"))]
use crate::sys::eventfd::EventFd;
use crate::sys::process;
use std::os::fd::RawFd;
use std::sync::{Arc, Mutex};

/// The descriptor of a port, as the relay sees it.
pub(super) struct Signal {
    descriptor: EventFd,
    raised: AtomicU32,
}

impl Signal {
    /// F2, F3. Called under the lock of the roster, in which nothing leads here any more when the descriptor is closed.
    pub fn raise(&self) {
        if self.raised.swap(1, Ordering::SeqCst) == 0 {
            fault!(RelayRaised);
            self.descriptor.raise(); // a loop whose descriptor is closed learns of nothing, until it has another one
        }
    }
}

/// What an event loop waits for.
pub struct Port {
    signal: Arc<Signal>,
    watches: Mutex<Vec<Arc<Watch>>>,
    relay: &'static Relay,
    /// The process that made it.
    pid: u32,
}

impl Port {
    pub fn new() -> NtResult<Port> {
        Port::of(&RELAY)
    }

    fn of(relay: &'static Relay) -> NtResult<Port> {
        let signal = Arc::new(Signal { descriptor: EventFd::new()?, raised: AtomicU32::new(0) });
        Ok(Port { signal, watches: Mutex::default(), relay, pid: process::pid() })
    }

    /// The descriptor. `None`: it was closed, by the program perhaps, or it is the parent's of this process.
    pub fn fileno(&self) -> Option<RawFd> {
        self.signal.descriptor.number().filter(|_| self.is_ours())
    }

    fn is_ours(&self) -> bool {
        self.pid == process::pid()
    }

    /// Watch a read end, from now on. The handle must stay open until the port is closed.
    pub fn watch(&self, session: &Arc<Session>, handle: u32) -> NtResult<()> {
        if !self.is_ours() {
            return Err(Failure::new(NtStatus::INVALID_HANDLE, "the completion port is that of the parent process"));
        }
        session.basics(handle, Type::ReadEnd, 0)?;
        let watch = Arc::new(Watch::new(session, handle, &self.signal));
        self.relay.add(&watch)?;
        locked(&self.watches).push(watch);
        Ok(())
    }

    /// L1, L2.
    pub fn lower(&self) {
        if self.is_ours() {
            let other_way_round = without!(LowerReadsFirst);
            if !other_way_round {
                self.signal.descriptor.lower();
            }
            self.signal.raised.store(0, Ordering::SeqCst);
            if other_way_round {
                self.signal.descriptor.lower();
            }
        }
    }

    /// L4: arm every watch that has fired.
    pub fn arm(&self) {
        if self.is_ours() {
            let fired = locked(&self.watches).iter().filter(|watch| watch.arm()).count();
            if fired > 0 && !without!(ArmRings) {
                self.relay.ring();
            }
        }
    }

    /// Watch nothing any more.
    pub fn unwatch(&self) {
        if self.is_ours() && !std::mem::take(&mut *locked(&self.watches)).is_empty() {
            self.relay.remove(&self.signal);
        }
    }

    /// Watch nothing any more, and close the descriptor.
    pub fn close(&self) {
        self.unwatch();
        self.signal.descriptor.close(); // the relay has no way to it any more
    }
}

/// For models: a relay that runs already, as a thread of the model, and a loop that sleeps until its descriptor is
/// readable.
#[cfg(feature = "models")]
impl Port {
    pub fn of_a_model() -> Port {
        let relay = Box::leak(Box::new(Relay::new(process::pid())));
        Port::of(relay).unwrap_or_else(|_| unreachable!("its descriptor is a word"))
    }

    pub fn run_relay(&self) {
        self.relay.run();
    }

    pub fn sleep(&self) {
        self.signal.descriptor.sleep();
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.close();
    }
}
