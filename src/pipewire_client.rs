//! Which of its configuration files PipeWire's library is to read here.

use std::ffi::CStr;

/// That of a client with a data thread that asks for real-time priority. Otherwise a recogniser that
/// keeps all cores busy could make it miss a quantum.
pub fn configuration() -> &'static str {
    // SAFETY: it returns a string of the library's own, which is never freed.
    let version = unsafe { CStr::from_ptr(pipewire::sys::pw_get_library_version()) };
    configuration_of(&version.to_string_lossy())
}

/// Since PipeWire 1.3.81 (its `NEWS`) every client asks, and one that names the other file is warned on
/// standard error.
fn configuration_of(version: &str) -> &'static str {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    let version: [u32; 3] = [next(), next(), next()];
    if version >= [1, 3, 81] { "client.conf" } else { "client-rt.conf" }
}

#[cfg(test)]
mod tests {
    use super::configuration_of;

    /// Regression: PipeWire 1.4's warning stood in the terminal of the set-up, and in the journal.
    #[test]
    fn newer_libraries_are_not_given_the_file_that_they_warn_of() {
        for (version, expected) in [
            ("0.3.65", "client-rt.conf"),
            ("1.2.7", "client-rt.conf"),
            ("1.3.81", "client.conf"),
            ("1.4.2", "client.conf"),
            ("2.0.0-rc1", "client.conf"),
        ] {
            assert_eq!(configuration_of(version), expected, "{version}");
        }
    }
}
