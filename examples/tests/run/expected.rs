//! What an example is to print: the block in its head that begins with ```` ```text ````.
//!
//! `…` stands for any text in a word, and on a line of its own for any number of lines. `1.5 s` stands for that time and up
//! to [`SLACK`] more. After ```` ```text in any order ```` the lines come as they like.

use std::path::Path;

/// Seconds by which a busy machine may be late.
const SLACK: f64 = 10.0;

pub(crate) struct Expected {
    pub(crate) lines: Vec<String>,
    in_any_order: bool,
}

impl Expected {
    /// What the head of a source says, be it in C, Python or Rust.
    pub(crate) fn of(source: &Path) -> Expected {
        let text = std::fs::read_to_string(source).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
        let mut lines = text.lines();
        let begin = lines.find(|line| line.contains("```text"));
        let begin = begin.unwrap_or_else(|| panic!("{} does not say what it prints", source.display()));
        let (comment, order) = begin.split_once("```text").unwrap_or_default();
        let lines = lines.map(|line| line.strip_prefix(comment).unwrap_or(line));
        let lines = lines.take_while(|line| *line != "```").map(str::to_owned).collect();
        Expected { lines, in_any_order: order == " in any order" }
    }

    /// Whether it is what was printed.
    pub(crate) fn agrees_with(&self, printed: &str) -> bool {
        let printed: Vec<&str> = printed.lines().collect();
        if self.in_any_order { self.agrees_in_any_order(printed) } else { agree(&self.lines, &printed) }
    }

    fn agrees_in_any_order(&self, mut printed: Vec<&str>) -> bool {
        let more = self.lines.iter().any(|line| line == "…");
        let lines = self.lines.iter().filter(|line| *line != "…");
        let mut found = lines.map(|line| printed.iter().position(|p| same_line(line, p)).map(|i| printed.remove(i)));
        found.all(|line| line.is_some()) && (more || printed.is_empty())
    }
}

fn agree(expected: &[String], printed: &[&str]) -> bool {
    match expected {
        [] => printed.is_empty(),
        [any, rest @ ..] if any == "…" => (0..=printed.len()).any(|i| agree(rest, &printed[i..])),
        [line, rest @ ..] => printed.first().is_some_and(|p| same_line(line, p)) && agree(rest, &printed[1..]),
    }
}

fn same_line(expected: &str, printed: &str) -> bool {
    let expected: Vec<&str> = expected.split(' ').collect();
    let printed: Vec<&str> = printed.split(' ').collect();
    let is_time = |i: usize| expected[i].contains('.') && expected.get(i + 1) == Some(&"s");
    let same =
        |i: usize| if is_time(i) { is_in_time(expected[i], printed[i]) } else { same_word(expected[i], printed[i]) };
    expected.len() == printed.len() && (0..expected.len()).all(same)
}

fn is_in_time(expected: &str, printed: &str) -> bool {
    match (expected.parse::<f64>(), printed.parse::<f64>()) {
        (Ok(expected), Ok(printed)) => (expected..expected + SLACK).contains(&printed),
        _ => false,
    }
}

fn same_word(expected: &str, printed: &str) -> bool {
    match expected.split_once('…') {
        Some((begin, end)) => {
            printed.len() >= begin.len() + end.len() && printed.starts_with(begin) && printed.ends_with(end)
        }
        None => expected == printed,
    }
}

#[test]
fn what_is_printed_is_compared_with_times_and_gaps() {
    let expected =
        |text: &str, in_any_order| Expected { lines: text.lines().map(str::to_owned).collect(), in_any_order };
    let one = expected("a 1.5 s\n…\nport …\nz", false);
    assert!(one.agrees_with("a 1.5 s\nport 5\nz"));
    assert!(one.agrees_with("a 2.0 s\nb\nport 5\nc\nport 6\nz"));
    assert!(!one.agrees_with("a 1.4 s\nport 5\nz"), "too early");
    assert!(!one.agrees_with("a 11.6 s\nport 5\nz"), "too late");
    assert!(!one.agrees_with("a 1.5 s\nport 5\nz\n…"), "more than that");
    assert!(!one.agrees_with("a 1.5 s\nport 5"), "less than that");
    let two = expected("a\nb\na", true);
    assert!(two.agrees_with("b\na\na"));
    assert!(!two.agrees_with("b\na"));
    assert!(!two.agrees_with("b\na\nb"));
    assert!(!two.agrees_with("b\na\na\nb"));
}
