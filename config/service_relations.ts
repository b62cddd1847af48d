/** Services and tracks: one way each to do a thing, an order that has an end. */
import type { GroupDraft, Placed, ServiceDraft } from "./draft.ts";
import { formatDuration as t } from "./duration.ts";
import { checkUnique } from "./network_relations.ts";
import type { KeyPath } from "./problem.ts";
import { HEALTH_DEFAULTS, type TRACK, TRACK_DEFAULTS } from "./schema.ts";
import type { Report } from "./table.ts";

export function checkServices(report: Report, groups: readonly GroupDraft[]): void {
  for (const { tracks, services } of groups) {
    for (const track of tracks) checkTrack(report, track);
    checkUnique(report, services.map(({ path, keys }) => ({ path: [...path, "name"], text: keys.name })), "service");
    for (const service of services) checkService(report, service, services);
    checkOrder(report, services);
  }
  const first = groups.flatMap(({ services }) => services)[0];
  if (first) {
    report.warning(
      first.path,
      "services are checked but not started by this version",
      "start them on both nodes by systemd; a track with exec can watch them",
    );
  }
}

function checkTrack(report: Report, { path, keys }: Placed<typeof TRACK>): void {
  checkOneOf(report, path, keys, ["interface", "exec"], 'interface = "eth0", or exec = ["/usr/local/bin/ok"]');
  if (keys.interface !== undefined && keys.exec === undefined) {
    for (const key of ["every", "timeout", "fall", "rise"] as const) {
      if (keys[key] === undefined) continue;
      report.error([...path, key], "means nothing for an interface: the kernel tells at once", `take ${key} out`);
    }
    return;
  }
  checkPace(report, path, keys, TRACK_DEFAULTS.everyUs, null);
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
  if (!health) return;
  checkOneOf(
    report,
    health.path,
    health.keys,
    ["tcp", "exec"],
    'tcp = "127.0.0.1:9000", or exec = ["/usr/local/bin/ok"]',
  );
  checkPace(report, health.path, health.keys, HEALTH_DEFAULTS.everyUs, HEALTH_DEFAULTS.timeoutUs);
}

/** Exactly one of two keys. A key whose value was bad is there all the same. */
function checkOneOf<K extends string>(
  report: Report,
  path: KeyPath,
  keys: Readonly<Partial<Record<K, unknown>>>,
  [one, other]: readonly [K, K],
  hint: string,
): void {
  const isThere = (key: K) => keys[key] !== undefined || report.positions.has([...path, key]);
  if (isThere(one) && isThere(other)) {
    report.error([...path, other], `${one} and ${other} stand together; only one of them is meant`, hint);
  } else if (!isThere(one) && !isThere(other)) {
    report.error(path, `neither ${one} nor ${other} is there`, hint);
  }
}

/** A check that takes longer than its interval would pile up. */
function checkPace(
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
