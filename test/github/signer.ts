import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { StoredAsset } from "./store.ts";

/** Makes and checks the signed addresses of bodies. */
export class Signer {
  readonly signatures = new Set<string>();
  private readonly key = randomBytes(32);

  private sign = (path: string, expiry: string, disposition: string): string =>
    createHmac("sha256", this.key).update(`${path}\n${expiry}\n${disposition}`).digest("base64url");

  /** The path and query that an asset's body has for that many milliseconds. */
  path(asset: StoredAsset, life: number): string {
    const path = `/github-production-release-asset/${asset.release.repository.id}/${asset.key}`;
    const expiry = new Date(Date.now() + life).toISOString();
    const disposition = `attachment; filename=${asset.name}`;
    const signature = this.sign(path, expiry, disposition);
    this.signatures.add(signature);
    const query = { sp: "r", sv: "2018-11-09", sr: "b", se: expiry, rscd: disposition, sig: signature };
    return `${path}?${new URLSearchParams(query)}`;
  }

  /** Why an address is not good, or undefined when it is. */
  reject(url: URL): string | undefined {
    const [expiry = "", disposition = "", given = ""] = ["se", "rscd", "sig"].map(
      (key) => url.searchParams.get(key) ?? "",
    );
    const [right, actual] = [Buffer.from(this.sign(url.pathname, expiry, disposition)), Buffer.from(given)];
    if (right.length !== actual.length || !timingSafeEqual(right, actual)) return "Signature did not match.";
    if (Date.now() >= Date.parse(expiry)) return `Signature not valid in the specified time frame: Expiry [${expiry}]`;
    return undefined;
  }
}
