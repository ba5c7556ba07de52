//! Parses the output of `strace -f -y -xx` into calls on files. Each line has its process; calls
//! that another thread's line splits in two are joined.

use std::collections::HashMap;

/// A finished call that succeeded.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// The arguments as printed, without the names of descriptors.
    pub(crate) arguments: Vec<String>,
    pub(crate) result: u64,
    /// Its duration in milliseconds, if the trace has it (`-T`).
    pub(crate) took_ms: Option<f64>,
    /// Its line, for messages.
    pub(crate) line: String,
}

impl Call {
    /// Returns the bytes of a string argument.
    pub(crate) fn bytes(&self, index: usize) -> Vec<u8> {
        let quoted = self.arguments[index].trim_matches('"');
        let digits = quoted.split("\\x").skip(1);
        digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
    }

    pub(crate) fn path(&self, index: usize) -> String {
        String::from_utf8(self.bytes(index)).unwrap()
    }

    pub(crate) fn number(&self, index: usize) -> u64 {
        let argument = &self.arguments[index];
        argument.parse().unwrap_or_else(|_| panic!("{argument:?} in {}", self.line))
    }
}

/// Returns all calls of the trace that succeeded, in the order in which they ended.
pub(crate) fn parse(trace: &str) -> Vec<Call> {
    let mut begun: HashMap<String, String> = HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let (thread, rest) = line.trim_start().split_once(' ').unwrap();
        let rest = rest.trim_start();
        if let Some(first) = rest.strip_suffix(" <unfinished ...>") {
            begun.insert(thread.to_owned(), first.to_owned());
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, end) = resumed.split_once(" resumed>").unwrap();
            let whole = begun.remove(thread).unwrap() + end;
            calls.extend(call(&whole));
        } else {
            calls.extend(call(rest));
        }
    }
    calls
}

/// Parses a line. Returns `None` for signals, exits, and calls that failed.
fn call(line: &str) -> Option<Call> {
    let took = line.rsplit_once(" <").and_then(|(_, took)| took.strip_suffix('>'));
    let took_ms = took.and_then(|took| Some(took.parse::<f64>().ok()? * 1e3));
    let line = without_names(line);
    let (name, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") = ").or_else(|| rest.rsplit_once(')'))?;
    let result = result.trim_start_matches([' ', '=']).split_whitespace().next()?;
    let result = result.parse().ok()?;
    let arguments = arguments.split(", ").map(str::to_owned).collect();
    let line = line.chars().take(160).collect();
    Some(Call { name: name.to_owned(), arguments, result, took_ms, line })
}

/// Removes the names that `-y` adds to descriptors, `<…>`. Strings have no such brackets, because
/// `-xx` writes them in hexadecimal.
fn without_names(line: &str) -> String {
    let mut depth = 0;
    let mut kept = String::new();
    for letter in line.chars() {
        match letter {
            '<' => depth += 1,
            '>' if depth > 0 => depth -= 1,
            _ if depth == 0 => kept.push(letter),
            _ => {}
        }
    }
    kept
}

#[test]
fn lines_become_calls() {
    let trace = concat!(
        "7 openat(AT_FDCWD</tmp>, \"\\x61\\x62\", O_RDWR|O_CREAT, 0600) = 5</tmp/ab>\n",
        "7 pwrite64(5</tmp/ab>, \"\\x00\\xff\", 2, 44 <unfinished ...>\n",
        "8 fsync(3</tmp>)                   = 0 <0.002500>\n",
        "7 <... pwrite64 resumed>) = 2\n",
        "8 unlink(\"\\x61\") = -1 ENOENT (No such file or directory)\n",
        "8 +++ exited with 0 +++\n",
    );
    let calls = parse(trace);
    let names: Vec<_> = calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["openat", "fsync", "pwrite64"]);
    assert_eq!((calls[0].path(1), calls[0].result), ("ab".to_owned(), 5));
    assert_eq!((calls[2].bytes(1), calls[2].number(3)), (vec![0, 255], 44));
    assert_eq!((calls[1].number(0), calls[1].took_ms), (3, Some(2.5)));
}
