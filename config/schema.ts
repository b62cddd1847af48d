/**
 * Every key of segue.toml: its type, default and meaning of a single value. Relations between values are in
 * relations.ts. The reference file and the manual page are tested against these shapes.
 */
import { z } from "zod";
import { formatMac, parseMac } from "../kernel_ffi/address.ts";
import { type IpAddress, parseEndpoint, parseIp, unusableReason } from "./address.ts";
import { parseDuration } from "./duration.ts";
import type { Endpoint, ProfileName } from "./model.ts";
import { PROFILES } from "./profiles.ts";
import { parseSize } from "./size.ts";
import type { Shape } from "./table.ts";

export const DEFAULT_KEY_FILE = "/etc/segue/pair.key";

/** A string that `read` turns into a value; a string result of `read` is its complaint. */
function text<T>(read: (text: string) => T | { readonly reason: string; readonly hint: string }) {
  return z.string().transform((input, context) => {
    const result = read(input);
    if (typeof result === "object" && result !== null && "reason" in result) {
      context.addIssue({ code: "custom", message: result.reason, params: { hint: result.hint } });
      return z.NEVER;
    }
    return result as T;
  });
}

/** What a hint shows where the value is missing or of another type. */
function example<T extends z.ZodType>(schema: T, text: string): T {
  return schema.meta({ example: text }) as T;
}

/** A time, in microseconds, that may be missing. */
function time() {
  return example(
    text<number>((input) => {
      const us = parseDuration(input);
      return typeof us === "number" ? us : { reason: us, hint: 'a number and a unit: "2ms", "500us", "1.5s", "1m"' };
    }).optional(),
    '"10ms", in quotes and with its unit',
  );
}

function pattern(expression: RegExp, reason: string, hint: string) {
  return text<string>((input) =>
    expression.test(input) ? input : { reason: `${JSON.stringify(input)} ${reason}`, hint }
  );
}

const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
const nodeName = () =>
  pattern(HOST_NAME, "is not a name of a node", "1 to 64 letters, digits, dots, hyphens and _, as a host name");
const pairName = () => pattern(HOST_NAME, "is not a name of a pair", "1 to 64 letters, digits, dots, hyphens and _");
const groupName = () =>
  pattern(/^[a-z0-9-]{1,32}$/, "is not a name of a group", "1 to 32 lower-case letters, digits and hyphens");
const serviceName = () =>
  pattern(/^[A-Za-z0-9._-]{1,64}$/, "is not a name of a service", "1 to 64 letters, digits, dots, hyphens and _");
/** dev_valid_name() of net/core/dev.c: up to 15 bytes, no slash, colon or space, not `.` or `..`. */
export const interfaceName = () =>
  text<string>((input) =>
    // deno-lint-ignore no-control-regex
    /^[^/:\s\x00-\x1f]{1,15}$/.test(input) && input !== "." && input !== ".." &&
      new TextEncoder().encode(input).length <= 15
      ? input
      : {
        reason: `${JSON.stringify(input)} is not a name of an interface`,
        hint: "1 to 15 bytes without a space, slash or colon, as `ip link` shows it",
      }
  );

/** The bits of the first byte (IEEE 802-2014 8.2.2): a group's address, and one that no manufacturer gave. */
const GROUP_BIT = 1;
const LOCAL_BIT = 2;
const virtualMac = () =>
  text<string>((input) => {
    const hint = 'six bytes, the second lowest bit of the first set and the lowest not: "02:00:5e:10:00:01"';
    const bytes = parseMac(input);
    if (bytes === null) return { reason: `${JSON.stringify(input)} is not a MAC address`, hint };
    if ((bytes[0]! & (GROUP_BIT | LOCAL_BIT)) !== LOCAL_BIT) {
      return { reason: `${input} is not a locally administered address of one station`, hint };
    }
    return formatMac(bytes);
  });

/** Bytes, with their unit. */
function size(example: string) {
  return text<number>((input) => {
    const bytes = parseSize(input);
    return typeof bytes === "number" ? bytes : { reason: bytes, hint: `a number and a unit: ${example}` };
  });
}

const absolutePath = () =>
  pattern(/^\/[^\0]*[^/\0]$/, "is not an absolute path", "begin with /, as the daemon may be started in any folder");

/** A program and its arguments; no shell in between. */
const command = () =>
  z.array(z.string()).superRefine((words, context) => {
    const hint = 'a program with its full path, then its arguments: ["/usr/local/bin/ok", "-q"]';
    if (words.length === 0) context.addIssue({ code: "custom", message: "is empty", params: { hint } });
    else if (!words[0]!.startsWith("/")) {
      const message = `${JSON.stringify(words[0])} is not the full path of a program`;
      context.addIssue({ code: "custom", message, params: { hint } });
    } else if (words.some((word) => word.includes("\0"))) {
      context.addIssue({ code: "custom", message: "has a NUL character in it", params: { hint: "" } });
    }
  });

/** A count of checks in a row. */
const count = () =>
  z.number().superRefine((value, context) => {
    if (Number.isInteger(value) && value >= 1 && value <= 1000) return;
    context.addIssue({
      code: "custom",
      message: `${value} is not a whole number from 1 to 1000`,
      params: { hint: "" },
    });
  });

function oneOf<const T extends string>(...words: T[]) {
  return text<T>((input) =>
    words.includes(input as T)
      ? input as T
      : { reason: `${JSON.stringify(input)} is not a choice`, hint: `one of ${words.map((w) => `"${w}"`).join(", ")}` }
  );
}

/** What a health check may ask: plain HTTP, as it asks a program of this machine. */
const httpUrl = () =>
  text<string>((input) => {
    const hint = 'for example "http://127.0.0.1:8080/health"';
    if (!/^http:\/\//.test(input) || !URL.canParse(input)) {
      return { reason: `${JSON.stringify(input)} is not an http URL`, hint };
    }
    const url = new URL(input);
    if (url.username !== "" || url.password !== "") return { reason: "a name and a password have no place here", hint };
    return url.href;
  });

const endpoint = () =>
  text<Endpoint>((input) => {
    const result = parseEndpoint(input);
    const hint = 'an address and a port: "10.78.0.1:4790", or "[fd00:78::1]:4790" for IPv6';
    return typeof result === "string" ? { reason: result, hint } : result;
  });

export interface PrefixedAddress extends IpAddress {
  readonly prefixLength: number;
}

const prefixedAddress = () =>
  text<PrefixedAddress>((input) => {
    const [host = "", length, ...rest] = input.split("/");
    const address = parseIp(host);
    const quoted = JSON.stringify(input);
    const hint = 'an address and the length of its prefix: "10.77.0.100/32", "fd00:77::100/128"';
    if (!address || rest.length > 0) return { reason: `${quoted} is not an address with a prefix length`, hint };
    const full = address.family === 4 ? 32 : 128;
    if (length === undefined) {
      return { reason: `${quoted} has no prefix length`, hint: `write "${address.text}/${full}"` };
    }
    if (!/^[0-9]{1,3}$/.test(length) || Number(length) < 1 || Number(length) > full) {
      return { reason: `${quoted}: the prefix length of IPv${address.family} goes from 1 to ${full}`, hint };
    }
    const unusable = unusableReason(address);
    if (unusable) {
      return { reason: `${quoted} ${unusable}`, hint: "" };
    }
    return { ...address, prefixLength: Number(length) };
  });

export const PAIR = {
  name: example(pairName(), 'name = "edge"'),
  key_file: absolutePath().default(DEFAULT_KEY_FILE),
} as const satisfies Shape;

export const TIMING = {
  profile: oneOf(...Object.keys(PROFILES) as ProfileName[]).optional(),
  heartbeat: time(),
  lease: time(),
  suspect: time(),
  dead_after: time(),
  drain: time(),
  barrier: time(),
  start_wait: time(),
} as const satisfies Shape;

/** A member of etcd: no path, no name or password in it. */
const etcdUrl = () =>
  text<string>((input) => {
    const hint = 'for example "https://10.79.0.1:2379"';
    if (!/^https?:\/\//.test(input) || !URL.canParse(input)) {
      return { reason: `${JSON.stringify(input)} is not an address of etcd`, hint };
    }
    const url = new URL(input);
    if (url.username !== "" || url.password !== "") {
      return { reason: "a name and a password have no place here", hint: "user and password_file under [arbiter]" };
    }
    if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
      return { reason: `${JSON.stringify(input)} goes on behind the port`, hint };
    }
    return url.origin;
  });

export const ARBITER = {
  etcd: example(z.array(etcdUrl()), 'etcd = ["https://10.79.0.1:2379"]'),
  timeout: time(),
  ttl: time(),
  prefix: pattern(/^[\x21-\x7e]{1,128}$/, "is not the beginning of a key", 'for example "/segue/"').optional(),
  user: pattern(/^[^\0]{1,256}$/, "is not a name of a user", "").optional(),
  password_file: absolutePath().optional(),
  ca_file: absolutePath().optional(),
  cert_file: absolutePath().optional(),
  cert_key_file: absolutePath().optional(),
} as const satisfies Shape;

export const ARBITER_DEFAULTS = { timeoutUs: 300_000, ttlUs: 10_000_000, prefix: "/segue/" } as const;

export const NODE = {
  name: example(nodeName(), 'name = "a"'),
  paths: example(z.array(endpoint()), 'paths = ["10.78.0.1:4790", "10.77.0.1:4790"]'),
  fence: command().optional(),
  fence_timeout: time(),
} as const satisfies Shape;

export const FENCE_TIMEOUT_US = 10_000_000;

export const GROUP = {
  name: example(groupName(), 'name = "web"'),
  prefer: example(nodeName(), 'prefer = "a"'),
  wire: oneOf("announce", "shared").default("announce"),
  preempt: z.boolean().default(false),
} as const satisfies Shape;

export const STATE = {
  when_alone: oneOf("accept", "refuse").optional(),
  wait: time(),
  max: size('"512MiB", "1GiB"').optional(),
} as const satisfies Shape;

export const STATE_DEFAULTS = { whenAlone: "accept", waitUs: 1_000_000, maxBytes: 1024 ** 3 } as const;

export const SHARED = {
  mac: virtualMac().optional(),
  replay: z.boolean().optional(),
  lag: time(),
  max: size('"8MiB", "64MiB"').optional(),
} as const satisfies Shape;

export const SHARED_DEFAULTS = { replay: true, maxBytes: 32 * 1024 ** 2 } as const;

export const ADDRESS = {
  address: example(prefixedAddress(), 'address = "10.77.0.100/32"'),
  interface: example(interfaceName(), 'interface = "eth0"'),
} as const satisfies Shape;

/** A neighbour's address, without a prefix length. */
const neighbour = () =>
  text<IpAddress>((input) => {
    const hint = 'an address alone: "10.77.0.254", "fd00:77::fe"';
    const address = parseIp(input);
    if (!address) return { reason: `${JSON.stringify(input)} is not an address`, hint };
    const unusable = unusableReason(address);
    return unusable ? { reason: `${JSON.stringify(input)} ${unusable}`, hint } : address;
  });

export const TRACK = {
  interface: interfaceName().optional(),
  gateway: neighbour().optional(),
  exec: command().optional(),
  every: time(),
  timeout: time(),
  fall: count().optional(),
  rise: count().optional(),
} as const satisfies Shape;

export const TRACK_DEFAULTS = { everyUs: 1_000_000, fall: 3, rise: 2 } as const;
/** Its time-out depends on the times of the pair (`gatewayTimeoutUs`). */
export const GATEWAY_DEFAULTS = { everyUs: 1_000_000, fall: 2 } as const;

export const SERVICE = {
  name: example(serviceName(), 'name = "echo"'),
  exec: command().optional(),
  systemd: pattern(/^[A-Za-z0-9:_.@\\-]{1,255}$/, "is not a name of a systemd unit", 'for example "echo.service"')
    .optional(),
  run: oneOf("always", "primary").default("always"),
  after: z.array(z.string()).default([]),
  start_timeout: time(),
  stop_timeout: time(),
  restart_delay: time(),
  restart_delay_max: time(),
  restart_limit: count().optional(),
  restart_window: time(),
  on_primary: z.array(command()).default([]),
  on_standby: z.array(command()).default([]),
  command_timeout: time(),
} as const satisfies Shape;

export const SERVICE_DEFAULTS = {
  startTimeoutUs: 10_000_000,
  stopTimeoutUs: 2_000_000,
  restartDelayUs: 100_000,
  restartDelayMaxUs: 10_000_000,
  restartLimit: 5,
  restartWindowUs: 60_000_000,
  commandTimeoutUs: 5_000_000,
} as const;

export const HEALTH = {
  tcp: endpoint().optional(),
  http: httpUrl().optional(),
  exec: command().optional(),
  every: time(),
  timeout: time(),
  fall: count().optional(),
  rise: count().optional(),
} as const satisfies Shape;

export const HEALTH_DEFAULTS = { everyUs: 500_000, timeoutUs: 200_000, fall: 3, rise: 2 } as const;

/** Keys that hold tables of their own, per table. */
export const SUB_TABLES = {
  root: ["pair", "timing", "arbiter", "node", "group"],
  group: ["addresses", "track", "state", "shared", "service"],
  service: ["health"],
} as const;

/** Every table by the name that the documents give it. */
export const TABLES: Readonly<Record<string, Shape>> = {
  pair: PAIR,
  timing: TIMING,
  arbiter: ARBITER,
  node: NODE,
  group: GROUP,
  "group.addresses": ADDRESS,
  "group.track": TRACK,
  "group.state": STATE,
  "group.shared": SHARED,
  "group.service": SERVICE,
  "group.service.health": HEALTH,
};

/** Keys of the design that this version does not have. */
export const NOT_YET: readonly string[] = ["flows"];
