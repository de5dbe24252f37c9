//! The system calls that Rust's standard library has no name for.

use std::ffi::{c_char, c_int, c_long, c_ulong, c_void, CString};
use std::io::{Error, Result};
use std::os::fd::AsRawFd;

extern "C" {
    #[link_name = "mount"]
    fn c_mount(source: *const c_char, target: *const c_char, kind: *const c_char, flags: c_ulong, data: *const c_void) -> c_int;
    #[link_name = "umount2"]
    fn c_umount(target: *const c_char, flags: c_int) -> c_int;
    #[link_name = "reboot"]
    fn c_reboot(command: c_int) -> c_int;
    #[link_name = "mknod"]
    fn c_mknod(path: *const c_char, mode: u32, device: u64) -> c_int;
    #[link_name = "klogctl"]
    fn c_klogctl(action: c_int, buffer: *mut c_char, level: c_int) -> c_int;
    fn setsid() -> c_int;
    // As musl has it.
    fn ioctl(file: c_int, request: c_int, ...) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
}

fn check(result: c_long) -> Result<()> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

fn text(value: &str) -> CString {
    CString::new(value.replace('\0', "")).unwrap_or_default()
}

/// Mounts a file system that has no device, on a folder that is made.
pub fn mount(kind: &str, target: &str) -> Result<()> {
    mount_from(kind, target, kind, 0, "")
}

/// Mounts FunctionFS under the name of its instance.
pub fn mount_functionfs(instance: &str, target: &str) -> Result<()> {
    mount_from(instance, target, "functionfs", 0, "")
}

/// mount(2), on a folder that is made.
pub fn mount_from(source: &str, target: &str, kind: &str, flags: u32, data: &str) -> Result<()> {
    std::fs::create_dir_all(target)?;
    let (source, target, kind, data) = (text(source), text(target), text(kind), text(data));
    let data = data.as_ptr().cast();
    check(unsafe { c_mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags as c_ulong, data) }.into())
}

pub fn umount(target: &str) -> Result<()> {
    let target = text(target);
    check(unsafe { c_umount(target.as_ptr(), 0) }.into())
}

pub fn mknod(path: &str, mode: u32, major: u32, minor: u32) -> Result<()> {
    let path = text(path);
    let device = (u64::from(major) << 8) | u64::from(minor);
    check(unsafe { c_mknod(path.as_ptr(), mode, device) }.into())
}

/// Has the kernel print nothing below an emergency, so that the console is the person's.
pub fn hush() {
    unsafe { c_klogctl(8, std::ptr::null_mut(), 1) };
}

/// Makes this process the leader of a session whose terminal is its stdin: Ctrl-C and jobs need that. For use before exec.
pub fn take_terminal() -> Result<()> {
    const TIOCSCTTY: c_int = 0x540e;
    unsafe {
        setsid();
        check(ioctl(0, TIOCSCTTY, 0).into())
    }
}

pub fn power_off() -> ! {
    unsafe { c_reboot(0x4321_fedc) };
    // Only PID 1's own end remains, and the kernel panics at it.
    std::process::exit(1)
}

#[cfg(target_arch = "x86_64")]
const FINIT_MODULE: c_long = 313;
#[cfg(target_arch = "aarch64")]
const FINIT_MODULE: c_long = 273;
#[cfg(target_arch = "arm")]
const FINIT_MODULE: c_long = 379;
/// The kernel decompresses the file.
const COMPRESSED: c_int = 4;

/// Loads a module; one that is loaded already is none to complain about.
pub fn load_module(path: &str) -> Result<()> {
    let file = std::fs::File::open(path)?;
    let flags = if path.ends_with(".ko") { 0 } else { COMPRESSED };
    match check(unsafe { syscall(FINIT_MODULE, file.as_raw_fd(), c"".as_ptr(), flags) }) {
        Err(error) if error.raw_os_error() == Some(17) => Ok(()),
        other => other,
    }
}
