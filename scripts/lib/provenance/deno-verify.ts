/** Makes node:crypto's `verify` on Deno take a key's usual digest when none is named, as Node does and @sigstore/core expects. */
import crypto, { type KeyObject } from "node:crypto";

const verify = crypto.verify as (algorithm: string | null | undefined, ...rest: unknown[]) => boolean;

if ("deno" in process.versions) {
  const withDigest = (algorithm: string | null | undefined, data: unknown, key: KeyObject, signature: unknown) =>
    verify(algorithm ?? (key.asymmetricKeyType === "ed25519" ? null : "sha256"), data, key, signature);
  Object.assign(crypto, { verify: withDigest });
}
