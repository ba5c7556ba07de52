//! Lists the user's running programs by name, from the kernel.

use rustix::process::getuid;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A process of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunningProcess {
    pub(crate) pid: u32,
    /// The executable's name.
    pub(crate) name: String,
}

/// Lists all processes of the user. Blocks for some ten microseconds per process.
pub(crate) fn running() -> Vec<RunningProcess> {
    let user = getuid().as_raw();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let own = entries.filter(|entry| entry.metadata().is_ok_and(|about| about.uid() == user));
    let pids = own.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some(RunningProcess { pid, name: name_of(pid)? })).collect()
}

/// Returns the executable's name, or the process's own name if the executable is not readable.
pub(crate) fn name_of(pid: u32) -> Option<String> {
    let folder = Path::new("/proc").join(pid.to_string());
    let by_link = fs::read_link(folder.join("exe")).ok();
    let by_link = by_link.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
    let name = match by_link {
        // The file was replaced, for example by an upgrade.
        Some(name) => name.trim_end_matches(" (deleted)").to_owned(),
        None => fs::read_to_string(folder.join("comm")).ok()?.trim_end().to_owned(),
    };
    Some(name)
}

/// Like [`name_of`], but only for a process of this user.
pub(crate) fn name_of_own(pid: u32) -> Option<String> {
    let about = fs::metadata(Path::new("/proc").join(pid.to_string())).ok()?;
    (about.uid() == getuid().as_raw()).then(|| name_of(pid)).flatten()
}

/// Returns the names under which a program may be listed, in lower case: its own name, the name
/// without the additions of packagers and toolkits, and the last part of an application id
/// (`org.gnome.Terminal`).
pub(crate) fn names_of(name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    // `.kitty-wrapped` comes from NixOS. `gnome-terminal-server` and `wezterm-gui` are the programs
    // behind the windows.
    let plain = name.strip_prefix('.').and_then(|name| name.strip_suffix("-wrapped"));
    let plain = plain.unwrap_or(&name);
    let part = ["-server", "-gui"].into_iter().find_map(|end| plain.strip_suffix(end));
    let mut names = vec![plain.to_owned()];
    names.extend(part.map(str::to_owned));
    if let Some((_, last)) = plain.rsplit_once('.') {
        names.push(last.to_owned());
    }
    names
}

/// Returns the listed name that matches a program with these names. Case is ignored. A whole name
/// takes precedence over a part, such as `evolution` for `org.gnome.Evolution`.
pub(crate) fn listed_as<'a>(listed: &[&'a str], programs: &[String]) -> Option<&'a str> {
    let plain = |name: &str| {
        let name = name.to_lowercase();
        name.strip_suffix(".desktop").map_or(name.clone(), str::to_owned)
    };
    let programs: Vec<String> = programs.iter().map(|program| plain(program)).collect();
    let is_whole = |name: &&&str| programs.contains(&plain(name));
    // Two application ids never match by a part: `org.gnome.Console` is not `com.example.console`.
    let is_part = |name: &&&str| {
        let name = plain(name);
        let parts = names_of(&name);
        programs.iter().any(|program| names_of(program).contains(&name) || parts.contains(program))
    };
    let mut names = listed.iter();
    names.find(is_whole).or_else(|| listed.iter().find(is_part)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_under_its_whole_name_first() {
        let found = |listed: &[&'static str], programs: &[&str]| {
            let programs: Vec<String> = programs.iter().map(|name| (*name).to_owned()).collect();
            listed_as(listed, &programs)
        };
        let evolution = ["evolution", "org.gnome.Evolution"];
        assert_eq!(found(&evolution, &["org.gnome.Evolution", "Evolution"]), Some("evolution"));
        assert_eq!(found(&evolution, &["org.gnome.evolution"]), Some("org.gnome.Evolution"));
        assert_eq!(found(&evolution[1..], &["evolution"]), Some("org.gnome.Evolution"));
        assert_eq!(found(&evolution[..1], &["org.gnome.Evolution"]), Some("evolution"));
        assert_eq!(found(&["firefox.desktop"], &["Firefox"]), Some("firefox.desktop"));
        assert_eq!(found(&["org.gnome.Console"], &["com.example.console"]), None);
        assert_eq!(found(&["evolution"], &[]), None);
        assert_eq!(found(&[], &["evolution"]), None);
    }

    #[test]
    fn this_very_process_is_among_the_users() {
        let own = std::env::current_exe().unwrap();
        let name = own.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(running().contains(&RunningProcess { pid: std::process::id(), name }));
    }

    #[test]
    fn a_program_is_known_by_its_plain_name() {
        for (name, known_as) in [
            ("Kitty", "kitty"),
            (".kitty-wrapped", "kitty"),
            ("gnome-terminal-server", "gnome-terminal"),
            ("wezterm-gui", "wezterm"),
            ("org.gnome.Console", "console"),
        ] {
            assert!(names_of(name).iter().any(|known| known == known_as), "{name}");
        }
    }
}
