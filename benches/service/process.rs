//! Reads a process's figures from /proc: memory, wake-ups, children.

use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string};

/// Memory in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// All resident memory.
    pub(crate) resident: u64,
    /// Private memory: heap and stacks.
    pub(crate) anonymous: u64,
    /// Pages of files: programs, libraries, a mapped model. They are shared with all users of the
    /// file.
    pub(crate) file: u64,
    /// Memory that is explicitly shared with other processes, such as PipeWire's buffers.
    pub(crate) shared: u64,
    /// The proportional share: shared pages divided by the number of their users. `None`: not
    /// readable.
    pub(crate) proportional: Option<u64>,
}

/// Returns the memory of a process; zeros if it has ended.
pub(crate) fn memory(pid: u32) -> Memory {
    let status = read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let rollup = read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    Memory {
        resident: number(&status, "VmRSS:").unwrap_or_default(),
        anonymous: number(&status, "RssAnon:").unwrap_or_default(),
        file: number(&status, "RssFile:").unwrap_or_default(),
        shared: number(&status, "RssShmem:").unwrap_or_default(),
        proportional: number(&rollup, "Pss:"),
    }
}

/// Threads by id, with their names and their numbers of context switches.
pub(crate) type Switches = BTreeMap<u32, (String, u64)>;

/// Returns the context switches of all threads of a process.
pub(crate) fn switches(pid: u32) -> Switches {
    let tasks = read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let read = |task: std::fs::DirEntry| {
        let status = read_to_string(task.path().join("status")).ok()?;
        let name = status.lines().next()?.split_once('\t')?.1.to_owned();
        let count = number(&status, "voluntary_ctxt_switches:")?
            + number(&status, "nonvoluntary_ctxt_switches:")?;
        Some((task.file_name().to_str()?.parse().ok()?, (name, count)))
    };
    tasks.filter_map(read).collect()
}

/// Returns the running child processes of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let tasks = read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|l| l.split_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn number(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}
