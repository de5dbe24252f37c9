/** What the value of an environment variable may be: its words for help and messages, and how it is read. */
import { fileURLToPath, pathToFileURL } from "node:url";

export interface Kind<T> {
  /** What a value may be, for help and for error messages. */
  takes: string;
  /** The value, or undefined when the text is not one. */
  parse(text: string): T | undefined;
}

const UNITS: Record<string, number> = {
  "": 1,
  B: 1,
  K: 1024,
  KiB: 1024,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
};

export const text: Kind<string> = { takes: "text", parse: (value) => value };
export const path: Kind<string> = { takes: "a path", parse: (value) => (value.includes("\0") ? undefined : value) };
export const flag: Kind<boolean> = {
  takes: "1 or 0",
  parse: (value) => (/^(1|true|yes)$/i.test(value) ? true : /^(0|false|no)$/i.test(value) ? false : undefined),
};
/** Any value at all but a plain no switches it on: the convention of CI and NO_COLOR. */
export const presence: Kind<boolean> = { takes: "anything", parse: (value) => !/^(0|false)$/i.test(value) };
export const bytes: Kind<number> = {
  takes: "a size such as 33554432, 32M or 32MiB",
  parse(value) {
    const [, digits = "", unit = ""] = /^([0-9]{1,15}) ?(B|KiB|MiB|GiB|K|M|G)?$/.exec(value) ?? [];
    const size = digits === "" ? Number.NaN : Number(digits) * (UNITS[unit] ?? Number.NaN);
    return Number.isSafeInteger(size) && size > 0 ? size : undefined;
  },
};
export const seconds: Kind<number> = {
  takes: "a number of seconds above 0",
  parse: (value) =>
    /^[0-9]{1,6}(\.[0-9]{1,3})?s?$/.test(value) && Number.parseFloat(value) > 0 ? Number.parseFloat(value) : undefined,
};
export const count: Kind<number> = {
  takes: "a number from 1 to 1000",
  parse: (value) => (/^[1-9][0-9]{0,3}$/.test(value) && Number(value) <= 1000 ? Number(value) : undefined),
};
export const sha256: Kind<string> = {
  takes: "64 hexadecimal digits",
  parse: (value) => (/^(sha256:)?[0-9a-f]{64}$/i.test(value) ? value.slice(-64).toLowerCase() : undefined),
};
export const regex: Kind<RegExp> = {
  takes: "a regular expression",
  parse(value) {
    try {
      return new RegExp(value, "m");
    } catch {
      return undefined;
    }
  },
};
export const repository: Kind<string> = {
  takes: "OWNER/NAME",
  parse: (value) =>
    /^[A-Za-z0-9][A-Za-z0-9-]{0,38}\/(?!\.\.?$)[A-Za-z0-9._-]{1,100}$/.test(value) ? value : undefined,
};
/** Whether a URL's host name is this machine. */
export const isLoopback = (host: string): boolean => /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/.test(host);
export const origin: Kind<string> = {
  takes: "an https:// address (http:// for this machine only)",
  parse(value) {
    if (!URL.canParse(value)) return undefined;
    const url = new URL(value);
    const safe = url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname));
    return safe && url.username === "" && url.password === "" && url.search === "" && url.hash === ""
      ? url.href.replace(/\/+$/, "")
      : undefined;
  },
};
export const workflow: Kind<string> = {
  takes: "a file name that ends in .yml or .yaml",
  parse: (value) => (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.ya?ml$/.test(value) ? value : undefined),
};
export const mirror: Kind<string> = {
  takes: "an https:// or file: address",
  parse(value) {
    if (!/^file:/i.test(value)) return origin.parse(value);
    // A `#` or `?` in a folder's name has to be written as %23 or %3F: as it is, it would end the path.
    if (!/^file:(\/\/(localhost)?)?\/[^?#]*$/i.test(value)) return undefined;
    try {
      const path = fileURLToPath(value);
      return path.includes("\0") ? undefined : pathToFileURL(path).href.replace(/\/+$/, "");
    } catch {
      return undefined;
    }
  },
};
export const proxy: Kind<string> = {
  takes: "an http:// or https:// address",
  parse(value) {
    const address = value.includes("://") ? value : `http://${value}`;
    // User and password are percent-encoded there.
    const isWhole = !/%(?![0-9a-f]{2})/i.test(address);
    return /^https?:\/\/./i.test(address) && URL.canParse(address) && isWhole ? address : undefined;
  },
};
export const choice = <const C extends string>(...choices: C[]): Kind<C> => ({
  takes: choices.join(", "),
  parse: (value) => choices.find((candidate) => candidate === value),
});
/** A line break at its end, from the file that it was read from, is no part of a token. */
export const token: Kind<string> = {
  takes: "plain text without space",
  parse: (value) => (/^[\x21-\x7e]+$/.test(value.trim()) ? value.trim() : undefined),
};
