/**
 * Small defects put into a TypeScript file, one at a time: comparisons turned round or moved by one, conditions, array
 * elements, rules and statements left out, numbers off by one, other return values, regular expressions that take a bit
 * more or less. Types and prose (strings with a space, templates) stay as they are: no test run can see types, and the
 * tests of messages and docs hold the prose.
 */
import { type Node, nodesIn, parsed } from "../syntax.ts";
import { otherPatterns } from "./patterns.ts";

/** One defect: the text replaces the characters from start to end. */
export interface Mutant {
  start: number;
  end: number;
  text: string;
  /** What kind of defect it is. */
  operator: string;
  /** Line of the source, from 1. */
  line: number;
}

type Edit = Omit<Mutant, "line">;

/** Wrappers that have a meaning at run time; every other TS node is a type. */
const WRAPPERS = new Set(["TSAsExpression", "TSSatisfiesExpression", "TSNonNullExpression"]);
const isType = ({ type }: Node): boolean => type.startsWith("TS") && !WRAPPERS.has(type);
const isSkipped = (node: Node): boolean => isType(node) || /^(Import|ExportAll)/.test(node.type);

const BINARY: Record<string, readonly string[]> = {
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "&": ["|"],
  "|": ["&"],
  "<<": [">>"],
};
const ASSIGNMENT: Record<string, string> = { "+=": "-=", "-=": "+=" };
const METHODS: Record<string, string> = {
  some: "every",
  every: "some",
  min: "max",
  max: "min",
  floor: "ceil",
  ceil: "floor",
  startsWith: "endsWith",
  endsWith: "startsWith",
  find: "findLast",
};
/** Methods that return what they are called on, or a part of it. */
const NARROWING = new Set(["filter", "slice", "subarray", "sort", "toLowerCase", "trim", "replace", "replaceAll"]);
const SEVERITIES: Record<string, string> = { fail: "warn", warn: "fail" };

/** Every mutant of a source text, in the order of the text. @throws SyntaxError when it does not parse */
export function mutantsOf(source: string): Mutant[] {
  const slice = ({ start, end }: Node): string => source.slice(start, end);
  const found = new Map<string, Mutant>();
  const add = (operator: string, { start, end }: { start: number; end: number }, text: string): void => {
    if (text === source.slice(start, end)) return;
    const mutant = { operator, start, end, text, line: source.slice(0, start).split("\n").length };
    const key = `${start} ${end} ${text}`;
    if (!found.has(key) && isValid(mutate(source, mutant))) found.set(key, mutant);
  };
  /** The position of an operator between its operands. */
  const between = (left: Node, right: Node, operator: string) => {
    const start = source.indexOf(operator, left.end);
    return { start: Math.min(start, right.start), end: start + operator.length };
  };

  const visitors: Record<string, (node: Node) => void> = {
    BinaryExpression(node) {
      const { left, right, operator } = node as unknown as { left: Node; right: Node; operator: string };
      for (const other of BINARY[operator] ?? []) add("operator", between(left, right, operator), other);
    },
    LogicalExpression(node) {
      const { left, right, operator } = node as unknown as { left: Node; right: Node; operator: string };
      add("condition left out", node, `(${slice(left)})`);
      add("condition left out", node, `(${slice(right)})`);
      if (operator !== "??") add("operator", between(left, right, operator), operator === "&&" ? "||" : "&&");
    },
    AssignmentExpression(node) {
      const { left, right, operator } = node as unknown as { left: Node; right: Node; operator: string };
      const other = ASSIGNMENT[operator];
      if (other !== undefined) add("operator", between(left, right, operator), other);
    },
    UnaryExpression(node) {
      const { argument, operator } = node as unknown as { argument: Node; operator: string };
      if (operator === "!" || operator === "-") add("negation left out", node, `(${slice(argument)})`);
    },
    ConditionalExpression(node) {
      const { consequent, alternate } = node as unknown as { consequent: Node; alternate: Node };
      add("always one way", node, `(${slice(consequent)})`);
      add("always one way", node, `(${slice(alternate)})`);
    },
    IfStatement(node) {
      add("always one way", node.test as Node, "true");
      add("always one way", node.test as Node, "false");
    },
    WhileStatement(node) {
      add("loop left out", node.test as Node, "false");
    },
    ForStatement(node) {
      for (const test of nodesIn(node.test)) add("loop left out", test, "false");
    },
    NumericLiteral(node) {
      const value = node.value as number;
      add("off by one", node, String(value + 1));
      if (value > 0) add("off by one", node, String(value - 1));
    },
    BigIntLiteral(node) {
      const value = BigInt(node.value as string);
      add("off by one", node, `${value + 1n}n`);
      if (value > 0n) add("off by one", node, `${value - 1n}n`);
    },
    BooleanLiteral(node) {
      add("other value", node, String(node.value !== true));
    },
    StringLiteral(node) {
      const value = node.value as string;
      const severity = SEVERITIES[value];
      if (severity !== undefined) add("other severity", node, `"${severity}"`);
      else if (!value.includes(" ")) add("other value", node, '""');
    },
    RegExpLiteral(node) {
      for (const text of otherPatterns(node.pattern as string, node.flags as string)) add("other pattern", node, text);
    },
    ArrayExpression(node) {
      leaveOut(node.elements, "element left out");
    },
    ObjectExpression(node) {
      const isProse = (property: Node): boolean =>
        /^(String|Template)Literal$/.test(nodesIn(property.value)[0]?.type ?? "");
      leaveOut(
        nodesIn(node.properties).filter((property) => !isProse(property)),
        "property left out",
      );
    },
    ReturnStatement(node) {
      for (const argument of nodesIn(node.argument)) add("other return value", argument, "undefined");
    },
    ArrowFunctionExpression(node) {
      const body = node.body as Node;
      if (body.type !== "BlockStatement") add("other return value", outer(body), "undefined");
    },
    ExpressionStatement(node) {
      if (/^(Call|Assignment|Update|Logical)Expression$/.test((node.expression as Node).type))
        add("statement left out", node, ";");
    },
    ThrowStatement(node) {
      add("statement left out", node, ";");
    },
    ContinueStatement(node) {
      add("statement left out", node, ";");
    },
    CallExpression: visitCall,
    OptionalCallExpression: visitCall,
  };

  function visitCall(node: Node): void {
    const callee = node.callee as Node;
    if (!/^(Optional)?MemberExpression$/.test(callee.type)) return;
    const { object, property } = callee as unknown as { object: Node; property: Node };
    const name = slice(property);
    const other = METHODS[name];
    if (other !== undefined) add("other method", property, other);
    if (NARROWING.has(name)) add("call left out", node, slice(object));
  }

  /** A node with the parentheses around it. */
  function outer(node: Node): { start: number; end: number } {
    const { parenthesized, parenStart } = (node.extra ?? {}) as { parenthesized?: boolean; parenStart?: number };
    if (!parenthesized || parenStart === undefined) return node;
    return { start: parenStart, end: source.indexOf(")", node.end) + 1 };
  }

  /** Leaves out each member of a list with the comma after it. */
  function leaveOut(members: unknown, operator: string): void {
    for (const member of nodesIn(members)) {
      const comma = /^\s*,/.exec(source.slice(member.end))?.[0].length ?? 0;
      add(operator, { start: member.start, end: member.end + comma }, "");
    }
  }

  const visit = (node: Node): void => {
    if (isSkipped(node)) return;
    visitors[node.type]?.(node);
    for (const [key, value] of Object.entries(node)) {
      // A key is a name, and not a value, unless it is computed.
      if ((key === "key" || key === "property") && node.computed !== true) continue;
      for (const child of nodesIn(value)) visit(child);
    }
  };
  visit(parsed(source));
  return [...found.values()].sort((a, b) => a.start - b.start || a.end - b.end);
}

function isValid(source: string): boolean {
  try {
    parsed(source);
    return true;
  } catch {
    return false;
  }
}

/** The source with a mutant in it. */
export const mutate = (source: string, { start, end, text }: Edit): string =>
  source.slice(0, start) + text + source.slice(end);

/** The lines that a mutant changes, before and after, each as one line without indentation. */
export function changedLines(source: string, mutant: Edit): { before: string; after: string } {
  const from = source.lastIndexOf("\n", mutant.start - 1) + 1;
  const end = source.indexOf("\n", mutant.end);
  const to = end < 0 ? source.length : end;
  const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();
  return {
    before: oneLine(source.slice(from, to)),
    after: oneLine(source.slice(from, mutant.start) + mutant.text + source.slice(mutant.end, to)),
  };
}
