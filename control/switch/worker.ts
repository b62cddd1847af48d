/** The switch thread: everything is opened here, in its order, then the loop runs until the node stops. */
import type { PairConfig } from "../../config/model.ts";
import { pairDigest } from "../../config/digest.ts";
import { KernelError } from "../../kernel_ffi/errno.ts";
import { type Guard, GuardWord, startGuard } from "../../kernel_ffi/guard.ts";
import { libc, monotonicUs } from "../../kernel_ffi/libc.ts";
import { probeQueueKind } from "../../kernel_ffi/nftables/socket.ts";
import { ProbeSocket } from "../../kernel_ffi/probe_socket.ts";
import { Rtnetlink } from "../../kernel_ffi/rtnetlink.ts";
import { dropCodePages } from "../../kernel_ffi/text_pages.ts";
import { UdpQueues } from "../../kernel_ffi/sock_diag.ts";
import { makeRealtime, setOomScoreAdj, trimMemory } from "../../kernel_ffi/scheduling.ts";
import { planLimits } from "../core/limits.ts";
import type { SwitchInit, SwitchReport } from "../core/messages.ts";
import { createNode, type NodeState } from "../core/node.ts";
import { PairKeys } from "../core/pair_keys.ts";
import { prepareKey } from "../core/wire.ts";
import { Addresses } from "./addresses.ts";
import { SwitchContext } from "./context.ts";
import { Executor } from "./executor.ts";
import { Gateways, gatewaySetup } from "./gateways.ts";
import { Holds } from "./holds.ts";
import { KeyWatch } from "./key_watch.ts";
import { Links } from "./links.ts";
import { SwitchLoop } from "./loop.ts";
import { MailboxReader } from "./mailbox.ts";
import { lowerInterfaces } from "./lower_interfaces.ts";
import { News } from "./news.ts";
import { bytesOf, planSwitch, type SwitchPlan } from "./plan.ts";
import { Receiver } from "./receiver.ts";
import { rehearseCore } from "./rehearsal.ts";
import { KernelRules } from "./rules.ts";
import { type InterfaceSpec, queuesOf } from "./ruleset_spec.ts";
import { Shadow } from "./shadow.ts";

const REHEARSALS = 30;

/** What a worker's global scope is; this program is checked with the main thread's types. */
interface WorkerScope {
  postMessage(message: unknown): void;
  onmessage: ((message: MessageEvent) => void) | null;
  close(): void;
}

/** Entry of the worker: waits for the one ordinary message, and never returns to the event loop while the node runs. */
export function runSwitchWorker(): void {
  const scope = self as unknown as WorkerScope;
  const post = (report: SwitchReport) => scope.postMessage(report);
  scope.onmessage = (message) => {
    try {
      runNode(message.data as SwitchInit, post);
    } catch (error) {
      post({ kind: "fatal", text: textOf(error) });
    }
    scope.close();
  };
}

/** What another scheduling than the best one means. */
const SECOND_BEST = {
  fifo: "a busy machine may stop the switch thread for 50 ms and more",
  ordinary: "the switch thread runs without real-time priority",
};

/** A refusal of the kernel speaks for itself; anything else is a broken invariant, and wants its place. */
function textOf(error: unknown): string {
  if (error instanceof KernelError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function runNode(init: SwitchInit, post: (report: SwitchReport) => void): void {
  const startUs = monotonicUs();
  const config = JSON.parse(init.configJson) as PairConfig;
  const plan = planSwitch(config, init.node);
  const netlink = new Rtnetlink();
  const realtime = makeRealtime();
  setOomScoreAdj(-1000);
  const links = new Links(plan);
  const rules = new KernelRules(specOf(plan, config, links, netlink));
  rules.install();
  // From here on the gate is shut: the addresses can be put where they belong.
  const addresses = new Addresses(netlink, plan, links.frames.map((frame) => frame.socket.ifindex));
  addresses.preload();
  const holds = new Holds(plan.groups, rules, links.frames);
  const guard = init.guard === null ? null : openGuard(init.guard, { holds, rules, addresses }, post);
  const node = createNodeFor(init, config, plan);
  const context = new SwitchContext({
    pair: config.pair.name,
    plan,
    node,
    links,
    rules,
    holds,
    addresses,
    gateways: new Gateways(plan, links, netlink.listAddresses()),
    keys: new PairKeys(init.keys.map((key) => prepareKey(key, config.pair.name))),
    software: init.version,
    post,
  });
  if (Shadow.wanted(plan)) context.shadow = openShadow(context);
  const executor = new Executor(context);
  const probes = plan.interfaces.map((name, i) =>
    new ProbeSocket({
      interface: name,
      addresses: [
        ...context.slotsOf[i]!.flatMap((slot) => slot.addresses.map((it) => it.bytes)),
        ...context.gateways.addressesOn(i),
      ],
    })
  );
  const queues = new UdpQueues();
  const news = new News(context, executor, netlink);
  try {
    // What is needed from here on comes back in the rehearsal.
    trimMemory();
    dropCodePages();
    rehearseCore(REHEARSALS);
    const rehearsedUs = executor.rehearse(REHEARSALS);
    for (let i = 0; i < REHEARSALS; i++) queues.unread([]);
    news.others();
    news.refresh();
    if (realtime.policy !== "deadline") {
      context.event("notice", "scheduling", `${SECOND_BEST[realtime.policy]}: ${realtime.reason}`);
    }
    const mailbox = new MailboxReader({ memory: init.mailbox, fd: init.mailboxFd });
    const keys = new KeyWatch(context, executor);
    const loop = new SwitchLoop({
      context,
      executor,
      receiver: new Receiver(context, executor, keys),
      keys,
      news,
      probes,
      queues,
      mailbox,
      mailboxFd: init.mailboxFd,
    });
    context.report({ kind: "ready", startUs: monotonicUs() - startUs, rehearsedUs, thread: libc().gettid() });
    const id = loop.run();
    context.report({ kind: "stopped", id });
    context.flush();
  } finally {
    // First mute, then everything else: without leases nothing of the rest can be seen from outside.
    guard?.stop();
    addresses.remove();
    rules.remove();
    holds.close();
    context.shadow?.close();
    links.close();
    for (const probe of probes) probe.close();
    news.close();
    queues.close();
    rules.close();
    netlink.close();
  }
}

function specOf(plan: SwitchPlan, config: PairConfig, links: Links, netlink: Rtnetlink) {
  const queueKind = probeQueueKind();
  if (queueKind === null) {
    throw new KernelError(
      "find NFQUEUE: this kernel has neither the nft queue expression nor the xt NFQUEUE target",
      95,
    );
  }
  const beneath = new Set(plan.interfaces.flatMap(lowerInterfaces));
  const interfaces = plan.interfaces.map((name, i): InterfaceSpec => ({
    name,
    mac: links.frames[i]!.socket.mac,
    peerMac: null,
    slots: plan.slots.filter((slot) => slot.interface === i).map((slot) => ({
      slot: slot.id,
      group: plan.groups[slot.group]!.config.name,
      queues: queuesOf(slot.group),
      v4: bytesOf(slot.addresses, 4),
      v6: bytesOf(slot.addresses, 6),
      ...(slot.virtual === undefined ? {} : { shared: slot.virtual }),
    })),
  }));
  const others = netlink.listLinks().map((link) => link.name).filter((name) =>
    name !== "lo" && !plan.interfaces.includes(name) && !beneath.has(name)
  );
  return {
    interfaces,
    others,
    leaseMs: config.timing.leaseUs / 1000,
    armMs: planLimits(config.timing).licenceUs / 1000,
    queueKind,
  };
}

function openShadow(c: SwitchContext): Shadow {
  return new Shadow(c.plan, {
    rules: c.rules,
    node: c.node,
    onOverflow: (group, packets) => c.shadowOverflow(group, packets),
  });
}

interface Guarded {
  readonly holds: Holds;
  readonly rules: KernelRules;
  readonly addresses: Addresses;
}

/** The guard, with a word that says at each moment what it has to do if this process cannot. */
function openGuard(
  path: string,
  { holds, rules, addresses }: Guarded,
  post: (report: SwitchReport) => void,
): Guard | null {
  const word = new GuardWord(addresses.places);
  try {
    rules.onGate((gate) => word.setGate(gate));
    const guard = startGuard(path, holds.each.flatMap(({ passed, direct }) => [passed, direct]), word);
    return {
      pid: guard.pid,
      stop() {
        guard.stop();
        word.close();
      },
    };
  } catch (error) {
    rules.onGate(() => {});
    word.close();
    // A second line is missing, and nothing else.
    const text =
      `the guard does not start: at a crash of this daemon, packets that are held would be lost and its addresses stay where they are: ${
        error instanceof Error ? error.message : error
      }`;
    post({ kind: "event", event: { at: new Date().toISOString(), level: "alarm", kind: "guard", text } });
    return null;
  }
}

function createNodeFor(init: SwitchInit, config: PairConfig, plan: SwitchPlan): NodeState {
  const random = crypto.getRandomValues(new Uint32Array(2));
  return createNode({
    index: plan.self,
    name: plan.name,
    peerName: plan.peerName,
    session: (random[0]! + (random[1]! & 0xff) * 0x1_0000_0000) || 1,
    digest: pairDigest(config),
    limits: planLimits(config.timing),
    fencing: config.nodes[1 - plan.self]!.fence !== undefined,
    arbiterUs: config.arbiter?.timeoutUs ?? null,
    groups: plan.groups.map((group) => {
      const known = init.epochs.find((one) => one.group === group.config.name);
      return {
        ...gatewaySetup(group.config),
        name: group.config.name,
        links: group.links,
        preferSelf: group.config.prefer === plan.name,
        preempt: group.config.preempt,
        shared: group.shared,
        usedUpTo: known?.lastUsed ?? 0,
        reservedUpTo: known?.reservedUpTo ?? 0,
        unproven: known?.unproven ?? true,
      };
    }),
  }, monotonicUs());
}
