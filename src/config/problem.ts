// One thing that is wrong with a config, at its place in the text, as one line.
// Lines and columns count from 1.

export interface ConfigProblem {
  readonly line: number;
  readonly column: number;
  readonly sentence: string;
  /** The text is right but asks for something that weir cannot do yet, so it cannot start (exit 2 instead of 1). */
  readonly refusal: boolean;
}

const MAX_LINES = 20;

/** `file:line:column: sentence`, in the order of the file, each line once, at most 20 and a last line with the rest. */
export function formatProblems(file: string, problems: readonly ConfigProblem[]): readonly string[] {
  const ordered = problems
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .map((problem) => `${file}:${problem.line}:${problem.column}: ${problem.sentence}`);
  // A value that is used through several aliases is wrong once for each of them.
  const lines = [...new Set(ordered)];
  if (lines.length <= MAX_LINES) return lines;
  return [...lines.slice(0, MAX_LINES), `${file}: and ${lines.length - MAX_LINES} more`];
}
