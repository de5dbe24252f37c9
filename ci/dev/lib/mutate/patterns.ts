/** Mutants of regular expressions. */

/** Regular expression literals that take a little more or less than the given one: anchors, flags, quantifiers, classes. */
export function* otherPatterns(pattern: string, flags: string): Generator<string> {
  const withFlags = (text: string): string => `/${text}/${flags}`;
  if (pattern.startsWith("^")) yield withFlags(pattern.slice(1));
  if (pattern.endsWith("$") && !pattern.endsWith("\\$")) yield withFlags(pattern.slice(0, -1));
  for (const flag of flags) yield `/${pattern}/${flags.replace(flag, "")}`;
  for (const { at, length, other } of quantifiers(pattern)) {
    yield withFlags(pattern.slice(0, at) + other + pattern.slice(at + length));
  }
  for (const { index } of pattern.matchAll(/(?<!\\)\[\^?/g)) {
    const negated = pattern[index + 1] === "^";
    yield withFlags(`${pattern.slice(0, index)}${negated ? "[" : "[^"}${pattern.slice(index + (negated ? 2 : 1))}`);
  }
}

/** The quantifiers of a pattern, outside classes, each with others for it. */
function* quantifiers(pattern: string): Generator<{ at: number; length: number; other: string }> {
  let inClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === "\\") at++;
    else if (inClass) inClass = character !== "]";
    else if (character === "[") inClass = true;
    else if (character === "+") yield { at, length: 1, other: "*" };
    else if (character === "*") yield { at, length: 1, other: "+" };
    else if (character === "?" && pattern[at - 1] !== "(") yield { at, length: 1, other: "" };
    else if (character === "{") {
      const [all = "", first = "", rest = ""] = /^\{([0-9]+)([^}]*)\}/.exec(pattern.slice(at)) ?? [];
      if (all === "") continue;
      yield { at, length: all.length, other: `{${Number(first) + 1}${rest}}` };
      if (Number(first) > 0) yield { at, length: all.length, other: `{${Number(first) - 1}${rest}}` };
    }
  }
}
