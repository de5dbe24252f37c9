/**
 * Sigstore bundles: a signed in-toto statement with the certificate of who signed it, and the log entry or time stamp that
 * says when. @sigstore/verify does the cryptography; what a statement and a certificate must say is in attestation.ts.
 */
import "./deno-verify.ts";
import { bundleFromJSON, type SerializedBundle } from "@sigstore/bundle";
import { type SignedEntity, toSignedEntity, Verifier } from "@sigstore/verify";
import { createHash } from "../crypto.ts";
import { contractFailure, errorCode, printable } from "../errors.ts";
import type { Root } from "./root.ts";

/** What a certificate of Fulcio's says (github.com/sigstore/fulcio, docs/oid-info.md), as far as it is looked at. */
const EXTENSIONS = {
  issuer: "1.3.6.1.4.1.57264.1.8",
  signer: "1.3.6.1.4.1.57264.1.9",
  runner: "1.3.6.1.4.1.57264.1.11",
  repository: "1.3.6.1.4.1.57264.1.12",
  commit: "1.3.6.1.4.1.57264.1.13",
  ref: "1.3.6.1.4.1.57264.1.14",
  workflow: "1.3.6.1.4.1.57264.1.18",
  trigger: "1.3.6.1.4.1.57264.1.20",
  run: "1.3.6.1.4.1.57264.1.21",
} as const;

/** All of it is untrusted text until it was compared; undefined: the certificate does not say. */
type Certificate = { [Name in keyof typeof EXTENSIONS | "identity"]: string | undefined };

export interface Signed {
  certificate: Certificate;
  /** When it was signed, by the transparency log or the time stamp authority. ISO 8601. */
  time: string;
  /** The payload, parsed as JSON. */
  statement: unknown;
  /** The root that vouches for it. Printable. */
  root: string;
}

type X509 = Extract<SignedEntity["key"], { $case: "certificate" }>["certificate"];

const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
const UTF8_STRING = 0x0c;

/**
 * What a bundle says, once its signature, certificate and time were verified against one of the roots.
 * @param json a parsed bundle
 * @param file what messages call it
 * @throws Failure (1) with the reason
 */
export function verifySignature(json: unknown, roots: readonly Root[], file: string): Signed {
  const reasons: string[] = [];
  for (const root of roots) {
    try {
      return verifyAgainst(json, root);
    } catch (error) {
      reasons.push(`${reasonOf(error)} (${root.name})`);
    }
  }
  throw contractFailure({
    file,
    what: "the signature is not to be trusted",
    expected: "a Sigstore bundle with a whole statement, signed and logged by authorities of the trusted root",
    got: reasons.join("; "),
    fix: "do not use the file before you know why; an outdated root is replaced by make trusted-root",
  });
}

function verifyAgainst(json: unknown, { material, name }: Root): Signed {
  const bundle = bundleFromJSON(json as SerializedBundle);
  if (bundle.content.$case !== "dsseEnvelope") throw new Error("it holds no statement");
  const { payload, payloadType } = bundle.content.dsseEnvelope;
  if (payloadType !== PAYLOAD_TYPE) throw new Error(`the payload is ${payloadType}, not ${PAYLOAD_TYPE}`);
  const entity = withPlainLogEntries(toSignedEntity(bundle), payload);
  if (entity.key.$case !== "certificate") throw new Error("it is signed by a bare key, which names nobody");
  const { certificate } = entity.key;
  // A root without a log is GitHub's own, whose time stamp authority takes the log's place.
  const [tlogThreshold, ctlogThreshold] = [Math.min(material.tlogs.length, 1), Math.min(material.ctlogs.length, 1)];
  new Verifier(material, { tlogThreshold, ctlogThreshold }).verify(entity);
  // What the library leaves out.
  if (!isForCodeSigning(certificate)) throw new Error("the certificate is not for signing code");
  const times = entity.timestamps.map((stamp) =>
    stamp.$case === "timestamp-authority"
      ? stamp.timestamp.signingTime
      : new Date(Number(stamp.tlogEntry.integratedTime) * 1000),
  );
  const [latest = new Date(Number.NaN)] = times.sort((a, b) => b.getTime() - a.getTime());
  if (latest.getTime() > Date.now()) throw new Error(`it was signed in the future, at ${latest.toISOString()}`);
  return {
    certificate: readCertificate(certificate),
    time: latest.toISOString(),
    statement: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)),
    root: name,
  };
}

/** What a bundle is about, by its own word: nothing of it is verified. */
export function readStatement(json: unknown): { predicateType: unknown; names: unknown[] } {
  const { dsseEnvelope } = (json ?? {}) as { dsseEnvelope?: { payload?: unknown } };
  const payload = Buffer.from(String(dsseEnvelope?.payload ?? ""), "base64").toString();
  const { predicateType, subject } = JSON.parse(payload || "{}") as { predicateType?: unknown; subject?: unknown };
  return { predicateType, names: (Array.isArray(subject) ? subject : []).map((one) => one?.name) };
}

/**
 * What this version of the library lacks (4.1.3, which needs Node 22, has both): Rekor 2 logs the hash of the bytes that were
 * signed, and the names in a checkpoint, which anybody can write, are taken for regular expressions.
 */
function withPlainLogEntries(entity: SignedEntity, payload: Buffer): SignedEntity {
  for (const { inclusionProof } of entity.tlogEntries) {
    const names = inclusionProof?.checkpoint?.envelope.matchAll(/\u2014 (\S+) /g) ?? [];
    if ([...names].some(([, name = ""]) => !/^[\w./:+-]+$/.test(name)))
      throw new Error("a checkpoint has a malformed name");
  }
  if (!entity.tlogEntries.every(({ kindVersion }) => kindVersion.kind === "hashedrekord")) return entity;
  const { signature } = entity;
  const signed = Buffer.concat([
    Buffer.from(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `),
    payload,
  ]);
  const digest = createHash("sha256").update(signed).digest();
  return {
    ...entity,
    signature: {
      signature: signature.signature,
      compareSignature: (other) => signature.compareSignature(other),
      compareDigest: (other) => digest.equals(other),
      verifySignature: (key) => signature.verifySignature(key),
    },
  };
}

/** The library's own codes say no more than its messages; its cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  const { cause } = error;
  const words = cause instanceof Error ? `${error.message}: ${cause.message}` : error.message;
  return printable(errorCode(error) === undefined ? words : words.toLowerCase()).slice(0, 300);
}

function isForCodeSigning(certificate: X509): boolean {
  const purposes = certificate.extension(EXTENDED_KEY_USAGE)?.valueObj.subs[0]?.subs ?? [];
  return purposes.some((purpose) => purpose.toOID() === CODE_SIGNING);
}

function readCertificate(certificate: X509): Certificate {
  const said = Object.entries(EXTENSIONS).map(([name, oid]) => [name, textOf(certificate, oid)]);
  return { ...Object.fromEntries(said), identity: certificate.subjectAltName } as Certificate;
}

/** An extension's UTF8String; undefined when the certificate has none of that kind, or says it twice. */
function textOf(certificate: X509, oid: string): string | undefined {
  const found = certificate.extensions.filter((extension) => extension.subs[0]?.toOID() === oid);
  const value = found.length === 1 ? certificate.extension(oid)?.valueObj : undefined;
  const [text, ...more] = value?.subs ?? [];
  return text?.tag.number === UTF8_STRING && more.length === 0 ? text.value.toString() : undefined;
}
