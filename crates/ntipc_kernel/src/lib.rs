//! The kernel of ntipc: the NT dispatcher, its objects, names, handles and waits, in one shared memory mapping.
//!
//! | module     | owns                                                        | may use              |
//! | ---------- | ----------------------------------------------------------- | -------------------- |
//! | `sys`      | system calls                                                | `sync`, `status`     |
//! | `arena`    | the layout of shared memory, and the way from index to record | `sys`              |
//! | `session`  | this process's attachment                                   | `arena`              |
//! | `object`   | object table, names, handles                                | `session`, `process::lock` |
//! | `dispatch` | signals, waits, hand-over                                   | `object`             |
//! | `process`  | the lock, attachment, death and repair, fork                | all of the above     |
//! | `completion` | what event loops wait for, and the thread that tells them | `dispatch` |
//! | `section`  | shared memory for programs                                  | `object`             |
//! | `queue`    | frames that move from process to process                    | `object`, `dispatch` |
//! | `debuglog` | the ring of the debug log, its readers                      | `object`, `dispatch` |
//! | `query`, `inspect` | looking                                             | everything, read-only |
//! | `doctor`   | checking every invariant                                    | everything, read-only |
//!
//! No Python in here: `ntipc_py` binds it.

mod arena;
pub mod completion;
pub mod debuglog;
pub mod dispatch;
pub mod doctor;
pub mod fault;
pub mod inspect;
#[cfg(feature = "models")]
pub mod models;
pub mod mutation;
pub mod object;
pub mod process;
pub mod query;
pub mod queue;
pub mod section;
pub mod session;
pub mod status;
mod sync;
pub mod sys;

pub use arena::fields::{Field, fields};
pub use arena::layout::FINGERPRINT;
pub use session::Session;
pub use status::{Failure, NtResult, NtStatus};
