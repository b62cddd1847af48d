/** The pair's keys for people: who signs with which, and what an operator may do next. Pure. */
import type { KeysStatus } from "../core/pair_keys.ts";
import type { StatusJson } from "./json.ts";

/** Two lines, with their line breaks; "" where the daemon tells nothing of keys. */
export function keyLines({ keys, peer }: Pick<StatusJson, "keys" | "peer">): string {
  if (keys === undefined) return "";
  const here = sideText(keys.signs, keys.accepts);
  if (keys.peer === null) return `keys: ${here}; those of ${peer.name} are not known\n`;
  const there = sideText(keys.peer.signs, keys.peer.accepts);
  if (peer.state === "silent") return `keys: ${here}; ${peer.name} when last heard: ${there}\n`;
  if (here === there && keys.accepts.length === 1) return `keys: both nodes have ${keys.signs} alone\n`;
  return `keys: ${here}; ${peer.name} ${there}\n      ${stage(keys, keys.peer, peer.name)}\n`;
}

function sideText(signs: string, accepts: readonly string[]): string {
  const others = accepts.filter((one) => one !== signs);
  return `signs with ${signs}` + (others.length === 0 ? ", has no other" : `, accepts ${others.join(" and ")}`);
}

/** Where a rotation stands, and what is safe now. */
function stage(own: KeysStatus, peer: NonNullable<KeysStatus["peer"]>, name: string): string {
  const missingThere = own.accepts.find((key) => !peer.accepts.includes(key));
  const missingHere = peer.accepts.find((key) => !own.accepts.includes(key));
  if (missingThere !== undefined && missingHere !== undefined) {
    return `${missingThere} is here alone and ${missingHere} on ${name} alone: one file for both, copied, then segue reload`;
  }
  if (missingThere !== undefined) return lacks(name, "there", missingThere);
  if (missingHere !== undefined) return lacks("this node", "here", missingHere);
  if (own.accepts[0] !== peer.accepts[0] || own.signs !== peer.signs) {
    return "promoted on one node only: promote on the other one too before a key is retired";
  }
  const [, second] = own.accepts;
  return `both nodes have both: ${second} may be promoted (a new key) or retired (an old one)`;
}

function lacks(who: string, where: string, key: string): string {
  return `${who} does not have ${key}: a new key has to be copied ${where} before it is promoted; ` +
    `an old one is to be retired on the other node too`;
}
