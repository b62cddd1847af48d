/** Whether what a daemon says has what the console shows; a daemon of another version may say more, and less is not believed. Pure. */
import type { EntryJson, ReceiptJson, StatusJson } from "../api/json.ts";
import { isObject } from "./rehearsal.ts";

type Fields = Readonly<Record<string, unknown>>;

export function isStatus(value: unknown): value is StatusJson {
  if (!isObject(value)) return false;
  const { paths, groups, alarms, peer, journal, counters, rejected } = value;
  return texts(value, "node", "pair", "version") && numbers(value, "uptime_ms") && isObject(peer) && isPeer(peer) &&
    isObject(journal) && texts(journal, "text", "path") && isCounts(counters) && isCounts(rejected) &&
    listOf(alarms, (it) => texts(it, "kind", "since", "text")) && listOf(paths, isPath) && listOf(groups, isGroup) &&
    isArbiter(value["arbiter"]);
}

/** Of a pair with an arbiter only. */
function isArbiter(arbiter: unknown): boolean {
  if (arbiter === undefined || arbiter === null) return true;
  if (!isObject(arbiter)) return false;
  const { etcd } = arbiter;
  return Array.isArray(etcd) && etcd.every((url) => typeof url === "string") &&
    orNull("boolean", arbiter, "reachable") &&
    orNull("string", arbiter, "reason", "refused") && orNull("number", arbiter, "answer_ms");
}

function isPeer(peer: Fields): boolean {
  return texts(peer, "name", "state") && orNull("number", peer, "last_heard_ms");
}

function isPath(path: Fields): boolean {
  return texts(path, "local", "remote", "kind", "state") && numbers(path, "loss") &&
    orNull("number", path, "rtt_us", "last_heard_ms");
}

function isGroup(group: Fields): boolean {
  const { lease, state, held, packets, addresses, services, stragglers, last_switch: last } = group;
  return texts(group, "name", "role", "eligible_reason") && numbers(group, "epoch") &&
    orNull("string", group, "peer_role") && isObject(lease) && orNull("number", lease, "left_ms") &&
    isObject(state) && numbers(state, "lsn", "peer_lsn", "keys", "bytes") && texts(state, "sync") && isCounts(held) &&
    isCounts(packets) && isWire(group["wire"]) && (group["shadow"] === undefined || isCounts(group["shadow"])) &&
    listOf(addresses, (it) => texts(it, "address", "interface")) &&
    listOf(services, isService) && (last === null || isReceipt(last)) &&
    listOf(stragglers, (it) => texts(it, "address") && numbers(it, "packets", "seconds"));
}

function isService(service: Fields): boolean {
  return texts(service, "name", "state") && orNull("boolean", service, "healthy") &&
    orMissing("number", service, "pid", "restarts") && orMissing("string", service, "since", "last_error");
}

/** Of a group with a shared wire only. */
function isWire(wire: unknown): boolean {
  return wire === undefined ||
    (isObject(wire) && texts(wire, "in_force") && orNull("number", wire, "seen", "peer_seen"));
}

export function isEntry(value: unknown): value is EntryJson {
  if (!isObject(value) || !numbers(value, "id") || !texts(value, "at")) return false;
  if (value["type"] === "switch") return isReceipt(value);
  const { group = null, detail = null } = value;
  return value["type"] === "event" && texts(value, "level", "kind", "text") &&
    (group === null || typeof group === "string") && (detail === null || isObject(detail));
}

export function isReceipt(value: unknown): value is ReceiptJson {
  return isObject(value) && texts(value, "group", "node", "kind", "outcome", "reason", "at") &&
    numbers(value, "from_epoch", "epoch", "duration_us") && isCounts(value["packets"]) &&
    orMissing("number", value, "predicted_us", "predicted_gap_us") && orMissing("string", value, "prediction_missed") &&
    listOf(value["steps"], (it) => texts(it, "step") && numbers(it, "at_us"));
}

function texts(value: Fields, ...names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === "string");
}

function numbers(value: Fields, ...names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === "number");
}

function orMissing(type: "number" | "string", value: Fields, ...names: readonly string[]): boolean {
  return names.every((name) => value[name] === undefined || typeof value[name] === type);
}

function orNull(type: "number" | "string" | "boolean", value: Fields, ...names: readonly string[]): boolean {
  return names.every((name) => value[name] === null || typeof value[name] === type);
}

function isCounts(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((count) => typeof count === "number");
}

function listOf(value: unknown, check: (it: Fields) => boolean): boolean {
  return Array.isArray(value) && value.every((it) => isObject(it) && check(it));
}
