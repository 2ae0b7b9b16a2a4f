// How a key of the config is declared: its type, its default and its documentation in one call. It declares none itself.
// Invariant: one schema object documents one key.

import { z } from 'zod';
import { SecretText } from '../core/secret.ts';
import type { Parsed } from './parsed.ts';

/** What the reference page says about a key. */
export interface KeyDoc {
  /** In words: "duration", "whole number from 1", … */
  readonly type: string;
  readonly meaning: string;
  /** When a changed value takes effect. */
  readonly applies: 'restart' | 'live';
  /** In place of the schema's own default, where that is decided elsewhere. */
  readonly defaultText?: string;
}

/** The documentation of every key, by its schema. */
export const keyDocs: z.core.$ZodRegistry<KeyDoc> = z.registry<KeyDoc>();

export const MAX_LISTED = 100;

export function key<S extends z.ZodType>(schema: S, type: string, meaning: string, defaultText?: string): S {
  if (keyDocs.has(schema)) throw new Error(`one schema object serves two config keys: ${meaning}`);
  keyDocs.add(schema, { type, meaning, applies: 'restart', ...(defaultText === undefined ? {} : { defaultText }) });
  return schema;
}

/** A text that one of the small parsers understands. A refusal is marked in the issue's params. */
export function readBy<T>(parse: (text: string) => Parsed<T>): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    const result = parse(text);
    if (result.ok) return result.value;
    context.addIssue({ code: 'custom', message: result.sentence, params: { refusal: result.refusal } });
    return z.NEVER;
  });
}

/** A whole number; decimal digits as text are taken too, because `!env` yields text. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  const fromDigits = (input: unknown): unknown =>
    typeof input === 'string' && /^\d{1,15}$/.test(input) ? Number(input) : input;
  return z.preprocess(fromDigits, z.number().int().min(min).max(max));
}

/** Made anew for each key: the documentation hangs on the schema object. */
export function nameText(): z.ZodString {
  return z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'expected a name of up to 64 letters, digits, _ . or -');
}

/** Texts that explain.ts never repeats (secret-places.ts). */
export function secretText(): z.ZodType<SecretText | undefined, string | undefined> {
  return z
    .string()
    .min(1)
    .max(4096)
    .transform((text) => new SecretText(text))
    .optional();
}

export function pattern(): z.ZodString {
  return z.string().min(1).max(256);
}
