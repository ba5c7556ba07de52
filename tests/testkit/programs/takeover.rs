//! Simulates a program under an attacker's control: a library that is loaded into the program
//! (LD_PRELOAD). The first time that the program writes or starts a thread, the library attempts
//! everything that foreign code would. The result of each attempt is a line on standard error.
//!
//! It stands for an exploit: it runs in the program's own process, with everything that the program
//! may do at that moment.

use std::ffi::{CString, c_char, c_int, c_long, c_ulong, c_void};
use std::os::unix::ffi::OsStringExt;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs the attempts once.
static ATTEMPTS: Once = Once::new();
/// Whether the attempts are running: then their own writes must not start them again.
static TRYING: AtomicBool = AtomicBool::new(false);

fn given(name: &str) -> CString {
    let value = std::env::var_os(name).unwrap_or_default().into_vec();
    CString::new(value).unwrap_or_default()
}

/// Prints whether a system call succeeded.
fn tell(attempt: &str, result: c_long) -> c_long {
    let error = std::io::Error::last_os_error();
    let outcome = if result < 0 { format!("refused ({error})") } else { "reached".to_owned() };
    let line = format!("taken over: {attempt}: {outcome}\n");
    // SAFETY: the pointer and the length are those of the line.
    unsafe { libc::syscall(libc::SYS_write, 2, line.as_ptr(), line.len()) };
    result
}

fn attempt_all() {
    if TRYING.swap(true, Ordering::SeqCst) {
        return;
    }
    let (secret, socket, own) =
        (given("TAKEOVER_FILE"), given("TAKEOVER_SOCKET"), given("TAKEOVER_OWN"));
    let new = CString::new([secret.as_bytes(), b".new"].concat()).unwrap_or_default();
    let victim: c_long = given("TAKEOVER_PID").to_str().unwrap_or("").parse().unwrap_or(0);
    let environment = CString::new(format!("/proc/{victim}/environ")).unwrap_or_default();
    let open = |path: &CString, flags: c_int| {
        // SAFETY: the path ends with a zero.
        unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0o600) }
    };
    // The control: if even the file that the program needs is refused, the other refusals mean
    // nothing.
    tell("its own file", open(&own, libc::O_RDONLY));
    tell("a file of the user's", open(&secret, libc::O_RDONLY));
    tell("a new file", open(&new, libc::O_WRONLY | libc::O_CREAT));
    tell("another process's environment", open(&environment, libc::O_RDONLY));
    // SAFETY: all pointers are to local values.
    unsafe {
        let mut address: libc::sockaddr_un = std::mem::zeroed();
        address.sun_family = libc::AF_UNIX as u16;
        for (to, from) in address.sun_path.iter_mut().zip(socket.as_bytes_with_nul()) {
            *to = *from as c_char;
        }
        let made = libc::syscall(libc::SYS_socket, libc::AF_UNIX, libc::SOCK_STREAM, 0);
        let size = size_of::<libc::sockaddr_un>();
        tell(
            "a socket of the session",
            libc::syscall(libc::SYS_connect, made, &raw const address, size),
        );
        tell("the network", libc::syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0));
        let mut parameters = [0u8; 120];
        tell("io_uring", libc::syscall(libc::SYS_io_uring_setup, 4, parameters.as_mut_ptr()));
        let (mut here, mut local) = ([0u8; 8], std::mem::zeroed::<libc::iovec>());
        local.iov_base = here.as_mut_ptr().cast();
        local.iov_len = here.len();
        let remote = libc::iovec { iov_base: 0x40_0000 as *mut c_void, iov_len: 8 };
        let read = libc::syscall(
            libc::SYS_process_vm_readv,
            victim,
            &raw const local,
            1,
            &raw const remote,
            1,
            0,
        );
        // EFAULT means that the permission check was passed.
        let fault = std::io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT);
        tell("another process's memory", if fault { 0 } else { read });
        tell(
            "tracing another process",
            libc::syscall(libc::SYS_ptrace, libc::PTRACE_SEIZE, victim, 0, 0),
        );
        let first: c_ulong = 1;
        let pinned =
            libc::syscall(libc::SYS_sched_setaffinity, victim, size_of_val(&first), &first);
        tell("another process's processors", pinned);
        tell("a signal to another process", libc::syscall(libc::SYS_kill, victim, libc::SIGCONT));
        let mut pipe = [0; 2];
        libc::syscall(libc::SYS_pipe2, pipe.as_mut_ptr(), 0);
        tell("a signal by a pipe", libc::syscall(libc::SYS_fcntl, pipe[0], libc::F_SETOWN, victim));
        let child = libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0);
        if child == 0 {
            libc::syscall(libc::SYS_exit_group, 0);
        }
        tell("a process of its own", child);
        let program = c"/bin/true";
        let arguments = [program.as_ptr(), std::ptr::null()];
        // If this succeeds, the process continues as that program.
        let none = [std::ptr::null::<c_char>()];
        tell(
            "another program",
            if given("TAKEOVER_STAYS").is_empty() {
                libc::syscall(libc::SYS_execve, program.as_ptr(), arguments.as_ptr(), none.as_ptr())
            } else {
                0
            },
        );
    }
}

/// Replaces the C library's function; makes the attempts first.
///
/// # Safety
/// See write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(file: c_int, buffer: *const c_void, length: usize) -> isize {
    ATTEMPTS.call_once(attempt_all);
    // SAFETY: the caller guarantees it.
    unsafe { libc::syscall(libc::SYS_write, file, buffer, length) as isize }
}

/// Replaces the C library's function; makes the attempts first.
///
/// # Safety
/// See send(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn send(
    socket: c_int,
    buffer: *const c_void,
    length: usize,
    flags: c_int,
) -> isize {
    ATTEMPTS.call_once(attempt_all);
    let nobody = std::ptr::null::<c_void>();
    // SAFETY: the caller guarantees it.
    unsafe { libc::syscall(libc::SYS_sendto, socket, buffer, length, flags, nobody, 0) as isize }
}
