//! All cores: the coroutines of one thread run one at a time, so there is a process for each core, with two threads each,
//! with a hundred coroutines each.
//!
//! The sum is parted among all coroutines. Each waits for half a second, as for a disk or a network, before it begins.
//!
//! ```text
//! … processes x 2 threads x 100 coroutines
//! sum of the numbers up to 10000000: 50000005000000
//! use time is: 0.5 s
//! ```

use patchall::{join_all, sleep};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, thread};

const LAST: u64 = 10_000_000;
const THREADS: u64 = 2;
const COROUTINES: u64 = 100;

/// One coroutine: every `parts`-th number.
fn part(number: u64, parts: u64) -> u64 {
    sleep(Duration::from_millis(500));
    (1..=LAST).skip(number as usize).step_by(parts as usize).sum()
}

/// One process: its threads' coroutines, each thread with a scheduler of its own.
fn process(number: u64, processes: u64) -> u64 {
    let parts = processes * THREADS * COROUTINES;
    thread::scope(|s| {
        let threads: Vec<_> = (0..THREADS)
            .map(|t| {
                s.spawn(move || {
                    let first = (number * THREADS + t) * COROUTINES;
                    let all = join_all((first..first + COROUTINES).map(|n| patchall::spawn(move || part(n, parts))));
                    all.into_iter().map(|sum| sum.unwrap()).sum::<u64>()
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    })
}

fn main() -> io::Result<()> {
    let arguments: Vec<u64> = env::args().skip(1).map(|a| a.parse().expect("a number")).collect();
    if let [number, processes] = arguments[..] {
        println!("{}", process(number, processes));
        return Ok(());
    }

    let begin = Instant::now();
    let processes = thread::available_parallelism()?.get() as u64;
    println!("{processes} processes x {THREADS} threads x {COROUTINES} coroutines");
    let program = env::current_exe()?;
    let start = |number: u64| {
        let arguments = [number, processes].map(|n| n.to_string());
        Command::new(&program).args(arguments).stdout(Stdio::piped()).spawn()
    };
    // All are started before the first is waited for.
    let children: Vec<_> = (0..processes).map(start).collect::<io::Result<_>>()?;
    let mut sum = 0;
    for child in children {
        let output = child.wait_with_output()?;
        sum += String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().expect("the sum of a process");
    }
    println!("sum of the numbers up to {LAST}: {sum}");
    println!("use time is: {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}
