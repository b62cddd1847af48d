/**
 * Bugs that the simulation must find, each planted by replacing one function or one number from outside; what ships knows nothing of them.
 * `seeds`: within so many it is found.
 */
import type { Gateway } from "../../control/core/gateway.ts";
import type { Effect } from "../../control/core/effects.ts";
import { judgeHeartbeat, type NodeState } from "../../control/core/node.ts";
import type { GroupState } from "../../control/core/group.ts";
import type { StateManager } from "../../control/state/manager.ts";
import type { Shadow } from "../../control/switch/shadow.ts";
import type { SimJournal } from "./disk.ts";
import type { SimKernel } from "./kernel.ts";
import type { Hooks } from "./world.ts";

export interface PlantedBug {
  readonly name: string;
  readonly seeds: number;
  readonly hooks: Hooks;
  /** What the referee says. */
  readonly rule: RegExp;
}

/** Replaces a method, or a property, of one object. */
function replace<T extends object, K extends keyof T>(object: T, name: K, make: (original: T[K]) => T[K]): void {
  const original = object[name];
  const bound = typeof original === "function" ? original.bind(object) as T[K] : original;
  Object.defineProperty(object, name, { value: make(bound) });
}

function without(unwanted: (effect: Effect, group: GroupState) => boolean): Hooks {
  return {
    switchThread: { effects: (effects, group) => effects.filter((effect) => !unwanted(effect, group)) },
  };
}

/** The first kind of effect comes before the second one, wherever both are ordered. */
function before(early: Effect["kind"], late: Effect["kind"]): Hooks {
  return {
    switchThread: {
      effects: (effects) => {
        const from = effects.findIndex(({ kind }) => kind === early),
          to = effects.findIndex(({ kind }) => kind === late);
        if (to < 0 || from <= to) return effects;
        const moved = [...effects];
        moved.splice(to, 0, ...moved.splice(from, 1));
        return moved;
      },
    },
  };
}

function onKernel(change: (kernel: SimKernel) => void): Hooks {
  return { kernel: change };
}

function onReplica(change: (replica: NonNullable<ReturnType<typeof replicaOf>>) => void): Hooks {
  return { main: { manager: (manager) => change(replicaOf(manager)!) } };
}

function replicaOf(manager: StateManager) {
  return manager.groups.get("web")?.replica;
}

function onJournal(change: (journal: SimJournal) => void): Hooks {
  return { main: { journal: change } };
}

function onShadow(change: (shadow: Shadow) => void): Hooks {
  return { switchThread: { shadow: change } };
}

const OWNERS = /two owners/;
const PARTS = /two owners: on two parts/;

/** Something is done to what the core knows of its gateway, whenever effects are ordered. */
function onGateway(change: (gateway: Gateway, group: GroupState) => void): Hooks {
  return {
    switchThread: {
      effects: (effects, group) => {
        if (group.gateway !== null) change(group.gateway, group);
        return effects;
      },
    },
  };
}

export const BUGS: readonly PlantedBug[] = [
  {
    name: "probe skipped",
    seeds: 30,
    rule: OWNERS,
    hooks: without(({ kind }) => kind === "probe"),
  },
  {
    name: "answers to probes ignored",
    seeds: 30,
    rule: OWNERS,
    hooks: { switchThread: { event: (event) => event.kind === "probeAnswered" ? null : event } },
  },
  {
    name: "lease ten times longer than dead_after",
    seeds: 60,
    rule: /does not serve/,
    hooks: onKernel((kernel) => replace(kernel, "expiry", (expiry) => (now, timeout) => expiry(now, 10 * timeout))),
  },
  {
    name: "take without a licence",
    seeds: 600,
    rule: OWNERS,
    hooks: onKernel((kernel) =>
      replace(kernel, "mark", (mark) => (now, step) => {
        if (step === "take") mark(now, "arm");
        return mark(now, step);
      })
    ),
  },
  {
    name: "hold licenses the take of a failover",
    seeds: 600,
    rule: OWNERS,
    hooks: {
      switchThread: {
        effects: (effects) =>
          effects.flatMap((effect): Effect[] =>
            effect.kind === "hold" ? [effect, { kind: "beat", group: effect.group, step: "hold" }] : [effect]
          ),
      },
    },
  },
  {
    name: "lapsed lease refreshed",
    seeds: 200,
    rule: OWNERS,
    hooks: onKernel((kernel) =>
      replace(kernel, "mark", (mark) => (now, step) => {
        if (step === "refresh" && kernel.leaseUntil > -Infinity) {
          kernel.leaseUntil = Math.max(kernel.leaseUntil, now + 1);
        }
        return mark(now, step);
      })
    ),
  },
  {
    name: "flushed rules not put back",
    seeds: 100,
    // On an old node of a switchover and on a standby there is no address to be seen; what is felt is what the rules do.
    rule: /two owners|packets lost|does not serve/,
    hooks: onKernel((kernel) =>
      replace(kernel, "installGate", (install) => () => {
        const { flushed } = kernel;
        install();
        kernel.flushed = flushed;
      })
    ),
  },
  {
    name: "late wake ignored",
    seeds: 300,
    rule: OWNERS,
    hooks: { switchThread: { event: (event) => event.kind === "lateWake" ? null : event } },
  },
  {
    name: "epoch not journaled",
    seeds: 30,
    rule: /was used twice|lower than an earlier one/,
    hooks: {
      disk: (disk) =>
        replace(disk, "reserve", () => (above) => {
          disk.epochs = { reservedUpTo: 0, unproven: false };
          return above + 1000;
        }),
    },
  },
  {
    name: "stale datagram accepted",
    seeds: 100,
    rule: /does not serve|two owners|not settled|lost/,
    hooks: {
      switchThread: {
        judge: (node: NodeState, nowUs, beat) => {
          const verdict = judgeHeartbeat(node, nowUs, beat);
          return verdict === "copy" ? "copy" : "fresh";
        },
      },
    },
  },
  {
    name: "release before the lease",
    seeds: 30,
    rule: /without a lease|never served|lost/,
    hooks: before("releasePeer", "take"),
  },
  {
    name: "old node does not pass on",
    seeds: 30,
    rule: /packets lost/,
    hooks: onKernel((kernel) => replace(kernel, "mark", (mark) => (now, step) => step === "pass" || mark(now, step))),
  },
  {
    name: "release in the wrong order",
    seeds: 30,
    rule: /was served after|never served/,
    hooks: onKernel((kernel) =>
      replace(kernel, "receive", (receive) => (now, packet) => {
        // One queue for all.
        return receive(now, { ...packet, fromPeer: false });
      })
    ),
  },
  {
    name: "called off without giving back",
    seeds: 600,
    rule: /packets lost/,
    hooks: {
      switchThread: {
        effects: (effects) =>
          effects.flatMap((effect): Effect[] =>
            effect.kind === "giveBack" ? [{ kind: "finishHold", group: effect.group }] : [effect]
          ),
      },
    },
  },
  {
    name: "acknowledged before it is replicated",
    seeds: 30,
    rule: /was acknowledged as replicated/,
    hooks: onReplica((replica) =>
      Object.defineProperty(replica, "peerReceived", { get: () => replica.followed ? replica.lsn : 0 })
    ),
  },
  {
    name: "durable before it is on the disk",
    seeds: 30,
    rule: /was acknowledged as durable/,
    hooks: onJournal((journal) =>
      replace(journal, "append", (append) => (changes, urgent) => {
        const sequence = append(changes, urgent);
        journal.listener?.durable(sequence);
        return sequence;
      })
    ),
  },
  {
    name: "last words not waited for",
    seeds: 100,
    rule: /stayed behind/,
    hooks: { main: { manager: (manager) => replace(manager, "lastWords", () => () => Promise.resolve({ lsn: 0 })) } },
  },
  {
    name: "older copy served",
    seeds: 600,
    rule: /serves without|is lost/,
    hooks: onReplica((replica) => Object.defineProperty(replica, "fit", { get: () => true })),
  },
  {
    name: "orphan tail thrown away",
    seeds: 60,
    rule: /neither kept nor set aside/,
    hooks: onJournal((journal) =>
      replace(
        journal,
        "append",
        (append) => (changes, urgent) => append(changes.filter(({ kind }) => kind !== "orphans"), urgent),
      )
    ),
  },
  {
    name: "position written without its rows",
    seeds: 60,
    rule: /disk of|serves without|acknowledged as durable|is lost/,
    hooks: onJournal((journal) => {
      let turn = 0;
      replace(
        journal,
        "append",
        (append) => (changes, urgent) =>
          append(++turn % 5 === 0 ? changes.filter(({ kind }) => kind !== "rows") : changes, urgent),
      );
    }),
  },
  {
    name: "an isolated primary does not give up",
    seeds: 300,
    rule: PARTS,
    hooks: onGateway((gateway, { role }) => {
      if (role === "primary") gateway.unanswered = 0;
    }),
  },
  {
    name: "a fence command that failed counts as done",
    seeds: 600,
    rule: /which nobody had fenced/,
    hooks: { switchThread: { event: (event) => event.kind === "peerFenced" ? { ...event, ok: true } : event } },
  },
  {
    name: "a takeover that does not wait for the fence command",
    seeds: 100,
    rule: /which nobody had fenced/,
    hooks: {
      switchThread: {
        effects: (effects, group) => {
          // As if the command had ended well before it was ordered.
          const ordered = effects.some(({ kind }) => kind === "fencePeer");
          return ordered ? [...effects, { kind: "take", group: group.index, epoch: group.epoch + 2 }] : effects;
        },
      },
    },
  },
];

/** For `playCrashes`: of the shared wire. */
export const WIRE_BUGS: readonly PlantedBug[] = [
  {
    name: "the shadow is thrown away at a failover",
    seeds: 20,
    rule: /packets lost/,
    hooks: onShadow((shadow) =>
      replace(shadow, "finish", (finish) => (group, _replay, nowUs) => finish(group, false, nowUs))
    ),
  },
  {
    name: "what the primary has served is not dropped",
    seeds: 60,
    rule: /served twice/,
    hooks: onShadow((shadow) => replace(shadow, "heard", () => () => {})),
  },
  {
    name: "a heartbeat vouches for what its service had not read",
    seeds: 200,
    rule: /packets lost/,
    hooks: { lagUs: 0 },
  },
];
