/** A GitHub on loopback: web, API, uploads, blobs and a foreign host, each an origin of its own. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BLOB_PATH } from "./blob.ts";
import { certificate, makeAuthority } from "./certificates.ts";
import { Faults } from "./faults.ts";
import { type Dispatch, respond } from "./respond.ts";
import { Signer } from "./signer.ts";
import { Store } from "./store.ts";
import type { Certificate, GitHub, Options, Recorded, Release, Route } from "./types.ts";
import { type Listener, listen } from "./wire.ts";
import { RateLimits, type World } from "./world.ts";

const API = "/api/v3";
const UPLOADS = "/api/uploads";
/** Never handed out as an ephemeral port, not on fetch's list of bad ports, and no service's. */
const REFUSED_PORT = 2;

/** Which route a request to an origin with several of them is for, and the path below that route's base. */
const byPath: Dispatch = (path) => {
  if (path.startsWith(BLOB_PATH)) return { route: "blob", path };
  if (path === "/api/graphql") return { route: "api", path: "/graphql" };
  for (const [base, route] of [
    [UPLOADS, "upload"],
    [API, "api"],
  ] as const) {
    if (path.startsWith(`${base}/`)) return { route, path: path.slice(base.length) };
  }
  return { route: /^\/(repos|repositories)\//.test(path) ? "api" : "web", path };
};
/** The foreign host knows the same paths, and is itself whatever the path. */
const elsewhere: Dispatch = (path) => ({ route: "foreign", path: byPath(path).path });
const only =
  (route: Route): Dispatch =>
  (path) => ({ route, path });

/** A token of the form that GitHub's have. */
const newToken = (word: string): string => `ghp_${word}${randomBytes(18).toString("hex")}`.slice(0, 40);

/**
 * Starts a GitHub on loopback. It lives until close().
 * @throws when the port is taken, or when openssl is needed and missing
 */
export async function startGitHub(settings: Options = {}): Promise<GitHub> {
  const { tls = false, enterprise = false, port = 0 } = settings;
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "github-"));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  process.on("exit", removeFolder);
  if (tls) await makeAuthority(folder);

  const options: GitHub["options"] = {
    signatureLife: settings.signatureLife ?? 300_000,
    assetBody: settings.assetBody ?? "redirect",
    anonymousLimit: settings.anonymousLimit ?? 60,
    immutableReleases: settings.immutableReleases ?? false,
  };
  const tokens = { push: newToken("PUSHSECRET"), read: newToken("READSECRET") };
  const requests: Recorded[] = [];
  const errors: string[] = [];
  const faults = new Faults(tls);
  const signer = new Signer();
  const limits = new RateLimits();

  // Requests come only once every origin is known.
  let world: World | undefined;
  const listeners: Listener[] = [];
  const open = async (
    host: "localhost" | "127.0.0.1",
    dispatch: Dispatch,
    kind: Certificate | "plain",
    at = 0,
  ): Promise<string> => {
    const keys = tls && kind !== "plain" ? await certificate(folder, kind) : undefined;
    const listener = await listen(host, at, keys, (exchange) => {
      if (world !== undefined) void respond({ world, faults, requests, folder, twin, foreign }, exchange, dispatch);
    });
    listeners.push(listener);
    return listener.origin;
  };
  const twins = new Map<string, Promise<string>>();
  /** An origin that serves everything, over plain http or with that certificate; opened on first use. */
  const twin = (kind: Certificate | "plain" | "refused"): Promise<string> => {
    if (kind === "refused") return Promise.resolve(refused);
    const opened = twins.get(kind) ?? open("127.0.0.1", byPath, kind);
    twins.set(kind, opened);
    return opened;
  };

  const own = settings.certificate ?? "valid";
  const server = await open("localhost", enterprise ? byPath : only("web"), own, port);
  const api = enterprise ? `${server}${API}` : await open("localhost", only("api"), own);
  const uploads = enterprise ? `${server}${UPLOADS}` : await open("localhost", only("upload"), own);
  const blobs = await open("127.0.0.1", only("blob"), "valid");
  const foreign = await open("127.0.0.1", elsewhere, "valid");
  const refused = `${tls ? "https" : "http"}://127.0.0.1:${REFUSED_PORT}`;
  world = {
    bases: { server, api, uploads },
    blobs,
    store: new Store(server),
    options,
    enterprise,
    tokens,
    limits,
    signer,
    complain: (text) => errors.push(text),
  };
  const { store } = world;

  return {
    server,
    api,
    uploads,
    blobs,
    foreign,
    refused,
    caFile: join(folder, "ca.pem"),
    token: tokens.push,
    readToken: tokens.read,
    get secrets() {
      return [tokens.push, tokens.read, ...signer.signatures];
    },
    requests,
    log: (route) =>
      requests
        .filter((request) => route === undefined || request.route === route)
        .map(({ method, path }) => `${method} ${path.replace(/\?.*/, "")}`),
    errors,
    options,
    addRelease: (release): Promise<Release> => store.add(release, options.immutableReleases),
    releases: (repo = "samcday/fastboop") => store.find(repo)?.list(true) ?? [],
    fault: (fault) => faults.plan(fault),
    reset(what = {}) {
      faults.clear();
      requests.length = 0;
      limits.clear();
      if (what.releases) store.repositories = [];
    },
    async close() {
      await Promise.all(listeners.map((listener) => listener.close()));
      process.off("exit", removeFolder);
      removeFolder();
    },
  };
}
