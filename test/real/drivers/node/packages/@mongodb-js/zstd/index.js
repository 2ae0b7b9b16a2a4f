// What the Node driver asks of @mongodb-js/zstd, on top of the WebAssembly that weir uses too: that package brings its
// binary from outside the registry. Found by NODE_PATH (harness/programs.ts); a Node with zstd of its own never asks.
// Invariant: both functions take and give whole buffers, by promise, as those of the package do.
'use strict';
const zstd = require('@bokuweb/zstd-wasm');

const ready = zstd.init();

exports.compress = async (bytes, level) => {
  await ready;
  return Buffer.from(zstd.compress(bytes, level));
};

exports.decompress = async (bytes) => {
  await ready;
  return Buffer.from(zstd.decompress(bytes));
};
