/**
 * What is used of node:crypto, loaded with the first call and by require: an import calls every getter of the module, and one
 * of them loads the Web Crypto API, a fifth of what Node 24 takes to start.
 */
import { createRequire } from "node:module";

const load = createRequire(import.meta.url);
export const crypto = (): typeof import("node:crypto") => load("node:crypto");

export const createHash = (algorithm: string): import("node:crypto").Hash => crypto().createHash(algorithm);
/** The digest of a text or of bytes, lower-case hexadecimal. */
export const sha256Of = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
export const randomBytes = (size: number): Buffer => crypto().randomBytes(size);
