import assert from "node:assert/strict";
import { HealthCounter } from "./health_counter.ts";

/** `+` and `-` are checks; what comes out is the verdict behind each: `?` none yet, `h` healthy, `u` not. */
function verdicts(checks: string, fall = 3, rise = 2, first: boolean | null = null): string {
  const counter = new HealthCounter({ fall, rise }, first);
  let before = counter.healthy;
  return [...checks].map((check) => {
    const changed = counter.note(check === "+");
    assert.equal(changed, counter.healthy !== before);
    before = counter.healthy;
    return counter.healthy === null ? "?" : counter.healthy ? "h" : "u";
  }).join("");
}

Deno.test("a service that starts is healthy with its first success, however many failures came before", () => {
  assert.equal(verdicts("-----+"), "?????h");
});

Deno.test("it takes fall failures in a row to fall, and rise successes in a row to rise", () => {
  assert.equal(verdicts("+--+---"), "hhhhhhu");
  assert.equal(verdicts("+---+-++"), "hhhuuuuh");
  assert.equal(verdicts("+-+-+", 1, 1), "huhuh");
});

Deno.test("a verdict to begin with", () => {
  assert.equal(verdicts("-++", 3, 2, false), "uuh");
  assert.equal(verdicts("--", 2, 2, true), "hu");
});
