//! Fuzzes requests: bytes must become a command or be refused, and a command must stay the same
//! when it is sent again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use v2m_ipc::message::Command;

fuzz_target!(|frame: &[u8]| {
    if let Ok(command) = Command::parse(frame) {
        let again = command.to_request().to_string();
        let again = Command::parse(again.as_bytes());
        match &command {
            // serde_json reads a printed number back with an error in its last digit at most.
            Command::UpdateConfig { .. } => assert_eq!(again.map(|c| c.name()), Ok(command.name())),
            _ => assert_eq!(again, Ok(command)),
        }
    }
});
