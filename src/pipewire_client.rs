//! Selects the configuration file that PipeWire's library reads in v2m.

use std::ffi::CStr;

/// Returns the name of the configuration that requests real-time priority for the client's data
/// thread. Without it, a recogniser that keeps all cores busy could make the thread miss a quantum.
pub fn configuration() -> &'static str {
    // SAFETY: the function returns a static string of the library, which is never freed.
    let version = unsafe { CStr::from_ptr(pipewire::sys::pw_get_library_version()) };
    configuration_of(&version.to_string_lossy())
}

/// Returns the configuration for this version. Since PipeWire 1.3.81 (see its `NEWS`), every client
/// requests the priority, and naming `client-rt.conf` causes a warning on standard error.
fn configuration_of(version: &str) -> &'static str {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    let version: [u32; 3] = [next(), next(), next()];
    if version >= [1, 3, 81] { "client.conf" } else { "client-rt.conf" }
}

#[cfg(test)]
mod tests {
    use super::configuration_of;

    /// Regression: PipeWire 1.4's warning appeared in the terminal during `v2m setup`, and in the
    /// journal.
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
