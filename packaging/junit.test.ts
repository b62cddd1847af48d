import assert from "node:assert/strict";
import { addTally, parseJunit } from "./junit.ts";

// As `deno test --junit-path` writes it: two suites, one of them with a failure and a skipped test.
const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="7" failures="1" errors="0" time="0.006">
    <testsuite name="./a.test.ts" tests="5" disabled="1" errors="0" failures="1">
        <testcase name="a" classname="./a.test.ts" time="0.000" line="1" col="6">
        </testcase>
    </testsuite>
    <testsuite name="./b.test.ts" tests="2" disabled="0" errors="0" failures="0">
    </testsuite>
</testsuites>`;

Deno.test("passed, failed and skipped tests are summed over the suites", () => {
  assert.deepEqual(parseJunit(REPORT, false), { passed: 5, failed: 2 });
});

Deno.test("a run that ended badly has failed, whatever its report says", () => {
  const good = '<testsuites><testsuite name="a" tests="3" disabled="0" errors="0" failures="0">';
  assert.deepEqual(parseJunit(good, true), { passed: 3, failed: 0 });
  assert.deepEqual(parseJunit(good, false), { passed: 3, failed: 1 });
});

Deno.test("no report and no tests are failures", () => {
  assert.deepEqual(parseJunit("", false), { passed: 0, failed: 1 });
  assert.deepEqual(parseJunit("<testsuites></testsuites>", true), { passed: 0, failed: 1 });
});

Deno.test("tallies add up", () => {
  assert.deepEqual(addTally({ passed: 1, failed: 2 }, { passed: 3, failed: 4 }), { passed: 4, failed: 6 });
});
