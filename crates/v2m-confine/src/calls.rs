//! Limits the system calls of a process with seccomp.

use super::ConfineError;
use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;
use std::env::consts::ARCH;

/// From Linux's asm-generic/fcntl.h, sockios.h and ioctls.h.
const F_SETOWN: u64 = 8;
const F_SETOWN_EX: u64 = 15;
const FIOSETOWN: u64 = 0x8901;
const SIOCSPGRP: u64 = 0x8902;
const FIONBIO: u64 = 0x5421;

type SeccompRules = BTreeMap<c_long, Vec<SeccompRule>>;

/// The policy for a kind of process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallPolicy {
    /// For a process that computes: memory, threads, clocks and open files. Everything else is
    /// refused.
    Compute,
    /// For a process that computes with a driver. A driver's system calls are unknown, so only
    /// calls that reach other processes or machines are refused.
    Driver,
}

impl CallPolicy {
    pub(super) fn close(self) -> Result<(), ConfineError> {
        let refused = SeccompAction::Errno(libc::EPERM as u32);
        let filter = match self {
            Self::Compute => program(compute(), refused, SeccompAction::Allow)?,
            Self::Driver => program(reaching(), SeccompAction::Allow, refused)?,
        };
        // The flags of clone3 lie in memory, where no filter can read them. The C library uses
        // clone(2) if there is no clone3.
        let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
        let no_clone3 = program(any([libc::SYS_clone3]).collect(), SeccompAction::Allow, unknown)?;
        // Apply this one first, because the other one forbids adding filters.
        for filter in [no_clone3, filter] {
            seccompiler::apply_filter(&filter).map_err(problem)?;
        }
        Ok(())
    }
}

fn problem(error: impl std::fmt::Display) -> ConfineError {
    ConfineError::Calls(error.to_string())
}

fn program(
    rules: SeccompRules,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, ConfineError> {
    let architecture = ARCH.try_into().map_err(problem)?;
    let filter = SeccompFilter::new(rules, otherwise, matched, architecture).map_err(problem)?;
    filter.try_into().map_err(problem)
}

/// Rules for these calls, whatever their arguments.
fn any<const N: usize>(calls: [c_long; N]) -> impl Iterator<Item = (c_long, Vec<SeccompRule>)> {
    calls.into_iter().map(|call| (call, Vec::new()))
}

/// A rule for this call, if the argument with that number (from 0) compares to the value in this
/// way.
fn only(
    call: c_long,
    argument: u8,
    compare: SeccompCmpOp,
    value: u64,
) -> Result<(c_long, Vec<SeccompRule>), seccompiler::BackendError> {
    // Process numbers and flags have 32 bits, and the kernel ignores the bits above them. Addresses
    // have 64 bits.
    let length = match call {
        libc::SYS_sendto => SeccompCmpArgLen::Qword,
        _ => SeccompCmpArgLen::Dword,
    };
    let condition = SeccompCondition::new(argument, length, compare, value)?;
    Ok((call, vec![SeccompRule::new(vec![condition])?]))
}

/// The calls that computing needs with glibc or musl, on any processor.
fn compute() -> SeccompRules {
    let own_process = u64::from(std::process::id());
    let thread = libc::CLONE_THREAD as u64;
    let conditional = [
        // Only threads, no processes.
        only(libc::SYS_clone, 0, SeccompCmpOp::MaskedEq(thread), thread),
        // Signals to its own threads, for abort().
        only(libc::SYS_tgkill, 0, SeccompCmpOp::Eq, own_process),
        // Its own resource limits.
        only(libc::SYS_prlimit64, 0, SeccompCmpOp::Eq, 0),
        // Only to make open files non-blocking. Other requests may belong to a device.
        only(libc::SYS_ioctl, 1, SeccompCmpOp::Eq, FIONBIO),
        // Only on a connected socket. With an address it could reach another socket.
        only(libc::SYS_sendto, 4, SeccompCmpOp::Eq, 0),
    ];
    let mut rules: SeccompRules = conditional.into_iter().flatten().collect();
    // Duplicating open files and setting them to non-blocking. F_SETOWN would let a pipe signal any
    // process of the user.
    let harmless = [
        libc::F_DUPFD,
        libc::F_DUPFD_CLOEXEC,
        libc::F_GETFD,
        libc::F_SETFD,
        libc::F_GETFL,
        libc::F_SETFL,
    ];
    let harmless =
        harmless.map(|command| only(libc::SYS_fcntl, 1, SeccompCmpOp::Eq, command as u64));
    let harmless = harmless.into_iter().flatten().flat_map(|(_, rules)| rules).collect();
    rules.insert(libc::SYS_fcntl, harmless);
    rules.extend(any([
        // Open files. No message that carries descriptors.
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_readv,
        libc::SYS_writev,
        libc::SYS_pread64,
        libc::SYS_pwrite64,
        libc::SYS_lseek,
        libc::SYS_close,
        libc::SYS_recvfrom,
        libc::SYS_shutdown,
        libc::SYS_ppoll,
        libc::SYS_dup,
        libc::SYS_dup3,
        libc::SYS_fstat,
        libc::SYS_fadvise64,
        libc::SYS_ftruncate,
        libc::SYS_getsockname,
        // Files, as far as Landlock allows them.
        libc::SYS_openat,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_readlinkat,
        libc::SYS_faccessat,
        libc::SYS_faccessat2,
        libc::SYS_getdents64,
        libc::SYS_getcwd,
        // Pipes between its own threads.
        libc::SYS_pipe2,
        libc::SYS_socketpair,
        libc::SYS_eventfd2,
        // Memory.
        libc::SYS_brk,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_membarrier,
        libc::SYS_get_mempolicy,
        // Its own threads and signals.
        libc::SYS_clone3,
        libc::SYS_futex,
        libc::SYS_set_tid_address,
        libc::SYS_set_robust_list,
        libc::SYS_get_robust_list,
        libc::SYS_rseq,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_getparam,
        libc::SYS_sched_getscheduler,
        libc::SYS_getpriority,
        libc::SYS_getcpu,
        libc::SYS_prctl,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_restart_syscall,
        // Clocks, and information from the kernel.
        libc::SYS_clock_gettime,
        libc::SYS_clock_getres,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_getrandom,
        libc::SYS_getrusage,
        libc::SYS_times,
        libc::SYS_uname,
        libc::SYS_sysinfo,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_getuid,
        libc::SYS_geteuid,
        libc::SYS_getgid,
        libc::SYS_getegid,
    ]));
    #[cfg(target_arch = "x86_64")]
    rules.extend(any([
        libc::SYS_open,
        libc::SYS_stat,
        libc::SYS_lstat,
        libc::SYS_access,
        libc::SYS_readlink,
        libc::SYS_poll,
        libc::SYS_dup2,
        libc::SYS_pipe,
        libc::SYS_time,
        libc::SYS_arch_prctl,
        libc::SYS_getrlimit,
    ]));
    rules
}

/// The calls that reach other programs, processes and machines.
fn reaching() -> SeccompRules {
    let mut rules: SeccompRules = any([
        libc::SYS_socket,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_sendmsg,
        libc::SYS_sendmmsg,
        libc::SYS_recvmsg,
        libc::SYS_recvmmsg,
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_process_madvise,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
        libc::SYS_kill,
        libc::SYS_tkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_open_by_handle_at,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_mq_open,
        libc::SYS_shmget,
        libc::SYS_shmat,
        libc::SYS_shmctl,
        libc::SYS_semget,
        libc::SYS_semop,
        libc::SYS_semtimedop,
        libc::SYS_semctl,
        libc::SYS_msgget,
        libc::SYS_msgsnd,
        libc::SYS_msgrcv,
        libc::SYS_msgctl,
    ])
    .collect();
    #[cfg(target_arch = "x86_64")]
    rules.extend(any([libc::SYS_fork, libc::SYS_vfork]));
    let others = [
        // A process instead of a thread.
        only(libc::SYS_clone, 0, SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64), 0),
        only(libc::SYS_tgkill, 0, SeccompCmpOp::Ne, u64::from(std::process::id())),
        only(libc::SYS_prlimit64, 0, SeccompCmpOp::Ne, 0),
        only(libc::SYS_sendto, 4, SeccompCmpOp::Ne, 0),
    ];
    rules.extend(others.into_iter().flatten());
    // The process that a pipe, a socket or a terminal signals.
    let owners = [
        (libc::SYS_fcntl, F_SETOWN),
        (libc::SYS_fcntl, F_SETOWN_EX),
        (libc::SYS_ioctl, FIOSETOWN),
        (libc::SYS_ioctl, SIOCSPGRP),
    ];
    for (call, command) in owners {
        if let Ok((call, found)) = only(call, 1, SeccompCmpOp::Eq, command) {
            rules.entry(call).or_default().extend(found);
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_filters_are_whole() {
        // A condition that cannot be written would leave out its call.
        for call in [libc::SYS_clone, libc::SYS_tgkill, libc::SYS_prlimit64, libc::SYS_sendto] {
            assert_eq!(compute()[&call].len(), 1);
            assert_eq!(reaching()[&call].len(), 1);
        }
        let allow = || SeccompAction::Allow;
        assert!(program(compute(), SeccompAction::KillProcess, allow()).is_ok());
        assert!(program(reaching(), allow(), SeccompAction::KillProcess).is_ok());
    }

    #[test]
    fn what_computes_is_not_let_do_what_reaches_others() {
        let computing = compute();
        assert_eq!(computing[&libc::SYS_fcntl].len(), 6);
        assert_eq!(reaching()[&libc::SYS_fcntl].len(), 2);
        let both = reaching().into_iter().filter(|(call, rules)| {
            // These are in both, with different arguments.
            computing.contains_key(call) && rules.is_empty()
        });
        assert_eq!(both.count(), 0);
    }
}
