//! Sizes of stacks, and running out of them.

use patchall::task::Builder;
use std::hint::black_box;
use std::process::Command;

/// Uses about so many bytes of stack.
fn deep(bytes: usize) -> usize {
    let room = black_box([1u8; 1024]);
    if bytes < 1024 { room[0].into() } else { deep(bytes - 1024) + usize::from(room[1023]) }
}

#[test]
fn a_stack_of_the_size_asked_for() {
    let c = Builder::new().stack_size(64 << 20).spawn(|| deep(32 << 20)).unwrap();
    assert!(c.join().unwrap() > 0);
}

#[test]
fn absurd_sizes() {
    let least = Builder::new().stack_size(0).spawn(|| 5).unwrap();
    assert_eq!(least.join().unwrap(), 5);
    let error = Builder::new().stack_size(usize::MAX).spawn(|| 5).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
}

#[test]
fn a_closure_larger_than_a_page() {
    let large = black_box([7u8; 50_000]);
    let c = patchall::spawn(move || large.iter().map(|b| u64::from(*b)).sum::<u64>());
    assert_eq!(c.join().unwrap(), 350_000);
}

/// An overflow ends the process: the test runs itself in another one.
#[test]
fn an_overflow_is_named_and_kills() {
    const NAME: &str = "stacks::an_overflow_is_named_and_kills";
    if std::env::var_os("OVERFLOW").is_some() {
        let c = Builder::new().name("greedy").spawn(|| deep(1 << 20)).unwrap();
        let _ = c.join();
        return;
    }
    let out = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env("OVERFLOW", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(said.contains(" \"greedy\" has overflowed its stack"), "{said}");
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&out.status), Some(libc::SIGSEGV));
}
