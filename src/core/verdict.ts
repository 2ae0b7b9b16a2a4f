// What a filter says of an operation. A closed union; `continue` is one constant, so that saying yes allocates nothing.

import type { ErrorAnswer } from './error-answers.ts';

export interface Refusal {
  readonly kind: 'refuse';
  readonly answer: ErrorAnswer;
}

export type Verdict = { readonly kind: 'continue' } | Refusal;

export const CONTINUE: Verdict = Object.freeze({ kind: 'continue' });
