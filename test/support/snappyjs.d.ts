// Types of the part of snappyjs that tests use; the package brings none.
// It holds no code.

declare module 'snappyjs' {
  export function compress(input: Buffer): Uint8Array;
  export function uncompress(input: Buffer): Uint8Array;
}
