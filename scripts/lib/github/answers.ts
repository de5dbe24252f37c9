/** Validates releases and assets in the API's answers. */

export interface Asset {
  id: number;
  name: string;
  size: number;
  /** Its digest as the API has it. */
  digest: string | null | undefined;
  /** Whether its upload was finished. */
  uploaded: boolean;
}

export interface Release {
  id: number;
  tag: string;
  draft: boolean;
  /** Whether nothing of it can be changed any more. */
  immutable: boolean;
  /** Its text, in Markdown. */
  body: string;
  /** Web address. */
  url: string;
  /** Address for uploads, without its query. */
  uploadUrl: string;
  assets: Asset[];
}

const isText = (value: unknown): value is string => typeof value === "string";
const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isAddress = (value: unknown): value is string => isText(value) && URL.canParse(value);

/** The parsed items of a list; undefined when it is none, or when one of them does not parse. */
export function parseList<T>(value: unknown, parse: (item: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map(parse).filter((item) => item !== undefined);
  return items.length === value.length ? items : undefined;
}

export function parseAsset(value: unknown): Asset | undefined {
  const { id, name, size, state, digest } = Object(value) as Record<string, unknown>;
  if (!isCount(id) || !isText(name) || !isCount(size) || !isText(state)) return undefined;
  if (digest !== undefined && digest !== null && !isText(digest)) return undefined;
  return { id, name, size, digest, uploaded: state === "uploaded" };
}

export function parseRelease(value: unknown): Release | undefined {
  const answer = Object(value) as Record<string, unknown>;
  const { id, tag_name: tag, draft, immutable = false, html_url: url } = answer;
  const body = answer.body ?? "";
  if (!isCount(id) || !isText(tag) || !isFlag(draft) || !isFlag(immutable) || !isText(body) || !isAddress(url))
    return undefined;
  // "https://uploads.github.com/repos/…/assets{?name,label}"
  const uploadUrl = isText(answer.upload_url) ? answer.upload_url.replace(/\{.*$/, "") : undefined;
  const assets = parseList(answer.assets, parseAsset);
  if (!isAddress(uploadUrl) || assets === undefined) return undefined;
  return { id, tag, draft, immutable, body, url: new URL(url).href, uploadUrl, assets };
}
