//! A small stage0 for tests of the emulated phone: it goes the way of fastboop's own and says so in the same words, by
//! smoo's gadget of crates.io. `STOP` makes it end at a stage, which a test writes into the executable.

use clap::Parser;
use std::ffi::{c_char, c_int, c_long, c_ulong, c_void, CString};
use std::fs::{self, File, OpenOptions};
use std::io::{Error, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The stage before which it stops.
#[used]
static STOP: [u8; 32] = *b"STOP:none                       ";

const GADGET: &str = "/sys/kernel/config/usb_gadget/stage0";
const FUNCTIONFS: &str = "/dev/ffs-stage0";
const CHILD: &str = "gadget-child";

fn main() {
    let end = if std::env::args().nth(1).as_deref() == Some(CHILD) { serve() } else { boot() };
    if let Err(error) = end {
        eprintln!("Error: pid1 initramfs flow\n\nCaused by:\n    {error}");
        std::process::exit(1);
    }
}

/// Ends before a stage when the executable says so.
fn stop_before(stage: &str) -> Result<()> {
    let stop = unsafe { std::ptr::read_volatile(&STOP) };
    let wanted = std::str::from_utf8(&stop[5..]).unwrap_or("").trim();
    if wanted == stage { Err(format!("stopped before {stage}").into()) } else { Ok(()) }
}

fn say(line: &str) {
    if let Ok(mut kmsg) = OpenOptions::new().write(true).open("/dev/kmsg") {
        let _ = kmsg.write_all(format!("<6> INFO fastboop_stage0: pid1: {line}\n").as_bytes());
    }
}

fn setting(name: &str) -> Option<String> {
    fs::read_to_string(format!("/etc/stage0/{name}")).ok().map(|text| text.trim().into())
}

fn boot() -> Result<()> {
    for (kind, target) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/run")] {
        mount(kind, target, kind, 0, "")?;
    }
    stop_before("settings")?;
    let kind = setting("stage0.rootfs").ok_or("missing required stage0.rootfs setting")?;
    say(&format!("switchroot filesystem configured switchroot_fs=\"{kind}\""));
    stop_before("modules")?;
    load_modules()?;
    mount("configfs", "/sys/kernel/config", "configfs", 0, "")?;
    say("waiting for UDC (timeout 15s)");
    stop_before("controller")?;
    let controller = wait_for(15, || fs::read_dir("/sys/class/udc").ok()?.next()?.ok()).ok_or("UDC not ready after 15s")?;
    let controller = controller.file_name().to_string_lossy().into_owned();
    say(&format!("UDC ready ({controller})"));
    make_gadget()?;
    fs::create_dir_all("/run/smoo")?;
    let _child = Command::new("/init").arg(CHILD).spawn()?;
    wait_for(15, || Path::new(FUNCTIONFS).join("ep4").exists().then_some(())).ok_or("FunctionFS endpoints not ready")?;
    stop_before("gadget")?;
    fs::write(format!("{GADGET}/UDC"), &controller)?;
    say("gadget bound to UDC");
    stop_before("block")?;
    wait_for(60, || File::open("/dev/ublkb0").ok()).ok_or("timed out waiting for /dev/ublkb0")?;
    say("found ublk device /dev/ublkb0");
    stop_before("mounted")?;
    for folder in ["/lower", "/upper", "/newroot"] {
        fs::create_dir_all(folder)?;
    }
    mount("/dev/ublkb0", "/lower", &kind, 1, if kind == "ext4" { "noload" } else { "" })?;
    mount("tmpfs", "/upper", "tmpfs", 0, "")?;
    fs::create_dir_all("/upper/upper")?;
    fs::create_dir_all("/upper/work")?;
    mount("overlay", "/newroot", "overlay", 0, "lowerdir=/lower,upperdir=/upper/upper,workdir=/upper/work")?;
    for name in ["proc", "sys", "dev", "run"] {
        mount(&format!("/{name}"), &format!("/newroot/{name}"), "", MOVE, "")?;
    }
    stop_before("switched")?;
    std::env::set_current_dir("/newroot")?;
    mount("/newroot", "/", "", MOVE, "")?;
    std::os::unix::fs::chroot(".")?;
    say("switched root");
    stop_before("init")?;
    say("exec /sbin/init");
    Err(Command::new("/sbin/init").exec().into())
}

fn wait_for<T>(seconds: u64, mut done: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = done() {
            return Some(value);
        }
        if start.elapsed() > Duration::from_secs(seconds) {
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Loads what /etc/modules-load.d names, by modules.dep.
fn load_modules() -> Result<()> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let folder = format!("/lib/modules/{}", release.trim());
    let index = fs::read_to_string(format!("{folder}/modules.dep"))?;
    let named = |line: &str, name: &str| {
        let file = line.split(':').next().unwrap_or("").rsplit('/').next().unwrap_or("");
        file.split('.').next().unwrap_or("").replace('-', "_") == name.replace('-', "_")
    };
    for list in fs::read_dir("/etc/modules-load.d")?.flatten() {
        for name in fs::read_to_string(list.path())?.lines().map(str::trim).filter(|name| !name.is_empty()) {
            let Some(line) = index.lines().find(|line| named(line, name)) else { continue };
            let (path, needs) = line.split_once(':').unwrap_or((line, ""));
            for file in needs.split_whitespace().rev().chain([path]) {
                // What is loaded already, or of no use here, shows later.
                let _ = load_module(&format!("{folder}/{file}"));
            }
        }
    }
    Ok(())
}

fn make_gadget() -> Result<()> {
    for folder in ["strings/0x409", "configs/c.1", "functions/ffs.stage0"] {
        fs::create_dir_all(format!("{GADGET}/{folder}"))?;
    }
    let values = [
        ("idVendor", setting("smoo.vendor").unwrap_or("0xdead".into())),
        ("idProduct", setting("smoo.product").unwrap_or("0xbeef".into())),
        ("strings/0x409/manufacturer", "stage0 distribution".into()),
        ("strings/0x409/product", "fixture".into()),
        ("strings/0x409/serialnumber", setting("smoo.serial").unwrap_or("0001".into())),
    ];
    for (name, value) in values {
        fs::write(format!("{GADGET}/{name}"), value)?;
    }
    let link = format!("{GADGET}/configs/c.1/ffs.stage0");
    std::os::unix::fs::symlink(format!("{GADGET}/functions/ffs.stage0"), link)?;
    mount("stage0", FUNCTIONFS, "functionfs", 0, "")
}

/// The process that serves the cable: smoo's own program, on our FunctionFS.
fn serve() -> Result<()> {
    tracing_subscriber::fmt().with_ansi(false).init();
    let mut arguments = vec!["smoo-gadget".to_string(), "--ffs-dir".into(), FUNCTIONFS.into()];
    arguments.extend(["--state-file".into(), "/run/smoo/state.json".into()]);
    if let Some(bytes) = setting("smoo.max_io_bytes") {
        arguments.extend(["--max-io".into(), bytes]);
    }
    if setting("smoo.mimic_fastboot").is_some_and(|value| value == "1") {
        arguments.push("--mimic-fastboot".into());
    }
    let arguments = smoo_gadget_app::Args::try_parse_from(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(smoo_gadget_app::run_with_args(arguments))?)
}

extern "C" {
    #[link_name = "mount"]
    fn c_mount(source: *const c_char, target: *const c_char, kind: *const c_char, flags: c_ulong, data: *const c_void) -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
}

const MOVE: c_ulong = 8192;

fn mount(source: &str, target: &str, kind: &str, flags: c_ulong, data: &str) -> Result<()> {
    fs::create_dir_all(target)?;
    let [source_c, target_c, kind_c, data_c] = [source, target, kind, data].map(|text| CString::new(text).unwrap_or_default());
    let end = unsafe { c_mount(source_c.as_ptr(), target_c.as_ptr(), kind_c.as_ptr(), flags, data_c.as_ptr().cast()) };
    if end == 0 { Ok(()) } else { Err(format!("mount {kind} {target}: {}", Error::last_os_error()).into()) }
}

const FINIT_MODULE: c_long = if cfg!(target_arch = "x86_64") { 313 } else if cfg!(target_arch = "aarch64") { 273 } else { 379 };

fn load_module(path: &str) -> std::io::Result<()> {
    let file = File::open(path)?;
    let compressed: c_int = if path.ends_with(".ko") { 0 } else { 4 };
    match unsafe { syscall(FINIT_MODULE, file.as_raw_fd(), c"".as_ptr(), compressed) } {
        0 => Ok(()),
        _ => Err(Error::last_os_error()),
    }
}
