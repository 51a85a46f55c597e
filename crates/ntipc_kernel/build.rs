//! Builds the caretaker (`caretaker/main.rs`): a program of its own, without any library, that the kernel carries as
//! bytes.
//!
//! Where it cannot be built, as for processors that it has no entry for, the kernel has an empty one, and starts none.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=caretaker/main.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let program = PathBuf::from(variable("OUT_DIR")).join("caretaker");
    let _ = std::fs::remove_file(&program);
    let built = matches!(variable("CARGO_CFG_TARGET_ARCH").as_str(), "x86_64" | "aarch64")
        && variable("CARGO_CFG_TARGET_OS") == "linux"
        && build(&variable, &program);
    if !built {
        println!(
            "cargo::warning=the caretaker cannot be built: sessions whose last process is killed will be left to the next one"
        );
        let _ = std::fs::write(&program, []);
    }
}

fn build(variable: &dyn Fn(&str) -> String, program: &std::path::Path) -> bool {
    let mut rustc = Command::new(variable("RUSTC"));
    rustc
        .args(["--edition=2024", "--crate-type=bin", "--crate-name=caretaker", "--target", &variable("TARGET")])
        .args([
            "-Copt-level=s",
            "-Cpanic=abort",
            "-Cstrip=symbols",
            "-Crelocation-model=static",
            "-Cdebug-assertions=no",
        ])
        .args(["-Clink-arg=-nostdlib", "-Clink-arg=-nostartfiles", "-Clink-arg=-static", "-Clink-arg=-no-pie"])
        .args(["-Clink-arg=-Wl,--build-id=none,-z,norelro,-z,noseparate-code,--no-eh-frame-hdr"])
        .arg("-o")
        .arg(program)
        .arg("caretaker/main.rs");
    let linker = variable("RUSTC_LINKER");
    if !linker.is_empty() {
        rustc.arg(format!("-Clinker={linker}"));
    }
    rustc.status().is_ok_and(|status| status.success())
}
