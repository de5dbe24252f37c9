/** The one GraphQL query that `gh release download`, `view` and `upload` need: a release's number by its tag, drafts too. */
import { type Answer, answer } from "./wire.ts";
import { type Call, rightsOf, type World } from "./world.ts";

interface Query {
  query?: string;
  variables?: { owner?: string; name?: string; tagName?: string };
}

/** Answers with errors in the body, as GraphQL has it, to any other query. */
export function graphql(world: World, { headers }: Call, { query = "", variables = {} }: Query): Answer {
  const rights = rightsOf(world, headers.authorization as string | undefined);
  const json = (status: number, body: unknown): Answer =>
    answer(status, { "content-type": "application/json; charset=utf-8" }, JSON.stringify(body));
  if (rights === "none") return json(401, { message: "This endpoint requires you to be authenticated." });
  if (!/\brelease\(tagName: \$tagName\)\{databaseId,isDraft\}/.test(query)) {
    return json(200, { errors: [{ message: "the local GitHub does not know this query" }] });
  }
  const repository = world.store.find(`${variables.owner}/${variables.name}`);
  const release = repository?.list(rights === "push").find(({ tag }) => tag === variables.tagName);
  const found = release === undefined ? null : { databaseId: release.id, isDraft: release.draft };
  return json(200, { data: { repository: repository === undefined ? null : { release: found } } });
}
