/** The container images of workflows, pinned by the digest that Docker's registry gives for their tag. */
import { createHash } from "node:crypto";
import { missingFailure, printable } from "../../../scripts/lib/errors.ts";
import { readBody } from "../../../scripts/lib/http/read-body.ts";
import { statusFailure } from "../../../scripts/lib/http/status.ts";

interface Registry {
  /** Address of the registry, and of what gives tokens for it. */
  registry: string;
  tokens: string;
}
export const DOCKER_HUB: Registry = {
  registry: "https://registry-1.docker.io",
  tokens: "https://auth.docker.io/token?service=registry.docker.io",
};

/** An official image, `name:tag`, with or without a digest. */
const IMAGE = /^( *container: )([a-z0-9._-]+):([A-Za-z0-9._-]+)(?:@sha256:[0-9a-f]{64})?$/gm;
const INDEXES = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json";

/** The text of a workflow with the digest of each image beside its tag. */
export async function pinImages(
  text: string,
  digestOf: (name: string, tag: string) => Promise<string>,
): Promise<string> {
  const digests = new Map<string, string>();
  for (const [, , name = "", tag = ""] of text.matchAll(IMAGE))
    digests.set(`${name}:${tag}`, await digestOf(name, tag));
  return text.replace(IMAGE, (_, key, name, tag) => `${key}${name}:${tag}@${digests.get(`${name}:${tag}`)}`);
}

/**
 * The digest of an official image's index, of all architectures: that of the bytes that came.
 * @throws Failure (3) when the registry can't be reached, knows no such tag, or sends something else
 */
export async function indexDigest({ registry, tokens }: Registry, name: string, tag: string): Promise<string> {
  const given = await readBody(`${tokens}&scope=repository:library/${name}:pull`, {}, false);
  if (given.status !== 200) throw statusFailure(given, false);
  const { token } = JSON.parse(given.bytes.toString()) as { token?: unknown };
  const headers = { authorization: `Bearer ${String(token)}`, accept: INDEXES };
  const answer = await readBody(`${registry}/v2/library/${name}/manifests/${tag}`, { headers }, true);
  const digest = `sha256:${createHash("sha256").update(answer.bytes).digest("hex")}`;
  const said = answer.headers["docker-content-digest"];
  if (answer.status === 200 && said === digest) return digest;
  throw missingFailure({
    what: `${printable(new URL(registry).host)} gives no index of ${name}:${tag}`,
    expected: answer.status === 200 ? digest : "status 200",
    got: answer.status === 200 ? printable(said ?? "no digest") : `status ${answer.status}`,
    fix: "check the image's name and tag, and run it again",
  });
}
