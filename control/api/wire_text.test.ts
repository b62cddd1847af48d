import assert from "node:assert/strict";
import { wireText } from "./wire_text.ts";

const macs = ["02:53:45:10:00:01"];
const shadow = { now: 7, bytes: 4200, oldest_ms: 1.5, total: 90, replayed: 20, served: 60, dropped: 3 };

Deno.test("the wire in force, what both see, and what waits", () => {
  assert.equal(
    wireText({ wire: { in_force: "shared", seen: 1200, peer_seen: 1198, macs }, shadow }),
    "shared; frames a second here 1200, at the peer 1198; in the shadow 7 packets, the oldest 1.50 ms old",
  );
});

Deno.test("a wire that does not work, a peer that says nothing, a group without a shadow", () => {
  assert.equal(
    wireText({ wire: { in_force: "announce", seen: 0, peer_seen: null, macs } }),
    "announce, as the shared one does not work here; frames a second here 0, at the peer -",
  );
  assert.equal(wireText({}), null);
});
