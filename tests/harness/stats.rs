//! The reports of `PATCHALL_STATS=json`: one JSON object per line and process, and what a test demands of them.
//!
//! Without this a program whose threads fell back to the kernel would pass every test.

use std::path::Path;

use serde_json::Value;

use super::options::{Options, Threads};
use super::run::{Outcome, Status};
use super::{Failure, run};

/// The fields of a report that tests look at.
#[derive(Debug)]
pub(super) struct Report {
    pid: u64,
    mode: String,
    why: String,
    carriers: u64,
    kernel_threads_max: u64,
    threads_made: u64,
    switches: u64,
}

/// Reads the reports that the processes of a run have appended to the file.
pub(super) fn read(path: &Path) -> Result<Vec<Report>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text)
}

fn parse(text: &str) -> Result<Vec<Report>, Failure> {
    text.lines().map(|line| parse_line(line).map_err(|why| format!("the report {line}: {why}"))).collect()
}

fn parse_line(line: &str) -> Result<Report, Failure> {
    let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let number = |name: &str| value[name].as_u64().ok_or(format!("\"{name}\" is missing or not a number"));
    let text =
        |name: &str| value[name].as_str().map(str::to_owned).ok_or(format!("\"{name}\" is missing or not a text"));
    for name in ["preemptions", "sites_patched", "sites_left"] {
        number(name)?;
    }
    if !value["parks"].is_object() {
        return Err("\"parks\" is missing or not an object".into());
    }
    Ok(Report {
        pid: number("pid")?,
        mode: text("mode")?,
        why: text("why")?,
        carriers: number("carriers")?,
        kernel_threads_max: number("kernel_threads_max")?,
        threads_made: number("threads_made")?,
        switches: number("switches")?,
    })
}

/// The reports show that the program's threads were virtual and that the process had few kernel threads.
pub(super) fn check(
    reports: &[Report],
    options: &Options,
    carriers: u32,
    outcome: &run::Outcome,
) -> Result<(), Failure> {
    let allowed = u64::from(carriers) + options.extra_kernel_threads;
    for report in reports {
        check_one(report, carriers, allowed).map_err(|why| format!("{why}\n{report:?}"))?;
    }
    if outcome.kernel_threads_seen > allowed {
        return Err(format!("{} kernel threads were seen, allowed are {allowed}", outcome.kernel_threads_seen));
    }
    check_threads(reports, options, outcome).map_err(|why| format!("{why}\n{reports:#?}"))
}

fn check_one(report: &Report, carriers: u32, allowed: u64) -> Result<(), Failure> {
    match report.mode.as_str() {
        "virtual" => {}
        "dormant" if report.threads_made == 0 => {}
        "dormant" => return Err("a dormant process has made threads".into()),
        "native" => return Err(format!("the process ran natively: {}", report.why)),
        other => return Err(format!("\"mode\" is {other}")),
    }
    if report.carriers != u64::from(carriers) {
        return Err(format!("{} carriers were asked for", carriers));
    }
    if report.kernel_threads_max > allowed {
        return Err(format!("{} kernel threads, allowed are {allowed}", report.kernel_threads_max));
    }
    Ok(())
}

fn check_threads(reports: &[Report], options: &Options, outcome: &Outcome) -> Result<(), Failure> {
    let killed = matches!(outcome.status, Status::Signalled(_));
    let of_main = |report: &&Report| report.pid == u64::from(outcome.pid);
    // A process that dies by a signal takes its report with it.
    if !killed && !reports.iter().any(|report| of_main(&report)) {
        return Err("the program wrote no report: was the library loaded?".into());
    }
    let threaded = |report: &Report| {
        report.mode == "virtual" && report.threads_made > 0 && (report.switches > 0 || !options.switches)
    };
    let fine = match options.threads {
        Threads::Any => true,
        Threads::None => reports.iter().all(|report| report.mode == "dormant"),
        Threads::Child => reports.iter().any(threaded),
        Threads::Main => killed || reports.iter().filter(of_main).any(threaded),
    };
    if fine {
        Ok(())
    } else {
        Err(format!("the reports do not show what the program expects: threads: {:?}", options.threads))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"pid":7,"mode":"virtual","why":"","carriers":2,"kernel_threads_max":3,"threads_made":5,"switches":9,"preemptions":0,"sites_patched":500,"sites_left":1,"parks":{"read":1}}"#;

    fn verdict(line: &str, head: &str) -> Result<(), Failure> {
        let outcome =
            Outcome { pid: 7, status: Status::Exited(0), stdout: vec![], stderr: vec![], kernel_threads_seen: 3 };
        check(&parse(line)?, &Options::parse(head)?, 2, &outcome)
    }

    fn refused(line: &str, head: &str, why: &str) {
        let failure = verdict(line, head).expect_err(why);
        assert!(failure.contains(why), "{failure}");
    }

    #[test]
    fn a_report_as_it_should_be_passes() {
        verdict(LINE, "").expect("all as expected");
    }

    #[test]
    fn a_native_run_is_refused() {
        refused(&LINE.replace("virtual", "native").replace("\"\"", "\"no FSGSBASE\""), "", "natively: no FSGSBASE");
    }

    #[test]
    fn threads_that_were_not_made_are_noticed() {
        refused(&LINE.replace("\"threads_made\":5", "\"threads_made\":0"), "", "do not show");
    }

    #[test]
    fn threads_that_should_not_be_are_noticed() {
        refused(LINE, "// harness: threads=0", "do not show");
        verdict(&LINE.replace("virtual", "dormant").replace("made\":5", "made\":0"), "// harness: threads=0")
            .expect("it slept");
    }

    #[test]
    fn a_program_that_did_not_switch_is_noticed() {
        refused(&LINE.replace("\"switches\":9", "\"switches\":0"), "", "do not show");
    }

    #[test]
    fn too_many_kernel_threads_are_noticed() {
        let line = LINE.replace("\"kernel_threads_max\":3", "\"kernel_threads_max\":6");
        refused(&line, "", "6 kernel threads, allowed are 5");
        verdict(&line, "// harness: kernel-threads=+4").expect("allowed");
    }

    #[test]
    fn threads_of_a_child_do_not_count_for_the_program() {
        let child = LINE.replace("\"pid\":7", "\"pid\":8");
        let dormant = LINE.replace("virtual", "dormant").replace("made\":5", "made\":0");
        refused(&child, "", "no report");
        refused(&format!("{dormant}\n{child}"), "", "do not show");
        verdict(&format!("{dormant}\n{child}"), "// harness: threads=child").expect("the child made some");
    }

    #[test]
    fn a_report_with_a_field_missing_is_refused() {
        refused(&LINE.replace("switches", "swatches"), "", "\"switches\" is missing");
    }
}
