//! The process beside the phone: the computer at the cable's other end, where `fastboop boot` runs.

use crate::config::Config;
use crate::log::{self, say};
use crate::sys;
use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

const DEVICE: &str = "/sys/bus/usb/devices/1-1";
const POLL: Duration = Duration::from_millis(50);

/// Returns only when the phone can't be watched; the machine is off before.
pub fn run() -> Result<(), Box<dyn Error>> {
    if let Err(error) = watch() {
        say(&format!("beside: {error}"));
        sys::power_off();
    }
    Ok(())
}

fn watch() -> Result<(), Box<dyn Error>> {
    std::os::unix::fs::chroot("/box")?;
    std::env::set_current_dir("/")?;
    log::open("/dev/kmsg");
    let config = Config::read("/config");
    if let Ok(size) = config.get("size").parse() {
        fs::OpenOptions::new().write(true).open("/rootfs.img")?.set_len(size)?;
    }
    wait_for("the bootloader", || Path::new(DEVICE).exists());
    let mut child = start()?;
    let pid = child.id();
    let fault = config.get("fault").to_string();
    match fault.as_str() {
        "cable" => drop(thread::spawn(pull_cable)),
        "restart-cli" => {
            wait_for_reads();
            child.kill()?;
            let _ = child.wait();
            say(&format!("beside: fastboop (process {pid}) killed"));
            thread::sleep(Duration::from_secs(3));
            child = start()?;
            say("beside: fastboop started again");
        }
        "serial" => drop(thread::spawn(read_serial)),
        _ => {}
    }
    say(&format!("beside: fastboop ended with {}", words(child.wait()?)));
    // What it has said is on its way to the console.
    thread::sleep(Duration::from_millis(200));
    sys::power_off();
}

fn words(status: ExitStatus) -> String {
    status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}

/// Starts the CLI with the arguments that the run gives, one a line.
fn start() -> Result<Child, Box<dyn Error>> {
    let arguments = fs::read_to_string("/arguments")?;
    say(&format!("beside: fastboop {}", arguments.trim_end().replace('\n', " ")));
    let mut child = Command::new("/fastboop")
        .args(arguments.lines())
        .env_clear()
        .envs([("HOME", "/"), ("PATH", "/"), ("FASTBOOP_SCHEMA_PATH", "/profiles"), ("FASTBOOP_STAGE0_PATH", "/stage0"), ("NO_COLOR", "1")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("fastboop can't be started: {error}"))?;
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || tell(out));
    }
    if let Some(out) = child.stderr.take() {
        thread::spawn(move || tell(out));
    }
    Ok(child)
}

/// Says each line of the CLI's, so that it gets the kernel's time.
fn tell(out: impl Read) {
    for line in BufReader::new(out).split(b'\n') {
        let Ok(line) = line else { return };
        let text = String::from_utf8_lossy(&line);
        let text = text.rsplit('\r').find(|piece| !piece.is_empty()).unwrap_or("");
        let shown: String = text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
        say(&format!("cli: {shown}"));
    }
}

fn wait_for(what: &str, done: impl Fn() -> bool) {
    let mut waited = 0;
    while !done() {
        thread::sleep(POLL);
        waited += 1;
        if waited % 600 == 0 {
            say(&format!("beside: still waits for {what}"));
        }
    }
}

/// Waits until the root file system's init reads its data over the cable.
fn wait_for_reads() {
    wait_for("reads of the data", || {
        let status = fs::read_to_string("/sys/block/ublkb0/stat").unwrap_or_default();
        let sectors = status.split_whitespace().nth(2).and_then(|number| number.parse().ok()).unwrap_or(0u64);
        sectors * 512 > 4 << 20
    });
}

/// Pulls the cable for 3 s: takes the gadget off its controller, which dummy_hcd takes better than its own soft_connect.
fn pull_cable() {
    wait_for_reads();
    let gadgets = fs::read_dir("/sys/kernel/config/usb_gadget").into_iter().flatten().flatten();
    for gadget in gadgets {
        let file = gadget.path().join("UDC");
        let Ok(controller) = fs::read_to_string(&file) else { continue };
        if controller.trim().is_empty() {
            continue;
        }
        say(&format!("beside: cable out ({})", words_of(fs::write(&file, "\n"))));
        thread::sleep(Duration::from_secs(3));
        say(&format!("beside: cable in ({})", words_of(fs::write(&file, controller.trim()))));
    }
}

fn words_of(result: std::io::Result<()>) -> String {
    result.map_or_else(|error| error.to_string(), |()| "done".into())
}

/// Says what comes over the serial port that stage0's gadget may have.
fn read_serial() {
    wait_for("/dev/ttyACM0", || Path::new("/dev/ttyACM0").exists());
    let Ok(port) = fs::File::open("/dev/ttyACM0") else { return say("beside: /dev/ttyACM0 can't be opened") };
    say("beside: /dev/ttyACM0 is there");
    let mut lines = BufReader::new(port).split(b'\n');
    // One is enough: each that is said here would come back.
    if let Some(Ok(line)) = lines.next() {
        say(&format!("beside: /dev/ttyACM0 says \"{}\"", line.escape_ascii()));
    }
}
