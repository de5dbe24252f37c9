/** Makes node:crypto's `verify` on Deno take a key's usual digest when none is named, as Node does and @sigstore/core expects. */
import type { KeyObject } from "node:crypto";
import { crypto } from "../crypto.ts";

if ("deno" in process.versions) {
  const verify = crypto().verify as (algorithm: string | null | undefined, ...rest: unknown[]) => boolean;
  const withDigest = (algorithm: string | null | undefined, data: unknown, key: KeyObject, signature: unknown) =>
    verify(algorithm ?? (key.asymmetricKeyType === "ed25519" ? null : "sha256"), data, key, signature);
  Object.assign(crypto(), { verify: withDigest });
}
