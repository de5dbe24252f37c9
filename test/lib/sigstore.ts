/** A local Sigstore, as @sigstore/mock makes its parts: a certificate authority, a certificate log, a transparency log, a TSA. */
import * as crypto from "node:crypto";
import { initializeCA, initializeCTLog, initializeTLog, initializeTSA } from "@sigstore/mock";
import { PROVENANCE_PREDICATE, SIGNER_ISSUER, SIGNER_WORKFLOW, signerIdentity } from "../../scripts/lib/contract.ts";

export const REPO = "example/stage0";
const REKOR = "https://rekor.local";
export const PAYLOAD_TYPE = "application/vnd.in-toto+json";

/** What is signed, and by whom. All but the subject has what a right release has. */
export interface Wanted {
  name: string;
  sha256: string;
  tag: string;
  repo?: string;
  workflow?: string;
  /** Of the certificate, when it is not what repo, workflow and tag make. */
  identity?: string;
  issuer?: string;
  /** The repository and ref that the certificate says the source is of. */
  source?: string;
  ref?: string;
  predicateType?: string;
  predicate?: unknown;
  statementType?: string;
  subject?: unknown;
  payloadType?: string;
  /** Who says when: the transparency log, a time stamp authority, both or nobody. */
  time?: "log" | "stamp" | "both" | "none";
  /** No extension of GitHub's, as the certificate of GitHub's own attestations. */
  bare?: boolean;
}

type Json = Record<string, unknown>;

/** An answer of Rekor's. */
interface Entry {
  body: string;
  logIndex: number;
  logID: string;
  integratedTime: number;
  verification: {
    signedEntryTimestamp: string;
    inclusionProof: { logIndex: number; rootHash: string; treeSize: number; checkpoint: string };
  };
}

const EXTENSION = "1.3.6.1.4.1.57264.1.";
export const COMMIT = "c0ffee".padEnd(40, "0");
export const RUN = `https://github.com/${REPO}/actions/runs/1/attempts/1`;

const keyPair = (): crypto.KeyPairKeyObjectResult => crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");
const sha256 = (bytes: Uint8Array): Buffer => crypto.createHash("sha256").update(bytes).digest();

export class Sigstore {
  readonly #parts: Awaited<ReturnType<typeof makeParts>>;
  readonly #private: boolean;

  private constructor(parts: Awaited<ReturnType<typeof makeParts>>, isPrivate: boolean) {
    this.#parts = parts;
    this.#private = isPrivate;
  }

  /**
   * @param options.certified when certificates are issued, if not when they are asked for
   * @param options.private a time stamp authority and no log, as GitHub has for itself and for private repositories
   */
  static async make(options: { certified?: Date; private?: boolean } = {}): Promise<Sigstore> {
    return new Sigstore(await makeParts(options), options.private ?? false);
  }

  /** The trusted root. */
  root(): Json {
    const { ca, ctlog, tlog, tsa } = this.#parts;
    const validFor = { start: new Date(Date.now() - 86_400_000).toISOString() };
    const log = (baseUrl: string, key: Buffer, keyId: Buffer) => ({
      baseUrl,
      hashAlgorithm: "SHA2_256",
      publicKey: { rawBytes: base64(key), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor },
      logId: { keyId: base64(keyId) },
    });
    const authority = (...certificates: Buffer[]) => ({
      subject: { organization: "sigstore.mock", commonName: "sigstore" },
      uri: "https://fulcio.local",
      certChain: { certificates: certificates.map((bytes) => ({ rawBytes: base64(bytes) })) },
      validFor,
    });
    return {
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: this.#private ? [] : [log(REKOR, tlog.publicKey, sha256(tlog.publicKey))],
      certificateAuthorities: [authority(ca.rootCertificate)],
      ctlogs: this.#private ? [] : [log("https://ctfe.local", ctlog.publicKey, ctlog.logID)],
      timestampAuthorities: [authority(tsa.intCertificate, tsa.rootCertificate)],
    };
  }

  /** Signs a statement as actions/attest does. Returns the bundle. */
  async sign(wanted: Wanted): Promise<Json> {
    const { name, tag, repo = REPO, workflow = SIGNER_WORKFLOW } = wanted;
    const time = wanted.time ?? (this.#private ? "stamp" : "log");
    const statement = {
      _type: wanted.statementType ?? "https://in-toto.io/Statement/v1",
      subject: wanted.subject ?? [{ name, digest: { sha256: wanted.sha256 } }],
      predicateType: wanted.predicateType ?? PROVENANCE_PREDICATE,
      predicate: wanted.predicate ?? { buildDefinition: {}, runDetails: {} },
    };
    const payload = Buffer.from(JSON.stringify(statement));
    const payloadType = wanted.payloadType ?? PAYLOAD_TYPE;
    const key = keyPair();
    const encoded = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `;
    const signature = crypto.sign("sha256", Buffer.concat([Buffer.from(encoded), payload]), key.privateKey);
    const identity = wanted.identity ?? signerIdentity(repo, workflow, tag);
    const said: Record<number, string> = {
      8: wanted.issuer ?? SIGNER_ISSUER,
      9: identity,
      11: "github-hosted",
      12: `https://github.com/${wanted.source ?? repo}`,
      13: COMMIT,
      14: wanted.ref ?? `refs/tags/${tag}`,
      20: "push",
      21: RUN,
    };
    const certificate = await this.#parts.ca.issueCertificate({
      publicKey: key.publicKey.export({ type: "spki", format: "der" }),
      subjectAltName: identity,
      extensions: wanted.bare
        ? []
        : Object.entries(said).map(([last, value]) => ({ oid: `${EXTENSION}${last}`, value })),
    });
    return {
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      verificationMaterial: {
        certificate: { rawBytes: base64(certificate) },
        ...(/log|both/.test(time) && { tlogEntries: [await this.#log(payload, signature, certificate)] }),
        ...(/stamp|both/.test(time) && { timestampVerificationData: await this.#stamp(signature) }),
      },
      dsseEnvelope: { payload: base64(payload), payloadType, signatures: [{ sig: base64(signature) }] },
    };
  }

  async #log(payload: Buffer, signature: Buffer, certificate: Buffer): Promise<Json> {
    const pem = `-----BEGIN CERTIFICATE-----\n${base64(certificate)}\n-----END CERTIFICATE-----\n`;
    const payloadHash = { algorithm: "sha256", value: sha256(payload).toString("hex") };
    const signatures = [{ signature: base64(signature), verifier: base64(pem) }];
    const spec = { envelopeHash: payloadHash, payloadHash, signatures };
    const answer = await this.#parts.tlog.log({ apiVersion: "0.0.1", kind: "dsse", spec });
    const [entry] = Object.values(answer) as Entry[];
    if (entry === undefined) throw new Error("the log made no entry");
    const { inclusionProof: proof, signedEntryTimestamp } = entry.verification;
    return {
      logIndex: String(entry.logIndex),
      logId: { keyId: base64(Buffer.from(entry.logID, "hex")) },
      kindVersion: { kind: "dsse", version: "0.0.1" },
      integratedTime: String(entry.integratedTime),
      inclusionPromise: { signedEntryTimestamp },
      inclusionProof: {
        logIndex: String(proof.logIndex),
        rootHash: base64(Buffer.from(proof.rootHash, "hex")),
        treeSize: String(proof.treeSize),
        hashes: [],
        checkpoint: { envelope: proof.checkpoint },
      },
      canonicalizedBody: entry.body,
    };
  }

  async #stamp(signature: Buffer): Promise<Json> {
    // @sigstore/core can't read a stamp with fractions of a second.
    this.#parts.clock.setTime(Math.floor(Date.now() / 1000) * 1000);
    const stamp = await this.#parts.tsa.timestamp({
      artifactHash: sha256(signature),
      hashAlgorithmOID: "2.16.840.1.101.3.4.2.1",
      policyOID: "1.2.3.4.1",
      certReq: true,
      nonce: 1,
    });
    return { rfc3161Timestamps: [{ signedTimestamp: base64(stamp) }] };
  }
}

async function makeParts(options: { certified?: Date; private?: boolean }) {
  const ctlog = await initializeCTLog(keyPair());
  const clock = new Date();
  return {
    clock,
    ctlog,
    ca: await initializeCA(keyPair(), options.private ? undefined : ctlog, options.certified),
    tlog: await initializeTLog(REKOR, keyPair()),
    tsa: await initializeTSA(keyPair(), clock),
  };
}

/** The subjects of a statement about the lines of a list. */
export const subjectsOf = (list: string) =>
  list
    .trimEnd()
    .split("\n")
    .map((line) => ({ name: line.slice(66), digest: { sha256: line.slice(0, 64) } }));
