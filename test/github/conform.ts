/** GitHub's own description of its API (schema/github.json), which every JSON body has to conform to. */
import { readFileSync } from "node:fs";
import { Ajv, type ValidateFunction } from "ajv";

type Schema = Record<string, unknown>;
interface Description {
  operations: Record<string, { docs: string; request: Schema | null; responses: Record<string, Schema | null> }>;
  $defs: Record<string, Schema>;
}

const description: Description = JSON.parse(readFileSync(new URL("schema/github.json", import.meta.url), "utf8"));
/** "METHOD /path/{parameter}" of every operation that the extract has. */
export type Operation = string;
export const OPERATIONS: readonly Operation[] = Object.keys(description.operations);

/** The page that GitHub's error answers refer to. */
export const docs = (operation: Operation | undefined): string =>
  (operation === undefined ? undefined : description.operations[operation]?.docs) ?? "https://docs.github.com/rest";

const ajv = new Ajv({ allErrors: true, strictTypes: false });
ajv.addFormat("uri", (text: string) => URL.canParse(text));
ajv.addFormat(
  "date-time",
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$/,
);
ajv.addFormat("int64", { type: "number", validate: Number.isSafeInteger });

const compiled = new Map<Schema, ValidateFunction>();
function complaints(schema: Schema, body: unknown): string[] {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    validate = ajv.compile({ ...schema, $defs: description.$defs });
    compiled.set(schema, validate);
  }
  if (validate(body)) return [];
  return (validate.errors ?? []).map((error) => `${error.instancePath || "the body"} ${error.message}`);
}

const schemaNamed = (name: string): Schema => ({ $ref: `#/$defs/${name}` });
const [BASIC, VALIDATION] = [schemaNamed("basic-error"), schemaNamed("validation-error")];

/**
 * What is wrong with an answer: nothing when it conforms. Statuses that every operation may answer with (401, 403, 404,
 * 429, 5xx) are errors of GitHub's basic form, 422 of the validation form.
 */
export function wrongAnswer(operation: Operation | undefined, status: number, body: unknown): string[] {
  const known = operation === undefined ? undefined : description.operations[operation]?.responses[status];
  const schema = known ?? (status === 422 ? VALIDATION : status >= 400 ? BASIC : undefined);
  return schema === undefined ? [`no JSON is described for ${operation} ${status}`] : complaints(schema, body);
}

/** What is wrong with the JSON of a request. */
export function wrongRequest(operation: Operation, body: unknown): string[] {
  const schema = description.operations[operation]?.request;
  return schema ? complaints(schema, body) : [];
}

/** What is wrong with a body by the name of its definition, such as "release-asset". */
export const wrongBody = (name: string, body: unknown): string[] => complaints(schemaNamed(name), body);
