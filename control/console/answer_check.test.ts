import assert from "node:assert/strict";
import fc from "fast-check";
import { isEntry, isStatus } from "./answer_check.ts";
import { eventEntry, NOW_MS, Player, statusOfA, statusOfB, switchEntry } from "./sample.ts";
import { screenOf } from "./screen.ts";

Deno.test("what daemons say is believed, with whatever more they say", () => {
  for (const status of [statusOfA(), statusOfB(), { ...statusOfA(), maintenance: true }]) {
    assert.ok(isStatus(JSON.parse(JSON.stringify(status))));
  }
  assert.ok(isEntry(JSON.parse(JSON.stringify(switchEntry(1)))));
  assert.ok(isEntry(JSON.parse(JSON.stringify(eventEntry(1, "x")))));
  for (const value of [null, [], {}, "status", { ...statusOfA(), groups: [{}] }, { ...statusOfA(), paths: null }]) {
    assert.ok(!isStatus(value));
  }
});

/** A copy in which one value, however deep, is gone or another one. */
function damaged(value: unknown, path: readonly number[], change: unknown): unknown {
  if (value === null || typeof value !== "object" || path.length === 0) return change;
  const [first, ...rest] = path, keys = Object.keys(value);
  if (keys.length === 0) return change;
  const key = keys[first! % keys.length]!;
  const copy: Record<string, unknown> = { ...(value as Record<string, unknown>) };
  copy[key] = damaged(copy[key], rest, change);
  return Array.isArray(value) ? Object.values(copy) : copy;
}

Deno.test("an answer that is damaged anywhere is refused, or can be shown on every page", () =>
  fc.assert(
    fc.property(
      fc.array(fc.nat(30), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(undefined, null, 7, "x", [], {}),
      (path, change) => {
        const status = damaged(statusOfA(), path, change), entry = damaged(switchEntry(3), path, change);
        const player = new Player(120, 40).hear(1, statusOfB());
        if (isStatus(status)) player.hear(0, status, NOW_MS + 10);
        if (isEntry(entry)) player.take({ kind: "entry", daemon: 0, entry });
        for (
          const keys of [
            "",
            "g<enter>",
            "<escape><tab><enter>",
            "<escape><tab><enter>",
            "<escape>G<enter>",
            "<escape>s",
          ]
        ) {
          assert.equal(screenOf(player.press(keys).state).rows.length, 40);
        }
      },
    ),
    { numRuns: 1000 },
  ));
