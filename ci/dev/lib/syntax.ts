/** The syntax tree of a TypeScript source, as far as the tools here look at it. */
import { parse } from "@babel/parser";

export interface Node {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Node).type === "string";

/** The nodes that a property of a node holds: none, one or a list. */
export const nodesIn = (value: unknown): Node[] =>
  Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [];

/** A node and all below it, in the order of the text. */
export function* walk(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) for (const child of nodesIn(value)) yield* walk(child);
}

/** The tree of a source. @throws SyntaxError when it does not parse */
export const parsed = (source: string): Node =>
  parse(source, { sourceType: "module", plugins: ["typescript"] }).program as unknown as Node;
