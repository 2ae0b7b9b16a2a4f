// A value that shows as `<secret>` wherever it is printed: text, JSON, template. It encrypts nothing.
// Invariant: only reveal() gives the value. It lies in a private field, which inspection does not show.

import type { Secret } from '../options.ts';

const SHOWN = '<secret>';

export class SecretText implements Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toJSON(): string {
    return SHOWN;
  }

  toString(): string {
    return SHOWN;
  }
}
