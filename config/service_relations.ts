/** Services: one way each to do a thing, an order that has an end. */
import type { GroupDraft, ServiceDraft } from "./draft.ts";
import { formatDuration as t } from "./duration.ts";
import { checkUnique } from "./network_relations.ts";
import type { KeyPath } from "./problem.ts";
import { HEALTH_DEFAULTS, SERVICE_DEFAULTS } from "./schema.ts";
import type { Report } from "./table.ts";

export function checkServices(report: Report, groups: readonly GroupDraft[]): void {
  for (const { services } of groups) {
    checkUnique(report, services.map(({ path, keys }) => ({ path: [...path, "name"], text: keys.name })), "service");
    for (const service of services) checkService(report, service, services);
    checkOrder(report, services);
  }
}

function checkService(report: Report, { path, keys, health }: ServiceDraft, all: readonly ServiceDraft[]): void {
  checkOneOf(
    report,
    path,
    keys,
    ["exec", "systemd"],
    'exec = ["/usr/local/bin/echo-server"], or systemd = "echo.service"',
  );
  const names = all.map((service) => service.keys.name);
  for (const [index, name] of (keys.after ?? []).entries()) {
    const at = [...path, "after", index];
    if (name === keys.name) report.error(at, `"${name}" cannot start after itself`, "");
    else if (!names.includes(name)) {
      const known = names.filter((other) => other !== undefined && other !== keys.name).map((other) => `"${other}"`);
      const hint = known.length > 0 ? `services of this group: ${known.join(", ")}` : "it is the only one of its group";
      report.error(at, `there is no service "${name}" in this group`, hint);
    }
  }
  checkTimes(report, path, keys);
  if (!health) return;
  checkOneOf(
    report,
    health.path,
    health.keys,
    ["tcp", "http", "exec"],
    'tcp = "127.0.0.1:9000", http = "http://127.0.0.1:8080/health", or exec = ["/usr/local/bin/ok"]',
  );
  checkPace(report, health.path, health.keys, HEALTH_DEFAULTS.everyUs, HEALTH_DEFAULTS.timeoutUs);
}

/** Longest time that a service may take for anything: a group may have to wait for it. */
const TIME_MAX_US = 600_000_000;

function checkTimes(report: Report, path: KeyPath, keys: ServiceDraft["keys"]): void {
  const names = ["start_timeout", "stop_timeout", "command_timeout", "restart_delay", "restart_delay_max"] as const;
  for (const name of [...names, "restart_window"] as const) {
    const us = keys[name];
    if (us === undefined || (us >= 1_000 && us <= TIME_MAX_US)) continue;
    report.error([...path, name], `${t(us)} is not from 1ms to ${t(TIME_MAX_US)}`, "");
  }
  const { restartDelayUs, restartDelayMaxUs } = SERVICE_DEFAULTS;
  const first = keys.restart_delay ?? restartDelayUs;
  const most = keys.restart_delay_max ?? restartDelayMaxUs;
  if (first <= most) return;
  const at = keys.restart_delay_max !== undefined ? "restart_delay_max" : "restart_delay";
  report.error([...path, at], `the first restart waits ${t(first)}, and none may wait longer than ${t(most)}`, "");
}

/** Exactly one of these keys. A key whose value was bad is there all the same. */
export function checkOneOf<K extends string>(
  report: Report,
  path: KeyPath,
  keys: Readonly<Partial<Record<K, unknown>>>,
  names: readonly K[],
  hint: string,
): void {
  const there = names.filter((key) => keys[key] !== undefined || report.positions.has([...path, key]));
  const [one, other] = there;
  if (one !== undefined && other !== undefined) {
    report.error([...path, other], `${there.join(" and ")} stand together; only one of them is meant`, hint);
  } else if (one === undefined) {
    report.error(path, `neither ${names.join(" nor ")} is there`, hint);
  }
}

/** A check that takes longer than its interval would pile up. */
export function checkPace(
  report: Report,
  path: KeyPath,
  keys: { readonly every?: number | undefined; readonly timeout?: number | undefined },
  everyDefault: number,
  timeoutDefault: number | null,
): void {
  const every = keys.every ?? everyDefault;
  const timeout = keys.timeout ?? timeoutDefault ?? every;
  if (every < 10_000) report.error([...path, "every"], `a check every ${t(every)} is more often than every 10ms`, "");
  if (keys.timeout !== undefined && timeout < 1_000) {
    report.error([...path, "timeout"], `a time-out of ${t(timeout)} is shorter than 1ms`, "");
  }
  if (timeout > every) {
    const at = keys.timeout !== undefined ? "timeout" : "every";
    report.error(
      [...path, at],
      `a check may take ${t(timeout)} and the next begins after ${t(every)}`,
      "timeout must not be longer than every",
    );
  }
}

/** Finds a circle in `after`. */
function checkOrder(report: Report, services: readonly ServiceDraft[]): void {
  // Backwards, so that of two services of one name the first counts, as it does for people.
  const after = new Map(services.toReversed().map(({ keys }) => [keys.name, keys.after ?? []] as const));
  const done = new Set<string>();
  const visit = (name: string, way: readonly string[]): readonly string[] | null => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
    if (done.has(name)) return null;
    for (const next of after.get(name) ?? []) {
      const circle = next === name ? null : visit(next, [...way, name]);
      if (circle) return circle;
    }
    done.add(name);
    return null;
  };
  for (const { path, keys } of services) {
    const circle = keys.name === undefined ? null : visit(keys.name, []);
    if (!circle) continue;
    report.error([...path, "after"], `the order goes in a circle: ${circle.join(" after ")}`, "");
    return;
  }
}
