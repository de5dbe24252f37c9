/** One JSON value over any number of lines, or one value on each line. Never empty. @throws SyntaxError */
export function jsonLines(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch (error) {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    if (lines.length < 2) throw error;
    return lines.map((line) => JSON.parse(line));
  }
}
