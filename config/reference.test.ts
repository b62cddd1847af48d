/** The files that come with segue: the reference has every key with its default, the sample loads once it is filled in. */
import assert from "node:assert/strict";
import { parse } from "smol-toml";
import { formatProblems, loadConfig } from "./load.ts";
import { PROFILES } from "./profiles.ts";
import referenceText from "./reference.toml" with { type: "text" };
import sampleText from "./sample.toml" with { type: "text" };
import {
  DEFAULT_KEY_FILE,
  HEALTH_DEFAULTS,
  SERVICE_DEFAULTS,
  SHARED_DEFAULTS,
  STATE_DEFAULTS,
  TABLES,
  TRACK_DEFAULTS,
} from "./schema.ts";

/** `group.addresses` → every table of that name in the parsed file. */
function tablesOf(root: unknown, name: string): Record<string, unknown>[] {
  let tables = [root as Record<string, unknown>];
  for (const step of name.split(".")) {
    tables = tables.flatMap((table): Record<string, unknown>[] =>
      [table[step] ?? []].flat() as Record<string, unknown>[]
    );
  }
  return tables;
}

Deno.test("the reference file has every key of the schema", () => {
  const root = parse(referenceText);
  for (const [name, shape] of Object.entries(TABLES)) {
    const tables = tablesOf(root, name);
    assert.ok(tables.length > 0, `[${name}] is missing`);
    for (const key of Object.keys(shape)) {
      assert.ok(tables.some((table) => Object.hasOwn(table, key)), `${name}.${key} is missing`);
    }
  }
});

Deno.test("each key of the reference file is explained by a comment", () => {
  const lines = referenceText.split("\n");
  for (const [name, shape] of Object.entries(TABLES)) {
    for (const key of Object.keys(shape)) {
      const explained = lines.some((line) => new RegExp(`\\b${key}\\b\\s*=.*#|#.*\\b${key}:`).test(line));
      assert.ok(explained, `${name}.${key} has no comment`);
    }
  }
});

Deno.test("the reference file says the defaults", () => {
  const result = loadConfig(referenceText);
  assert.ok("config" in result);
  const { pair, timing, groups } = result.config;
  assert.deepEqual(timing, PROFILES.lan);
  assert.equal(pair.keyFile, DEFAULT_KEY_FILE);
  const [group, shared] = groups;
  assert.equal(group?.preempt, false);
  const exec = group.track.find(({ kind }) => kind === "exec");
  assert.deepEqual(exec, {
    kind: "exec",
    exec: ["/usr/local/bin/ok"],
    timeoutUs: TRACK_DEFAULTS.everyUs,
    ...TRACK_DEFAULTS,
  });
  assert.deepEqual(group.state, STATE_DEFAULTS);
  assert.equal(group.wire, "announce");
  assert.deepEqual(shared?.shared, { mac: "02:53:45:10:00:01", lagUs: timing.heartbeatUs / 4, ...SHARED_DEFAULTS });
  const [echo] = group.services;
  assert.deepEqual(echo?.health, { kind: "tcp", target: { host: "127.0.0.1", port: 9000 }, ...HEALTH_DEFAULTS });
  const { name: _, exec: __, health: ___, ...others } = echo;
  assert.deepEqual(others, { run: "always", after: [], onPrimary: [], onStandby: [], ...SERVICE_DEFAULTS });
  // It has every key, and so one that the default of another does not go well with.
  assert.deepEqual(result.warnings.map(({ key }) => key), ["node[0].fence"]);
});

Deno.test("the reference file without its times loads to the same times", () => {
  const short = referenceText.replace(/\[timing\][\s\S]*?\n\n/, "");
  const result = loadConfig(short);
  assert.ok("config" in result);
  assert.deepEqual(result.config.timing, PROFILES.lan);
});

Deno.test("the sample as installed says exactly what is to be filled in", () => {
  const result = loadConfig(sampleText);
  assert.ok("problems" in result);
  const marked = sampleText.split("\n").flatMap((line, index) => /# <==/.test(line) ? [index + 1] : []);
  const found = [...new Set(result.problems.map(({ line }) => line))];
  assert.deepEqual(found, marked, formatProblems("sample", result.problems));
});

Deno.test("the sample loads once it is filled in", () => {
  const filled = sampleText.split("\n")
    .with(sampleText.split("\n").findIndex((line) => line.startsWith("prefer")), 'prefer = "one"')
    .join("\n")
    .replace('name = "" ', 'name = "one" ').replace('name = "" ', 'name = "two" ')
    .replace('[":4790"]', '["192.0.2.11:4790"]').replace('[":4790"]', '["192.0.2.12:4790"]')
    .replace('address = "", interface = ""', 'address = "192.0.2.100/32", interface = "eth0"');
  const result = loadConfig(filled);
  assert.ok("config" in result, "problems" in result ? formatProblems("sample", result.problems) : "");
  assert.deepEqual(result.warnings, []);
});
