//! A test program that hangs ends, and says why.
//!
//! Where a thread of a test panics, its scope first joins the others, which may wait for what it will never do: the
//! test would hang, and its message stay with the output that is shown when a test has ended.

use std::io::Write;
use std::os::fd::BorrowedFd;
use std::sync::Once;
use std::time::Duration;

/// Many times what any of the programs takes; what a fuzzer was told to take comes on top.
const PATIENCE: Duration = Duration::from_secs(300);

static STARTED: Once = Once::new();

/// From now on panics are told as they happen, and this process ends within its time.
pub fn start() {
    STARTED.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            tell(&format!("{panic}\n"));
            default(panic);
        }));
        let fuzz = std::env::var("NTIPC_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
        let patience = PATIENCE + Duration::from_secs(fuzz);
        std::thread::spawn(move || {
            std::thread::sleep(patience);
            tell(&format!("the watchdog ends this program, which has not come to its end in {patience:?}\n"));
            std::process::abort();
        });
    });
}

/// Print past the capture of the test harness.
fn tell(text: &str) {
    // SAFETY: descriptor 2 stays open in a test program; the file is not closed by this.
    let stderr = unsafe { BorrowedFd::borrow_raw(2) };
    if let Ok(stderr) = stderr.try_clone_to_owned() {
        let _ = std::fs::File::from(stderr).write_all(text.as_bytes());
    }
}
