// The answer of every small text parser of this folder: a value, or a sentence for the person who wrote the text.
// No exceptions: a wrong config is ordinary input. Invariant: a complaint never repeats a secret.

/** `refusal`: the text is right, but asks for something weir cannot do yet (the process then exits with 2, not 1). */
export interface Complaint {
  readonly ok: false;
  readonly sentence: string;
  readonly refusal: boolean;
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | Complaint;

export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function complain(sentence: string): Complaint {
  return { ok: false, sentence, refusal: false };
}

export function refuse(sentence: string): Complaint {
  return { ok: false, sentence, refusal: true };
}

/** A text from the config, quoted and cut so that one line stays one line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text);
}
