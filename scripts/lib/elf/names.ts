/** Numbers of the ELF format and their names (System V gABI, its GNU additions, and the psABI registries). */

export const ET = { NONE: 0, REL: 1, EXEC: 2, DYN: 3, CORE: 4 } as const;

export const PT = {
  NULL: 0,
  LOAD: 1,
  DYNAMIC: 2,
  INTERP: 3,
  NOTE: 4,
  SHLIB: 5,
  PHDR: 6,
  TLS: 7,
  GNU_EH_FRAME: 0x6474e550,
  GNU_STACK: 0x6474e551,
  GNU_RELRO: 0x6474e552,
  GNU_PROPERTY: 0x6474e553,
  /** The unwinder's tables on Arm. */
  ARM_EXIDX: 0x70000001,
} as const;

export const PF = { X: 1, W: 2, R: 4 } as const;

export const SHT = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  HASH: 5,
  DYNAMIC: 6,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  DYNSYM: 11,
  INIT_ARRAY: 14,
  FINI_ARRAY: 15,
  PREINIT_ARRAY: 16,
  GROUP: 17,
  SYMTAB_SHNDX: 18,
  RELR: 19,
  GNU_HASH: 0x6ffffff6,
  VERDEF: 0x6ffffffd,
  VERNEED: 0x6ffffffe,
  VERSYM: 0x6fffffff,
} as const;

export const SHF = { WRITE: 1n, ALLOC: 2n, EXECINSTR: 4n, INFO_LINK: 0x40n, TLS: 0x400n } as const;

export const DT = {
  NULL: 0n,
  NEEDED: 1n,
  PLTRELSZ: 2n,
  STRTAB: 5n,
  SYMTAB: 6n,
  RELA: 7n,
  RELASZ: 8n,
  RELAENT: 9n,
  STRSZ: 10n,
  SONAME: 14n,
  RPATH: 15n,
  REL: 17n,
  RELSZ: 18n,
  RELENT: 19n,
  PLTREL: 20n,
  TEXTREL: 22n,
  JMPREL: 23n,
  RUNPATH: 29n,
  FLAGS: 30n,
  RELRSZ: 35n,
  RELR: 36n,
  RELRENT: 37n,
  ANDROID_REL: 0x6000000fn,
  ANDROID_RELA: 0x60000011n,
  ANDROID_RELR: 0x6fffe000n,
  RELACOUNT: 0x6ffffff9n,
  RELCOUNT: 0x6ffffffan,
  FLAGS_1: 0x6ffffffbn,
} as const;
export const DF_TEXTREL = 4n;
export const DF_1_PIE = 0x08000000n;

export const NT_GNU_ABI_TAG = 1;
export const NT_GNU_BUILD_ID = 3;
export const NT_GNU_PROPERTY_TYPE_0 = 5;
/** The property of protections that all of a program's objects have (BTI, PAC, IBT, SHSTK), by machine. */
export const FEATURE_1_AND = new Map([
  [62, 0xc0000002],
  [183, 0xc0000000],
]);
export const X86_ISA_1_NEEDED = 0xc0008002;

/** The relocations that start-up code knows, by machine. */
export const RELOCATION_TYPES: ReadonlyMap<number, { NONE: number; RELATIVE: number; IRELATIVE: number }> = new Map([
  [40, { NONE: 0, RELATIVE: 23, IRELATIVE: 160 }],
  [62, { NONE: 0, RELATIVE: 8, IRELATIVE: 37 }],
  [183, { NONE: 0, RELATIVE: 1027, IRELATIVE: 1032 }],
]);

/** Counts that do not fit the header's 16 bits stand in section header 0 (gABI, "ELF Header"). */
export const PN_XNUM = 0xffff;
export const SHN_XINDEX = 0xffff;
/** The first index that is no section: e_shnum below it counts them all. */
export const SHN_LORESERVE = 0xff00;

/** Names of `e_machine`; the contract's own where it has one. */
const EM: Record<string, number> = {
  sparc: 2,
  x86: 3,
  mips: 8,
  ppc: 20,
  ppc64: 21,
  s390: 22,
  arm: 40,
  sparcv9: 43,
  ia64: 50,
  "x86-64": 62,
  aarch64: 183,
  riscv: 243,
  bpf: 247,
  loongarch: 258,
};

/** The lookup of a number's name. */
function namesOf(table: Record<string, number>): (value: number) => string | undefined {
  const names = new Map(Object.entries(table).map(([name, value]) => [value, name]));
  return (value) => names.get(value);
}
const types = namesOf(ET);
const machines = namesOf(EM);
const segments = namesOf(PT);
const sections = namesOf(SHT);
const hex = (value: number): string => `0x${value.toString(16)}`;

export const typeName = (type: number): string => types(type) ?? hex(type);
export const machineName = (machine: number): string => machines(machine) ?? `machine ${machine}`;
export const segmentName = (type: number): string => segments(type) ?? hex(type);
export const sectionName = (type: number): string => sections(type) ?? hex(type);
