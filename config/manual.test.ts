/** The manual pages say what there is: every command, every key, every default, every profile. */
import assert from "node:assert/strict";
import commandPage from "../docs/segue.1" with { type: "text" };
import filePage from "../docs/segue.toml.5" with { type: "text" };
import { formatDuration } from "./duration.ts";
import { formatSize } from "./size.ts";
import { formatProblems, loadConfig } from "./load.ts";
import { PROFILES } from "./profiles.ts";
import {
  DEFAULT_KEY_FILE,
  HEALTH_DEFAULTS,
  SERVICE_DEFAULTS,
  STATE_DEFAULTS,
  SUB_TABLES,
  TABLES,
  TRACK_DEFAULTS,
} from "./schema.ts";

const COMMANDS = [
  "run",
  "check",
  "status",
  "switchover",
  "events",
  "why",
  "rehearse",
  "floor",
  "state",
  "maintenance",
  "journal backup",
  "journal check",
  "reload",
  "keygen",
  "key show",
  "key add",
  "key promote",
  "key retire",
  "lab",
  "version",
];

/** Lines of a page from one heading to the next. */
function section(page: string, heading: string): string {
  const parts = page.split(/^\.Sh /m);
  const found = parts.find((part) => part.startsWith(heading + "\n"));
  assert.ok(found, `no section ${heading}`);
  return found;
}

/** What a page says about a key: from its `.It Ic KEY` to the next item. */
function entry(text: string, key: string): string {
  const found = new RegExp(`^\\.It Ic ${key}\\n([\\s\\S]*?)(?=^\\.It |^\\.El|(?![\\s\\S]))`, "m").exec(text);
  assert.ok(found, `no entry for ${key}`);
  return found[1]!;
}

const SECTIONS: Readonly<Record<string, string>> = {
  pair: "PAIR",
  timing: "TIMING",
  arbiter: "ARBITER",
  node: "NODE",
  group: "GROUP",
  "group.addresses": "GROUP",
  "group.track": "GROUP",
  "group.state": "GROUP",
  "group.shared": "GROUP",
  "group.service": "SERVICE",
  "group.service.health": "SERVICE",
};

Deno.test("every command is in the synopsis and described", () => {
  for (const command of COMMANDS) {
    assert.match(section(commandPage, "SYNOPSIS"), new RegExp(`^\\.Cm ${command}\\b`, "m"), command);
    assert.match(section(commandPage, "COMMANDS"), new RegExp(`^\\.It Cm ${command}\\b`, "m"), command);
  }
});

Deno.test("every option of the synopsis is described, and no other", () => {
  const options = (text: string, pattern: RegExp) => new Set([...text.matchAll(pattern)].map((match) => match[1]));
  const used = options(section(commandPage, "SYNOPSIS"), /\.Op Fl -([a-z-]+)/g);
  const described = options(section(commandPage, "OPTIONS"), /^\.It Fl -([a-z-]+)/gm);
  assert.deepEqual([...described].filter((name) => name !== "help").sort(), [...used].sort());
});

Deno.test("every key of the schema has an entry in its section", () => {
  for (const [table, shape] of Object.entries(TABLES)) {
    const text = section(filePage, SECTIONS[table]!);
    for (const key of Object.keys(shape)) entry(text, key);
  }
  for (const key of SUB_TABLES.group.filter((name) => name !== "service")) entry(section(filePage, "GROUP"), key);
  for (const key of SUB_TABLES.service) entry(section(filePage, "SERVICE"), key);
});

Deno.test("no entry for a key that the schema does not know", () => {
  const known = new Set([...Object.values(TABLES).flatMap(Object.keys), ...Object.values(SUB_TABLES).flat()]);
  for (const [, key] of filePage.matchAll(/^\.It Ic (\S+)/gm)) assert.ok(known.has(key!), key);
});

Deno.test("defaults are those of the program", () => {
  const service = section(filePage, "SERVICE");
  const group = section(filePage, "GROUP");
  const health = service.slice(service.indexOf(".It Ic health"));
  const says = (text: string, key: string, value: string) =>
    assert.ok(entry(text, key).includes(value), `${key}: ${value}`);
  says(section(filePage, "PAIR"), "key_file", DEFAULT_KEY_FILE);
  says(group, "every", `"${formatDuration(TRACK_DEFAULTS.everyUs)}"`.replaceAll('"', "\\(dq"));
  says(group, "wait", `\\(dq${formatDuration(STATE_DEFAULTS.waitUs)}\\(dq`);
  says(group, "max", `\\(dq${formatSize(STATE_DEFAULTS.maxBytes)}\\(dq`);
  says(group, "when_alone", `\\(dq${STATE_DEFAULTS.whenAlone}\\(dq`);
  says(group, "fall", `Default: ${TRACK_DEFAULTS.fall}.`);
  says(group, "rise", `Default: ${TRACK_DEFAULTS.rise}.`);
  const times: readonly [string, number][] = [
    ["start_timeout", SERVICE_DEFAULTS.startTimeoutUs],
    ["stop_timeout", SERVICE_DEFAULTS.stopTimeoutUs],
    ["restart_delay", SERVICE_DEFAULTS.restartDelayUs],
    ["restart_delay_max", SERVICE_DEFAULTS.restartDelayMaxUs],
    ["restart_window", SERVICE_DEFAULTS.restartWindowUs],
    ["command_timeout", SERVICE_DEFAULTS.commandTimeoutUs],
  ];
  for (const [key, us] of times) says(service, key, `\\(dq${formatDuration(us)}\\(dq`);
  says(service, "restart_limit", `Default: ${SERVICE_DEFAULTS.restartLimit}.`);
  says(health, "every", `"${formatDuration(HEALTH_DEFAULTS.everyUs)}"`.replaceAll('"', "\\(dq"));
  says(health, "timeout", `"${formatDuration(HEALTH_DEFAULTS.timeoutUs)}"`.replaceAll('"', "\\(dq"));
  says(health, "fall", `Default: ${HEALTH_DEFAULTS.fall}.`);
  says(health, "rise", `Default: ${HEALTH_DEFAULTS.rise}.`);
});

Deno.test("the table of profiles is the program's", () => {
  const rows = new Map(
    [...filePage.matchAll(/^\.It (\w+) +Ta (\S+) +Ta (\S+) +Ta (\S+)$/gm)].map(([, key, ...times]) => [key, times]),
  );
  const expected = {
    heartbeat: "heartbeatUs",
    lease: "leaseUs",
    suspect: "suspectUs",
    dead_after: "deadAfterUs",
    drain: "drainUs",
    barrier: "barrierUs",
    start_wait: "startWaitUs",
  } as const;
  assert.deepEqual([...rows.keys()], Object.keys(expected));
  for (const [key, field] of Object.entries(expected)) {
    assert.deepEqual(rows.get(key), [PROFILES.fast, PROFILES.lan, PROFILES.wan].map((p) => formatDuration(p[field])));
  }
});

Deno.test("the example loads", () => {
  const example = /^\.Bd .*\n([\s\S]*?)^\.Ed$/m.exec(section(filePage, "EXAMPLES"))?.[1] ?? "";
  const result = loadConfig(example);
  assert.ok("config" in result, "problems" in result ? formatProblems("example", result.problems) : "");
  assert.deepEqual(result.warnings, []);
});
