//! Prints the machine, without which the figures mean nothing.

use crate::lab::Lab;
use std::fs::read_to_string;
use std::process::Command;

/// Prints machine, load, build and model.
pub(crate) fn print(lab: &Lab) {
    let cpus = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpus.lines().find(|line| line.starts_with(name))?;
        line.split_once(": ").map(|(_, value)| value)
    };
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let avx512 = field("flags").is_some_and(|flags| flags.split(' ').any(|f| f == "avx512f"));
    println!("v2m {} on {}", env!("CARGO_PKG_VERSION"), jiff::Zoned::now().date());
    println!(
        "  processor   {}, {cores} threads{}",
        field("model name").unwrap_or("unknown"),
        if avx512 { ", with AVX-512" } else { "" }
    );
    println!("  kernel      {}", first_line("/proc/sys/kernel/osrelease"));
    println!("  load before {}", first_line("/proc/loadavg"));
    println!("  PipeWire    {}", version("pipewire"));
    println!("  build       {}", if cfg!(debug_assertions) { "debug" } else { "release" });
    println!("  model       {}", lab.model);
}

fn first_line(path: &str) -> String {
    let text = read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}

fn version(program: &str) -> String {
    let told = Command::new(program).arg("--version").output();
    let told = told.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let told = told.unwrap_or_default();
    told.lines()
        .find_map(|line| line.split_once("libpipewire "))
        .map_or("unknown", |(_, v)| v)
        .into()
}
