/** What went wrong, in the form in which it is shown: expected, got, and how to fix it. */
export interface Problem {
  what: string;
  expected?: string;
  got?: string;
  fix?: string;
  /** The file that an annotation points at. */
  file?: string;
}

/** 1: the artifact fails the contract; 2: wrong usage or configuration; 3: something needed is missing or out of reach. */
export type ExitCode = 1 | 2 | 3;

/** All the problems of one run, and the exit code that they end it with. */
export class Failure extends Error {
  readonly exitCode: ExitCode;
  readonly problems: readonly Problem[];

  constructor(exitCode: ExitCode, ...problems: Problem[]) {
    super(problems.map((problem) => problem.what).join("; "));
    this.name = "Failure";
    this.exitCode = exitCode;
    this.problems = problems;
  }
}

export const contractFailure = (...problems: Problem[]): Failure => new Failure(1, ...problems);
export const usageFailure = (...problems: Problem[]): Failure => new Failure(2, ...problems);
export const missingFailure = (...problems: Problem[]): Failure => new Failure(3, ...problems);

/** The `code` of a system error (ENOENT, ENOSPC …); undefined for any other value. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  // Deno knows no code for some errors of Linux's.
  const [, number] = /\(os error ([0-9]+)\)$/.exec(error.message) ?? [];
  return number === "27" ? "EFBIG" : undefined;
}

/** What the system's errors mean, and what to do about them. */
export const SYSTEM_ERRORS: Record<string, { what: string; fix: string }> = {
  ENOENT: { what: "no such file or folder", fix: "check the path" },
  ENOSPC: { what: "the disk is full", fix: "free some space and run it again" },
  EDQUOT: { what: "the disk quota is used up", fix: "free some space and run it again" },
  EROFS: { what: "the file system is read-only", fix: "make it writable" },
  EACCES: { what: "permission denied", fix: "check the owner and mode of the path" },
  EPERM: { what: "operation not permitted", fix: "check the owner and mode of the path" },
  EEXIST: { what: "something of that name is there already", fix: "choose another name, or remove it" },
  ENOTDIR: { what: "a part of the path is not a folder", fix: "check the path" },
  EISDIR: { what: "the path is a folder", fix: "name a file" },
  ELOOP: { what: "a loop of symbolic links", fix: "check where they point" },
  ENAMETOOLONG: { what: "a name that is too long", fix: "choose a shorter one" },
  EMFILE: { what: "too many open files", fix: "raise ulimit -n" },
  EPIPE: { what: "nobody reads the output any more", fix: "let the reader take all of it" },
  EFBIG: { what: "the file is larger than is allowed here", fix: "raise ulimit -f, or name another file system" },
  EIO: { what: "input/output error", fix: "check the disk" },
};

/** Whether a system's error is the disk's, whatever the path. */
export const isDiskError = (error: unknown): boolean => /^(ENOSPC|EDQUOT|EROFS|EIO)$/.test(errorCode(error) ?? "");

/** A system's error in words; its code when there are none for it, undefined when it is no error of the system's. */
export function systemWords(error: unknown): string | undefined {
  const code = errorCode(error);
  // Node's own codes stand for defects.
  return code === undefined || code.startsWith("ERR_") ? undefined : (SYSTEM_ERRORS[code]?.what ?? code);
}

/** A system's error with the path that the user knows: writing to an open file names none, and temporary names are ours. */
export function withPath(error: unknown, path: string, temporary?: string): unknown {
  if (errorCode(error) === undefined) return error;
  const named = (error as { path?: unknown }).path;
  return named === undefined || named === temporary ? Object.assign(error as Error, { path }) : error;
}

/**
 * Untrusted text made safe for a terminal and for a CI's log: control characters become \xNN or \u{NNNN}, so does what
 * GitHub's runner takes for the start of a command wherever it stands in a line (`##[`), and nothing else changes.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|(?<=#)#(?=\[)/gu, (character) => {
    const point = character.codePointAt(0) ?? 0;
    if (character === "\n") return "\\n";
    return point < 0x100 ? `\\x${point.toString(16).padStart(2, "0")}` : `\\u{${point.toString(16)}}`;
  });
}

/**
 * A value as indented JSON without a line break at its end, as safe as `printable` makes text. Programs get every character
 * back from it exactly; JSON.stringify leaves C1, bidirectional and line separator characters as they are.
 */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value, null, 2).replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?<=#)#(?=\[)/gu, (character) =>
    character.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );
