//! `v2m`: the daemon behind `v2m.socket`, and its small commands.

fn main() {}
