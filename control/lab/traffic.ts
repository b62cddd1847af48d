/** Clients in the client's namespace, started and awaited. */
import type { TcpMeasurement } from "./client.ts";
import type { CrowdMeasurement, CrowdOptions } from "./crowd.ts";
import type { Measurement, Progress } from "./measurement.ts";
import { LabProcess } from "./process.ts";
import { CLIENT_V4, CLIENT_V6, SERVICE_V4, SERVICE_V6, type Topology } from "./topology.ts";

export interface TrafficOptions {
  readonly durationMs: number;
  /** Between two datagrams, 500 if not given. */
  readonly intervalUs?: number;
  readonly v6?: boolean;
  /** IPv4 address of another group's service, in place of the lab's own. */
  readonly remote?: string;
  /** Told ten times a second what the client has seen so far (UDP only). */
  readonly onProgress?: (progress: Progress) => void;
}

/** Traffic under way. */
export interface Traffic<T> {
  /** The measurement, when its time is over. */
  result(): Promise<T>;
  /** Ends it before its time: there is no measurement then. */
  stop(): Promise<void>;
}

interface ClientResult {
  readonly "udp-client": Measurement;
  readonly "tcp-client": TcpMeasurement;
}

const START_MS_MAX = 20_000;

/** Starts a client and waits until its first packet is about to leave. */
export async function startClient<P extends keyof ClientResult>(
  net: Topology,
  part: P,
  options: TrafficOptions,
): Promise<{ readonly process: LabProcess; readonly traffic: Traffic<ClientResult[P]> }> {
  const { v6 = false, intervalUs = 500, durationMs, onProgress } = options;
  const process = LabProcess.inner(
    net.client,
    {
      part,
      local: v6 ? CLIENT_V6 : CLIENT_V4,
      remote: options.remote ?? (v6 ? SERVICE_V6 : SERVICE_V4),
      intervalUs,
      durationMs,
      progress: onProgress !== undefined,
    },
    (line) => {
      if (!line.startsWith("[")) return false;
      onProgress?.(JSON.parse(line)[0] as Progress);
      return true;
    },
  );
  await process.line((line) => line === "started", START_MS_MAX);
  const result = async () =>
    JSON.parse(await process.line((line) => line.startsWith("{"), durationMs + START_MS_MAX)) as ClientResult[P];
  return { process, traffic: { result, stop: () => process.kill() } };
}

/** Starts the crowd and waits until all of it is connected. */
export async function startCrowd(
  net: Topology,
  options: CrowdOptions,
): Promise<{ readonly process: LabProcess; readonly traffic: Traffic<CrowdMeasurement> }> {
  const process = LabProcess.inner(net.client, { part: "tcp-crowd", ...options });
  await process.line((line) => line === "started", START_MS_MAX);
  const result = async () =>
    JSON.parse(
      await process.line((line) => line.startsWith("{"), options.durationMs + START_MS_MAX),
    ) as CrowdMeasurement;
  return { process, traffic: { result, stop: () => process.kill() } };
}
