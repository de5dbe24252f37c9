//! Prints one line that tells whether all that was hard to build fits the machine that it runs on. As PID 1 it then powers
//! the machine off.

use std::io::{self, Write};
use std::{process, thread, time::Duration};

fn main() {
    let pid = process::id();
    let line = demo_wire::line(
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
        pid,
        &findings(pid),
    );
    let printed = io::stdout().write_all(line.as_bytes());
    if pid == 1 {
        power_off();
    }
    if printed.is_err() {
        process::exit(1);
    }
}

/// One word for each dependency that had an obstacle.
fn findings(pid: u32) -> [(&'static str, bool); 3] {
    // SAFETY: the call takes no argument and can't fail.
    let asked = unsafe { libc::syscall(demo_kernel::GETPID) };
    [
        (
            "headers",
            asked == i64::from(pid) as libc::c_long && demo_kernel::request_fits(),
        ),
        (
            "c",
            demo_native::checksum("stage0") == demo_native::checksum_in_rust("stage0"),
        ),
        ("git", demo_ports::VENDOR == 0x1209),
    ]
}

/// Never returns: the kernel panics when PID 1 ends.
fn power_off() -> ! {
    // SAFETY: neither call takes a pointer.
    unsafe {
        libc::sync();
        libc::reboot(libc::RB_POWER_OFF);
    }
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}
