// `weir decode` from the command line to its output: forms, filters, several files, standard input, and every way to be
// handed something that is no capture.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { encodeMessage } from '../../../codecs/index.ts';
import type { DecodeReport } from '../../../src/cli/decode-report.ts';
import type { Io } from '../../../src/cli/io.ts';
import { run } from '../../../src/cli/program.ts';
import { writeChunk, writeEnd, writeHeader, writeOpen } from '../../../src/recording/writer.ts';
import { pcapFile, recordsOf } from '../../support/capture-writer.ts';
import { mongoScript } from '../../support/mongo-script.ts';
import { recordedIo } from './recorded-io.ts';

let folder: string;
const at = (name: string): string => join(folder, name);

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function decode(args: readonly string[], changes: Partial<Io> = {}): Promise<Ran> {
  const io = { ...recordedIo(), ...changes };
  const code = await run(['decode', ...args], io);
  return { code, out: io.outLines.join('\n'), err: io.errLines.join('\n').replaceAll(`${folder}/`, '') };
}

async function report(...args: readonly string[]): Promise<DecodeReport> {
  const { code, out, err } = await decode([...args, '--json']);
  assert.equal(code, 0, err);
  return JSON.parse(out) as DecodeReport;
}

const SCRIPTS = [
  mongoScript({ clientPort: 40_001, operations: 6, collection: 'orders' }),
  mongoScript({ clientPort: 40_002, operations: 4, collection: 'carts', clientHost: '10.0.0.9', serverMs: 9 }),
];
const RECORDS = SCRIPTS.flatMap(({ packets }) => recordsOf(packets));
const CAPTURE = pcapFile(RECORDS);

function recording(): string {
  const chunks = [encodeMessage({ find: 'users', comment: 'Users.list', $db: 'shop' }, 1, 0)];
  const reply = encodeMessage({ cursor: { id: 0, ns: 'shop.users', firstBatch: [{}, {}] }, ok: 1 }, 2, 1);
  return [
    writeHeader({ client: 'a driver', values: 'redacted' }),
    writeOpen(0, 1, 'main', '10.0.0.3:50000'),
    ...chunks.map((bytes) => writeChunk({ atMs: 1, connection: 1, from: 'client', bytes })),
    writeChunk({ atMs: 5.5, connection: 1, from: 'server', bytes: reply }),
    writeEnd(6, 1, 'closed'),
  ].join('');
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-decode-'));
  const cut = Math.floor(RECORDS.length / 2);
  mkdirSync(at('folder'));
  const files: Readonly<Record<string, Buffer | string>> = {
    'a.pcap': CAPTURE,
    'first.pcap': pcapFile(RECORDS.slice(0, cut)),
    'second.pcap': pcapFile(RECORDS.slice(cut), { bigEndian: true, nanoseconds: true }),
    'b.weir': recording(),
    'broken.weir': `${recording()}+7 1 >\n  zz\n`,
    'empty.pcap': '',
    'header.pcap': pcapFile([]),
    'wifi.pcap': pcapFile(RECORDS, { linkType: 105 }),
    'cut.pcap': CAPTURE.subarray(0, CAPTURE.length - 5),
    'damaged.pcap': Buffer.concat([CAPTURE, Buffer.alloc(16, 0xff)]),
    'only-damage.pcap': Buffer.concat([pcapFile([]), Buffer.alloc(16, 0xff)]),
    'a.gz': Buffer.from('1f8b080000000000000000', 'hex'),
    'notes.txt': 'these are notes about a capture, which is elsewhere',
    'short.txt': 'no',
  };
  for (const [name, bytes] of Object.entries(files)) writeFileSync(at(name), bytes);
});

after(() => rmSync(folder, { recursive: true }));

describe('weir decode', () => {
  it('counts what the captured programs did', async () => {
    const found = await report(at('a.pcap'));
    assert.deepEqual(
      found.collections.map(({ db, collection, command, operations, documentsReturned }) => [
        `${db}.${collection}`,
        command,
        operations,
        documentsReturned,
      ]),
      [
        ['shop.orders', 'find', 6, 6],
        ['shop.carts', 'find', 4, 4],
        ['admin.', 'hello', 2, 0],
      ],
    );
    assert.deepEqual(found.callSites.find(({ callSite }) => callSite === 'Site.1')?.serverMs.max, 3);
    assert.deepEqual(
      found.conversations.map(({ number, client, server, app, driver, operations }) => ({
        number,
        client,
        server,
        app,
        driver,
        operations,
      })),
      [
        {
          number: 1,
          client: '10.0.0.1:40001',
          server: '10.0.0.2:27017',
          app: 'shop',
          driver: 'nodejs 7.9.0',
          operations: 7,
        },
        {
          number: 2,
          client: '10.0.0.9:40002',
          server: '10.0.0.2:27017',
          app: 'shop',
          driver: 'nodejs 7.9.0',
          operations: 5,
        },
      ],
    );
    assert.deepEqual(found.streamFaults, {});
    assert.equal(found.totals.operations, 12);
  });

  it('reads several files as one', async () => {
    const one = await report(at('a.pcap'));
    const two = await report(at('first.pcap'), at('second.pcap'));
    const rows = ({ callSites, conversations }: DecodeReport): unknown => [callSites, conversations];
    assert.deepEqual(rows(two), rows(one));
    assert.deepEqual(
      two.files.map(({ problem }) => problem),
      [null, null],
    );
  });

  it('reads standard input, in pieces of any size', async () => {
    for (const size of [1, 23, 1000, CAPTURE.length]) {
      const input = async function* (): AsyncGenerator<Buffer> {
        for (let start = 0; start < CAPTURE.length; start += size) yield CAPTURE.subarray(start, start + size);
      };
      const { out } = await decode(['-', '--json'], { input });
      assert.deepEqual((JSON.parse(out) as DecodeReport).callSites, (await report(at('a.pcap'))).callSites);
    }
  });

  it('reads recordings, alone and beside captures', async () => {
    const alone = await report(at('b.weir'));
    const [row] = alone.callSites;
    assert.deepEqual(
      [row?.listener, row?.callSite, row?.operations, row?.documentsReturned, row?.serverMs.max],
      ['main', 'Users.list', 1, 2, 4.5],
    );
    assert.deepEqual(alone.time, { firstMs: 1, lastMs: 5.5, isCalendar: false });
    assert.equal((await report(at('b.weir'), at('a.pcap'))).totals.operations, 13);
  });

  it('prints the call sites as CSV', async () => {
    const { out } = await decode([at('a.pcap'), '--csv']);
    const lines = out.split('\r\n');
    assert.equal(lines.length, 8);
    assert.match(lines[0] ?? '', /^server,app,callSite,db,collection,command,operations,errors,/);
    assert.match(lines[2] ?? '', /^10\.0\.0\.2:27017,shop,Site\.\d,shop,(?:orders|carts),find,2,0,2,0,\d+,\d+,/);
  });

  it('keeps formulas and separators out of the CSV', async () => {
    const script = mongoScript({ operations: 1, collection: '=cmd|"x",y' });
    writeFileSync(at('formula.pcap'), pcapFile(recordsOf(script.packets)));
    const { out } = await decode([at('formula.pcap'), '--csv']);
    assert.match(out, /,shop,"'=cmd\|""x"",y",find,/);
  });

  it('prints one conversation, message by message', async () => {
    const { code, out } = await decode([at('a.pcap'), '--follow', '2']);
    assert.equal(code, 0);
    const lines = out.split('\n');
    assert.equal(lines[0], 'conversation 2: 10.0.0.9:40002 > 10.0.0.2:27017');
    assert.equal(lines.length, 1 + 2 * 5 + 1);
    assert.match(
      lines[3] ?? '',
      /^2023-11-14T22:13:20\.010000Z {2}> {2}OP_MSG {2}#2 {2}find {2}shop\.carts {2}call site Site\.0 {2}\d+ bytes$/,
    );
    assert.match(
      lines[4] ?? '',
      /Z {2}< {2}OP_MSG {2}answers #2 {2}\(find\) {2}ok {2}1 documents {2}after 9\.000 ms {2}\d+ bytes$/,
    );
    assert.match(lines.at(-1) ?? '', /> {2}the client closes$/);
  });

  it('says how many conversations there are where --follow asks for another', async () => {
    const { code, err } = await decode([at('a.pcap'), '--follow', '3']);
    assert.deepEqual(
      [code, err],
      [1, 'weir: --follow 3: there are 2 MongoDB conversations; run without --follow for a list'],
    );
  });

  it('lists slow operations, the slowest first', async () => {
    const found = await report(at('a.pcap'), '--slow', '2.5');
    assert.equal(found.slow?.total, 10);
    assert.deepEqual(
      found.slow?.slowest.map(({ serverMs }) => serverMs),
      [9, 9, 9, 9, 3, 3, 3, 3, 3, 3],
    );
    const [first] = found.slow?.slowest ?? [];
    assert.deepEqual(
      [first?.conversation, first?.db, first?.collection, first?.callSite],
      [2, 'shop', 'carts', 'Site.0'],
    );
    assert.equal((await report(at('a.pcap'), '--slow', '9')).slow?.total, 0);
    const { out } = await decode([at('a.pcap'), '--slow', '3']);
    assert.match(out, /\nslow operations \(4\)\n/);
  });

  it('filters by collection, call site and client; numbers of conversations stay', async () => {
    const total = async (...args: readonly string[]): Promise<number> =>
      (await report(at('a.pcap'), ...args)).totals.operations;
    assert.equal(await total('--collection', 'shop.orders'), 6);
    assert.equal(await total('--collection', 'shop.*'), 10);
    assert.equal(await total('--collection', 'orders'), 0);
    assert.equal(await total('--call-site', 'Site.0'), 4);
    assert.equal(await total('--call-site', 'Site.*', '--collection', '*.carts'), 4);
    assert.equal(await total('--client', '10.0.0.9'), 5);
    assert.equal(await total('--client', '10.0.0.1:40001'), 7);
    assert.equal(await total('--client', '10.0.0.1:40002'), 0);
    const { conversations, slow } = await report(at('a.pcap'), '--client', '10.0.0.9', '--slow', '8');
    assert.deepEqual([conversations.map(({ number }) => number), slow?.total], [[2], 4]);
  });

  it('ends at a signal with what was read so far', async () => {
    const io = recordedIo();
    const input = async function* (): AsyncGenerator<Buffer> {
      yield CAPTURE;
      io.send('SIGINT');
      yield CAPTURE.subarray(24, 100);
      assert.fail('nobody asks for more');
    };
    const code = await run(['decode', '-', '--json'], { ...io, input });
    assert.equal(code, 130);
    assert.equal(io.listeners(), 0);
    const found = JSON.parse(io.outLines.join('\n')) as DecodeReport;
    assert.ok(found.totals.operations >= 12);
    assert.match(found.files[0]?.problem ?? '', /interrupted/);
  });

  it('shows a bar on a terminal, for large files only', async () => {
    const shown: string[] = [];
    const progress = (text: string): void => {
      shown.push(text);
    };
    await decode([at('a.pcap')], { progress });
    assert.deepEqual(shown, []);
    // A file of zeros behind one header costs no disk and no time: its first record is one of no bytes.
    writeFileSync(at('large.pcap'), Buffer.concat([pcapFile([]), Buffer.alloc(60_000_000)]));
    await decode([at('large.pcap')], { progress });
    assert.match(shown[0] ?? '', /^█*░+ \d+ % of 60 MB$/);
    assert.deepEqual(shown.slice(-2), [`${'█'.repeat(30)} 100 % of 60 MB`, '']);
    rmSync(at('large.pcap'));
  });
});

describe('weir decode refuses with one line and exit code 1', () => {
  const files: readonly (readonly [string, RegExp])[] = [
    ['none.pcap', /^weir: none\.pcap: there is no such file \(ENOENT\); give its path$/],
    ['folder', /^weir: folder: it is a directory; give a file$/],
    ['empty.pcap', /^weir: empty\.pcap: it holds 0 bytes, too few for a capture$/],
    ['short.txt', /^weir: short\.txt: it holds 2 bytes, too few for a capture$/],
    ['notes.txt', /^weir: notes\.txt: it is no capture \(pcap, pcapng\) and no weir recording; .*tcpdump -w/],
    ['a.gz', /^weir: a\.gz: it is compressed by gzip; unpack it first/],
    [
      'wifi.pcap',
      /^weir: all \d+ packets have link type 105, which is not read; capture on Ethernet, loopback or "any"$/,
    ],
    [
      'only-damage.pcap',
      /^weir: only-damage\.pcap: at byte 24: a packet of 4294967295 bytes cannot be; the file is damaged/,
    ],
  ];
  for (const [name, sentence] of files) {
    it(name, async () => {
      const { code, out, err } = await decode([at(name)]);
      assert.deepEqual([code, out], [1, '']);
      assert.match(err, sentence);
      assert.equal(err.split('\n').length, 1);
    });
  }

  const flags: readonly (readonly [readonly string[], string])[] = [
    [['--json', '--csv'], '--json and --csv: give one of them'],
    [['--follow', '1', '--json'], '--follow prints messages as text; leave out --json and --csv'],
    [['--follow', '0'], '--follow: expected the number of a conversation, from 1'],
    [['--slow', 'long'], '--slow: expected milliseconds such as 100'],
    [['--slow', '-5'], '--slow: expected milliseconds such as 100'],
    [['--client', 'a b'], '--client: expected host or host:port such as 10.0.0.7 or [::1]:40001'],
  ];
  for (const [args, sentence] of flags) {
    it(args.join(' '), async () => {
      assert.deepEqual(await decode([at('a.pcap'), ...args]), { code: 1, out: '', err: `weir: ${sentence}` });
    });
  }
});

describe('weir decode goes on where something could be read', () => {
  it('and names what could not', async () => {
    for (const [name, problem] of [
      ['cut.pcap', /it ends in the middle of a record, at byte \d+/],
      ['damaged.pcap', /at byte \d+: a packet of 4294967295 bytes cannot be/],
      ['broken.weir', /line \d+: not whole bytes in hex/],
    ] as const) {
      const { code, out, err } = await decode([at(name)]);
      assert.deepEqual([code, err], [0, '']);
      assert.match(out.split('\n')[0] ?? '', problem);
      assert.match(out, /\ncall sites\n/);
      const asJson = await decode([at(name), '--json']);
      assert.match(asJson.err, problem);
      assert.match((JSON.parse(asJson.out) as DecodeReport).files[0]?.problem ?? '', problem);
    }
  });

  it('with the other files', async () => {
    const found = await report(at('none.pcap'), at('folder'), at('a.gz'), at('a.pcap'));
    assert.equal(found.totals.operations, 12);
    assert.deepEqual(
      found.files.map(({ format, problem }) => [format, problem === null]),
      [
        [null, false],
        [null, false],
        [null, false],
        ['pcap', true],
      ],
    );
  });

  it('a capture without packets is no mistake', async () => {
    const { code, out } = await decode([at('header.pcap')]);
    assert.equal(code, 0);
    assert.match(out, /no packets/);
  });
});
