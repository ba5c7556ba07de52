//! A double of NVIDIA's management library with two GPUs. It implements what v2m queries: name,
//! memory, temperature and use. Numbers and layouts are those of nvml.h.

use std::ffi::{c_char, c_int, c_uint, c_void};

const SUCCESS: c_int = 0;
const INVALID_ARGUMENT: c_int = 2;
const NOT_SUPPORTED: c_int = 3;

/// `nvmlMemory_v2_t`.
#[repr(C)]
pub struct Memory {
    version: c_uint,
    total: u64,
    reserved: u64,
    free: u64,
    used: u64,
}

/// `nvmlUtilization_t`.
#[repr(C)]
pub struct Utilization {
    gpu: c_uint,
    memory: c_uint,
}

/// A device's number, counted from 1.
type Handle = *mut c_void;

#[unsafe(no_mangle)]
extern "C" fn nvmlInit_v2() -> c_int {
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn nvmlShutdown() -> c_int {
    SUCCESS
}

/// # Safety
/// `count` must be valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCount_v2(count: *mut c_uint) -> c_int {
    // SAFETY: the caller guarantees it.
    unsafe { *count = 2 };
    SUCCESS
}

/// # Safety
/// `device` must be valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(
    index: c_uint,
    device: *mut Handle,
) -> c_int {
    // SAFETY: the caller guarantees it.
    unsafe { *device = std::ptr::without_provenance_mut(index as usize + 1) };
    SUCCESS
}

/// # Safety
/// `name` must be valid for writes of `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetName(
    device: Handle,
    name: *mut c_char,
    length: c_uint,
) -> c_int {
    let told = if device.addr() == 1 { c"a GPU for pictures" } else { c"a double GPU" };
    let bytes = told.to_bytes_with_nul();
    if bytes.len() > length as usize {
        return INVALID_ARGUMENT;
    }
    // SAFETY: the caller guarantees it, and the buffer is long enough.
    unsafe { std::ptr::copy_nonoverlapping(told.as_ptr(), name, bytes.len()) };
    SUCCESS
}

/// # Safety
/// `memory` must point to a `nvmlMemory_v2_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(device: Handle, memory: *mut Memory) -> c_int {
    // SAFETY: the caller guarantees it.
    let memory = unsafe { &mut *memory };
    memory.total = 8_000_000_000 * device.addr() as u64;
    memory.used = 1_234_567_890;
    memory.free = memory.total - memory.used;
    SUCCESS
}

/// # Safety
/// `celsius` must be valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTemperature(
    device: Handle,
    _sensor: c_int,
    celsius: *mut c_uint,
) -> c_int {
    if device.addr() == 1 {
        return NOT_SUPPORTED;
    }
    // SAFETY: the caller guarantees it.
    unsafe { *celsius = 61 };
    SUCCESS
}

/// # Safety
/// `rates` must point to a `nvmlUtilization_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUtilizationRates(
    _device: Handle,
    rates: *mut Utilization,
) -> c_int {
    // SAFETY: the caller guarantees it.
    unsafe { *rates = Utilization { gpu: 37, memory: 5 } };
    SUCCESS
}
