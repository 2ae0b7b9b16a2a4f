// `npm run bench`: start-up, memory per idle client, then load against the peers. It asserts nothing; figures go to README.md here.
// Options: --rounds N, --seconds N, --clients 1,64,1000, --peers weir,sketch,floor,haproxy,envoy, --only
// start,idle,load,passthrough,streams,real, --base haproxy, --idle 10000, --smoke.

import { parseArgs } from 'node:util';
import { benchIdle } from './idle.ts';
import { benchLoad } from './load.ts';
import { benchPassthrough } from './passthrough.ts';
import { benchReal } from './real.ts';
import { benchStart } from './start.ts';
import { benchStreams } from './streams.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    clients: { type: 'string', default: '1,64,1000' },
    peers: { type: 'string', default: 'weir,sketch,floor,haproxy,envoy' },
    only: { type: 'string', default: 'start,idle,load,passthrough' },
    base: { type: 'string', default: 'sketch' },
    idle: { type: 'string', default: '2000' },
    smoke: { type: 'boolean', default: false },
  },
});

const parts = values.only.split(',');
if (parts.includes('start')) await benchStart();
if (parts.includes('idle')) await benchIdle(Number(values.idle));
if (parts.includes('load')) {
  await benchLoad({
    rounds: values.smoke ? 1 : Number(values.rounds),
    seconds: values.smoke ? 1 : Number(values.seconds),
    clients: (values.smoke ? '64' : values.clients).split(',').map(Number),
    peers: (values.smoke ? 'weir,sketch' : values.peers).split(','),
    replyBytes: 200,
    base: values.base,
  });
}
if (parts.includes('passthrough')) {
  await benchPassthrough({
    rounds: values.smoke ? 1 : Number(values.rounds),
    seconds: values.smoke ? 1 : Number(values.seconds),
  });
}
if (parts.includes('streams')) await benchStreams({ seconds: values.smoke ? 3 : Number(values.seconds) * 4 });
if (parts.includes('real')) {
  await benchReal({
    rounds: values.smoke ? 1 : Number(values.rounds),
    seconds: values.smoke ? 1 : Number(values.seconds),
  });
}
