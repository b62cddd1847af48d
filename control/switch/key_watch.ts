/** The pair's keys while the node runs: a changed key file, what the peer says of its own, and who is not heard because of keys. */
import { peerAlive } from "../core/group.ts";
import type { Heartbeat } from "../core/heartbeat.ts";
import { fingerprint, prepareKey } from "../core/wire.ts";
import type { SwitchContext } from "./context.ts";
import type { Executor } from "./executor.ts";

export class KeyWatch {
  readonly #c: SwitchContext;
  readonly #executor: Executor;
  /** The key that other threads know to sign; 0: none has been told. */
  #told = 0;
  #refused = 0;

  constructor(context: SwitchContext, executor: Executor) {
    this.#c = context;
    this.#executor = executor;
    context.keys.fill(context.ownBeat);
    this.#told = context.keys.signing.keyId;
  }

  /** A fresh heartbeat. */
  heard(beat: Heartbeat): void {
    if (this.#c.keys.heard(beat)) this.#tell();
  }

  /** @param keys of the new file, base64 */
  replace(keys: readonly string[]): void {
    const c = this.#c;
    c.keys.replace(keys.map((text) => prepareKey(Uint8Array.fromBase64(text), c.pair)));
    c.keys.fill(c.ownBeat);
    this.#tell();
    // The peer shall know at once which ones it may sign with.
    this.#executor.beat(c.keys.signing.keyId);
  }

  #tell(): void {
    const c = this.#c, { keyId } = c.keys.signing;
    this.#raise();
    if (keyId === this.#told) return;
    this.#told = keyId;
    c.report({ kind: "keys", signs: keyId });
    c.event("notice", "key", `heartbeats and stream are signed with key ${fingerprint(keyId)} from here on`);
  }

  #raise(): void {
    this.#c.alarm("key", this.#c.keys.trouble(this.#c.plan.peerName));
  }

  /** Now and then. */
  look(): void {
    const c = this.#c, { keys } = c;
    const refused = (c.rejected["otherKey"] ?? 0) + (c.rejected["retiredKey"] ?? 0);
    const more = refused > this.#refused;
    this.#refused = refused;
    if (peerAlive(c.node)) return c.alarm("foreign-key", null);
    if (keys.otherId !== 0) this.#executor.beat(keys.otherId);
    if (!more) return;
    const id = fingerprint(keys.foreignId);
    const why = keys.retired.includes(keys.foreignId)
      ? "was retired here: retire it there too, or put it back"
      : `is not in this node's key file: compare segue key show FILE on both`;
    c.alarm(
      "foreign-key",
      `${c.plan.peerName} is not heard, and datagrams of this pair come under key ${id}, which ${why}`,
    );
  }
}
