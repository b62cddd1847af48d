/** Whether what a daemon says has what the console shows; a daemon of another version may say more, and less is not believed. Pure. */
import type { EntryJson, StatusJson } from "../api/json.ts";
import { isObject } from "./rehearsal.ts";

type Fields = Readonly<Record<string, unknown>>;

export function isStatus(value: unknown): value is StatusJson {
  if (!isObject(value)) return false;
  const { paths, groups, alarms, peer, journal, counters, rejected } = value;
  return texts(value, "node", "pair", "version") && isObject(peer) && texts(peer, "name", "state") &&
    isObject(journal) && texts(journal, "text", "path") && isObject(counters) && isObject(rejected) &&
    listOf(alarms, (it) => texts(it, "kind", "since", "text")) &&
    listOf(paths, (it) => texts(it, "local", "remote", "kind", "state") && typeof it["loss"] === "number") &&
    listOf(groups, isGroup);
}

function isGroup(group: Fields): boolean {
  const { lease, state, held, packets, addresses, services, last_switch: last, peer_role: peerRole } = group;
  return (peerRole === null || typeof peerRole === "string") && texts(group, "name", "role", "eligible_reason") &&
    [lease, state, held, packets].every(isObject) &&
    listOf(addresses, (it) => texts(it, "address", "interface")) &&
    listOf(services, (it) => texts(it, "name", "state")) && (last === null || isReceipt(last));
}

export function isEntry(value: unknown): value is EntryJson {
  if (!isObject(value) || typeof value["id"] !== "number" || !texts(value, "at")) return false;
  return value["type"] === "switch"
    ? isReceipt(value)
    : value["type"] === "event" && texts(value, "level", "kind", "text");
}

function isReceipt(value: unknown): boolean {
  return isObject(value) && texts(value, "group", "node", "kind", "outcome", "reason", "at") &&
    isObject(value["packets"]) &&
    listOf(value["steps"], (it) => texts(it, "step") && typeof it["at_us"] === "number");
}

function texts(value: Fields, ...names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === "string");
}

function listOf(value: unknown, check: (it: Fields) => boolean): boolean {
  return Array.isArray(value) && value.every((it) => isObject(it) && check(it));
}
