import assert from "node:assert/strict";
import fc from "fast-check";
import { belongsTo, hasRole, startOrder } from "./plan.ts";

function order(...services: [name: string, ...after: string[]][]): string {
  return startOrder(services.map(([name, ...after]) => ({ name, after }))).map(({ name }) => name).join(" ");
}

Deno.test("services start behind those that they name, else as in the file", () => {
  assert.equal(order(["a"], ["b"], ["c"]), "a b c");
  assert.equal(order(["a", "c"], ["b"], ["c"]), "c a b");
  assert.equal(order(["web", "app", "db"], ["app", "db"], ["db"], ["log"]), "db app web log");
  assert.equal(order(["a", "nobody"], ["b"]), "a b");
  assert.equal(order(), "");
});

Deno.test("every service comes once, and behind all that it names", () => {
  // Service i may name those with a smaller number, so there is no circle; the file has them in any order.
  const files = fc.integer({ min: 0, max: 12 }).chain((count) =>
    fc.record({
      after: fc.array(fc.array(fc.nat(11)), { minLength: count, maxLength: count }),
      order: fc.shuffledSubarray([...Array(count).keys()], { minLength: count }),
    })
  );
  fc.assert(fc.property(files, ({ after, order }) => {
    const file = order.map((i) => ({ name: `s${i}`, after: after[i]!.filter((j) => j < i).map((j) => `s${j}`) }));
    const names = startOrder(file).map(({ name }) => name);
    assert.deepEqual([...names].sort(), file.map(({ name }) => name).sort());
    for (const { name, after } of file) {
      for (const before of after) assert.ok(names.indexOf(before) < names.indexOf(name));
    }
  }));
});

Deno.test("what a switch has to ask about, and where a service runs", () => {
  const none = { onPrimary: [], onStandby: [] };
  const service = { name: "x", after: [], ...none } as unknown as Parameters<typeof hasRole>[0];
  assert.equal(hasRole({ ...service, run: "always" }), false);
  assert.equal(hasRole({ ...service, run: "primary" }), true);
  assert.equal(hasRole({ ...service, run: "always", onPrimary: [["/bin/true"]] }), true);
  assert.equal(hasRole({ ...service, run: "always", onStandby: [["/bin/true"]] }), true);
  assert.deepEqual([null, "standby", "primary"].map((role) => belongsTo(role as "primary" | null, { run: "always" })), [
    true,
    true,
    true,
  ]);
  assert.deepEqual(
    [null, "standby", "primary"].map((role) => belongsTo(role as "primary" | null, { run: "primary" })),
    [
      false,
      false,
      true,
    ],
  );
});
