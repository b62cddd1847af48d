import assert from "node:assert/strict";
import { loadConfig } from "../../config/load.ts";
import { ScriptedNode } from "../core/scripted.ts";
import { planSwitch } from "./plan.ts";
import { applyReload } from "./reload.ts";

function configOf(every: string, fence: string) {
  const loaded = loadConfig(`[pair]
name = "edge"
[timing]
start_wait = "1m"
[[node]]
name = "a"
paths = ["10.78.0.1:4790"]
[[node]]
name = "b"
paths = ["10.78.0.2:4790"]
${fence}
[[group]]
name = "web"
prefer = "b"
preempt = true
addresses = [{ address = "10.77.0.100/32", interface = "veth0" }]
track = [{ gateway = "10.77.0.254", every = "${every}" }]
`);
  assert.ok("config" in loaded);
  return loaded.config;
}

Deno.test("a running node takes over preferences, the pace of its gateway, and whether the peer is to be fenced", () => {
  const gateway = { address: "10.77.0.254", interface: "veth0", everyUs: 1_000_000, timeoutUs: 5000, fall: 2 };
  const { node, group } = new ScriptedNode({ gateway });
  const reload = (every: string, fence: string) => {
    const config = configOf(every, fence);
    applyReload(node, planSwitch(config, "a"), config);
  };
  group.gateway!.unanswered = 1;
  reload("3s", 'fence = ["/power", "off"]');
  assert.deepEqual([group.preferSelf, group.preempt], [false, true]);
  assert.deepEqual([group.gateway!.everyUs, group.gateway!.unanswered], [3_000_000, 1]);
  // What it knows of the peer's end is not lost by another reload.
  node.fencing!.state = "done";
  reload("3s", 'fence = ["/power", "off", "now"]');
  assert.equal(node.fencing!.state, "done");
  reload("3s", "");
  assert.equal(node.fencing, null);
});
