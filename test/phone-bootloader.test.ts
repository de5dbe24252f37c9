import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { archive } from "../scripts/lib/boot/initramfs.ts";
import { findTarget } from "../scripts/lib/contract.ts";
import { phoneProgram } from "../scripts/lib/phone/program.ts";
import { suite, temporaryFolder } from "./lib/harness.ts";

const test = suite("phone-bootloader");
const triple = process.arch === "arm64" ? "aarch64-unknown-linux-musl" : "x86_64-unknown-linux-musl";
const target = findTarget(triple);
if (target === undefined) throw new Error(triple);
const program = await phoneProgram(target, () => {});

const PAGE = 4096;
const KERNEL = Buffer.alloc(5000, "kernel");
const DTB = Buffer.alloc(100, "dtb");
const INIT = Buffer.from("#!/init");

/** A boot image with a header of version 2, some fields of it replaced. */
function bootImage(parts: { ramdisk?: Buffer; kernel?: Buffer }, fields: Record<number, number> = {}): Buffer {
  const ramdisk = parts.ramdisk ?? archive([{ name: "init", mode: 0o100755, content: INIT }]);
  const kernel = parts.kernel ?? KERNEL;
  const header = Buffer.alloc(PAGE);
  header.write("ANDROID!", "latin1");
  header.write("quiet splash", 64, "latin1");
  const values = { 8: kernel.length, 16: ramdisk.length, 36: PAGE, 40: 2, 1648: DTB.length, ...fields };
  for (const [offset, value] of Object.entries(values)) header.writeUInt32LE(value, Number(offset));
  const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & (PAGE - 1))]);
  return Buffer.concat([header, ...[kernel, ramdisk, DTB].map(padded)]);
}

/** A client of a bootloader (AOSP, "TCP Protocol v1"). */
class Client {
  readonly socket: Socket;
  readonly ended: Promise<{ code: number | null; log: string }>;
  private received = Buffer.alloc(0);

  private constructor(child: ChildProcess, socket: Socket, log: () => string) {
    this.socket = socket;
    this.ended = new Promise((resolve) => child.once("close", (code) => resolve({ code, log: log() })));
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
    });
  }

  static async start(config: string, hello = "FB01"): Promise<Client> {
    const folder = temporaryFolder();
    fs.mkdirSync(join(folder, "expected"));
    fs.writeFileSync(join(folder, "config"), config);
    for (const [name, bytes] of Object.entries({ kernel: KERNEL, "device-tree": DTB, init: INIT }))
      fs.writeFileSync(join(folder, "expected", name), bytes);
    const child = spawn(program, ["tcp", folder]);
    let log = "";
    child.stderr.on("data", (bytes: Buffer) => {
      log += bytes;
    });
    const port = await new Promise<number>((resolve) =>
      child.stdout.once("data", (bytes: Buffer) => resolve(Number(bytes.toString()))),
    );
    const client = new Client(child, connect(port, "127.0.0.1"), () => log);
    client.socket.write(hello);
    assert.is((await client.take(4)).toString(), "FB01");
    return client;
  }

  async take(count: number): Promise<Buffer> {
    while (this.received.length < count) await new Promise((resolve) => this.socket.once("data", resolve));
    const taken = this.received.subarray(0, count);
    this.received = this.received.subarray(count);
    return taken;
  }

  send(message: string | Buffer): void {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(message.length));
    this.socket.write(Buffer.concat([length, Buffer.from(message as string, "latin1")]));
  }

  async reply(): Promise<string> {
    const length = Number((await this.take(8)).readBigUInt64BE());
    return (await this.take(length)).toString("latin1");
  }

  async ask(message: string | Buffer): Promise<string> {
    this.send(message);
    return this.reply();
  }

  async download(image: Buffer): Promise<string> {
    const size = image.length.toString(16).padStart(8, "0");
    assert.is(await this.ask(`download:${size}`), `DATA${size}`);
    for (let at = 0; at < image.length; at += 3000) this.send(image.subarray(at, at + 3000));
    return this.reply();
  }
}

test("should answer, take an image and say that its parts are those that were expected", async () => {
  const client = await Client.start("product=emulated\n");
  assert.is(await client.ask("getvar:product"), "OKAYemulated");
  assert.is(await client.ask("getvar:version"), "OKAY0.4");
  assert.is(await client.ask("getvar:slot-count"), "FAILno such variable");
  const image = bootImage({});
  assert.is(await client.download(image), "OKAY");
  assert.is(await client.ask("boot"), "OKAY");
  const { code, log } = await client.ended;
  assert.is(code, 0);
  assert.equal(log.split("\n"), [
    'bootloader: got "getvar:product", answered OKAYemulated',
    'bootloader: got "getvar:version", answered OKAY0.4',
    'bootloader: got "getvar:slot-count", answered FAILno such variable',
    `bootloader: got "download:${image.length.toString(16).padStart(8, "0")}"`,
    `bootloader: ${image.length} bytes downloaded`,
    'bootloader: got "boot", answered OKAY',
    'bootloader: command line "quiet splash"',
    "bootloader: kernel equal, 5000 bytes",
    "bootloader: device tree equal, 100 bytes",
    "bootloader: /init equal, 7 bytes",
    `bootloader: boots ${image.length} bytes`,
    "",
  ]);
});

test("should say where a part differs", async () => {
  const client = await Client.start("");
  const kernel = Buffer.from(KERNEL);
  kernel[4321] = 0;
  const ramdisk = archive([
    { name: "init", mode: 0o100755, content: INIT },
    { name: "init", mode: 0o100755, content: Buffer.from("#!/in") },
  ]);
  assert.is(await client.download(bootImage({ kernel, ramdisk })), "OKAY");
  assert.is(await client.ask("boot"), "OKAY");
  const { log } = await client.ended;
  assert.ok(log.includes("\nbootloader: kernel differs at byte 4321, 5000 bytes instead of 5000\n"));
  // As the kernel, which lets the last file of a name win.
  assert.ok(log.includes("\nbootloader: /init differs at byte 5, 5 bytes instead of 7\n"));
});

test("should refuse what is wrong, and go on", async () => {
  const client = await Client.start("");
  const refusals: [command: string | Buffer, answer: string][] = [
    ["", "unknown command"],
    ["reboot", "unknown command"],
    ["boot ", "unknown command"],
    ["getvar:", "no such variable"],
    ["flash:\x1b[31m\xff", "unknown command"],
    ["A".repeat(4096), "unknown command"],
    ["boot", "nothing was downloaded"],
    ["download:", "the size is not 8 hexadecimal digits"],
    ["download:1000", "the size is not 8 hexadecimal digits"],
    ["download:+0001000", "the size is not 8 hexadecimal digits"],
    ["download:0000100g", "the size is not 8 hexadecimal digits"],
    ["download:00000000", "the size is not from 1 to 536870912"],
    ["download:20000001", "the size is not from 1 to 536870912"],
    ["download:ffffffff", "the size is not from 1 to 536870912"],
  ];
  for (const [command, answer] of refusals) assert.is(await client.ask(command), `FAIL${answer}`, String(command));
  const images: [image: Buffer, answer: string][] = [
    [Buffer.from("x"), "no boot image"],
    [Buffer.alloc(5000), "no boot image"],
    [bootImage({}, { 40: 4 }), "header version 4, not 2"],
    [bootImage({}, { 36: 0 }), "a page size of 0"],
    [bootImage({}, { 36: 0xffffffff }), "a page size of 4294967295"],
    [bootImage({}, { 8: 0xffffffff }), "the kernel does not fit in"],
    [bootImage({}, { 16: 0x7fffffff }), "the ramdisk does not fit in"],
    [bootImage({}, { 24: 0x7fffffff }), "the second stage does not fit in"],
    [bootImage({}, { 1648: 5000 }), "the device tree does not fit in"],
  ];
  for (const [image, answer] of images) {
    assert.is(await client.download(image), "OKAY");
    assert.is(await client.ask("boot"), `FAIL${answer}`);
  }
  client.socket.end();
  const { code, log } = await client.ended;
  assert.is(code, 1);
  assert.ok(log.includes('\nbootloader: got "flash:\\x1b[31m\\xff", answered FAILunknown command\n'));
  assert.not.match(log, /\x1b/);
});

test("should not take the rest of a command that is too long for another one", async () => {
  const client = await Client.start("");
  for (const length of [4097, 5000, 8191, 8193, 100_000]) {
    const command = `${"A".repeat(4096)}${"getvar:version".repeat(length)}`.slice(0, length);
    assert.is(await client.ask(command), "FAILa command of more than 4096 bytes");
    assert.is(await client.ask("getvar:version"), "OKAY0.4");
  }
  client.socket.end();
  assert.is((await client.ended).code, 1);
});

test("should say how far a download came that stops", async () => {
  const client = await Client.start("");
  assert.is(await client.ask("download:00001000"), "DATA00001000");
  client.send(Buffer.alloc(1000));
  client.socket.end();
  const { code, log } = await client.ended;
  assert.is(code, 1);
  assert.match(log, /\nbootloader: the download stopped after 1000 of 4096 bytes: .*\nphone: /);
});

test("should refuse to boot, and leave a download, when it is told to", async () => {
  const refuses = await Client.start("fault=fail-boot\n");
  assert.is(await refuses.download(bootImage({})), "OKAY");
  assert.is(await refuses.ask("boot"), "FAILno");
  refuses.socket.end();
  const leaves = await Client.start("fault=half-download\n");
  assert.is(await leaves.ask("download:00001000"), "DATA00001000");
  leaves.send(Buffer.alloc(4000));
  const { code, log } = await leaves.ended;
  assert.is(code, 1);
  assert.ok(log.includes("\nbootloader: leaves after 4000 of 4096 bytes\n"), log);
});

for (const [name, ramdisk] of Object.entries({
  "no archive": Buffer.from("no archive"),
  "a name that leads out": archive([{ name: "a/../../etc/passwd", mode: 0o100644, content: INIT }]),
  "a file that is cut off": archive([{ name: "init", mode: 0o100755, content: Buffer.alloc(9000) }]).subarray(0, 4096),
  "a broken number": Buffer.from(
    archive([{ name: "init", mode: 0o100755, content: INIT }])
      .toString("latin1")
      .replace("000081ED", "0000xxED"),
    "latin1",
  ),
})) {
  test(`should find no /init in a ramdisk with ${name}`, async () => {
    const client = await Client.start("");
    assert.is(await client.download(bootImage({ ramdisk })), "OKAY");
    assert.is(await client.ask("boot"), "OKAY");
    const { code, log } = await client.ended;
    assert.is(code, 0);
    assert.ok(log.includes("\nbootloader: /init missing\n"), log);
  });
}

test.run();
