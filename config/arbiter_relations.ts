/** The arbiter: what belongs together, and times that can be kept. */
import type { PairDraft, Placed } from "./draft.ts";
import { formatDuration as t } from "./duration.ts";
import { type ARBITER, ARBITER_DEFAULTS } from "./schema.ts";
import type { Report } from "./table.ts";
import { mergeTiming } from "./timing_relations.ts";

/** A transaction is written to the disks of most members before it is answered. */
const TIMEOUT_MIN_US = 20_000;
const TIMEOUT_MAX_US = 30_000_000;
/** etcd raises a shorter one: one and a half of its election timeout, which is a second. */
const TTL_MIN_US = 2_000_000;
const TTL_MAX_US = 300_000_000;
/** The lease has to be renewed within its time though one renewal may wait for all of its own. */
const TIMEOUTS_IN_TTL = 4;

export function checkArbiter(report: Report, { arbiter, timing }: PairDraft): void {
  if (arbiter === null) return;
  checkTogether(report, arbiter);
  checkTimes(report, arbiter, mergeTiming(timing).leaseUs);
}

function checkTogether(report: Report, { path, keys }: Placed<typeof ARBITER>): void {
  const at = (key: string) => [...path, key];
  const said = (key: keyof typeof ARBITER) => keys[key] !== undefined || report.positions.has(at(key));
  if (keys.etcd?.length === 0) {
    report.error(at("etcd"), "is empty", 'etcd = ["https://10.79.0.1:2379"]: one member at least');
  }
  for (const [index, url] of (keys.etcd ?? []).entries()) {
    if (keys.etcd!.indexOf(url) < index) report.error([...at("etcd"), index], `${url} is there twice`, "");
    if (!url.startsWith("http:")) continue;
    report.warning(
      [...at("etcd"), index],
      `${url} is not encrypted: whoever is on its network can decide who serves`,
      "https, with ca_file",
    );
  }
  const pairs = [["user", "password_file"], ["cert_file", "cert_key_file"]] as const;
  for (const [one, other] of pairs) {
    if (said(one) === said(other)) continue;
    const [there, missing] = said(one) ? [one, other] : [other, one];
    report.error(at(there), `means nothing without ${missing}`, `set both, or neither`);
  }
}

function checkTimes(report: Report, { path, keys }: Placed<typeof ARBITER>, leaseUs: number): void {
  const timeout = keys.timeout ?? ARBITER_DEFAULTS.timeoutUs, ttl = keys.ttl ?? ARBITER_DEFAULTS.ttlUs;
  if (timeout < TIMEOUT_MIN_US || timeout > TIMEOUT_MAX_US) {
    report.error([...path, "timeout"], `${t(timeout)} is not from ${t(TIMEOUT_MIN_US)} to ${t(TIMEOUT_MAX_US)}`, "");
  }
  if (ttl % 1e6 !== 0 || ttl < TTL_MIN_US || ttl > TTL_MAX_US) {
    const hint = "etcd counts in whole seconds";
    return report.error(
      [...path, "ttl"],
      `${t(ttl)} is not from ${t(TTL_MIN_US)} to ${t(TTL_MAX_US)}, in seconds`,
      hint,
    );
  }
  const least = TIMEOUTS_IN_TTL * (timeout + leaseUs);
  if (ttl >= least) return;
  const key = keys.ttl === undefined && keys.timeout !== undefined ? "timeout" : "ttl";
  report.error(
    [...path, key],
    `ttl ${t(ttl)} is less than ${TIMEOUTS_IN_TTL} × (timeout ${t(timeout)} + lease ${t(leaseUs)}) = ${t(least)}`,
    `ttl = "${Math.ceil(least / 1e6)}s", or a shorter timeout`,
  );
}
