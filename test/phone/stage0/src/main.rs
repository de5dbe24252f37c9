//! A small stage0 for tests of the emulated phone (docs/phone.md). It does what fastboop's does and says so in its words,
//! as far as `make phone` asks, and stops where a test tells it to. The cable's protocol is the real one's crate.

#[path = "../../../../ci/phone/src/log.rs"]
mod log;
#[path = "../../../../ci/phone/src/sys.rs"]
#[allow(dead_code)] // The phone's programs need more of it.
mod sys;

use log::say;
use std::collections::HashMap;
use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::{chroot, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The stage that it does not reach: tests write its name over the dots.
static STOP: [u8; 32] = *b"it stops before:................";

const GADGET: &str = "/sys/kernel/config/usb_gadget/stage0";
const FUNCTIONFS: &str = "/dev/ffs";
const BLOCK: &str = "/dev/ublkb0";
const READ_ONLY: u32 = 1;
const MOVE: u32 = 0x2000;

fn main() {
    let end = if std::env::args().nth(1).is_some() { serve() } else { boot() };
    if let Err(error) = end {
        say(&format!("ERROR fastboop_stage0: {error}"));
        std::process::exit(1);
    }
}

fn info(text: &str) {
    say(&format!(" INFO fastboop_stage0: pid1: {text}"));
}

/// Whether a test wants it to stop before this stage.
fn stops_before(stage: &str) -> bool {
    // Volatile: what is in the file counts, not what the compiler knows.
    let text = unsafe { std::ptr::read_volatile(&STOP) };
    text[16..].split(|byte| *byte == b'.').next() == Some(stage.as_bytes())
}

fn reach(stage: &str) -> Outcome {
    if stops_before(stage) { Err(format!("stops before {stage}").into()) } else { Ok(()) }
}

fn setting(name: &str) -> Option<String> {
    fs::read_to_string(format!("/etc/stage0/{name}")).ok().map(|text| text.trim().into())
}

/// PID 1: from the ramdisk to the root file system's init.
fn boot() -> Outcome {
    for (kind, target) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/run")] {
        sys::mount(kind, target)?;
    }
    log::open("/dev/kmsg");
    reach("settings")?;
    let kind = setting("stage0.rootfs").ok_or("missing required stage0.rootfs setting")?;
    info(&format!("switchroot filesystem configured switchroot_fs={kind:?}"));
    reach("modules")?;
    load_modules()?;
    sys::mount("configfs", "/sys/kernel/config")?;
    info("waiting for UDC (timeout 15s)");
    reach("controller")?;
    let controller = wait("UDC not ready after 15s", 15, || {
        fs::read_dir("/sys/class/udc").ok()?.next()?.ok()?.file_name().into_string().ok()
    })?;
    info(&format!("UDC ready ({controller})"));
    make_gadget()?;
    let mut child = Command::new("/proc/self/exe").arg("gadget").spawn()?;
    alive_until(&mut child, "no endpoints after 60s", 60, || Path::new(FUNCTIONFS).join("ep4").exists())?;
    reach("gadget")?;
    if !stops_before("enumerated") {
        fs::write(format!("{GADGET}/UDC"), &controller)?;
    }
    info("gadget bound to UDC");
    // Where nobody will come, nobody waits long.
    let seconds = if stops_before("enumerated") || stops_before("connected") { 10 } else { 60 };
    // The disk is there a moment before it can be opened.
    alive_until(&mut child, "timed out waiting for /dev/ublkb0", seconds, || File::open(BLOCK).is_ok())?;
    reach("block")?;
    info("found ublk device /dev/ublkb0");
    reach("mounted")?;
    mount_root(&kind)?;
    reach("switched")?;
    switch_root()?;
    info("switched root");
    let init = if stops_before("init") { "/sbin/none" } else { "/sbin/init" };
    info(&format!("exec {init}"));
    Err(Command::new(init).exec().into())
}

/// What `found` finds, within some seconds.
fn wait<T>(late: &str, seconds: u64, mut found: impl FnMut() -> Option<T>) -> Outcome<T> {
    let start = Instant::now();
    loop {
        match found() {
            Some(value) => return Ok(value),
            None if start.elapsed() > Duration::from_secs(seconds) => return Err(late.into()),
            None => sleep(Duration::from_millis(50)),
        }
    }
}

fn alive_until(child: &mut Child, late: &str, seconds: u64, done: impl Fn() -> bool) -> Outcome {
    wait(late, seconds, || match child.try_wait() {
        Ok(Some(status)) => Some(Err(format!("gadget child exited: {status}").into())),
        _ => done().then_some(Ok(())),
    })?
}

/// Loads the modules that fastboop lists, with what they need.
fn load_modules() -> Outcome {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let root = PathBuf::from("/lib/modules").join(release.trim());
    let index = fs::read_to_string(root.join("modules.dep"))?;
    let name_of = |path: &str| path.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or("").replace('-', "_");
    let lines = index.lines().filter_map(|line| line.split_once(':'));
    let files: HashMap<String, (&str, &str)> = lines.map(|(path, needs)| (name_of(path), (path, needs))).collect();
    for list in fs::read_dir("/etc/modules-load.d")? {
        for module in fs::read_to_string(list?.path())?.lines() {
            let Some((path, needs)) = files.get(&module.trim().replace('-', "_")) else { continue };
            for file in needs.split_whitespace().rev().chain([*path]) {
                match sys::load_module(&root.join(file).to_string_lossy()) {
                    Ok(()) => info(&format!("module {file} load ok")),
                    Err(error) => say(&format!(" WARN fastboop_stage0: module load failed for {module}: {error}")),
                }
            }
        }
    }
    Ok(())
}

fn make_gadget() -> Outcome {
    let write = |name: &str, value: &str| fs::write(format!("{GADGET}/{name}"), value);
    for folder in ["strings/0x409", "configs/c.1", "functions/ffs.smoo"] {
        fs::create_dir_all(format!("{GADGET}/{folder}"))?;
    }
    write("idVendor", &setting("smoo.vendor").unwrap_or("0xdead".into()))?;
    write("idProduct", &setting("smoo.product").unwrap_or("0xbeef".into()))?;
    write("strings/0x409/serialnumber", &setting("stage0.serial").unwrap_or("0001".into()))?;
    symlink(format!("{GADGET}/functions/ffs.smoo"), format!("{GADGET}/configs/c.1/ffs.smoo"))?;
    sys::mount_functionfs("smoo", FUNCTIONFS)?;
    Ok(())
}

/// The gadget's process: serves the disk until the machine is off.
fn serve() -> Outcome {
    log::open("/dev/kmsg");
    let mimic = setting("smoo.mimic_fastboot").as_deref() == Some("1");
    let arguments = smoo_gadget_app::Args {
        ffs_dir: Some(FUNCTIONFS.into()),
        max_io_bytes: setting("smoo.max_io_bytes").and_then(|text| text.parse().ok()),
        // By the other interface nobody finds it.
        mimic_fastboot: mimic != stops_before("connected"),
        ..Default::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(smoo_gadget_app::run_with_args(arguments))?)
}

fn mount_root(kind: &str) -> Outcome {
    let data = if kind == "ext4" { "noload" } else { "" };
    sys::mount_from(BLOCK, "/lower", kind, READ_ONLY, data).map_err(|error| format!("mount {kind} lower: {error}"))?;
    sys::mount("tmpfs", "/upper")?;
    fs::create_dir_all("/upper/upper")?;
    fs::create_dir_all("/upper/work")?;
    let layers = "lowerdir=/lower,upperdir=/upper/upper,workdir=/upper/work";
    Ok(sys::mount_from("overlay", "/newroot", "overlay", 0, layers)?)
}

fn switch_root() -> Outcome {
    for name in ["/dev", "/proc", "/sys", "/run"] {
        sys::mount_from(name, &format!("/newroot{name}"), "", MOVE, "")?;
    }
    std::env::set_current_dir("/newroot")?;
    sys::mount_from(".", "/", "", MOVE, "")?;
    chroot(".")?;
    Ok(std::env::set_current_dir("/")?)
}
