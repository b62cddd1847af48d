/** What services and their commands find in their environment. Pure. */
import type { GroupConfig } from "../../config/model.ts";
import type { ServiceRole } from "./plan.ts";

/** Who and where this node is. */
export interface Identity {
  readonly pair: string;
  readonly node: string;
  readonly peer: string;
  readonly runDir: string;
  /** Path of the API's socket. */
  readonly socket: string;
}

/** What systemd said to the daemon alone (systemd.exec(5)), and the daemon's own settings. */
const NOT_INHERITED = /^(NOTIFY_SOCKET|WATCHDOG_|JOURNAL_STREAM|INVOCATION_ID|LISTEN_|SYSTEMD_EXEC_PID|SEGUE_)/;

/** The daemon's own environment without what was said to it alone. */
export function daemonEnvironment(daemon: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(daemon).filter(([name]) => !NOT_INHERITED.test(name)));
}

export function serviceEnvironment(
  daemon: Readonly<Record<string, string>>,
  identity: Identity,
  group: Pick<GroupConfig, "name" | "addresses">,
  service: string,
  { role, epoch }: { readonly role: ServiceRole; readonly epoch: number },
): Record<string, string> {
  return {
    ...daemonEnvironment(daemon),
    SEGUE_PAIR: identity.pair,
    SEGUE_NODE: identity.node,
    SEGUE_PEER: identity.peer,
    SEGUE_GROUP: group.name,
    SEGUE_SERVICE: service,
    SEGUE_ROLE: role,
    SEGUE_EPOCH: String(epoch),
    SEGUE_ADDRESSES: group.addresses.map(({ address }) => address).join(" "),
    SEGUE_SOCKET: identity.socket,
    SEGUE_RUN_DIR: identity.runDir,
  };
}
