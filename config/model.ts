/** The configuration as the program uses it: checked, defaults filled in, times in microseconds. No I/O here. */

export type ProfileName = "fast" | "lan" | "wan";

/** All times in microseconds. */
export interface Timing {
  readonly profile: ProfileName;
  /** Between two heartbeats of a primary. */
  readonly heartbeatUs: number;
  /** Time-out of the lease in the kernel; rounded down to jiffies there. */
  readonly leaseUs: number;
  /** Silence before the address is probed. */
  readonly suspectUs: number;
  /** Silence before a takeover, probes unanswered. */
  readonly deadAfterUs: number;
  /** Switchover: what the service gets to answer what it already took. */
  readonly drainUs: number;
  /** Switchover: longest wait for the old node's word that everything was passed on. */
  readonly barrierUs: number;
  /** How long a node that starts listens for a primary before it takes over alone. */
  readonly startWaitUs: number;
}

export interface Endpoint {
  /** IPv4 or IPv6 address, without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface NodeConfig {
  readonly name: string;
  /** Same order on both nodes: path i of one talks to path i of the other. */
  readonly paths: readonly Endpoint[];
  /** What the other node runs to make sure that this one is off, before it takes over without its word. */
  readonly fence?: { readonly command: readonly string[]; readonly timeoutUs: number };
}

export interface VirtualAddress {
  /** Canonical text (RFC 5952 for IPv6), without prefix length. */
  readonly address: string;
  readonly prefixLength: number;
  readonly family: 4 | 6;
  readonly interface: string;
}

/** Asked by a node that does not hear its peer; moves nothing while they hear each other. */
export interface GatewayTrack {
  readonly kind: "gateway";
  /** Canonical text. */
  readonly gateway: string;
  readonly family: 4 | 6;
  /** Service interface on whose network it is. */
  readonly interface: string;
  /** Between two questions while the nodes hear each other. */
  readonly everyUs: number;
  /** What an answer may take; in isolation the next question leaves then. */
  readonly timeoutUs: number;
  /** Questions without an answer, in a row, after which it counts as out of reach. */
  readonly fall: number;
}

export type Track =
  | GatewayTrack
  | { readonly kind: "interface"; readonly interface: string }
  | {
    readonly kind: "exec";
    readonly exec: readonly string[];
    readonly everyUs: number;
    readonly timeoutUs: number;
    readonly fall: number;
    readonly rise: number;
  };

/** How segue learns whether a service works. */
export type HealthCheck =
  & {
    readonly everyUs: number;
    readonly timeoutUs: number;
    /** Failures in a row that make it unhealthy, successes in a row that make it healthy again. */
    readonly fall: number;
    readonly rise: number;
  }
  & (
    | { readonly kind: "tcp"; readonly target: Endpoint }
    /** Answers 200 to 399. */
    | { readonly kind: "http"; readonly url: string }
    | { readonly kind: "exec"; readonly exec: readonly string[] }
  );

export interface ServiceConfig {
  readonly name: string;
  readonly exec?: readonly string[];
  readonly systemd?: string;
  readonly run: "always" | "primary";
  readonly after: readonly string[];
  readonly health?: HealthCheck;
  /** From its start to the first time that it is healthy. */
  readonly startTimeoutUs: number;
  /** From the request to end until it is killed. */
  readonly stopTimeoutUs: number;
  /** Before the first restart; each further one waits twice as long, up to the maximum. */
  readonly restartDelayUs: number;
  readonly restartDelayMaxUs: number;
  /** So many failures within the window, and it is given up. */
  readonly restartLimit: number;
  readonly restartWindowUs: number;
  readonly onPrimary: readonly (readonly string[])[];
  readonly onStandby: readonly (readonly string[])[];
  /** For each of these commands. */
  readonly commandTimeoutUs: number;
}

/** What synchronised state may cost, and how safe it has to be. */
export interface StateConfig {
  /** A write that wants the standby while it is away: taken, and said to be degraded; or refused. */
  readonly whenAlone: "accept" | "refuse";
  /** How long such a write waits for a standby that is in step, but slow. */
  readonly waitUs: number;
  /** Keys and values of the group. */
  readonly maxBytes: number;
}

/** The wire that both nodes hear (`wire = "shared"`). */
export interface SharedWireConfig {
  /** The virtual MAC, `02:00:5e:10:00:01`; null: one is derived. */
  readonly mac: string | null;
  /** A failover serves what came since the last proof of life. */
  readonly replay: boolean;
  /** How long a service may take to read what came for it; null: a quarter of a heartbeat. */
  readonly lagUs: number | null;
  /** Of packets in the shadow. */
  readonly maxBytes: number;
}

export interface GroupConfig {
  readonly name: string;
  /** Node that starts as primary when both are equal. */
  readonly prefer: string;
  readonly wire: "announce" | "shared";
  readonly shared: SharedWireConfig;
  readonly preempt: boolean;
  readonly addresses: readonly VirtualAddress[];
  readonly track: readonly Track[];
  readonly state: StateConfig;
  readonly services: readonly ServiceConfig[];
}

/** The third voice that a node asks which has lost the other one. */
export interface ArbiterConfig {
  /** Members of one etcd, as `https://host:2379`. */
  readonly etcd: readonly string[];
  /** What the answer may take while a primary that has lost its peer goes on; the longer, the later a takeover that needs it. */
  readonly timeoutUs: number;
  /** Whole seconds for which the key of a node that says nothing more stays its own. */
  readonly ttlUs: number;
  /** The key is this and the pair's name. */
  readonly prefix: string;
  readonly user: string | null;
  readonly passwordFile: string | null;
  /** PEM: who may have signed etcd's certificates, and this node's own certificate. */
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly certKeyFile: string | null;
}

export interface PairConfig {
  readonly pair: { readonly name: string; readonly keyFile: string };
  readonly timing: Timing;
  readonly nodes: readonly [NodeConfig, NodeConfig];
  readonly groups: readonly GroupConfig[];
  readonly arbiter?: ArbiterConfig;
}
