//! The second way of yielding by itself: a program with the symbol hooks and no gate.
//!
//! One test per hooked symbol: a coroutine makes the call, which has to wait; another coroutine runs meanwhile, and only what it
//! does ends the wait. So a call that holds the thread up never ends, and the alarm ends the test. The calls go by libc's
//! symbols, which the exported hooks stand before. A test that lacks for a symbol of the table fails the run.
//!
//! No harness: coroutines, signals, forks and children want a thread and a process of their own. Arguments: parts of names.

mod calls;
mod kernel;
mod support;
mod tasks;

patchall::export_hooks!();

fn main() {
    use patchall::monkey::Groups;
    // All but the threads: by the hooks alone.
    patchall::monkey::patch(Groups::TIME | Groups::SOCKET | Groups::SELECT | Groups::PROCESS | Groups::FILE);
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let tests: Vec<(&str, fn())> = [calls::TESTS, tasks::TESTS, kernel::TESTS].concat();
    for symbol in patchall::hooks::SYMBOLS {
        assert!(tests.iter().any(|(name, _)| name == symbol), "no test for {symbol}");
    }
    let mut failed = Vec::new();
    let mut run = 0;
    for (name, test) in tests {
        if !wanted.is_empty() && !wanted.iter().any(|w| name.contains(w.as_str())) {
            continue;
        }
        run += 1;
        // In a thread of its own, so that no test leaves coroutines to the next.
        support::limit(name);
        let thread = std::thread::Builder::new().name(name.into()).spawn(test).expect("a thread");
        if thread.join().is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "failed: {failed:?}");
    println!("{run} tests passed");
}
