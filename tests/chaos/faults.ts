/** What can happen to a pair at random, each fault with what mends it. None of them is one that two nodes without an arbiter cannot decide. */
import { run, sleep } from "../../control/lab/command.ts";
import { HEARTBEAT_PORT, type NodeName, NODES } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { fill } from "../journal/small_disk.ts";
import { other } from "../pair/pair.ts";
import type { Random } from "../simulation/random.ts";

/** The guard has put a gate back that a daemon which does not act lost: 4 ms on a machine with five times more work than cores. */
const GATE_BACK_US = 50_000;

export interface Scene {
  readonly world: World;
  readonly random: Random;
  readonly primary: NodeName;
  readonly standby: NodeName;
  /** Its daemon was killed or stopped by a fault that is not mended yet. */
  readonly down: NodeName | null;
}

/** A fault under way. */
export interface Begun {
  /** What was done, for the timeline. */
  readonly said: string;
  /** Whose daemon cannot act until it is mended. */
  readonly down?: NodeName;
  /** Both were killed at one moment: what was in their memories alone is gone. */
  readonly bothKilled?: boolean;
  /** What should not have happened, if something did. */
  readonly broken?: string;
  /** A node without a daemon that acts, whose rules were flushed: for a moment its kernel has no gate (README, Limits). */
  readonly gateless?: { readonly node: NodeName; readonly fromUs: number; readonly toUs: number };
  mend?(): Promise<unknown>;
}

export interface Fault {
  readonly name: string;
  /** May come on top of another one: it takes neither a node nor a link away. */
  readonly light: boolean;
  begin(scene: Scene): Promise<Begun>;
}

function anyNode({ random, primary, standby }: Scene): NodeName {
  return random.chance(0.65) ? primary : standby;
}

function role({ primary }: Scene, node: NodeName): string {
  return `${node}, ${node === primary ? "primary" : "standby"}`;
}

async function restart(world: World, node: NodeName): Promise<void> {
  if (world.daemon(node).running) await world.daemon(node).kill();
  world.start(node);
}

export const FAULTS: readonly Fault[] = [
  {
    name: "kill",
    light: false,
    async begin(scene) {
      const node = anyNode(scene);
      await scene.world.daemon(node).kill();
      return { said: `kill -9 ${role(scene, node)}`, down: node, mend: () => restart(scene.world, node) };
    },
  },
  {
    name: "stop",
    light: false,
    begin(scene) {
      const node = anyNode(scene), daemon = scene.world.daemon(node);
      daemon.signal("SIGSTOP");
      return Promise.resolve({
        said: `stop ${role(scene, node)}`,
        down: node,
        mend: () => Promise.resolve(daemon.signal("SIGCONT")),
      });
    },
  },
  {
    name: "stutter",
    light: false,
    async begin(scene) {
      const node = anyNode(scene), daemon = scene.world.daemon(node), times = 1 + Math.floor(scene.random.next() * 6);
      for (let i = 0; i < times; i++) {
        daemon.signal("SIGSTOP");
        await sleep(scene.random.between(2, 120));
        daemon.signal("SIGCONT");
        await sleep(scene.random.between(2, 120));
      }
      return { said: `stop and continue ${role(scene, node)} ${times} times` };
    },
  },
  {
    name: "power-off",
    light: false,
    async begin(scene) {
      const node = anyNode(scene);
      await scene.world.powerOff(node);
      return { said: `power off ${role(scene, node)}`, down: node, mend: () => scene.world.powerOn(node) };
    },
  },
  {
    name: "cable",
    light: false,
    async begin({ world }) {
      await world.cable(false);
      return { said: "cut the cable", mend: () => world.cable(true) };
    },
  },
  {
    name: "lan",
    light: false,
    async begin(scene) {
      const node = anyNode(scene);
      await scene.world.lan(node, false);
      return { said: `LAN port of ${role(scene, node)} down`, mend: () => scene.world.lan(node, true) };
    },
  },
  {
    name: "flap",
    light: false,
    async begin(scene) {
      const { world, random } = scene, isCable = random.chance(0.3), node = anyNode(scene);
      const times = 2 + Math.floor(random.next() * 6);
      const set = (up: boolean) => isCable ? world.cable(up) : world.lan(node, up);
      for (let i = 0; i < times; i++) {
        await set(false);
        await sleep(random.between(1, 120));
        await set(true);
        await sleep(random.between(1, 120));
      }
      return { said: `${isCable ? "cable" : `LAN port of ${role(scene, node)}`} down and up ${times} times` };
    },
  },
  {
    name: "one-way",
    light: false,
    async begin(scene) {
      const { world, random } = scene, node = anyNode(scene), from = random.chance(0.5);
      const hook = from ? "ingress" : "egress", chain = `netdev chaos one_way`;
      const match = random.chance(0.5) ? "" : "numgen random mod 2 == 0 ";
      await nft(world, [
        "add table netdev chaos",
        `add chain ${chain} { type filter hook ${hook} device p-${node} priority 0; }`,
        `add rule ${chain} ether type 0x88b5 ${match}drop`,
        `add rule ${chain} udp dport ${HEARTBEAT_PORT} ${match}drop`,
        `add rule ${chain} udp dport ${HEARTBEAT_PORT + 1} ${match}drop`,
      ]);
      const share = match === "" ? "all" : "half";
      return {
        said: `the switch drops ${share} of the nodes' own words ${from ? "from" : "to"} ${role(scene, node)}`,
        mend: () => nft(world, ["delete table netdev chaos"]),
      };
    },
  },
  {
    name: "deaf",
    light: false,
    async begin(scene) {
      const node = anyNode(scene);
      await scene.world.deafen(node, true);
      return { said: `${role(scene, node)} hears no heartbeat`, mend: () => scene.world.deafen(node, false) };
    },
  },
  {
    name: "restart-both",
    light: false,
    async begin({ world }) {
      const codes = await Promise.all(NODES.map((node) => world.daemon(node).stop()));
      return {
        said: "both daemons stopped in an orderly manner",
        ...(codes.every((code) => code === 0)
          ? {}
          : { broken: `both were stopped and ended with ${codes.join(", ")}` }),
        mend: () => Promise.resolve(NODES.forEach((node) => world.start(node))),
      };
    },
  },
  {
    name: "kill-both",
    light: false,
    async begin({ world }) {
      NODES.forEach((node) => world.daemon(node).signal("SIGKILL"));
      await Promise.all(NODES.map((node) => world.daemon(node).ended));
      return {
        said: "kill -9 both",
        bothKilled: true,
        mend: () => Promise.resolve(NODES.forEach((node) => world.start(node))),
      };
    },
  },
  {
    name: "reload",
    light: true,
    begin(scene) {
      const chosen = anyNode(scene), node = chosen === scene.down ? other(chosen) : chosen;
      if (scene.world.daemon(node).running) Deno.kill(scene.world.daemon(node).pid, "SIGHUP");
      return Promise.resolve({ said: `reload ${role(scene, node)}` });
    },
  },
  {
    name: "flush",
    light: true,
    async begin(scene) {
      const node = anyNode(scene), said = `flush all rules of ${role(scene, node)}`;
      const gateless = await flush(scene.world, node);
      return node === scene.down ? { said, gateless } : { said };
    },
  },
  {
    name: "helpless",
    light: false,
    async begin(scene) {
      const { world, random } = scene, node = anyNode(scene), daemon = world.daemon(node), dead = random.chance(0.5);
      if (dead) await daemon.kill();
      else daemon.signal("SIGSTOP");
      await sleep(random.between(0, 1500));
      const gateless = await flush(world, node);
      // Whoever would answer now is asked.
      for (let i = 0; i < 5; i++) {
        await run("ip", "-n", world.net.client, "neigh", "flush", "dev", "veth0");
        await sleep(random.between(10, 200));
      }
      return {
        said: `${dead ? "kill -9" : "stop"} ${role(scene, node)}, then flush its rules`,
        down: node,
        gateless,
        mend: () => dead ? restart(world, node) : Promise.resolve(daemon.signal("SIGCONT")),
      };
    },
  },
  {
    name: "disk-full",
    light: true,
    begin(scene) {
      const node = anyNode(scene), empty = fill(scene.world.stateDir(node));
      return Promise.resolve({ said: `fill the disk of ${role(scene, node)}`, mend: () => Promise.resolve(empty()) });
    },
  },
  {
    name: "burn",
    light: true,
    begin() {
      const loops = Array.from(
        { length: navigator.hardwareConcurrency },
        () => new Deno.Command("sh", { args: ["-c", "while :; do :; done"], stdin: "null" }).spawn(),
      );
      return Promise.resolve({
        said: "keep every core busy",
        async mend() {
          for (const loop of loops) {
            loop.kill("SIGKILL");
            await loop.status;
          }
        },
      });
    },
  },
  {
    name: "switchover",
    light: true,
    async begin({ world, primary, standby, down }) {
      const said = `planned move ${primary} → ${standby}`;
      // A daemon that is stopped answers nobody; the other one is told that it cannot be now.
      const asked = down === primary ? standby : primary;
      try {
        const { outcome } = await world.switchover(asked, standby, 2000);
        return { said: `${said}: ${outcome}` };
      } catch (error) {
        // Refused, or overtaken by another fault: an answer like any other.
        return { said: `${said}: ${error instanceof Error ? error.message : error}` };
      }
    },
  },
];

async function flush(world: World, node: NodeName): Promise<NonNullable<Begun["gateless"]>> {
  const fromUs = monotonicUs();
  await run("ip", "netns", "exec", world.net.node(node), "nft", "flush", "ruleset");
  return { node, fromUs, toUs: monotonicUs() + GATE_BACK_US };
}

async function nft(world: World, lines: readonly string[]): Promise<void> {
  await run("ip", "netns", "exec", world.net.switch, "nft", lines.join("\n"));
}
