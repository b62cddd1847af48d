/**
 * A client, a switch and two nodes in network namespaces of this machine: a service network over the switch, and a sync
 * cable between the nodes. Real links, real bridge, real neighbour tables. Where the pair routes, there is a second network behind it,
 * with a server.
 */
import { libc } from "../../kernel_ffi/libc.ts";
import { ipBatch, run } from "./command.ts";

export type NodeName = "a" | "b";
export const NODES: readonly NodeName[] = ["a", "b"];

export const SERVICE_V4 = "10.77.0.100";
export const SERVICE_V6 = "fd00:77::100";
export const CLIENT_V4 = "10.77.0.9";
export const CLIENT_V6 = "fd00:77::9";
/** Of the network behind a pair that routes: the pair's address there, and the server. */
export const BEHIND_V4 = "10.79.0.100";
export const SERVER_V4 = "10.79.0.9";
export const HEARTBEAT_PORT = 4790;

export function lanAddress(node: NodeName): string {
  return node === "a" ? "10.77.0.1" : "10.77.0.2";
}

export function cableAddress(node: NodeName): string {
  return node === "a" ? "10.78.0.1" : "10.78.0.2";
}

/** What a node's service interface is: its network card, a bridge over it, or a macvlan that has the card for itself or shares it. */
export type ServiceDevice = "card" | "bridge" | "macvlan passthru" | "macvlan private";

/** Where ip(8) keeps named namespaces. */
const FOLDER = "/run/netns";
const SIGKILL = 9;

export class Topology {
  readonly prefix: string;
  readonly #routed: boolean;
  readonly #device: ServiceDevice;

  constructor(prefix: string, routed = false, device: ServiceDevice = "card") {
    this.prefix = prefix;
    this.#routed = routed;
    this.#device = device;
  }

  /** The server behind a pair that routes. */
  get server(): string {
    return `${this.prefix}-sv`;
  }

  /** The switch's ports to a node. */
  ports(name: NodeName): readonly string[] {
    return this.#routed ? [`p-${name}`, `p2-${name}`] : [`p-${name}`];
  }

  get client(): string {
    return `${this.prefix}-cl`;
  }

  get switch(): string {
    return `${this.prefix}-sw`;
  }

  node(name: NodeName): string {
    return `${this.prefix}-${name}`;
  }

  async up(): Promise<void> {
    for (const name of this.#all()) {
      if (name === this.server && !this.#routed) continue;
      await run("ip", "netns", "add", name);
      await run("ip", "-n", name, "link", "set", "lo", "up");
    }
    await ipBatch(this.switch, ["link add br0 type bridge", "link set br0 up"]);
    await this.#plug(this.client, "veth0", "p-cl", "br0");
    for (const name of NODES) await this.#plugService(name);
    await run(
      "ip",
      "link",
      "add",
      "veth1",
      "netns",
      this.node("a"),
      "type",
      "veth",
      "peer",
      "name",
      "veth1",
      "netns",
      this.node("b"),
    );
    for (const name of NODES) await this.#addresses(name);
    await ipBatch(this.client, [`addr add ${CLIENT_V4}/24 dev veth0`, `addr add ${CLIENT_V6}/64 dev veth0 nodad`]);
    if (this.#routed) await this.#behind();
  }

  /** A cable between a namespace and the switch. */
  async #plug(namespace: string, device: string, port: string, bridge: string): Promise<void> {
    const far = ["peer", "name", port, "netns", this.switch];
    await run("ip", "link", "add", device, "netns", namespace, "type", "veth", ...far);
    await ipBatch(this.switch, [`link set ${port} master ${bridge} up`]);
    await ipBatch(namespace, [`link set ${device} up`]);
  }

  /** `veth0` is what segue is told of, whatever it is. */
  async #plugService(name: NodeName): Promise<void> {
    if (this.#device === "card") return await this.#plug(this.node(name), "veth0", `p-${name}`, "br0");
    await this.#plug(this.node(name), "card0", `p-${name}`, "br0");
    const [kind, mode] = this.#device.split(" ");
    const lines = kind === "bridge"
      ? ["link add veth0 type bridge", "link set card0 master veth0"]
      : [`link add link card0 name veth0 type macvlan mode ${mode}`];
    await ipBatch(this.node(name), [...lines, "link set veth0 up"]);
  }

  /** The second network: the nodes route to it, client and server know the pair's addresses as their way. */
  async #behind(): Promise<void> {
    await ipBatch(this.switch, ["link add br1 type bridge", "link set br1 up"]);
    await this.#plug(this.server, "veth0", "p2-sv", "br1");
    for (const [i, name] of NODES.entries()) {
      await this.#plug(this.node(name), "veth2", `p2-${name}`, "br1");
      await ipBatch(this.node(name), [`addr add 10.79.0.${i + 1}/24 dev veth2`]);
      await run("ip", "netns", "exec", this.node(name), "sysctl", "-qw", "net.ipv4.ip_forward=1");
    }
    await ipBatch(this.server, [`addr add ${SERVER_V4}/24 dev veth0`, `route add 10.77.0.0/24 via ${BEHIND_V4}`]);
    await ipBatch(this.client, [`route add 10.79.0.0/24 via ${SERVICE_V4}`]);
  }

  async #addresses(name: NodeName): Promise<void> {
    const host = name === "a" ? 1 : 2;
    await ipBatch(this.node(name), [
      "link set veth1 up",
      `addr add ${cableAddress(name)}/30 dev veth1`,
      `addr add ${lanAddress(name)}/24 dev veth0`,
      `addr add fd00:77::${host}/64 dev veth0 nodad`,
    ]);
  }

  /**
   * Lets neighbour entries of the client and of the nodes grow old fast: a tenth of a minute shows what otherwise takes
   * several.
   */
  async shortenNeighbours(): Promise<void> {
    for (const namespace of [this.client, this.node("a"), this.node("b")]) {
      for (const table of ["arp_cache", "ndisc_cache"]) {
        const times = ["base_reachable", "500", "gc_stale", "500", "delay_probe", "200"];
        await run("ip", "-n", namespace, "ntable", "change", "name", table, "dev", "veth0", ...times);
      }
    }
  }

  async down(): Promise<void> {
    for (const name of this.#all()) await removeNamespace(name);
  }

  #all(): readonly string[] {
    return [this.client, this.switch, this.node("a"), this.node("b"), this.server];
  }
}

/** With whoever still lives in it: a namespace of the lab's name has nobody in it but what the lab started. */
async function removeNamespace(name: string): Promise<void> {
  if (!exists(`${FOLDER}/${name}`)) return;
  for (const pid of (await run("ip", "netns", "pids", name).catch(() => "")).split("\n")) {
    if (pid !== "") libc().kill(Number(pid), SIGKILL);
  }
  await run("ip", "netns", "del", name).catch(() => {});
}

/** Takes away what runs of the lab left behind that were killed: their prefix tells the process, and that is gone. */
export async function removeStale(family: string): Promise<void> {
  let names: string[];
  try {
    names = [...Deno.readDirSync(FOLDER)].map((entry) => entry.name);
  } catch {
    return;
  }
  for (const name of names) {
    const match = name.match(/^([a-z]+)(\d+)[a-z]-(?:cl|sw|a|b|sv)$/);
    if (match !== null && match[1] === family && !exists(`/proc/${match[2]}`)) await removeNamespace(name);
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
