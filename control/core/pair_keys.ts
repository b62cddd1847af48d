/**
 * The pair's keys on one node: which of them signs, which open, and what is known of the peer's.
 *
 * The first key of the file signs as long as the peer has it. Where the peer is known not to have it, the first one that it has signs
 * instead: whichever of the two nodes was given its new file first, and whatever step was forgotten, nobody becomes deaf, and the
 * one who looks is told. Known is what fresh heartbeats say; a recorded one cannot talk a node into an old key.
 */
import { type Heartbeat, KEYS_MAX } from "./heartbeat.ts";
import { fingerprint, type WireKey, type WireKeys } from "./wire.ts";

/** More rotations in one run than anybody will do in a hurry; an older one is counted as foreign. */
const RETIRED_MAX = 16;

export class PairKeys implements WireKeys {
  readonly pairId: number;
  keys: readonly WireKey[];
  /** The key under which this node's heartbeats leave. */
  signing: WireKey;
  readonly retired: number[] = [];
  foreignId = 0;
  /** What the peer last said; 0 and none before it was heard. */
  peerSigns = 0;
  peerCount = 0;
  readonly peerKeys = new Uint32Array(KEYS_MAX);

  /** @param keys as in the file. Throws `RangeError` where there are none or too many, or two of one id */
  constructor(keys: readonly WireKey[]) {
    this.pairId = checked(keys)[0]!.pairId;
    this.keys = keys;
    this.signing = keys[0]!;
  }

  /** Takes another file's keys over. What is no longer among them is refused from here on. */
  replace(keys: readonly WireKey[]): void {
    checked(keys);
    for (const { keyId } of this.keys) {
      if (!keys.some((one) => one.keyId === keyId) && !this.retired.includes(keyId)) this.retired.push(keyId);
    }
    // A key may come back: the file says so.
    const stay = this.retired.filter((id) => !keys.some(({ keyId }) => keyId === id)).slice(-RETIRED_MAX);
    this.retired.splice(0, this.retired.length, ...stay);
    this.keys = keys;
    this.#choose();
  }

  /** Takes note of what a fresh heartbeat says. True if it says something new. */
  heard(beat: Heartbeat): boolean {
    // A version that says nothing has the one key that it signs with.
    const count = beat.keyCount === 0 ? 1 : beat.keyCount;
    let same = this.peerSigns === beat.keyId && this.peerCount === count;
    for (let i = 0; same && i < count; i++) same = this.peerKeys[i] === keyAt(beat, i);
    if (same) return false;
    this.peerSigns = beat.keyId;
    this.peerCount = count;
    for (let i = 0; i < count; i++) this.peerKeys[i] = keyAt(beat, i);
    this.#choose();
    return true;
  }

  #choose(): void {
    this.signing = this.keys.find(({ keyId }) => this.peerHas(keyId)) ?? this.keys[0]!;
  }

  peerHas(keyId: number): boolean {
    for (let i = 0; i < this.peerCount; i++) if (this.peerKeys[i] === keyId) return true;
    return false;
  }

  /** The key of that id, or the one that signs. */
  signer(keyId: number): WireKey {
    for (let i = 0; i < this.keys.length; i++) if (this.keys[i]!.keyId === keyId) return this.keys[i]!;
    return this.signing;
  }

  /** Id of the key that does not sign just now: a peer that has no other is met by it. 0: there is none. */
  get otherId(): number {
    return this.keys.find((key) => key !== this.signing)?.keyId ?? 0;
  }

  /** For a heartbeat of this node. */
  fill(beat: Heartbeat): void {
    beat.keyCount = this.keys.length;
    for (let i = 0; i < beat.keyCount; i++) beat.keys[i] = this.keys[i]!.keyId;
  }

  /** Fingerprints, for people and programs. `peer` is null before it was heard. */
  status(): KeysStatus {
    const peer = this.peerCount === 0 ? null : {
      signs: fingerprint(this.peerSigns),
      accepts: [...this.peerKeys.subarray(0, this.peerCount)].map(fingerprint),
    };
    return {
      signs: fingerprint(this.signing.keyId),
      accepts: this.keys.map(({ keyId }) => fingerprint(keyId)),
      peer,
    };
  }

  /** What an operator has to mend between two nodes that hear each other; null: nothing. */
  trouble(peerName: string): string | null {
    const [first] = this.keys;
    if (this.peerCount === 0) return null;
    if (this.signing !== first) {
      return `${peerName} does not have key ${
        fingerprint(first!.keyId)
      }, the first one in this node's key file: signing with ${
        fingerprint(this.signing.keyId)
      } until it has; copy this key file there and reload there, or, if the key was retired there, promote the other one here`;
    }
    const strange = this.keys.find(({ keyId }) => !this.peerHas(keyId));
    if (strange === undefined || this.peerCount < KEYS_MAX || this.keys.length < KEYS_MAX) return null;
    const theirs = [...this.peerKeys].find((id) => !this.keys.some(({ keyId }) => keyId === id))!;
    return `this node has key ${fingerprint(strange.keyId)}, ${peerName} has ${
      fingerprint(theirs)
    } in its place: one file for both, copied, not made twice; then segue reload`;
  }
}

export interface KeysStatus {
  readonly signs: string;
  /** In the order of the key file. */
  readonly accepts: readonly string[];
  readonly peer: { readonly signs: string; readonly accepts: readonly string[] } | null;
}

function keyAt(beat: Heartbeat, i: number): number {
  return beat.keyCount === 0 ? beat.keyId : beat.keys[i]!;
}

function checked(keys: readonly WireKey[]): readonly WireKey[] {
  if (keys.length < 1 || keys.length > KEYS_MAX) {
    throw new RangeError(`pair keys: there must be 1 to ${KEYS_MAX}, not ${keys.length}`);
  }
  if (new Set(keys.map(({ keyId }) => keyId)).size < keys.length) {
    throw new RangeError("pair keys: the same one twice");
  }
  return keys;
}
