//! Prints one line that says who it is. As PID 1 it first mounts /proc, /sys and /dev, and powers the machine off at
//! its end; as any other process it does nothing else.

use std::ffi::CString;
use std::io::{self, Write};
use std::os::raw::{c_char, c_int, c_ulong, c_void};
use std::{fs, process, ptr, thread, time::Duration};

// The C library that std links anyway; the libc crate would need a registry.
extern "C" {
    fn mount(
        source: *const c_char,
        target: *const c_char,
        filesystem: *const c_char,
        flags: c_ulong,
        data: *const c_void,
    ) -> c_int;
    fn reboot(command: c_int) -> c_int;
    fn sync();
}

/// `RB_POWER_OFF` of reboot(2).
const POWER_OFF: c_int = 0x4321_fedc;

const MOUNTS: [(&str, &str); 3] = [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")];

fn main() {
    let pid = process::id();
    if pid == 1 {
        for (filesystem, folder) in MOUNTS {
            if let Err(error) = mount_on(filesystem, folder) {
                eprintln!("{}: {folder}: {error}", env!("CARGO_PKG_NAME"));
            }
        }
    }
    let line = format!(
        "{} {} {} pid {pid}\n",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH
    );
    let printed = io::stdout().write_all(line.as_bytes());
    if pid == 1 {
        power_off();
    }
    if printed.is_err() {
        process::exit(1);
    }
}

fn mount_on(filesystem: &str, folder: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let (name, target) = (CString::new(filesystem)?, CString::new(folder)?);
    // SAFETY: the three strings end with a NUL and live through the call; these file systems take no data.
    let status = unsafe {
        mount(
            name.as_ptr(),
            target.as_ptr(),
            name.as_ptr(),
            0,
            ptr::null(),
        )
    };
    // The kernel may have mounted /dev already (CONFIG_DEVTMPFS_MOUNT).
    const EBUSY: i32 = 16;
    match status {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(EBUSY) => Ok(()),
            error => Err(error),
        },
    }
}

/// Never returns: the kernel panics when PID 1 ends.
fn power_off() -> ! {
    // SAFETY: neither call takes a pointer.
    unsafe {
        sync();
        reboot(POWER_OFF);
    }
    eprintln!(
        "{}: power off: {}",
        env!("CARGO_PKG_NAME"),
        io::Error::last_os_error()
    );
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}
