import assert from "node:assert/strict";
import type { Outcome } from "./conduct.ts";
import type { Reign } from "./ownership.ts";
import { judgeOwnership } from "./ownership.ts";
import { SCENARIOS } from "./scenarios.ts";
import { beside, MEASURED_EARLIER, outcomeTable, tableNotes } from "./table.ts";
import { COLUMNS_MAX } from "./text.ts";

/** What the table reads of an outcome, as wide as it can be. */
function wide(name: string, nodes: string): Outcome {
  const reigns = [...nodes].map((node, i) => ({ node, firstUs: i, lastUs: i, frames: 1 }) as Reign);
  return {
    scenario: SCENARIOS.find((it) => it.name === name)!,
    udp: { longestGapMs: 1234.5, lost: 4000, reordered: 4000 },
    tcp: { messages: 90, connects: 3, longestMs: 1234 },
    ownership: judgeOwnership(reigns, ["a", "b"]),
  } as unknown as Outcome;
}

Deno.test("no line of the table is too long, two owners and every scenario included", () => {
  const outcomes = SCENARIOS.map(({ name }) => wide(name, "abababab"));
  const now = beside("keepalived 2.2.7, measured now", [{
    scenario: "planned",
    gap: "1234.5 ms",
    lost: "4000",
    owners: "two, to the end",
  }]);
  for (const shown of [MEASURED_EARLIER, now]) {
    for (const line of [...outcomeTable(outcomes, shown), ...tableNotes(outcomes, shown)]) {
      assert.ok(line.length <= COLUMNS_MAX - 2, `${line.length}: ${line}`);
    }
  }
});

Deno.test("two owners are in capitals, with the order in which they spoke", () => {
  const line = (nodes: string) => outcomeTable([wide("kill", nodes)], MEASURED_EARLIER).at(-1)!;
  assert.match(line("ab"), / a, b +│/);
  assert.match(line("aba"), / TWO: aba +│/);
});

Deno.test("what was measured earlier is marked where the rest was measured now, and only what is shown is explained", () => {
  const now = beside("keepalived 9.9, measured now", [{ scenario: "planned", gap: "7 ms", lost: "9", owners: "one" }]);
  const both = [wide("planned", "ab"), wide("kill", "ab")];
  const [, , planned, kill] = outcomeTable(both, now);
  assert.match(planned!, /│ +7 ms +9 +one$/);
  assert.match(kill!, /│ +- +- +two, for ever \*$/);
  assert.ok(tableNotes(both, now).some((note) => note.startsWith("* measured earlier")));
  assert.ok(!tableNotes(both.slice(0, 1), now).some((note) => note.startsWith("*")));
  assert.ok(tableNotes(both, MEASURED_EARLIER).some((note) => /2-core virtual machine/.test(note)));
});

Deno.test("where both do not fit beside each other, keepalived's figures stand below, without empty rows", () => {
  const outcomes = [wide("planned", "ab"), wide("cable", "a")];
  const lines = outcomeTable(outcomes, MEASURED_EARLIER, 78);
  for (const line of lines) assert.ok(line.length <= 78, line);
  assert.ok(!lines.some((line) => line.includes("│")));
  assert.deepEqual(lines.slice(-3).map((line) => line.trim().split(/\s\s+/)), [
    ["keepalived 2.2.7, measured earlier"],
    ["gap", "lost", "owners"],
    ["planned", "7.6 ms", "13", "one"],
  ]);
});
