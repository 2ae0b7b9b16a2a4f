// A child process with bounded logs, waits for its lines and its end, and is stopped by its own pid.
// It knows nothing of servers or drivers. Invariant: no wait lasts beyond its deadline, and none of them polls a sleep.
import { type ChildProcess, spawn } from 'node:child_process';

const KEPT_CHARACTERS = 20_000;
const STOP_DEADLINE_MS = 15_000;

export interface ChildOptions {
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Child {
  readonly name: string;
  /** Resolves when the process has ended and its output is complete. */
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #stdout = '';
  #log = '';
  #hasEnded = false;

  constructor(command: string, args: readonly string[], options: ChildOptions) {
    this.name = options.name;
    this.#process = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#note(text);
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => this.#note(text));
    this.ended = new Promise((resolve) => {
      this.#process.once('error', (error) => this.#note(`${error.message}\n`));
      this.#process.once('close', (code, signal) => {
        this.#hasEnded = true;
        this.#wake();
        resolve({ code, signal });
      });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** The last characters of stdout and stderr together, for messages about failures. */
  get log(): string {
    return `--- ${this.name} ---\n${this.#log}`;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Resolves with the first match in the log; throws with the log when the process ends or the deadline passes first. */
  async waitForLine(pattern: RegExp, deadlineMs: number): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
      };
      const look = (): void => {
        const found = pattern.exec(this.#log);
        if (found === null && !this.#hasEnded) return;
        done();
        if (found === null) reject(new Error(`ended before ${String(pattern)}\n${this.log}`));
        else resolve(found);
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`no ${String(pattern)} within ${String(deadlineMs)} ms\n${this.log}`));
      }, deadlineMs);
      this.#watchers.add(look);
      look();
    });
  }

  /** SIGTERM, then SIGKILL after the deadline. */
  async stop(): Promise<ChildEnd> {
    if (this.#hasEnded) return this.ended;
    const timer = setTimeout(() => this.signal('SIGKILL'), STOP_DEADLINE_MS);
    // A stopped process must go on to see its SIGTERM.
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  #note(text: string): void {
    this.#log = (this.#log + text).slice(-KEPT_CHARACTERS);
    this.#wake();
  }

  #wake(): void {
    for (const look of [...this.#watchers]) look();
  }
}
