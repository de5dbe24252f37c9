/** Rules of the gate at limits that no file of the corpus has, on headers changed one field at a time. */
import * as assert from "uvu/assert";
import { findTarget } from "../scripts/lib/contract.ts";
import { bufferSource, type Elf, readElf, type Section, type Segment } from "../scripts/lib/elf.ts";
import { applyRules } from "../scripts/lib/gate.ts";
import { elfFile } from "./lib/elf-file.ts";
import { suite } from "./lib/harness.ts";

const test = suite("gate at the borders");

const TRIPLE = "x86_64-unknown-linux-musl";
const SIZE = 4096;

/** What a rule says of a good file whose headers were changed. */
function findings(rule: string, change: (elf: Elf) => void): [expected: string, got: string][] {
  const { elf } = readElf(bufferSource(elfFile(TRIPLE, SIZE)));
  if (elf === undefined) throw new Error("the file can't be read");
  change(elf);
  const target = findTarget(TRIPLE);
  const subject = {
    read: { elf },
    size: SIZE,
    maxSize: SIZE,
    target,
    named: target,
    paths: { count: 0, examples: [] },
  };
  return applyRules(subject).flatMap(({ rule: id, expected, got }) => (id === rule ? [[expected, got]] : []));
}

const UNUSED: Segment = { type: 0, flags: 0, offset: 0n, vaddr: 0n, paddr: 0n, filesz: 0n, memsz: 0n, align: 0n };
const section = (fields: Partial<Section>): Section => ({
  ...{
    name: ".data",
    type: 1,
    flags: 0n,
    addr: 0n,
    offset: 0n,
    size: 0n,
    link: 0,
    info: 0,
    addralign: 1n,
    entsize: 0n,
  },
  ...fields,
});

test("should take 4096 bytes of program headers and not one entry more", () => {
  const withEntries = (count: number) =>
    findings("program-headers", (elf) => {
      elf.header.phentsize = 32;
      elf.segments = Array.from({ length: count }, () => UNUSED);
    });
  assert.equal(withEntries(128), []);
  assert.equal(withEntries(129), [["at most 4096 bytes of program headers", "129 entries of 32 bytes"]]);
});

test("should see a section of one byte that begins where the file ends", () => {
  const at = (offset: bigint, size: bigint) =>
    findings("section-bounds", (elf) => {
      elf.sections = [section({ offset, size })];
    });
  assert.equal(at(4095n, 1n), []);
  assert.equal(at(4096n, 0n), []);
  assert.equal(at(4096n, 1n), [["sections inside the file's 4096 bytes", ".data bytes 4096 to 4097"]]);
});

test.run();
