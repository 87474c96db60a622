//! Examples that count kernel threads.
//!
//! What they print as `name: value` lines must be the same both ways, but for the time and for the kernel threads: natively
//! there must be one for each thread of the program (else the example shows nothing), under the library a handful.

use crate::ways::{Way, command, compile, python, ways};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

/// Lines whose value is a measurement and differs from run to run.
const MEASURED: [&str; 2] = ["kernel threads used", "seconds"];

/// Seconds to sleep, so that on a busy machine too the first thread still sleeps when the last one is made.
const ENOUGH: &str = "4";

/// Carriers, a watchdog, a spare, and one helper while a call is made that can only block.
fn most_kernel_threads(carriers: u32) -> u32 {
    carriers + 3
}

/// The `name: value` lines of an output.
fn figures(output: &str) -> BTreeMap<String, String> {
    let pairs = output.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

fn run(way: &Way, program: &[String], arguments: &[&str]) -> String {
    let done = command(way, program, arguments).output().expect("run timeout(1)");
    let output = String::from_utf8(done.stdout).expect("output in UTF-8");
    assert!(done.status.success(), "{program:?} {arguments:?} ({way:?}): {}\n{output}", done.status);
    output
}

/// Checks one example's figures against what it must have printed, and its kernel threads against what the way allows.
fn check(way: &Way, threads: u32, figures: &BTreeMap<String, String>, expected: &[(&str, &str)]) {
    let mut rest = figures.clone();
    for name in MEASURED {
        rest.remove(name);
    }
    let expected = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(rest, expected, "{way:?}");
    let kernel = figures["kernel threads used"].parse::<u32>().expect("a count of kernel threads");
    match way {
        Way::Native => assert_eq!(kernel, threads, "natively each thread is a kernel thread"),
        Way::Patchall { carriers, .. } => {
            assert!(kernel <= most_kernel_threads(*carriers), "{kernel} kernel threads ({way:?})");
        }
    }
}

/// Starts the server, runs the client against it, and checks what both say. Both run the same way.
fn echo_pair(server: &[String], client: &[String]) {
    for way in ways() {
        let mut serving = command(&way, server, &["0", "500"]).spawn().expect("run timeout(1)");
        let mut output = BufReader::new(serving.stdout.take().expect("a pipe from the server"));
        let mut first = String::new();
        output.read_line(&mut first).expect("read from the server");
        let port = first
            .trim()
            .strip_prefix("listening on port ")
            .unwrap_or_else(|| panic!("{way:?}: the server said {first:?}"));

        let said = figures(&run(&way, client, &[port]));
        check(&way, 501, &said, &[("clients", "500"), ("messages echoed", "2000"), ("messages wrong", "0")]);

        let mut rest = String::new();
        output.read_to_string(&mut rest).expect("read from the server");
        assert!(serving.wait().expect("wait for the server").success(), "{way:?}: the server failed\n{rest}");
        check(&way, 501, &figures(&rest), &[("clients served", "500"), ("connected at once", "500")]);
    }
}

#[test]
fn c_server_and_500_c_clients_echo_every_byte() {
    let server = compile("c_pair", "echo_server");
    let client = compile("c_pair", "echo_client");
    echo_pair(&[server], &[client]);
}

#[test]
fn python_server_and_500_python_clients_echo_every_byte() {
    echo_pair(&python("echo_server.py"), &python("echo_client.py"));
}

#[test]
fn ten_thousand_c_threads_sleep_at_the_same_time() {
    let program = compile("c_sleep", "sleep_10000");
    for way in ways() {
        let said = figures(&run(&way, std::slice::from_ref(&program), &["10000", ENOUGH]));
        check(&way, 10_001, &said, &[("threads that slept", "10000")]);
    }
}

#[test]
fn two_thousand_python_threads_sleep_at_the_same_time() {
    for way in ways() {
        let said = figures(&run(&way, &python("sleep_2000.py"), &["2000", ENOUGH]));
        check(&way, 2001, &said, &[("threads that slept", "2000")]);
    }
}

/// The row of the demo's table that begins with `label`, as its columns.
fn row(table: &str, label: &str) -> Vec<String> {
    let line = table.lines().find_map(|line| line.strip_prefix(label));
    let columns = line.unwrap_or_else(|| panic!("no row {label:?} in\n{table}"));
    columns.split("  ").map(|column| column.trim().replace(',', "")).filter(|column| !column.is_empty()).collect()
}

#[test]
fn the_demo_serves_500_clients_and_shows_the_native_count_beside_its_own() {
    for way in ways() {
        let table = run(&way, &python("demo.py"), &[]);
        let columns = if matches!(way, Way::Native) { 1 } else { 2 };
        assert_eq!(row(&table, "clients served"), vec!["500"; columns], "{way:?}");
        assert_eq!(row(&table, "requests answered right"), vec!["2500"; columns], "{way:?}");
        let kernel = row(&table, "kernel threads");
        assert_eq!(kernel[0], "1002", "{way:?}");
        if let Way::Patchall { carriers, .. } = way {
            let here = kernel[1].parse::<u32>().expect("a count of kernel threads");
            assert!(here <= most_kernel_threads(carriers), "{here} kernel threads with {carriers} carriers");
        }
    }
}
