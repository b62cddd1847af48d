/**
 * What two nodes say of their configurations when they meet, and whenever that changes. Copies of nodes that disagree on what makes the pair do
 * not speak with each other; other rules for a group's state are only worth a word.
 */
import { sameBytes } from "../../kernel_ffi/address.ts";
import { decodeHello, encodeHello } from "./hello.ts";
import { rulesDifference, rulesText, type StateRules } from "./rules.ts";

export interface GreetingParts {
  readonly digest: Uint8Array;
  readonly peerName: string;
  readonly alarm: (kind: string, text: string | null) => void;
}

export class Greeting {
  readonly #p: GreetingParts;
  #rules: string;
  /** What the peer said last of its own. */
  #peerRules = "";

  constructor(parts: GreetingParts, rules: ReadonlyMap<string, StateRules>) {
    this.#p = parts;
    this.#rules = rulesText(rules);
  }

  get message(): Uint8Array {
    return encodeHello(this.#p.digest, this.#rules);
  }

  /** Whether the two may speak; null if it was no greeting. */
  heard(bytes: Uint8Array): boolean | null {
    const hello = decodeHello(bytes);
    if (hello === null) return null;
    const same = sameBytes(hello.digest, this.#p.digest);
    const text = `${this.#p.peerName} runs with another configuration: no state is exchanged until both have the same`;
    this.#p.alarm("state-incompatible", same ? null : text);
    this.#peerRules = hello.rules;
    if (same) this.#compareRules();
    return same;
  }

  /** Of all groups; `message` tells the peer. */
  setRules(rules: ReadonlyMap<string, StateRules>): void {
    this.#rules = rulesText(rules);
    this.#compareRules();
  }

  #compareRules(): void {
    this.#p.alarm("state-rules", rulesDifference(this.#rules, this.#peerRules, this.#p.peerName));
  }
}
