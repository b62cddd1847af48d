/** A file as far as it could be read: every table with its place, every key that was good. Relations are checked on this. */
import { isTable, kindOf, listTables, readTable, type Report, type Shape, type TomlTable } from "./table.ts";
import type { Draft, TableOptions } from "./table.ts";
import type { KeyPath } from "./problem.ts";
import {
  ADDRESS,
  ARBITER,
  GROUP,
  HEALTH,
  NODE,
  NOT_YET,
  PAIR,
  SERVICE,
  SHARED,
  STATE,
  SUB_TABLES,
  TABLES,
  TIMING,
  TRACK,
} from "./schema.ts";

/** A table and where it stands. */
export interface Placed<S extends Shape> {
  readonly path: KeyPath;
  readonly keys: Draft<S>;
}

export interface ServiceDraft extends Placed<typeof SERVICE> {
  readonly health: Placed<typeof HEALTH> | null;
}

export interface GroupDraft extends Placed<typeof GROUP> {
  readonly addresses: readonly Placed<typeof ADDRESS>[];
  readonly tracks: readonly Placed<typeof TRACK>[];
  readonly state: Placed<typeof STATE>;
  readonly shared: Placed<typeof SHARED>;
  readonly services: readonly ServiceDraft[];
}

export interface PairDraft {
  readonly pair: Placed<typeof PAIR>;
  readonly timing: Placed<typeof TIMING>;
  /** Null: the file has none. */
  readonly arbiter: Placed<typeof ARBITER> | null;
  readonly nodes: readonly Placed<typeof NODE>[];
  readonly groups: readonly GroupDraft[];
}

/** Reads the whole file; each bad key becomes a problem in `report`. */
export function readDraft(report: Report, root: TomlTable): PairDraft {
  const options = { subTables: SUB_TABLES.root, notYet: NOT_YET, elsewhere: rightPlace };
  readTable(report, [], root, {}, options);
  if (root["pair"] === undefined) report.error(["pair"], "is missing", 'write a table [pair] with name = "…"');
  return {
    pair: readOne(report, ["pair"], root["pair"], PAIR),
    timing: readOne(report, ["timing"], root["timing"], TIMING),
    arbiter: root["arbiter"] === undefined ? null : readOne(report, ["arbiter"], root["arbiter"], ARBITER),
    nodes: readMany(report, ["node"], root["node"], NODE),
    groups: listTables(report, ["group"], root["group"]).map(({ path, table }) => readGroup(report, path, table)),
  };
}

function readGroup(report: Report, path: KeyPath, table: TomlTable): GroupDraft {
  const options = { subTables: SUB_TABLES.group, notYet: NOT_YET, elsewhere: rightPlace };
  return {
    path,
    keys: readTable(report, path, table, GROUP, options),
    addresses: readMany(report, [...path, "addresses"], table["addresses"], ADDRESS),
    state: readOne(report, [...path, "state"], table["state"], STATE),
    shared: readOne(report, [...path, "shared"], table["shared"], SHARED),
    tracks: readMany(report, [...path, "track"], table["track"], TRACK),
    services: listTables(report, [...path, "service"], table["service"])
      .map((service) => readService(report, service.path, service.table)),
  };
}

function readService(report: Report, path: KeyPath, table: TomlTable): ServiceDraft {
  const options = { subTables: SUB_TABLES.service, elsewhere: rightPlace };
  const health = table["health"];
  return {
    path,
    keys: readTable(report, path, table, SERVICE, options),
    health: health === undefined ? null : readOne(report, [...path, "health"], health, HEALTH),
  };
}

/** A single table; a missing one has no keys, and no problems of its own. */
function readOne<S extends Shape>(report: Report, path: KeyPath, value: unknown, shape: S): Placed<S> {
  if (isTable(value)) return { path, keys: readTable(report, path, value, shape, { elsewhere: rightPlace }) };
  if (value !== undefined) report.error(path, `must be a table, not ${kindOf(value)}`, "");
  return { path, keys: {} };
}

function readMany<S extends Shape>(report: Report, path: KeyPath, value: unknown, shape: S): Placed<S>[] {
  const options: TableOptions = { elsewhere: rightPlace };
  return listTables(report, path, value).map(({ path, table }) => ({
    path,
    keys: readTable(report, path, table, shape, options),
  }));
}

/** Where a key or table that stands in the wrong table belongs. */
function rightPlace(key: string): string | null {
  if (key === "service" || key === "services") return "services belong to a group: [[group.service]]";
  const homes = Object.entries(TABLES).filter(([, shape]) => Object.hasOwn(shape, key)).map(([name]) => name);
  if (homes.length === 0 || homes.length > 2) return null;
  return `${key} belongs into ${homes.map((name) => `[${name}]`).join(" or ")}`;
}
