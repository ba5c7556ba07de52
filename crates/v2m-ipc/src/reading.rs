//! Reads that continue after a signal.
//!
//! If a process is stopped and continued (`SIGSTOP` and `SIGCONT`, the freezer of a control group,
//! suspend), a read of a socket with a time limit fails with `EINTR`, although no handler ran
//! (signal(7), "Interruption of system calls and library functions by stop signals").
//! [`Read::read_exact`] tries again; a plain [`Read::read`] does not.

use std::io::{self, ErrorKind, Read};

/// Reads like [`Read::read`], and tries again after a signal.
///
/// A time limit of the socket starts again each time.
///
/// # Errors
/// The reader's errors, except [`ErrorKind::Interrupted`].
pub fn read_through_signals(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that is interrupted before each byte.
    struct Signalled<'a>(&'a [u8], bool);

    impl Read for Signalled<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            let few = buffer.len().min(1);
            self.0.read(&mut buffer[..few])
        }
    }

    #[test]
    fn a_signal_ends_no_read() {
        let mut buffer = [0; 4];
        let mut reader = Signalled(b"ab", false);
        let got = std::array::from_fn(|_| read_through_signals(&mut reader, &mut buffer).unwrap());
        assert_eq!((got, buffer[0]), ([1, 1, 0], b'b'));
    }

    #[test]
    fn a_signal_ends_no_frame_of_an_engine() {
        use crate::engine::{Frame, ToEngine, encode_pcm, read_frame};
        let bytes = encode_pcm(7, &[1, -2, 3]);
        let frame: Frame<ToEngine> = read_frame(&mut Signalled(&bytes, false)).unwrap().unwrap();
        assert_eq!(frame, Frame::Pcm { job: 7, samples: vec![1, -2, 3] });
    }
}
