/** `segue status` for people: what is wrong first, then the groups, then the ways between the nodes. Pure. */
import { arbiterText } from "./arbiter_text.ts";
import { receiptFromJson } from "./json.ts";
import type { GroupJson, StatusJson } from "./json.ts";
import { keyLines } from "./key_text.ts";
import { predictedText, receiptTitle } from "./receipt_text.ts";
import { durationText, spanText, tableText } from "./units.ts";
import { wireText } from "./wire_text.ts";

/** Ends with a line break. */
export function statusText(status: StatusJson): string {
  return [
    alarmLines(status),
    `node ${status.node} of pair ${status.pair}, segue ${status.version}, up ${spanText(status.uptime_ms)}\n` +
    `${peerLine(status)}\n${keyLines(status)}${arbiterLine(status)}`,
    groupTable(status.groups),
    pathTable(status),
    status.groups.map(switchLines).join("") + rejectedLine(status),
  ].filter((part) => part !== "").join("\n");
}

function alarmLines({ alarms, journal }: StatusJson): string {
  const rows = alarms.map(({ kind, since, text }) => ["ALARM", kind, `since ${since}`, text]);
  // The daemon says it as an alarm as well, once the switch thread has been told.
  if (alarms.some(({ kind }) => kind === "journal")) return tableText(rows);
  if (!journal.ok) rows.push(["ALARM", "journal", "", journal.text]);
  else if (journal.set_aside !== null) rows.push(["note", "journal", "", journal.text]);
  return tableText(rows);
}

function arbiterLine({ arbiter }: StatusJson): string {
  const text = arbiterText(arbiter);
  return text === null ? "" : `arbiter ${text}\n`;
}

function peerLine({ peer }: StatusJson): string {
  const heard = peer.last_heard_ms === null ? "never heard" : `heard ${heardText(peer.last_heard_ms)}`;
  const version = peer.version === null ? "" : `, segue ${peer.version}`;
  return `peer ${peer.name} is ${peer.state}, ${heard}${version}`;
}

function groupTable(groups: readonly GroupJson[]): string {
  const rows = groups.map((group) => [
    group.name,
    group.role,
    String(group.epoch),
    leaseText(group.lease),
    group.peer_role ?? "-",
    group.eligible ? "yes" : "no",
    addressesText(group.addresses),
  ]);
  const table = tableText([["GROUP", "ROLE", "EPOCH", "LEASE", "PEER IS", "ELIGIBLE", "ADDRESSES"], ...rows]);
  const reasons = groups.filter((group) => !group.eligible)
    .map((group) => `${group.name} cannot be primary here: ${group.eligible_reason}\n`);
  return table + wireLines(groups) + serviceLines(groups) + groups.map(gatewayLine).join("") + reasons.join("");
}

function wireLines(groups: readonly GroupJson[]): string {
  return groups.map((group) => [group.name, wireText(group)] as const)
    .map(([name, text]) => text === null ? "" : `${name}: wire ${text}\n`).join("");
}

function gatewayLine({ name, gateway }: GroupJson): string {
  // A daemon of an older version has no such field.
  if (gateway === null || gateway === undefined || gateway.reachable === null) return "";
  const heard = gateway.last_heard_ms === null ? "never heard" : `heard ${heardText(gateway.last_heard_ms)}`;
  return `${name}: gateway ${gateway.address} ${gateway.reachable ? "answers" : "DOES NOT ANSWER"}, ${heard}\n`;
}

function leaseText({ held, left_ms: left }: GroupJson["lease"]): string {
  if (!held) return "none";
  return left === null ? "held" : `${Math.round(left)} ms left`;
}

function addressesText(addresses: GroupJson["addresses"]): string {
  return addresses.map(({ address, interface: name }) => `${address} ${name}`).join(", ");
}

function serviceLines(groups: readonly GroupJson[]): string {
  return groups.flatMap(({ name, services }) =>
    services.map((service) => {
      const health = service.healthy === null ? "" : service.healthy ? ", healthy" : ", NOT HEALTHY";
      const problem = service.healthy === true || service.last_error === undefined ? "" : `: ${service.last_error}`;
      return `${name}: service ${service.name} is ${service.state}${health}${problem}\n`;
    })
  ).join("");
}

function pathTable({ paths }: StatusJson): string {
  const rows = paths.map((path) => [
    `${path.local} - ${path.remote}`,
    path.kind,
    path.state,
    path.rtt_us === null ? "-" : durationText(path.rtt_us),
    `${Math.round(path.loss * 100)} %`,
    path.last_heard_ms === null ? "never" : heardText(path.last_heard_ms),
  ]);
  return rows.length === 0 ? "" : tableText([["PATH", "KIND", "STATE", "RTT", "LOSS", "HEARD"], ...rows]);
}

function switchLines({ last_switch: last, held }: GroupJson): string {
  if (last === null) return "";
  const now = held.now === 0 ? "" : `, ${held.now} packets held now`;
  const receipt = receiptFromJson(last), expected = predictedText(receipt);
  return `last switch  ${receiptTitle(receipt)}, at ${last.at}${now}\n             ${last.reason}\n` +
    (expected === "" ? "" : `             expected ${expected}\n`);
}

function rejectedLine({ rejected }: StatusJson): string {
  const parts = Object.entries(rejected).filter(([, count]) => count > 0).map(([reason, count]) =>
    `${reason} ${count}`
  );
  return parts.length === 0 ? "" : `dropped datagrams: ${parts.join(", ")}\n`;
}

function heardText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms ago` : `${spanText(ms)} ago`;
}
