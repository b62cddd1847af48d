/** Counts the tests of a JUnit report as `deno test --junit-path` writes it. Pure. */

export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

export function addTally(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed };
}

/**
 * Skipped tests count as failed: what a test needs and lacks must fail it. A run that ended badly has at least one
 * failure, whatever its report says; a report without tests is a failure too.
 */
export function parseJunit(xml: string, endedWell: boolean): Tally {
  let tests = 0;
  let bad = 0;
  for (const [, attributes = ""] of xml.matchAll(/<testsuite\s([^>]*)>/g)) {
    const count = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(attributes)?.[1] ?? 0);
    tests += count("tests");
    bad += count("failures") + count("errors") + count("disabled");
  }
  const failed = bad === 0 && (!endedWell || tests === 0) ? 1 : bad;
  return { passed: Math.max(tests - bad, 0), failed };
}
