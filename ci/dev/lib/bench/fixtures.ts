/** What the bench measures with: release files, executables of any size, and a web server that serves them. */
import { createCipheriv } from "node:crypto";
import * as fs from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { assetName, DEFAULT_REPO, DEFAULT_TARGET, SUMS } from "../../../../scripts/lib/contract.ts";
import { missingFailure } from "../../../../scripts/lib/errors.ts";
import { writeAll } from "../../../../scripts/lib/files.ts";
import { digestFile } from "../../../../scripts/lib/hash.ts";
import { shell } from "../../../../scripts/lib/shell.ts";
import { formatSums, parseSums } from "../../../../scripts/lib/trust/sums.ts";
import { certificate, makeAuthority } from "../../../../test/github/certificates.ts";
import { BASE, START as CODE_OFFSET, elfFile } from "../../../../test/lib/elf-file.ts";

export const MIB = 1024 ** 2;
const PIECE = Buffer.alloc(MIB);
/** Bytes that are loaded and run; the rest is a section that is not loaded, so that the gate's limit of memory is kept. */
const LOADED = 512;

/**
 * An executable that the gate passes, of any size from 1 KiB on.
 * @param filler random: bytes that no two places share; hole: none, the file is sparse
 */
export function writeElf(path: string, size: number, filler: "random" | "hole", triple = DEFAULT_TARGET): void {
  fs.mkdirSync(join(path, ".."), { recursive: true });
  const start = elfFile(triple, LOADED);
  const end = sectionHeaders(LOADED, size);
  const length = size - LOADED - end.length;
  // e_shoff, e_shentsize, e_shnum, e_shstrndx (gABI, "ELF Header").
  start.writeBigUInt64LE(BigInt(LOADED + length), 40);
  for (const [index, value] of [64, 4, 3].entries()) start.writeUInt16LE(value, 58 + 2 * index);
  const fd = fs.openSync(path, "w", 0o755);
  try {
    writeAll(fd, start);
    const random = createCipheriv("aes-256-ctr", Buffer.alloc(32, 1), Buffer.alloc(16));
    for (let at = 0; filler === "random" && at < length; at += PIECE.length) {
      writeAll(fd, random.update(PIECE.subarray(0, Math.min(PIECE.length, length - at))));
    }
    fs.writeSync(fd, end, 0, end.length, LOADED + length);
  } finally {
    fs.closeSync(fd);
  }
}

/** Section headers and their names, for the end of a file: none, the code, all between start and end, and the names. */
function sectionHeaders(start: number, size: number): Buffer {
  const names = Buffer.from("\0filler\0.shstrtab\0.text\0");
  const headers = Buffer.alloc(4 * 64);
  const end = size - headers.length - names.length;
  // sh_name, sh_type, sh_offset, sh_size, sh_addralign (gABI, "Sections").
  const header = (at: number, name: string, type: number, offset: number, length: number): void => {
    headers.writeUInt32LE(names.indexOf(name), at);
    headers.writeUInt32LE(type, at + 4);
    headers.writeBigUInt64LE(BigInt(offset), at + 24);
    headers.writeBigUInt64LE(BigInt(length), at + 32);
    headers.writeBigUInt64LE(1n, at + 48);
  };
  header(64, ".text", 1, CODE_OFFSET, start - CODE_OFFSET);
  headers.writeBigUInt64LE(6n, 64 + 8); // SHF_ALLOC and SHF_EXECINSTR
  headers.writeBigUInt64LE(BigInt(BASE + CODE_OFFSET), 64 + 16); // sh_addr
  header(128, "filler", 1, start, end - start);
  header(192, ".shstrtab", 3, end + headers.length, names.length);
  return Buffer.concat([headers, names]);
}

/** An asset in a folder laid out as releases, `<tag>/<asset>`, with its SHA256SUMS. @returns the asset's digest */
export function writeRelease(folder: string, tag: string, size: number, filler: "random" | "hole"): string {
  const asset = assetName(DEFAULT_TARGET);
  const path = join(folder, tag, asset);
  writeElf(path, size, filler);
  const { sha256 } = digestFile(path);
  fs.writeFileSync(join(folder, tag, SUMS), formatSums([[asset, sha256]]));
  return sha256;
}

/** Ports that are free now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  for (const server of servers) server.close();
  return ports;
}

export interface WebServer {
  /** https://localhost:PORT, as GITHUB_SERVER_URL takes it. */
  origin: string;
  /** PEM file of the authority that signed its certificate. */
  caFile: string;
  /** Requests for releases that were answered so far. */
  requests(): Promise<number>;
  close(): Promise<void>;
}

/**
 * nginx as a GitHub that serves the releases of a folder laid out as `<tag>/<asset>`: download addresses that redirect to
 * another origin, and the part of the API that gh and mise ask. One process, over https on loopback.
 * @throws Failure (3) when nginx does not start
 */
export async function startWeb(releases: string, folder: string): Promise<WebServer> {
  fs.mkdirSync(folder, { recursive: true });
  await makeAuthority(folder);
  await certificate(folder, "valid");
  const [web = 0, blobs = 0, ready = 0] = await freePorts(3);
  const origin = `https://localhost:${web}`;
  const log = join(folder, "access.log");
  fs.mkdirSync(join(folder, "assets"));
  for (const [index, tag] of fs.readdirSync(releases).entries()) {
    const release = apiRelease(origin, releases, tag, index * 100);
    for (const { id, name } of release.assets)
      fs.symlinkSync(join(releases, tag, name), join(folder, "assets", String(id)));
    fs.writeFileSync(join(folder, `${tag}.json`), JSON.stringify(release));
  }
  fs.writeFileSync(join(folder, "nginx.conf"), configuration({ folder, releases, web, blobs, ready }));
  const stop = new AbortController();
  const $ = await shell({ signal: stop.signal });
  const ended = $`nginx -e ${join(folder, "error.log")} -p ${folder} -c nginx.conf`;
  const { retry } = await import("zx");
  const ask = async (): Promise<void> => {
    await (await fetch(`http://127.0.0.1:${ready}/`)).arrayBuffer();
  };
  const isUp = await retry(50, "100ms", ask).then(
    () => true,
    () => false,
  );
  if (!isUp) {
    stop.abort();
    throw missingFailure({
      what: "nginx does not start",
      got: fs.readFileSync(join(folder, "error.log"), "utf8").slice(-400),
    });
  }
  return {
    origin,
    caFile: join(folder, "ca.pem"),
    async requests() {
      // A line is written after its answer is sent. The one worker takes up a request only when it is done with the last.
      await ask();
      return fs.readFileSync(log, "utf8").split("\n").length - 1;
    },
    async close() {
      stop.abort();
      await ended;
    },
  };
}

/** A release as the REST API shows it, as far as fetch-stage0, gh and mise read it. */
function apiRelease(origin: string, releases: string, tag: string, firstId: number) {
  const { entries } = parseSums(fs.readFileSync(join(releases, tag, SUMS)));
  const api = `${origin}/api/v3/repos/${DEFAULT_REPO}`;
  return {
    id: 1,
    tag_name: tag,
    name: tag,
    draft: false,
    prerelease: false,
    created_at: "2026-01-01T00:00:00Z",
    published_at: "2026-01-01T00:00:00Z",
    html_url: `${origin}/${DEFAULT_REPO}/releases/tag/${tag}`,
    upload_url: `${api}/releases/1/assets{?name,label}`,
    assets: fs.readdirSync(join(releases, tag)).map((name, index) => ({
      id: firstId + index,
      name,
      label: "",
      state: "uploaded",
      content_type: "application/octet-stream",
      size: fs.statSync(join(releases, tag, name)).size,
      digest: entries.has(name) ? `sha256:${entries.get(name)}` : null,
      url: `${api}/releases/assets/${firstId + index}`,
      browser_download_url: `${origin}/${DEFAULT_REPO}/releases/download/${tag}/${name}`,
    })),
  };
}

function configuration(at: { folder: string; releases: string; web: number; blobs: number; ready: number }): string {
  const tls = `ssl_certificate ${at.folder}/valid.pem; ssl_certificate_key ${at.folder}/valid.key;`;
  return `daemon off; worker_processes 1; pid ${at.folder}/nginx.pid;
${process.getuid?.() === 0 ? "user root;" : ""}
events {}
http {
  access_log ${at.folder}/access.log;
  default_type application/octet-stream;
  sendfile on;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${at.folder}/${name};`).join(" ")}
  server {
    listen 127.0.0.1:${at.web} ssl; ${tls}
    location = /api/graphql { default_type application/json; return 200 '{"data":{"repository":{"release":{"databaseId":1,"isDraft":false}}}}'; }
    location ~ ^/${DEFAULT_REPO}/releases/download/(?<asset>.+)$ { return 302 https://127.0.0.1:${at.blobs}/$asset; }
    location ~ ^/api/v3/repos/${DEFAULT_REPO}/releases/tags/(?<tag>[^/]+)$ { default_type application/json; alias ${at.folder}/$tag.json; }
    location ~ ^/api/v3/repos/${DEFAULT_REPO}/releases/assets/(?<id>[0-9]+)$ { alias ${at.folder}/assets/$id; }
  }
  server { listen 127.0.0.1:${at.blobs} ssl; ${tls} root ${at.releases}; }
  server { listen 127.0.0.1:${at.ready}; access_log off; return 204; }
}
`;
}
