import assert from "node:assert/strict";
import { serviceEnvironment } from "./environment.ts";

Deno.test("services get the daemon's environment without what was for the daemon alone, and who, where and what they are", () => {
  const daemon = {
    PATH: "/usr/bin",
    LANG: "C.UTF-8",
    NOTIFY_SOCKET: "/run/systemd/notify",
    WATCHDOG_USEC: "5000000",
    WATCHDOG_PID: "1",
    JOURNAL_STREAM: "8:1",
    LISTEN_FDS: "1",
    SEGUE_EXE: "/usr/local/sbin/segue",
    SEGUE_ROLE: "nonsense",
  };
  const identity = { pair: "edge", node: "a", peer: "b", runDir: "/run/segue", socket: "/run/segue/segue.sock" };
  const addresses = [
    { address: "10.77.0.100", prefixLength: 32, family: 4, interface: "eth0" },
    { address: "fd00:77::100", prefixLength: 128, family: 6, interface: "eth0" },
  ] as const;
  const env = serviceEnvironment(daemon, identity, { name: "web", addresses }, "echo", { role: "primary", epoch: 12 });
  assert.deepEqual(env, {
    PATH: "/usr/bin",
    LANG: "C.UTF-8",
    SEGUE_PAIR: "edge",
    SEGUE_NODE: "a",
    SEGUE_PEER: "b",
    SEGUE_GROUP: "web",
    SEGUE_SERVICE: "echo",
    SEGUE_ROLE: "primary",
    SEGUE_EPOCH: "12",
    SEGUE_ADDRESSES: "10.77.0.100 fd00:77::100",
    SEGUE_SOCKET: "/run/segue/segue.sock",
    SEGUE_RUN_DIR: "/run/segue",
  });
});
