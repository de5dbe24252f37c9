//! The init of the root file system: it says that it was reached, reads what came over the cable, and powers off.

use crate::log::{self, say};
use crate::sha256::Sha256;
use crate::sys;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

pub fn run() -> Result<(), Box<dyn Error>> {
    log::open("/dev/kmsg");
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    say(&format!("rootfs: reached as PID 1 of {}", release.trim_end()));
    if let Ok(mounts) = fs::read_to_string("/proc/mounts") {
        let root = mounts.lines().filter(|line| line.split(' ').nth(1) == Some("/")).last();
        say(&format!("rootfs: / is {}", root.unwrap_or("nothing").split(' ').nth(2).unwrap_or("nothing")));
    }
    // Of its own: the console is for others.
    if let Err(error) = read_all() {
        say(&format!("rootfs: {error}"));
    }
    if Path::new(SHELL).exists() {
        if let Err(error) = shell() {
            say(&format!("rootfs: {SHELL}: {error}"));
        }
    }
    sys::power_off();
}

/// Only there when the console is a person's.
const SHELL: &str = "/bin/sh";

/// Lets a person look around, until the shell ends.
fn shell() -> Result<(), Box<dyn Error>> {
    let console = OpenOptions::new().read(true).write(true).open("/dev/console")?;
    let mut command = Command::new(SHELL);
    command.arg("-i").env_clear().envs([("PATH", "/bin:/sbin"), ("HOME", "/"), ("TERM", "linux")]);
    command.stdin(console.try_clone()?).stdout(console.try_clone()?).stderr(console);
    unsafe { command.pre_exec(sys::take_terminal) };
    sys::hush();
    command.status()?;
    Ok(())
}

fn read_all() -> Result<(), Box<dyn Error>> {
    say(&format!("rootfs: nonce {}", fs::read_to_string("/phone/nonce")?.trim_end()));
    read("data", "/phone/data")?;
    if let Ok(list) = fs::read_to_string("/phone/order") {
        let mut all = Sha256::new();
        for name in list.lines() {
            all.update(&fs::read(format!("/phone/files/{name}"))?);
        }
        say(&format!("rootfs: files {} {}", all.finish(), list.lines().count()));
    }
    Ok(())
}

fn read(name: &str, path: &str) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let mut file = File::open(path)?;
    let mut data = Vec::new();
    file.read_to_end(&mut data)?;
    let milliseconds = start.elapsed().as_millis();
    let mut digest = Sha256::new();
    digest.update(&data);
    say(&format!("rootfs: {name} {} {} bytes in {milliseconds} ms", digest.finish(), data.len()));
    Ok(())
}
