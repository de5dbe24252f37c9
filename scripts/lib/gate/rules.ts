/** The rules of the gate as data, each with the small check that decides it. */
import { MACHINES, type Target } from "../contract.ts";
import { DF_TEXTREL, DT, ET, machineName, PF, PT, SHT, sectionName, segmentName, typeName } from "../elf/names.ts";
import type { Defect, Elf, ElfResult, Section, Segment } from "../elf/types.ts";
import { printable } from "../errors.ts";
import {
  covers,
  endOfContent,
  fileSize,
  frozen,
  has,
  hasFlag,
  hasTag,
  isAligned,
  isCode,
  isLoadedBy,
  isPie,
  KIB_64,
  larger,
  loads,
  MOST_HEADERS,
  MOST_MEMORY,
  memory,
  misplaced,
  names,
  ofType,
  overlaid,
  rights,
  span,
  strippable,
  unlikeSections,
  unloaded,
} from "./layout.ts";
import {
  androidTables,
  hasSymbols,
  isPacked,
  lostRelocations,
  unapplied,
  unknownTypes,
  unwritable,
  wrongCounts,
  wrongEntries,
} from "./relocations.ts";
import { neededLevels, otherSystems } from "./system.ts";

export type Severity = "fail" | "warn";

/** A rule of the gate, as the documentation shows it. */
interface Rule {
  id: string;
  severity: Severity;
  /** What the rule demands. */
  demands: string;
  /** Why it matters for a PID 1 payload. */
  why: string;
  /** What to do about a file that breaks it. */
  fix: string;
  /** A command that makes such a file, where there is one: the tests' corpus has its sources. */
  seen?: string;
}

/** What the rules are applied to. */
export interface Subject {
  read: ElfResult;
  /** Bytes of the file, and the most that it may have. */
  size: number;
  maxSize: number;
  target: Target | undefined;
  /** The target that the file's name stands for. */
  named: Target | undefined;
  /** Build paths found in the content: how many, and the first of them. */
  paths: { count: number; examples: readonly string[] };
}

/** How a file departs from a rule. */
interface Deviation {
  expected: string;
  got: string;
}

/** A rule with the check that decides it; those about a set of files are decided where the set is known. */
interface CheckedRule extends Rule {
  check?: (subject: Subject) => Deviation[];
}

export const READABLE = "readable";
export const SWAP = "swap";
/** The rule of boots that did not reach the file: exit code 3, as for READABLE. */
export const NO_MACHINE = "boot-machine";
/** The same for phones. */
export const NO_PHONE = "phone-machine";

/** A check of a file that is ELF; other files do not deviate from it. */
const elf =
  (check: (elf: Elf, subject: Subject) => Deviation[]) =>
  (subject: Subject): Deviation[] =>
    subject.read.elf === undefined ? [] : check(subject.read.elf, subject);

/** A deviation unless the condition holds. */
const demand = (holds: boolean, expected: string, got: () => string): Deviation[] =>
  holds ? [] : [{ expected, got: got() }];

/** One deviation for all that break a rule: the first three, and how many more. */
function none<T>(offenders: readonly T[], expected: string, show: (offender: T) => string): Deviation[] {
  const more = offenders.length > 3 ? ` and ${offenders.length - 3} more` : "";
  return demand(offenders.length === 0, expected, () => offenders.slice(0, 3).map(show).join(", ") + more);
}

const defects = (elf: Elf, part: Defect["part"]): Deviation[] => elf.defects.filter((defect) => defect.part === part);
const readError =
  (kind: string) =>
  (subject: Subject): Deviation[] =>
    subject.read.error?.kind === kind ? [subject.read.error] : [];

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
const quoted = (text: string): string => `"${printable(text)}"`;
const show = (segment: Segment): string => `${segmentName(segment.type)} at ${hex(segment.vaddr)}`;
const isOfMusl = (target: Target | undefined): boolean => target?.triple.includes("-musl") ?? true;
const isWhole = (elf: Elf): boolean => !elf.defects.some(({ part }) => part.endsWith("headers"));
const showBytes = ({ offset }: Segment | Section, size: bigint): string => `bytes ${offset} to ${offset + size}`;

/** Every rule, in the order in which findings are listed. */
export const RULES: readonly CheckedRule[] = [
  {
    id: READABLE,
    severity: "fail",
    demands: "the path leads to a regular file that can be read and does not change meanwhile",
    why: "a file that could not be checked has not passed",
    fix: "check the path, its owner and its mode, and that nothing is still writing the file",
    check: readError("unreadable"),
  },
  {
    id: "target",
    severity: "fail",
    demands: "the file name or --target names the target, and they agree",
    why: "without a target nobody can tell whether the machine is the right one",
    fix: "give the file its asset name, or name the target",
    check: ({ target, named }) => {
      const known = target !== undefined;
      const expected = named?.triple ?? "an asset name such as fastboop-stage0-aarch64-unknown-linux-musl, or a target";
      if (!known) return [{ expected, got: "neither" }];
      return demand(named === undefined || named === target, expected, () => target.triple);
    },
  },
  {
    id: "elf",
    severity: "fail",
    demands: "the file begins with the ELF magic",
    why: "the kernel starts nothing else (error -8, ENOEXEC)",
    fix: "look at what was saved under this name; download or build it again",
    check: readError("not-elf"),
  },
  {
    id: "elf-header",
    severity: "fail",
    demands: "the file header is whole, of a known class and byte order, of version 1 and of the class's size",
    why: "a damaged header means a damaged file",
    fix: "download or build the file again",
    check: (subject) => [
      ...readError("header")(subject),
      ...elf((elf) => [
        ...defects(elf, "header"),
        ...demand(elf.header.identVersion === 1, "EI_VERSION 1", () => String(elf.header.identVersion)),
        ...demand(elf.header.version === 1, "e_version 1", () => String(elf.header.version)),
      ])(subject),
    ],
  },
  {
    id: "class",
    severity: "fail",
    demands: "the class (32 or 64 bits) is the target's",
    why: "the kernel refuses the other class, or runs it in a compatibility mode that stage0 is not made for",
    fix: "build it for the target in its name",
    seen: "gcc -nostdlib -O1 -mx32 -static -s exit.c",
    check: elf((elf, { target }) =>
      demand(
        target === undefined || elf.bits === target.elf.bits,
        `${target?.elf.bits} bits`,
        () => `${elf.bits} bits`,
      ),
    ),
  },
  {
    id: "byte-order",
    severity: "fail",
    demands: "the byte order is the target's",
    why: "the kernel refuses the other order",
    fix: "build it for the target in its name",
    seen: "powerpc64-linux-gnu-gcc -static -s hello.c",
    check: elf((elf, { target }) =>
      demand(
        target === undefined || elf.order === target.elf.order,
        `${target?.elf.order}-endian`,
        () => `${elf.order}-endian`,
      ),
    ),
  },
  {
    id: "machine",
    severity: "fail",
    demands: "the machine is the target's",
    why: "a phone's kernel can't start another machine's code, and panics because it has no init",
    fix: "build it for the target in its name; were two files swapped?",
    seen: "aarch64-linux-gnu-gcc -static -s hello.c",
    check: elf((elf, { target }) =>
      demand(
        target === undefined || elf.header.machine === target.elf.machine,
        machineName(target?.elf.machine ?? 0),
        () => machineName(elf.header.machine),
      ),
    ),
  },
  {
    id: "abi-flags",
    severity: "fail",
    demands:
      "e_flags is the target's: 0x5000400 on armv7, for version 5 of Arm's EABI with hard floats, and 0 elsewhere",
    why: "code for another EABI makes other system calls, and code for soft floats is another target's",
    fix: "build it for the target in its name; is it armv7-unknown-linux-musleabi's?",
    check: elf(({ header }, { target }) =>
      demand(
        target === undefined || header.machine !== target.elf.machine || header.flags === target.elf.flags,
        `e_flags ${hex(target?.elf.flags ?? 0)}`,
        () => hex(header.flags),
      ),
    ),
  },
  {
    id: "type",
    severity: "fail",
    demands: "the type is ET_EXEC, or ET_DYN with DF_1_PIE in DT_FLAGS_1",
    why: "ET_DYN without the flag is a shared library, or a static-pie packed by UPX; ET_REL and ET_CORE are no programs",
    fix: "link it as a static executable (-C target-feature=+crt-static; gcc -static or -static-pie)",
    seen: "gcc -c hello.c",
    check: elf((elf) => {
      const { type } = elf.header;
      const got = `ET_${typeName(type)}${type === ET.DYN ? " without DF_1_PIE" : ""}`;
      return demand(type === ET.EXEC || (type === ET.DYN && isPie(elf)), "ET_EXEC, or ET_DYN with DF_1_PIE", () => got);
    }),
  },
  {
    id: "os-abi",
    severity: "fail",
    demands: "EI_OSABI is SYSV (0) or GNU (3), and no note names another system (NetBSD, OpenBSD, the Hurd …)",
    why: "the file says that it was made for another system, whose system calls have other numbers",
    fix: "build it with a Linux toolchain",
    seen: "gcc -nostdlib -O1 -static -s netbsd.s",
    check: elf((elf) => [
      ...demand([0, 3].includes(elf.header.osabi), "EI_OSABI 0 or 3", () => String(elf.header.osabi)),
      ...none(otherSystems(elf), "notes of Linux", (system) => system),
    ]),
  },
  {
    id: "instruction-set",
    severity: "fail",
    demands: "a file for x86_64 needs no more than the first x86-64 processors have (GNU_PROPERTY_X86_ISA_1_NEEDED)",
    why: "a processor that lacks an instruction kills the program with SIGILL, and the targets promise to run on the first",
    fix: "build it without -march, -C target-cpu and -C target-feature for newer processors",
    seen: "gcc -static -s -march=x86-64-v3 -mneeded hello.c",
    check: elf((elf) => none(neededLevels(elf), "the baseline x86-64", (level) => level)),
  },
  {
    id: "interpreter",
    severity: "fail",
    demands: "there is no PT_INTERP and no .interp section",
    why: "the initramfs holds no dynamic loader: the kernel fails with error -2 (ENOENT)",
    fix: "link it statically; Debian's musl-gcc -static-pie silently makes a dynamic file, musl-gcc -static does not",
    seen: "musl-gcc -static-pie -s hello.c",
    check: elf((elf) => [
      ...none(ofType(elf, PT.INTERP), "no PT_INTERP", () => quoted(elf.interpreter ?? "")),
      ...none(
        elf.sections.filter(({ name }) => name === ".interp" && ofType(elf, PT.INTERP).length === 0),
        "no .interp section",
        () => "one, but no PT_INTERP",
      ),
    ]),
  },
  {
    id: "needed",
    severity: "fail",
    demands: "there is no DT_NEEDED",
    why: "the initramfs holds no shared library",
    fix: "link it statically",
    seen: "gcc -s hello.c",
    check: elf((elf) => none(names(elf, DT.NEEDED), "no DT_NEEDED", quoted)),
  },
  {
    id: "program-headers",
    severity: "fail",
    demands:
      "the program header table lies inside the file, with entries of the class's size and at most 4096 bytes of them",
    why: "older kernels refuse a larger table, and every kernel refuses one that is cut off",
    fix: "download or build the file again",
    check: elf((elf) => {
      const { phnum, phentsize } = elf.header;
      // A kernel reads e_phnum literally: PN_XNUM and its count in section header 0 are for readers of core dumps.
      const count = elf.segmentCount === 0 ? 0 : Math.max(phnum, elf.segmentCount);
      return [
        ...defects(elf, "program headers"),
        ...demand(
          count * phentsize <= MOST_HEADERS,
          `at most ${MOST_HEADERS} bytes of program headers`,
          () => `${count} entries of ${phentsize} bytes`,
        ),
      ];
    }),
  },
  {
    id: "section-headers",
    severity: "fail",
    demands: "the section header table, when there is one, lies inside the file with its names",
    why: "it is at the file's end, so a download that was cut short shows here first",
    fix: "download or build the file again",
    check: elf((elf) => defects(elf, "section headers")),
  },
  {
    id: "segment-bounds",
    severity: "fail",
    demands: "every segment lies inside the file",
    why: "the program would be killed by SIGBUS when it touches what is missing",
    fix: "download or build the file again",
    check: elf((elf, { size }) =>
      none(
        elf.segments.filter(({ type, offset, filesz }) => type !== PT.NULL && offset + filesz > BigInt(size)),
        `segments inside the file's ${size} bytes`,
        (segment) => `${segmentName(segment.type)} ${showBytes(segment, segment.filesz)}`,
      ),
    ),
  },
  {
    id: "section-bounds",
    severity: "fail",
    demands: "every section lies inside the file",
    why: "something was cut off the file or out of it",
    fix: "download or build the file again",
    check: elf((elf, { size }) =>
      none(
        elf.sections.filter((section) => fileSize(section) > 0n && section.offset + fileSize(section) > BigInt(size)),
        `sections inside the file's ${size} bytes`,
        (section) => `${printable(section.name || sectionName(section.type))} ${showBytes(section, section.size)}`,
      ),
    ),
  },
  {
    id: "load",
    severity: "fail",
    demands: "there is a PT_LOAD",
    why: "nothing would be in memory to run",
    fix: "download or build the file again",
    seen: "gcc -c hello.c",
    check: elf((elf) => demand(loads(elf).length > 0, "at least one PT_LOAD", () => "none")),
  },
  {
    id: "load-size",
    severity: "fail",
    demands:
      "no PT_LOAD or PT_TLS takes more bytes of the file than of memory, and together they take at most 1 GiB, as do a " +
      "static-pie's addresses from the first to the last",
    why: "the kernel refuses or kills such a program, or its C library overruns the thread-local storage",
    fix: "download or build the file again",
    check: elf((elf) => {
      const segments = ofType(elf, PT.LOAD, PT.TLS);
      const sum = segments.reduce((bytes, { memsz }) => bytes + memsz, 0n);
      // The addresses of an ET_DYN are reserved in one piece, which counts as memory when the first PT_LOAD is writable.
      const total = elf.header.type === ET.DYN ? larger(sum, span(loads(elf))) : sum;
      return [
        ...none(
          segments.filter(({ filesz, memsz }) => filesz > memsz),
          "p_filesz of at most p_memsz",
          (segment) => `${show(segment)}: ${segment.filesz} of ${segment.memsz} bytes`,
        ),
        ...demand(total <= MOST_MEMORY, `at most ${MOST_MEMORY} bytes of memory`, () => `${total} bytes`),
      ];
    }),
  },
  {
    id: "load-rights",
    severity: "fail",
    demands:
      "every PT_LOAD can be read, those with more bytes of memory than of the file can be written, and no section of zeros " +
      "is among the file's bytes",
    why:
      "with execute-only memory nothing else can be read, Linux before 6.6 kills a program whose zeros it can't write, and " +
      "variables would begin with what the file has",
    fix: "build it with the linker's own page layout; let no tool edit its segments",
    seen: "objcopy --only-keep-debug x-static-symbols x-debug-only",
    check: elf((elf) => [
      ...none(
        loads(elf).filter(({ flags }) => !has(flags, PF.R)),
        "PT_LOADs with R",
        (segment) => `${show(segment)}: ${rights(segment) || "no right at all"}`,
      ),
      ...none(
        loads(elf).filter(({ flags, filesz, memsz }) => memsz > filesz && !has(flags, PF.W)),
        "W for PT_LOADs with zeros behind their bytes",
        (segment) =>
          `${show(segment)}: ${rights(segment) || "no right at all"}, ${segment.filesz} of ${segment.memsz} bytes`,
      ),
      ...none(overlaid(elf), "sections of zeros behind the bytes of their PT_LOAD", ({ name }) =>
        printable(name || "NOBITS"),
      ),
    ]),
  },
  {
    id: "load-alignment",
    severity: "fail",
    demands:
      "the p_align of PT_LOADs and PT_TLS is a power of two up to 1 GiB, and address and file offset agree modulo it, " +
      "those of PT_LOADs also modulo 4 KiB",
    why: "the kernel maps whole pages: it refuses the segment or puts it at a wrong address",
    fix: "build it with the linker's own page layout; take patchelf and linker scripts out of the way",
    check: elf((elf) =>
      none(
        ofType(elf, PT.LOAD, PT.TLS).filter((segment) => !isAligned(segment)),
        "a power of two as p_align, and p_vaddr equal to p_offset modulo it",
        (segment) => `${show(segment)}, offset ${hex(segment.offset)}, p_align ${hex(segment.align)}`,
      ),
    ),
  },
  {
    id: "page-size",
    severity: "fail",
    demands: "on aarch64 every PT_LOAD's p_align is at least 64 KiB",
    why: "such a file does not start on kernels with pages of 16 or 64 KiB, and qemu-user -p does not reveal it",
    fix: "link with -z max-page-size=65536, the default of Rust's targets and of GNU ld",
    seen: "aarch64-linux-gnu-gcc -static -s -Wl,-z,max-page-size=4096 hello.c",
    check: elf((elf) =>
      none(
        elf.header.machine === MACHINES.aarch64 ? loads(elf).filter(({ align }) => align < KIB_64) : [],
        `p_align of at least ${hex(KIB_64)}`,
        (segment) => `${show(segment)}: ${hex(segment.align)}`,
      ),
    ),
  },
  {
    id: "load-order",
    severity: "fail",
    demands: "the PT_LOADs ascend and no two share a page of memory",
    why: "the later one would replace the earlier one's bytes or rights in that page",
    fix: "build it with the linker's own page layout",
    check: elf((elf) => none(misplaced(elf), "PT_LOADs in pages of their own, ascending", show)),
  },
  {
    id: "load-address",
    severity: "fail",
    demands:
      "every PT_LOAD lies in the lower half of a process's addresses (2^38 on aarch64, 2^46 on x86_64, 2^30 on armv7), " +
      "and those of an ET_EXEC at 64 KiB or above",
    why:
      "phones' kernels have 39 bits of address, or leave a process 2 of 4 GiB, and the stack at their end; " +
      "vm.mmap_min_addr is 64 KiB",
    fix: "link at the linker's default address",
    seen: "gcc -nostdlib -O1 -static -s -Wl,-Ttext-segment=0x1000 exit.c",
    check: elf((elf) => {
      const { end } = memory(elf);
      const extent = (segment: Segment): string => `${show(segment)}, ${segment.memsz} bytes`;
      return [
        ...none(
          loads(elf).filter(({ vaddr, memsz }) => vaddr + memsz > end),
          `PT_LOADs that end at ${hex(end)} or below`,
          extent,
        ),
        ...none(
          elf.header.type === ET.EXEC ? loads(elf).filter(({ vaddr }) => vaddr < KIB_64) : [],
          `PT_LOADs of an ET_EXEC that begin at ${hex(KIB_64)} or above`,
          extent,
        ),
      ];
    }),
  },
  {
    id: "entry",
    severity: "fail",
    demands:
      "the entry point is not 0 and lies in the file's bytes of an executable PT_LOAD and in a section of code, at a " +
      "multiple of 4 on aarch64 and armv7, unless it is odd on armv7: that is Thumb code",
    why: "the program would crash on its first instruction, and the kernel panics when PID 1 dies",
    fix: "build it with a start file (crt1.o, rcrt1.o) or name the entry with -e",
    seen: "gcc -nostdlib -O1 -static -s -Wl,-e,0 exit.c",
    check: elf((elf) => {
      const { entry, machine } = elf.header;
      const home = loads(elf).find(
        ({ vaddr, filesz, flags }) => has(flags, PF.X) && entry >= vaddr && entry < vaddr + filesz,
      );
      // Linux refuses the others on arm (arch/arm/kernel/elf.c, elf_check_arch).
      const thumb = machine === MACHINES.arm && entry % 2n === 1n;
      const aligned = (machine !== MACHINES.aarch64 && machine !== MACHINES.arm) || thumb || entry % 4n === 0n;
      const good = entry !== 0n && home !== undefined && aligned;
      return [
        ...demand(good, "an address in an executable PT_LOAD", () => hex(entry)),
        ...demand(!good || isCode(elf, entry), "an address in a section of code (SHF_EXECINSTR)", () => hex(entry)),
      ];
    }),
  },
  {
    id: "headers-loaded",
    severity: "fail",
    demands: "the first PT_LOAD holds the program header table, and PT_PHDR, when there is one, names that table",
    why: "the C library finds thread-local storage through it (AT_PHDR) before main",
    fix: "do not link with -n or -N, and let no tool move the program headers",
    seen: "musl-gcc -static -s -Wl,-n hello.c",
    check: elf((elf) => {
      const { phoff, phentsize } = elf.header;
      const end = phoff + BigInt(elf.segmentCount * phentsize);
      const first = loads(elf).slice(0, 1);
      return [
        ...none(
          first.filter(({ offset, filesz }) => phoff < offset || end > offset + filesz),
          "the program header table in the first PT_LOAD",
          () => `bytes ${phoff} to ${end}`,
        ),
        ...none(
          ofType(elf, PT.PHDR).filter(({ offset }) => offset !== phoff),
          "PT_PHDR at e_phoff",
          show,
        ),
      ];
    }),
  },
  {
    id: "segment-loaded",
    severity: "fail",
    demands:
      "PT_DYNAMIC, PT_TLS, PT_PHDR, PT_GNU_RELRO, PT_GNU_EH_FRAME and PT_ARM_EXIDX are parts of a PT_LOAD, and there is at " +
      "most one PT_TLS",
    why: "the program reads or protects them in memory, at their addresses",
    fix: "download or build the file again; let no tool edit its segments",
    check: elf((elf) => {
      // Thread-local storage of zeros alone has no place in memory.
      const parts = ofType(elf, PT.DYNAMIC, PT.TLS, PT.PHDR, PT.GNU_RELRO, PT.GNU_EH_FRAME, PT.ARM_EXIDX).filter(
        ({ type, filesz }) => type !== PT.TLS || filesz > 0n,
      );
      const held = (part: Segment): boolean =>
        loads(elf).some((load) => isLoadedBy(load, part) && (part.type !== PT.GNU_RELRO || covers(load, part)));
      return [
        ...none(
          parts.filter((part) => !held(part)),
          "bytes of a PT_LOAD at the same addresses",
          show,
        ),
        ...none(ofType(elf, PT.TLS).slice(1), "one PT_TLS", show),
      ];
    }),
  },
  {
    id: "section-loaded",
    severity: "fail",
    demands:
      "every section that belongs in memory is part of a PT_LOAD with the rights that it needs, or of PT_TLS, which is " +
      "what its sections make; neither .data nor .bss is part of PT_GNU_RELRO",
    why: "code or data that the linker placed would be missing or elsewhere, or could not be run or written",
    fix: "download or build the file again; let no tool edit its segments",
    check: elf((elf) => [
      ...none(unloaded(elf), "segments that hold every section of the memory image", ({ name, type }) =>
        printable(name || sectionName(type)),
      ),
      ...none(
        unlikeSections(elf),
        "a PT_TLS of the sections of thread-local storage",
        (segment) => `${show(segment)}, ${segment.filesz} of ${segment.memsz} bytes, p_align ${hex(segment.align)}`,
      ),
      ...none(frozen(elf), "a PT_GNU_RELRO that leaves variables writable", ({ name }) => printable(name)),
    ]),
  },
  {
    id: "dynamic",
    severity: "fail",
    demands: "the dynamic section is well-formed, and a section header and a PT_DYNAMIC agree on where it is",
    why: "a dynamic executable whose PT_DYNAMIC was removed looks static and crashes",
    fix: "link it statically instead of editing a dynamic file",
    check: elf((elf) => {
      const segments = ofType(elf, PT.DYNAMIC);
      const same = ({ offset, size }: Section): boolean =>
        segments.some((segment) => segment.offset === offset && segment.filesz === size);
      return [
        ...defects(elf, "dynamic"),
        ...none(segments.slice(1), "one PT_DYNAMIC", show),
        ...none(
          elf.sections.filter((section) => section.type === SHT.DYNAMIC && !same(section)),
          "a PT_DYNAMIC for the section of type SHT_DYNAMIC",
          (section) => `${printable(section.name || "a section")} ${showBytes(section, section.size)} without one`,
        ),
      ];
    }),
  },
  {
    id: "relocations",
    severity: "fail",
    demands:
      "the dynamic section's tables of relocations are whole sections in a PT_LOAD, with size, kind and count of entries, " +
      "and a static-pie's leave none out and have a symbol table",
    why: "a static-pie relocates itself by them before anything else, and crashes",
    fix: "download or build the file again",
    check: elf((elf) => [
      ...none(lostRelocations(elf), "tables of relocations in memory", (name) => name),
      ...none(unapplied(elf), "every section of relocations in such a table", ({ name, type }) =>
        printable(name || sectionName(type)),
      ),
      ...none(wrongEntries(elf), "the entries of the machine's tables of relocations", (tag) => tag),
      ...none(wrongCounts(elf), "a count of the relative relocations that a table begins with", (count) => count),
      ...demand(hasSymbols(elf), "a DT_SYMTAB that is a symbol table in memory", () => "none"),
      ...defects(elf, "relocations"),
    ]),
  },
  {
    id: "relocation-types",
    severity: "fail",
    demands:
      "a static program has only relocations that its start-up code applies: relative ones in a static-pie, IRELATIVE " +
      "with glibc, none that are packed (DT_ANDROID_*, DT_RELR with musl)",
    why:
      "start-up code passes over others or takes them for relative ones, and the program crashes; musl applies DT_RELR from " +
      "1.2.4 on, and toolchains have older ones",
    fix:
      "link without --pack-dyn-relocs, -z pack-relative-relocs and --export-dynamic; with musl, take the attributes ifunc " +
      "and target_clones out",
    seen: "gcc -static-pie -s -Wl,--export-dynamic hello.c",
    check: elf((elf, { target }) => [
      ...none(unknownTypes(elf), "relocations that start-up code applies", (relocations) => relocations),
      ...none(unwritable(elf), "relocations of memory that can be written", (relocations) => relocations),
      ...none(androidTables(elf), "no DT_ANDROID_*", (name) => name),
      ...demand(!isOfMusl(target) || !isPacked(elf), "no DT_RELR", () => "DT_RELR"),
    ]),
  },
  {
    id: "notes",
    severity: "fail",
    demands:
      "the notes are well-formed, and PT_GNU_PROPERTY is one of at most 1024 bytes, with 4 of them for the property of " +
      "protections (FEATURE_1_AND)",
    why: "the kernel reads some of them (PT_GNU_PROPERTY), and the build id is one",
    fix: "download or build the file again",
    check: elf((elf) => defects(elf, "notes")),
  },
  {
    id: "executable-stack",
    severity: "fail",
    demands: "PT_GNU_STACK does not ask for an executable stack",
    why: "PID 1 runs as root and reads what a computer sends: an overflow must not become code",
    fix: "find the object that lacks .note.GNU-stack, or link with -z noexecstack",
    seen: "gcc -static -s -Wl,-z,execstack hello.c",
    check: elf((elf) =>
      none(
        ofType(elf, PT.GNU_STACK).filter(({ flags }) => has(flags, PF.X)),
        "a stack without X",
        rights,
      ),
    ),
  },
  {
    id: "write-execute",
    severity: "fail",
    demands: "no PT_LOAD is writable and executable",
    why: "an overflow must not become code, and hardened kernels refuse such a mapping",
    fix: "do not link with -N or --omagic; give the sections of a linker script their own segments",
    seen: "gcc -nostdlib -O1 -static -s -Wl,-N exit.c",
    check: elf((elf) =>
      none(
        loads(elf).filter(({ flags }) => has(flags, PF.W) && has(flags, PF.X)),
        "PT_LOADs with W or X, not both",
        (segment) => `${show(segment)}: ${rights(segment)}`,
      ),
    ),
  },
  {
    id: "text-relocations",
    severity: "fail",
    demands: "there is no DT_TEXTREL and no DF_TEXTREL",
    why: "the start code would have to write to read-only pages, and crashes",
    fix: "compile every object as position-independent code (-fPIE, relocation-model=pic)",
    seen: "gcc -nostdlib -O1 -static-pie -s -Wl,-z,notext text-relocation.s",
    check: elf((elf) =>
      demand(!hasTag(elf, DT.TEXTREL) && !hasFlag(elf, DT.FLAGS, DF_TEXTREL), "no text relocations", () =>
        hasTag(elf, DT.TEXTREL) ? "DT_TEXTREL" : "DF_TEXTREL",
      ),
    ),
  },
  {
    id: "run-path",
    severity: "fail",
    demands: "there is no DT_RPATH and no DT_RUNPATH",
    why: "a static-pie with DT_RUNPATH crashes with glibc 2.36, and a path of the build machine has no place in a release",
    fix: "link without -rpath",
    seen: "gcc -static-pie -s -Wl,-rpath,/opt/lib hello.c",
    check: elf((elf) => none(names(elf, DT.RPATH, DT.RUNPATH), "no DT_RPATH, no DT_RUNPATH", quoted)),
  },
  {
    id: "trailing-bytes",
    severity: "fail",
    demands: "no byte follows the last header, segment and section",
    why: "they are no part of the program: an appended payload, two files in one, or a packed program (UPX)",
    fix: "download or build the file again",
    check: elf((elf, { size }) => {
      const end = endOfContent(elf);
      return demand(
        !isWhole(elf) || elf.moldRest || BigInt(size) <= end,
        `an end at byte ${end}`,
        () => `an end at byte ${size}`,
      );
    }),
  },
  {
    id: "size",
    severity: "fail",
    demands: "the file is within the size budget (FASTBOOP_STAGE0_MAX_SIZE)",
    why: "the payload travels over USB in an image that boots from memory",
    fix: "strip it and build it with --release, or raise FASTBOOP_STAGE0_MAX_SIZE",
    check: ({ size, maxSize }) => demand(size <= maxSize, `at most ${maxSize} bytes`, () => `${size} bytes`),
  },
  {
    id: "sections",
    severity: "warn",
    demands: "there is a section header table",
    why: "without it nothing shows whether code, data, relocations and thread-local storage are where they belong",
    fix: "do not remove it (strip --strip-section-headers, sstrip, mold -z nosectionheader); strip -s leaves it",
    check: elf((elf) => demand(elf.sections.length > 0 || !isWhole(elf), "a section header table", () => "none")),
  },
  {
    id: "recent-relocations",
    severity: "warn",
    demands: "a file for a target without musl has no relocations in the packed form of DT_RELR",
    why: "the start-up code of glibc before 2.36 does not apply them, and the program crashes",
    fix: "link without -z pack-relative-relocs or --pack-dyn-relocs=relr",
    seen: "gcc -static-pie -s -fuse-ld=lld -Wl,--pack-dyn-relocs=relr hello.c",
    check: elf((elf, { target }) => demand(isOfMusl(target) || !isPacked(elf), "no DT_RELR", () => "DT_RELR")),
  },
  {
    id: "stack-rights",
    severity: "warn",
    demands: "there is a PT_GNU_STACK",
    why: "without it older kernels make the stack and all other memory executable",
    fix: "link with -z noexecstack",
    seen: "gcc -nostdlib -O1 -static -s no-stack-note.s",
    check: elf((elf) => demand(ofType(elf, PT.GNU_STACK).length > 0, "a PT_GNU_STACK", () => "none")),
  },
  {
    id: "relro",
    severity: "warn",
    demands: "there is a PT_GNU_RELRO",
    why: "tables of function pointers stay writable without it",
    fix: "link with -z relro",
    seen: "gcc -static -s -Wl,-z,norelro hello.c",
    check: elf((elf) => demand(ofType(elf, PT.GNU_RELRO).length > 0, "a PT_GNU_RELRO", () => "none")),
  },
  {
    id: "stripped",
    severity: "warn",
    demands: "there is no symbol table and no debug section",
    why: "nobody reads them on the phone, and they travel with every boot",
    fix: "strip the file (strip = true in the cargo profile, or -C strip=symbols)",
    seen: "rustc -Ctarget-feature=+crt-static -g hello.rs",
    check: elf((elf) => {
      const sections = strippable(elf);
      const saved = sections.reduce((sum, section) => sum + fileSize(section), 0n);
      return none(sections, "a stripped file", ({ name }) => printable(name)).map(({ expected, got }) => ({
        expected,
        got: `${got}: strip would save ${saved} bytes`,
      }));
    }),
  },
  {
    id: "build-paths",
    severity: "warn",
    demands:
      "no path of the build machine is in the file: below the caller's folder, the workspace, cargo's home, /home/, " +
      "/Users/, /__w/ …, or of a source below /tmp/, /builds/, /opt/ …",
    why: "it shows who built the file and where, and builds in two folders differ",
    fix: "build with --remap-path-prefix, or -C strip=symbols for those in debug information",
    seen: "gcc -static -s path.c",
    check: ({ paths: { count, examples } }) =>
      demand(count === 0, "no build path", () => {
        const more = count > examples.length ? ` and ${count - examples.length} more` : "";
        return examples.map(quoted).join(", ") + more;
      }),
  },
  {
    id: SWAP,
    severity: "fail",
    demands: "no two targets' files have one digest or one build id",
    why: "one of them is the other's copy under a wrong name",
    fix: "build or download both again, each under its own name",
  },
  {
    id: "release-asset",
    severity: "fail",
    demands: "the release folder contains every release asset",
    why: "packages would be built from a payload that was never checked, or not at all",
    fix: "make stage0-all builds every one",
  },
  {
    id: "unknown-asset",
    severity: "fail",
    demands: "no file in the release folder has a stage0 name that the contract does not know",
    why: "a downloader or packager would mistake it for a release asset",
    fix: "remove it from the folder, or give it its asset name",
  },
  {
    id: "not-released",
    severity: "warn",
    demands: "no file in the release folder is for a target that can be built but is not released",
    why: "the checksum list and the release include every file in the folder",
    fix: "move it out of the folder before a release is made from it",
  },
  {
    id: "boot",
    severity: "fail",
    demands: "with BOOT=1, a Linux kernel starts the file as PID 1 and prints the expected line",
    why: "only a kernel proves that the file starts",
    fix: "read the console's log",
  },
  {
    id: NO_MACHINE,
    severity: "fail",
    demands: "with BOOT=1, a machine boots far enough to start the file",
    why: "without a boot nothing is proven",
    fix: "install the missing program, or bring a kernel with KERNEL_x86_64=, KERNEL_aarch64= or KERNEL_arm=",
  },
  {
    id: "phone",
    severity: "fail",
    demands: "with PHONE=1, fastboop boots an emulated phone with the file, down to the root file system's init",
    why: "only the whole way shows what stage0 does on a phone",
    fix: "read the console's log from the first stage on that was not reached",
  },
  {
    id: NO_PHONE,
    severity: "fail",
    demands: "with PHONE=1, the phone's boot gets as far as the file",
    why: "without a boot nothing is proven",
    fix: "install the missing program, or set FASTBOOP_CLI to a fastboop that boots other phones",
  },
];

/** The rule with an id. @throws Error for an unknown id: a bug in the caller */
export function ruleById(id: string): Rule {
  const rule = RULES.find((candidate) => candidate.id === id);
  if (rule === undefined) throw new Error(`no rule has the id ${id}`);
  return rule;
}
