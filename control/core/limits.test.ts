import assert from "node:assert/strict";
import { PROFILES } from "../../config/profiles.ts";
import { type CoreTiming, EPOCH_MAX, EPOCHS_LOW, JIFFY_US, planLimits, PROBES_NEEDED } from "./limits.ts";

for (const [name, timing] of Object.entries(PROFILES)) {
  Deno.test(`profile ${name}: the relations on which the machine's arguments rest`, () => {
    const l = planLimits(timing);
    // The lease stands two lost heartbeats, even when the kernel rounds it down.
    assert.ok(l.leaseUs - JIFFY_US >= 3 * l.heartbeatUs);
    // A suspicion has time for its probes before it may become a takeover.
    assert.ok(l.suspectUs + PROBES_NEEDED * l.probeUs <= l.deadAfterUs + l.probeUs);
    // Who beats slowly is not taken for dead, and a silent one does not count as alive while it is taken over.
    assert.ok(l.aliveUs >= l.deadAfterUs && l.aliveUs >= 3 * l.slowBeatUs);
    // Packets are held for less than the kernel's hold lives (2 s).
    assert.ok(l.prepareMaxUs < 2_000_000 && l.drainUs + l.barrierUs < l.prepareMaxUs);
    assert.ok(l.drainMaxUs < l.prepareMaxUs);
    assert.ok(l.passUs > l.prepareMaxUs && l.answeredProbeUs >= l.probeUs);
    assert.ok(Object.values(l).every((us) => Number.isFinite(us) && us > 0));
  });
}

Deno.test("the fast profile, in numbers", () => {
  assert.deepEqual(planLimits(PROFILES.fast), {
    answerMaxUs: 10_000,
    licenceUs: 10_000,
    heartbeatUs: 2000,
    leaseUs: 20_000,
    suspectUs: 6000,
    deadAfterUs: 10_000,
    drainUs: 500,
    drainMaxUs: 100_000,
    barrierUs: 1000,
    startWaitUs: 300_000,
    slowBeatUs: 16_000,
    probeUs: 1500,
    deferMaxUs: 44_000,
    answeredProbeUs: 6000,
    lateUs: 2000,
    askUs: 2000,
    prepareMaxUs: 250_000,
    serveMaxUs: 60_000_000,
    passUs: 10_000_000,
    aliveUs: 64_000,
    offerRetryUs: 1_000_000,
    preemptAfterUs: 5_000_000,
  });
});

Deno.test("a move has time for its drain, also for a stretched one, and packets are held for less than the kernel's hold lives", () => {
  for (const drainUs of [0, 5000, 300_000, 1_000_000]) {
    const l = planLimits({ ...PROFILES.lan, drainUs });
    assert.ok(l.drainMaxUs >= drainUs && l.drainMaxUs <= Math.max(drainUs, 1_000_000));
    assert.ok(l.prepareMaxUs >= l.drainMaxUs + 100_000 && l.prepareMaxUs < 2_000_000);
  }
});

Deno.test("short times have floors below which probes and wakes would prove nothing", () => {
  const l = planLimits({ ...PROFILES.fast, heartbeatUs: 500, suspectUs: 2000, deadAfterUs: 3000 });
  assert.deepEqual([l.probeUs, l.answeredProbeUs, l.lateUs, l.askUs], [1000, 4000, 2000, 1000]);
});

Deno.test("timing that breaks a relation is refused, at the first value that breaks it", () => {
  const fast: CoreTiming = PROFILES.fast;
  const least = 3 * fast.heartbeatUs + JIFFY_US;
  assert.doesNotThrow(() => planLimits({ ...fast, leaseUs: least }));
  assert.throws(() => planLimits({ ...fast, leaseUs: least - 1 }), /lease/);
  assert.doesNotThrow(() => planLimits({ ...fast, suspectUs: 2 * fast.heartbeatUs }));
  assert.throws(() => planLimits({ ...fast, suspectUs: 2 * fast.heartbeatUs - 1 }), /suspicion/);
  assert.doesNotThrow(() => planLimits({ ...fast, deadAfterUs: fast.suspectUs + 1 }));
  assert.throws(() => planLimits({ ...fast, deadAfterUs: fast.suspectUs }), /dead_after/);
});

Deno.test("a block of epochs is asked for long before the numbers end", () => {
  assert.ok(EPOCHS_LOW > 100 && EPOCH_MAX === 2 ** 32 - 1);
});
