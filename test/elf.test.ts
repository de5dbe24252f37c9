import * as fs from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { bufferSource, fileSource, type Source } from "../scripts/lib/elf/bytes.ts";
import { DT } from "../scripts/lib/elf/names.ts";
import type { Elf } from "../scripts/lib/elf/types.ts";
import { readElf } from "../scripts/lib/elf.ts";
import { compileAll, MADE, PROGRAMS } from "./corpus/compile.ts";
import { Patch } from "./corpus/patch.ts";
import { tables } from "./corpus/synthetic.ts";
import { lacking, runProgram, suite, temporaryFolder, testUnless } from "./lib/harness.ts";
import { PUBLISHED, published } from "./lib/published.ts";
import { readelf, type View } from "./lib/readelf.ts";

const test = suite("elf");
const compilers = lacking({ programs: PROGRAMS });

function elfOf(bytes: Buffer): Elf {
  const { elf, error } = readElf(bufferSource(bytes));
  if (elf === undefined) throw new Error(`not read: ${error.got}`);
  return elf;
}

/** The fields of a result that readelf shows too, in one form. */
function ours(elf: Elf) {
  return {
    ident: [
      elf.bits / 32,
      elf.order === "little" ? 1 : 2,
      elf.header.identVersion,
      elf.header.osabi,
      elf.header.abiVersion,
    ],
    type: elf.header.type,
    machine: elf.header.machine,
    version: elf.header.version,
    entry: elf.header.entry,
    phoff: elf.header.phoff,
    shoff: elf.header.shoff,
    flags: elf.header.flags,
    ehsize: elf.header.ehsize,
    phentsize: elf.header.phentsize,
    phnum: elf.header.phnum,
    shentsize: elf.header.shentsize,
    shnum: elf.header.shnum,
    shstrndx: elf.header.shstrndx,
    ...tablesOf(elf),
    // readelf lists the DT_NULL too.
    dynamic: elf.dynamic.map(({ tag }) => tag),
    names: elf.dynamic.flatMap(({ name }) => name ?? []),
    notes: elf.notes.map(({ name, description }) => ({ name, size: description.length / 2 })),
    interpreter: elf.interpreter,
    buildId: elf.buildId,
    defects: elf.defects,
  };
}

/** Segments and sections with all their fields, which the reader reads when they are asked for. */
const tablesOf = ({ segments, sections }: Elf) => ({
  segments: segments.map(({ type, flags, offset, vaddr, paddr, filesz, memsz, align }) => ({
    ...{ type, flags, offset, vaddr, paddr, filesz, memsz, align },
  })),
  sections: sections.map(({ name, type, flags, addr, offset, size, link, info, addralign, entsize }) => ({
    ...{ name, type, flags, addr, offset, size, link, info, addralign, entsize },
  })),
});

function theirs(view: View): ReturnType<typeof ours> {
  const number = (key: string): number => Number(/^(0x[0-9a-f]+|[0-9]+)/.exec(view.header[key] ?? "")?.[0]);
  const [, , , , bits = 0, order = 0, version = 0, osabi = 0, abiVersion = 0] = view.ident;
  const dynamic = view.dynamic.filter(({ tag }) => tag !== 0n);
  return {
    ident: [bits, order, version, osabi, abiVersion],
    type: view.type,
    machine: view.machine ?? Number.NaN,
    version: number("Version"),
    entry: view.entry,
    phoff: view.phoff,
    shoff: view.shoff,
    flags: number("Flags"),
    ehsize: number("Size of this header"),
    phentsize: number("Size of program headers"),
    phnum: number("Number of program headers"),
    shentsize: number("Size of section headers"),
    shnum: number("Number of section headers"),
    shstrndx: number("Section header string table index"),
    segments: view.segments,
    sections: view.sections,
    dynamic: dynamic.map(({ tag }) => tag),
    names: dynamic.flatMap(({ name }) => name ?? []),
    notes: view.notes.map(({ name, size }) => ({ name, size })),
    interpreter: view.interpreter,
    buildId: view.buildId,
    defects: [],
  };
}

/** Compares what we read of files with what readelf prints of them. */
async function compare(paths: readonly string[]): Promise<void> {
  const { views } = await readelf(paths);
  for (const path of paths) {
    const elf = elfOf(fs.readFileSync(path));
    const view = views.get(path);
    if (view === undefined) throw new Error(`readelf shows nothing of ${path}`);
    assert.equal(ours(elf), theirs(view), path);
    const decoded = view.dynamic.slice(0, elf.dynamic.length);
    const values = (entries: readonly { tag: bigint; value: bigint | undefined }[]) =>
      entries.flatMap(({ tag, value }, i) => (decoded[i]?.value === undefined ? [] : [[tag, value]]));
    assert.equal(values(elf.dynamic), values(decoded), path);
    for (const [i, { type }] of view.notes.entries()) assert.is(elf.notes[i]?.type, type ?? elf.notes[i]?.type, path);
  }
}

testUnless(test, compilers, "should read every field as readelf does, of what compilers and linkers make", async () => {
  const folder = await compileAll();
  await compare(MADE.map((name) => join(folder, name)));
});

testUnless(test, compilers, "should read 66,006 sections as readelf does", async () => {
  await compare([join(await compileAll(), "x-many-sections")]);
});

testUnless(
  test,
  lacking({ programs: ["npm", "readelf"] }),
  "should read published executables as readelf does",
  async () => {
    await compare(await Promise.all((Object.keys(PUBLISHED) as (keyof typeof PUBLISHED)[]).map(published)));
  },
);

test("should take counts from section header 0 when the file header has no room for them", () => {
  const elf = elfOf(tables({ segments: 70_000, sections: 66_000, phnum: 0xffff, shnum: 0 }).bytes);
  assert.equal([elf.segmentCount, elf.segments.length], [70_000, 128]);
  assert.is(elf.sections.length, 66_000);
  assert.equal(elf.defects, []);
});

test("should find the names when their index is in section header 0", () => {
  const bytes = Buffer.concat([tables({ segments: 0, sections: 2 }).bytes, Buffer.from("\0.one\0", "latin1")]);
  const patch = new Patch(bytes).header({ shstrndx: 0xffff }).section(0, { link: 1 });
  patch.section(1, { name: 1, type: 3, offset: bytes.length - 6, size: 6 });
  assert.equal(
    elfOf(patch.bytes).sections.map(({ name }) => name),
    ["", ".one"],
  );
});

/** A file with one segment over some bytes at its end. */
function withSegment(type: number, content: Buffer): Elf {
  const { bytes: head } = tables({ segments: 1, sections: 0 });
  const patch = new Patch(Buffer.concat([head, content]));
  return elfOf(patch.segment(0, { type, offset: head.length, filesz: content.length, align: 4 }).bytes);
}
const [DYNAMIC, INTERP, NOTE] = [2, 3, 4];

/** A note of the gABI with a name and a descriptor of some bytes. */
function note(name: string, length: number): Buffer {
  const head = Buffer.alloc(12 + Math.ceil((name.length + 1) / 4) * 4);
  head.writeUInt32LE(name.length + 1);
  head.writeUInt32LE(length, 4);
  head.writeUInt32LE(7, 8);
  head.write(name, 12);
  return Buffer.concat([head, Buffer.alloc(length, 0xab)]);
}

test("should read notes up to the end of their segment, and no further", () => {
  assert.equal(withSegment(NOTE, note("GNU", 4)).notes, [{ name: "GNU", type: 7, description: "abababab" }]);
  assert.equal(withSegment(NOTE, Buffer.alloc(12)).notes, [{ name: "", type: 0, description: "" }]);
  assert.equal(withSegment(NOTE, Buffer.concat([note("A", 0), note("B", 3)])).defects, []);
  const tooMuch = Buffer.concat([note("A", 4), Buffer.alloc(4)]);
  for (const content of [Buffer.alloc(11), note("GNU", 4).subarray(0, 19), tooMuch]) {
    const [defect] = withSegment(NOTE, content).defects;
    assert.equal([defect?.part, defect?.expected], ["notes", "notes that end where their segment ends"]);
  }
});

test("should read 64 KiB of notes, and not one byte more", () => {
  const most = withSegment(NOTE, note("GNU", 64 * 1024 - 16));
  assert.equal([most.notes.length, most.defects], [1, []]);
  const more = withSegment(NOTE, note("GNU", 64 * 1024 - 15));
  assert.equal([more.notes, more.defects.map(({ expected }) => expected)], [[], ["at most 65536 bytes of notes"]]);
  const { bytes: head } = tables({ segments: 2, sections: 0 });
  const patch = new Patch(Buffer.concat([head, note("GNU", 32 * 1024)]));
  const fields = { type: NOTE, offset: head.length, filesz: patch.bytes.length - head.length };
  // Each time the first one that is still a PT_NULL.
  const { notes, defects } = elfOf(patch.segment(0, fields).segment(0, fields).bytes);
  assert.equal([notes.length, defects.length], [1, 1]);
});

test("should read the dynamic section up to its DT_NULL", () => {
  const entry = (tag: number, value = 0): Buffer => {
    const bytes = Buffer.alloc(16);
    bytes.writeBigUInt64LE(BigInt(tag));
    bytes.writeBigUInt64LE(BigInt(value), 8);
    return bytes;
  };
  const ended = withSegment(DYNAMIC, Buffer.concat([entry(21, 5), entry(0), entry(22)]));
  assert.equal([ended.dynamic, ended.defects], [[{ tag: 21n, value: 5n }], []]);
  const endless = withSegment(DYNAMIC, Buffer.concat([entry(21), entry(0).subarray(0, 15)]));
  const expected = "a DT_NULL at the end of the section";
  assert.equal(endless.defects, [{ part: "dynamic", expected, got: "1 entries without one" }]);
  const long = withSegment(DYNAMIC, Buffer.concat([...Array.from({ length: 4096 }, () => entry(21)), entry(0)]));
  assert.equal(long.defects, [{ part: "dynamic", expected, got: "4096 entries without one" }]);
});

test("should cut an interpreter that is longer than any path", () => {
  assert.is(withSegment(INTERP, Buffer.from("/lib/ld.so\0more")).interpreter, "/lib/ld.so");
  assert.is(withSegment(INTERP, Buffer.alloc(5000, "a")).interpreter, "a".repeat(4096));
  assert.is(withSegment(INTERP, Buffer.alloc(0)).interpreter, "");
});

test("should cut the name of a section after 256 bytes", () => {
  const { bytes: head } = tables({ segments: 0, sections: 2 });
  const names = Buffer.concat([Buffer.alloc(1), Buffer.alloc(300, "n"), Buffer.alloc(1)]);
  const patch = new Patch(Buffer.concat([head, names])).header({ shstrndx: 1 });
  patch.section(1, { name: 1, type: 3, offset: head.length, size: names.length });
  const lengths = (): number[] => elfOf(patch.bytes).sections.map(({ name }) => name.length);
  assert.equal(lengths(), [0, 256]);
  patch.section(1, { name: names.length });
  assert.equal(lengths(), [0, 0]);
});

test("should read 8 MiB of section headers", () => {
  const elf = elfOf(tables({ segments: 0, sections: 131_072, shnum: 0 }).bytes);
  assert.equal([elf.sections.length, elf.defects], [131_072, []]);
});

test("should say why there is nothing to read", () => {
  const magic = "\x7fELF";
  const cases: [string, unknown][] = [
    ["", { kind: "not-elf", expected: "an ELF file", got: "an empty file" }],
    ["\x7fEL", { kind: "not-elf", expected: "an ELF file", got: "data that begins with 7f454c" }],
    [magic, { kind: "header", expected: "EI_CLASS and EI_DATA of 1 or 2", got: "EI_CLASS missing, EI_DATA missing" }],
    [`${magic}\x03\x01`, { kind: "header", expected: "EI_CLASS and EI_DATA of 1 or 2", got: "EI_CLASS 3, EI_DATA 1" }],
    [`${magic}\x02\x00`, { kind: "header", expected: "EI_CLASS and EI_DATA of 1 or 2", got: "EI_CLASS 2, EI_DATA 0" }],
    [`${magic}\x01\x01`, { kind: "header", expected: "a file header of 52 bytes", got: "a file of 6 bytes" }],
    [`${magic}\x02\x02`, { kind: "header", expected: "a file header of 64 bytes", got: "a file of 6 bytes" }],
  ];
  for (const [content, error] of cases) {
    assert.equal(readElf(bufferSource(Buffer.from(content, "latin1"))), { error }, JSON.stringify(content));
  }
});

testUnless(
  test,
  compilers,
  "should give a result or a typed error for every length to which a file can be cut",
  async () => {
    const folder = await compileAll();
    for (const name of ["x-bare-pie", "x-dynamic", "arm-dynamic", "mips-dynamic", "ppc64-dynamic"]) {
      const bytes = fs.readFileSync(join(folder, name));
      for (let length = 0; length < bytes.length; length++) {
        const { elf, error } = readElf(bufferSource(bytes.subarray(0, length)));
        if (error !== undefined) assert.is(error.kind, length < 4 ? "not-elf" : "header", `${name} ${length}`);
        else assert.ok(elf.defects.length > 0, `${name} ${length}`);
      }
    }
  },
);

/** A source that notes what is asked of it. */
function watched(source: Source): { source: Source; reads: [offset: number, length: number][] } {
  const reads: [number, number][] = [];
  const read = (offset: number, length: number): Buffer => {
    reads.push([offset, length]);
    return source.read(offset, length);
  };
  return { source: { size: source.size, read }, reads };
}

testUnless(test, compilers, "should count the relocations of each type as readelf does", async () => {
  const folder = await compileAll();
  const names = [
    "x-static",
    "x-static-pie",
    "x-lld-pie",
    "x-musl-pie",
    "x-export-dynamic",
    "a-static-pie",
    "arm-static",
  ];
  for (const name of names) {
    const { stdout } = await runProgram(["readelf", "-rW", join(folder, name)]);
    const counts = new Map<number, number>();
    for (const [, info = ""] of stdout.matchAll(/^[0-9a-f]+ +([0-9a-f]+) R_/gm)) {
      const type = Number(BigInt(`0x${info}`) & (name.startsWith("arm-") ? 0xffn : 0xffffffffn));
      counts.set(type, (counts.get(type) ?? 0) + 1);
    }
    const read = readElf(bufferSource(fs.readFileSync(join(folder, name)))).elf?.relocations ?? [];
    const all = new Map<number, number>();
    for (const { types } of read) for (const [type, count] of types) all.set(type, (all.get(type) ?? 0) + count);
    assert.ok(counts.size > 0, name);
    assert.equal([...all].sort(), [...counts].sort(), name);
    assert.equal(
      read.map(({ unwritable }) => unwritable),
      read.map(() => 0),
      name,
    );
  }
});

testUnless(test, compilers, "should read as much of a file of 1 GiB as of a small one", async () => {
  const small = fs.readFileSync(join(await compileAll(), "x-static-pie"));
  const shoff = Number(new Patch(small).get("shoff"));
  const path = join(temporaryFolder(), "large");
  const fd = fs.openSync(path, "w+");
  const far = 2 ** 30;
  fs.writeSync(fd, new Patch(small).header({ shoff: far }).bytes, 0, shoff, 0);
  fs.writeSync(fd, small, shoff, small.length - shoff, far);
  const large = watched(fileSource(fd, fs.fstatSync(fd).size));
  const little = watched(bufferSource(small));
  const [ofLarge, ofSmall] = [readElf(large.source).elf, readElf(little.source).elf];
  fs.closeSync(fd);
  assert.ok(ofLarge && ofSmall);
  assert.equal(
    { ...ofLarge, ...tablesOf(ofLarge) },
    { ...ofSmall, ...tablesOf(ofSmall), header: { ...ofSmall.header, shoff: BigInt(far) } },
  );
  assert.equal(
    large.reads.map(([, length]) => length),
    little.reads.map(([, length]) => length),
  );
  const sizes = ofLarge?.dynamic
    .filter(({ tag }) => tag === DT.RELASZ || tag === DT.PLTRELSZ)
    .map(({ value }) => value);
  const relocations = Number(sizes?.reduce((sum, size) => sum + size, 0n));
  assert.ok(large.reads.reduce((sum, [, length]) => sum + length, 0) < 8192 + relocations);
});

test("should not ask for more than 8 MiB at a time, whatever a file claims", () => {
  const claims = [
    tables({ segments: 0, sections: 1, shnum: 0 }).section(0, { size: 0xffffffffffn }),
    tables({ segments: 0, sections: 1, phnum: 0xffff }).section(0, { info: 0xffffffff }),
    tables({ segments: 0, sections: 2 })
      .header({ shstrndx: 1 })
      .section(1, { type: 3, size: 1n << 49n }),
    tables({ segments: 0, sections: 2 }).section(1, { type: 7, size: 1n << 49n }),
    ...[2, 3, 4].map((type) =>
      tables({ segments: 1, sections: 0 })
        .write(64, 4, type)
        .write(96, 8, 1n << 49n),
    ),
  ];
  for (const [i, { bytes }] of claims.entries()) {
    // A file of a petabyte whose bytes after the headers are zeros.
    const { source, reads } = watched({
      size: 2 ** 50,
      read: (offset, length) => Buffer.concat([bytes.subarray(offset, offset + length), Buffer.alloc(length)], length),
    });
    assert.is(readElf(source).error, undefined, String(i));
    assert.ok(Math.max(...reads.map(([, length]) => length)) <= 8 * 2 ** 20, String(i));
    assert.ok(reads.length < 10, String(i));
  }
});

test("should call a file unreadable that became shorter or that the system does not read", () => {
  const bytes = tables({ segments: 1, sections: 1 }).bytes;
  assert.equal(
    readElf({ size: 184, read: (offset, length) => bytes.subarray(offset, Math.min(offset + length, 100)) }),
    {
      error: { kind: "unreadable", expected: "184 bytes that can be read", got: "it became shorter while it was read" },
    },
  );
  const fd = fs.openSync(temporaryFolder(), "r");
  assert.equal(readElf(fileSource(fd, 10)), {
    error: { kind: "unreadable", expected: "10 bytes that can be read", got: "the path is a folder" },
  });
  fs.closeSync(fd);
});

test("should not take a defect of its own for a broken file", () => {
  const broken = { size: 64, read: (): Buffer => undefined as unknown as Buffer };
  assert.throws(() => readElf(broken), TypeError);
});

test.run();
