import assert from "node:assert/strict";
import { PeerClock } from "./peer_clock.ts";

/** The peer's clock is a million behind; the shortest way takes 30. */
const BEHIND = 1_000_000;

Deno.test("a heartbeat that was late was sent when it was sent", () => {
  const clock = new PeerClock();
  const heard = (sentUs: number, wayUs: number) => clock.sentUs(1, sentUs - BEHIND, sentUs + wayUs) - sentUs;
  assert.equal(heard(5_000_000, 30), 30);
  assert.equal(heard(5_002_000, 900), 30, "slow on its way");
  assert.equal(heard(5_004_000, 20), 20, "a faster one tells more");
  assert.equal(heard(5_006_000, 400), 20);
});

Deno.test("never earlier than it was sent, whatever the ways were", () => {
  const clock = new PeerClock();
  for (let i = 0; i < 5000; i++) {
    const sent = 1e7 + i * 2000, way = 20 + (i * 7919) % 3000;
    const estimate = clock.sentUs(1, sent - BEHIND, sent + way);
    assert.ok(estimate >= sent && estimate <= sent + way, `${estimate - sent} after it was sent, on its way ${way}`);
  }
});

Deno.test("clocks that drift apart are followed within two seconds", () => {
  const clock = new PeerClock();
  let worst = 0;
  for (let i = 0; i < 10_000; i++) {
    const sent = 1e7 + i * 2000;
    // The peer's clock runs 100 ppm slow: the difference grows, and the least of long ago would be too small.
    const estimate = clock.sentUs(1, (sent - BEHIND) * (1 - 100e-6), sent + 30);
    worst = Math.max(worst, Math.abs(estimate - sent - 30));
  }
  assert.ok(worst <= 201, `${worst} µs off`);
});

Deno.test("another run of the peer has another clock", () => {
  const clock = new PeerClock();
  clock.sentUs(1, 5_000_000, 6_000_030);
  assert.equal(clock.sentUs(2, 77, 6_002_077), 6_002_077);
});
