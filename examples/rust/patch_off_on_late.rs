//! The patch off, on, and too late: two coroutines that sleep by std's sleep, one for a second and one for half of it.
//!
//! Off, the second begins when the first has slept. Too late is never quite too late here: the coroutines yield all the same,
//! but threads that are made afterwards are not virtual ones, since the process has others already.
//!
//! ```text
//! off: 1.5 s
//! on: 1.0 s, threads are virtual
//! too late: 1.0 s, threads are native: the process has 2 threads already
//! ```

use patchall::monkey::{Threads, patch_all};
use patchall::{join_all, spawn};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

patchall::export_hooks!();

/// Seconds that two naps take.
fn naps() -> f64 {
    let begin = Instant::now();
    join_all([1000, 500].map(|ms| spawn(move || thread::sleep(Duration::from_millis(ms)))));
    begin.elapsed().as_secs_f64()
}

fn threads(are: Threads) -> String {
    match are {
        Threads::Virtual => "virtual".to_owned(),
        Threads::Native(reason) => format!("native: {reason}"),
    }
}

/// As a program does that makes a thread before it patches.
fn late() {
    let (let_go, wait) = mpsc::channel::<()>();
    let early = thread::spawn(move || wait.recv());
    let new = threads(patch_all());
    println!("too late: {:.1} s, threads are {new}", naps());
    drop(let_go);
    assert!(early.join().is_ok());
}

fn main() -> std::io::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("late") {
        late();
        return Ok(());
    }
    println!("off: {:.1} s", naps());
    let new = threads(patch_all());
    println!("on: {:.1} s, threads are {new}", naps());

    // What is patched stays patched, so this needs a process of its own.
    Command::new(std::env::current_exe()?).arg("late").status()?;
    Ok(())
}
