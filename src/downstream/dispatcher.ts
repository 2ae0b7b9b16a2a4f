// The walk of an operation through the house, in one direction: attributed, answered here or filtered, routed; and back:
// the answer written, the operation finished. It owns the order of the steps and none of their work.
// Invariant: every operation that enters serve() reaches finish() exactly once.

import { type BsonDocument, type ObjectId, OPCODE, type ReplyView } from '../../codecs/index.ts';
import type { Client } from '../core/client.ts';
import type { Clock } from '../core/clock.ts';
import { type ErrorAnswer, unsupportedOpQuery, unsupportedOpQueryFind } from '../core/error-answers.ts';
import type { Operation } from '../core/operation.ts';
import type { Outcome } from '../core/outcome.ts';
import { outcomeOf } from '../core/reply-result.ts';
import { CONTINUE } from '../core/verdict.ts';
import type { Attribution } from '../filters/attribution.ts';
import type { FilterChain } from '../filters/chain.ts';
import type { AllowableCommand } from '../options.ts';
import type { RouteCompletion } from '../router/route-completion.ts';
import { Router } from '../router/router.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { ReplyDestination, ReplySource } from '../upstream/large-reply.ts';
import { Greeter } from './greeter.ts';
import { type ClientFace, HELLO_NAMES } from './hello.ts';
import { localAnswer } from './local-commands.ts';
import { rewriteStateChange } from './mongos-face.ts';
import { Peers } from './peers.ts';
import type { ReplyWriter } from './reply-writer.ts';

/** A client connection as the dispatcher needs it. */
export interface Asker extends Client {
  readonly writer: ReplyWriter;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly face: ClientFace;
  /** Commands that its listener lets pass though weir refuses them otherwise. */
  readonly allowed: readonly AllowableCommand[];
  /** Compressors agreed in its hellos, in its order. */
  readonly compression: readonly string[];
  /** Takes the `client` document of a hello; an error refuses the hello. */
  introduce(operation: Operation): ErrorAnswer | null;
  close(reason: string): void;
  /** Ends it at once: nothing that could still be said would be understood. */
  breakOff(reason: string): void;
}

/** Commands that a server of today still takes in OP_QUERY and that weir passes on (protocol.md 1.2). */
const OP_QUERY_PASSED_ON: ReadonlySet<string> = new Set(['buildInfo', 'buildinfo']);

export class Dispatcher implements RouteCompletion {
  readonly router: Router;
  readonly peers: Peers;
  readonly #greeter: Greeter;
  readonly #chain: FilterChain;
  readonly #attribution: Attribution;

  constructor(parts: {
    cluster: Cluster;
    chain: FilterChain;
    attribution: Attribution;
    clock: Clock;
    /** One for the whole weir (service-id.ts). */
    serviceId: ObjectId;
  }) {
    const { cluster, clock, serviceId } = parts;
    this.#chain = parts.chain;
    this.#attribution = parts.attribution;
    this.router = new Router({ cluster, clock, completion: this });
    this.peers = new Peers((peer) => this.router.peerGone(peer));
    this.#greeter = new Greeter(
      {
        serviceId,
        faceOf: (operation) => askerOf(operation).face,
        server: () => cluster.server,
        compressionOf: (operation) => askerOf(operation).compression,
        onHelloAnswer: (operation, document) => this.onDocument(operation, document),
        onNoUpstream: (operation) => this.#onNoUpstream(operation),
      },
      clock,
    );
  }

  onFirstContact(): void {
    this.#greeter.onFirstContact();
  }

  /** Everything from here on is one way. */
  serve(operation: Operation): void {
    if (HELLO_NAMES.has(operation.command.name)) return this.#serveHello(operation);
    this.#attribution.begin(operation, this.#originCallSite);
    const local = localAnswer(operation, askerOf(operation));
    if (local !== null) {
      if (local.kind === 'document') this.onDocument(operation, local.document);
      else this.onError(operation, local.answer, 'command_error');
      return;
    }
    if (operation.command.opcode === OPCODE.query && !OP_QUERY_PASSED_ON.has(operation.command.name)) {
      this.#refuseOpQuery(operation);
      return;
    }
    const verdict = this.#chain.onRequest(operation);
    if (verdict === CONTINUE) this.router.route(operation);
    else if (verdict.kind === 'refuse') this.#refuse(operation, verdict.answer);
  }

  readonly #originCallSite = (client: Client, command: Operation['command']): string | null =>
    this.router.originCallSite(client, command);

  #serveHello(operation: Operation): void {
    const problem = this.#introduce(operation);
    if (problem === null) this.#greeter.greet(operation);
    else this.onError(operation, problem, 'command_error');
  }

  /** The application's name comes with the hello itself, so it is read before the hello is charged to a row. */
  #introduce(operation: Operation): ErrorAnswer | null {
    try {
      return askerOf(operation).introduce(operation);
    } finally {
      this.#attribution.begin(operation, this.#originCallSite);
    }
  }

  #refuseOpQuery(operation: Operation): void {
    const { name } = operation.command;
    if (name === '') {
      operation.errorOrigin = 'proxy';
      askerOf(operation).writer.queryFailure(operation, unsupportedOpQueryFind());
      operation.finish('command_error');
      return;
    }
    this.onError(operation, unsupportedOpQuery(name), 'command_error');
  }

  /** A refused write that wants no reply is dropped: an answer would put the driver out of step (protocol.md 4). */
  #refuse(operation: Operation, answer: ErrorAnswer): void {
    if (operation.command.moreToCome) this.onSilent(operation, 'dropped');
    else this.onError(operation, answer, 'refused');
  }

  #onNoUpstream(operation: Operation): void {
    askerOf(operation).close('no_upstream');
    operation.finish('upstream_lost');
  }

  // --- the way back -----------------------------------------------------------------------------------------------

  onReply(operation: Operation, reply: ReplyView): void {
    const { writer } = askerOf(operation);
    // What passed has been said, whatever it was; a reply that large is no error.
    if (writer.finishStream(operation)) {
      operation.finish(outcomeOf(reply));
      return;
    }
    if (reply.hasStateChangeCode) writer.document(operation, rewriteStateChange(reply.body));
    else if (writer.isLater(reply.frame)) {
      // Unfinished until it is written, so that no later answer can pass it.
      const outcome = outcomeOf(reply);
      writer.forwardLater(operation, reply.frame, () => operation.finish(outcome));
      return;
    } else writer.forward(operation, reply.frame);
    operation.finish(outcomeOf(reply));
  }

  onLargeReply(operation: Operation, length: number, source: ReplySource): ReplyDestination | null {
    return askerOf(operation).writer.openStream(operation, length, source);
  }

  onDocument(operation: Operation, document: BsonDocument): void {
    if (!operation.command.moreToCome) askerOf(operation).writer.document(operation, document);
    operation.finish('ok');
  }

  onError(operation: Operation, answer: ErrorAnswer, outcome: Outcome): void {
    operation.errorCode = answer.code;
    operation.errorOrigin = 'proxy';
    const asker = askerOf(operation);
    if (asker.writer.isInsideReply) asker.breakOff('reply_cut');
    else if (!operation.command.moreToCome) asker.writer.error(operation, answer);
    operation.finish(outcome);
  }

  onSilent(operation: Operation, outcome: Outcome): void {
    operation.finish(outcome);
  }

  onFinish(operation: Operation): void {
    this.#chain.onFinish(operation);
  }
}

/** Operations enter through a client connection, which is an Asker. */
function askerOf(operation: Operation): Asker {
  return operation.client as Asker;
}
