/** From a draft without errors to the configuration that the program uses. */
import type { GroupDraft, PairDraft, Placed, ServiceDraft } from "./draft.ts";
import type {
  ArbiterConfig,
  GroupConfig,
  HealthCheck,
  NodeConfig,
  PairConfig,
  ServiceConfig,
  Timing,
  Track,
  VirtualAddress,
} from "./model.ts";
import {
  type ADDRESS,
  type ARBITER,
  ARBITER_DEFAULTS,
  DEFAULT_KEY_FILE,
  FENCE_TIMEOUT_US,
  GATEWAY_DEFAULTS,
  type HEALTH,
  HEALTH_DEFAULTS,
  type NODE,
  SERVICE_DEFAULTS,
  SHARED_DEFAULTS,
  STATE_DEFAULTS,
  type TRACK,
  TRACK_DEFAULTS,
} from "./schema.ts";
import { gatewayTimeoutUs, mergeTiming } from "./timing_relations.ts";

/** Throws where a draft with errors is given: that is a mistake of the caller. */
export function buildConfig(draft: PairDraft): PairConfig {
  const [first, second] = draft.nodes;
  return {
    pair: { name: there(draft.pair.keys.name), keyFile: draft.pair.keys.key_file ?? DEFAULT_KEY_FILE },
    timing: mergeTiming(draft.timing),
    nodes: [buildNode(there(first)), buildNode(there(second))],
    groups: draft.groups.map((group) => buildGroup(group, mergeTiming(draft.timing))),
    ...(draft.arbiter === null ? {} : { arbiter: buildArbiter(draft.arbiter) }),
  };
}

function buildArbiter({ keys }: Placed<typeof ARBITER>): ArbiterConfig {
  return {
    etcd: there(keys.etcd),
    timeoutUs: keys.timeout ?? ARBITER_DEFAULTS.timeoutUs,
    ttlUs: keys.ttl ?? ARBITER_DEFAULTS.ttlUs,
    prefix: keys.prefix ?? ARBITER_DEFAULTS.prefix,
    user: keys.user ?? null,
    passwordFile: keys.password_file ?? null,
    caFile: keys.ca_file ?? null,
    certFile: keys.cert_file ?? null,
    certKeyFile: keys.cert_key_file ?? null,
  };
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError("build configuration: a checked key is missing");
  return value;
}

function buildNode({ keys }: Placed<typeof NODE>): NodeConfig {
  const { fence: command } = keys;
  const fence = command && { command, timeoutUs: keys.fence_timeout ?? FENCE_TIMEOUT_US };
  return { name: there(keys.name), paths: there(keys.paths), ...(fence && { fence }) };
}

function buildGroup({ keys, addresses, tracks, state, shared, services }: GroupDraft, timing: Timing): GroupConfig {
  return {
    name: there(keys.name),
    prefer: there(keys.prefer),
    wire: there(keys.wire),
    shared: {
      mac: shared.keys.mac ?? null,
      replay: shared.keys.replay ?? SHARED_DEFAULTS.replay,
      lagUs: shared.keys.lag ?? null,
      maxBytes: shared.keys.max ?? SHARED_DEFAULTS.maxBytes,
    },
    preempt: there(keys.preempt),
    addresses: addresses.map(buildAddress),
    track: tracks.map((track) => buildTrack(track, there(addresses[0]?.keys.interface), timing)),
    state: {
      whenAlone: state.keys.when_alone ?? STATE_DEFAULTS.whenAlone,
      waitUs: state.keys.wait ?? STATE_DEFAULTS.waitUs,
      maxBytes: state.keys.max ?? STATE_DEFAULTS.maxBytes,
    },
    services: services.map(buildService),
  };
}

function buildAddress({ keys }: Placed<typeof ADDRESS>): VirtualAddress {
  const { text, prefixLength, family } = there(keys.address);
  return { address: text, prefixLength, family, interface: there(keys.interface) };
}

/** @param own the group's service interface, where a gateway stands unless the file says otherwise */
function buildTrack({ keys }: Placed<typeof TRACK>, own: string, timing: Timing): Track {
  if (keys.gateway !== undefined) {
    const fall = keys.fall ?? GATEWAY_DEFAULTS.fall;
    return {
      kind: "gateway",
      gateway: keys.gateway.text,
      family: keys.gateway.family,
      interface: keys.interface ?? own,
      everyUs: keys.every ?? GATEWAY_DEFAULTS.everyUs,
      timeoutUs: keys.timeout ?? gatewayTimeoutUs(timing, fall),
      fall,
    };
  }
  if (keys.interface !== undefined) return { kind: "interface", interface: keys.interface };
  const everyUs = keys.every ?? TRACK_DEFAULTS.everyUs;
  return {
    kind: "exec",
    exec: there(keys.exec),
    everyUs,
    timeoutUs: keys.timeout ?? everyUs,
    fall: keys.fall ?? TRACK_DEFAULTS.fall,
    rise: keys.rise ?? TRACK_DEFAULTS.rise,
  };
}

function buildService({ keys, health }: ServiceDraft): ServiceConfig {
  return {
    name: there(keys.name),
    ...(keys.exec === undefined ? {} : { exec: keys.exec }),
    ...(keys.systemd === undefined ? {} : { systemd: keys.systemd }),
    run: there(keys.run),
    after: there(keys.after),
    ...(health === null ? {} : { health: buildHealth(health) }),
    startTimeoutUs: keys.start_timeout ?? SERVICE_DEFAULTS.startTimeoutUs,
    stopTimeoutUs: keys.stop_timeout ?? SERVICE_DEFAULTS.stopTimeoutUs,
    restartDelayUs: keys.restart_delay ?? SERVICE_DEFAULTS.restartDelayUs,
    restartDelayMaxUs: keys.restart_delay_max ?? SERVICE_DEFAULTS.restartDelayMaxUs,
    restartLimit: keys.restart_limit ?? SERVICE_DEFAULTS.restartLimit,
    restartWindowUs: keys.restart_window ?? SERVICE_DEFAULTS.restartWindowUs,
    commandTimeoutUs: keys.command_timeout ?? SERVICE_DEFAULTS.commandTimeoutUs,
    onPrimary: there(keys.on_primary),
    onStandby: there(keys.on_standby),
  };
}

function buildHealth({ keys }: Placed<typeof HEALTH>): HealthCheck {
  const pace = {
    everyUs: keys.every ?? HEALTH_DEFAULTS.everyUs,
    timeoutUs: keys.timeout ?? HEALTH_DEFAULTS.timeoutUs,
    fall: keys.fall ?? HEALTH_DEFAULTS.fall,
    rise: keys.rise ?? HEALTH_DEFAULTS.rise,
  };
  if (keys.tcp !== undefined) return { kind: "tcp", target: keys.tcp, ...pace };
  if (keys.http !== undefined) return { kind: "http", url: keys.http, ...pace };
  return { kind: "exec", exec: there(keys.exec), ...pace };
}
