/**
 * What is looked at at leisure, twice a second: links that fell silent, whether the traffic has followed a takeover, and which
 * neighbours have not. Nothing here decides anything; it ends in alarms and in the status.
 */
import { formatIp } from "../../kernel_ffi/address.ts";
import { KernelError } from "../../kernel_ffi/errno.ts";
import { leased, peerAlive } from "../core/group.ts";
import type { SwitchContext } from "./context.ts";
import { Straggling } from "./straggling.ts";
import type { PlannedGroup } from "./plan.ts";

/** A link of a peer that is heard elsewhere is silent after this time. */
const LINK_SILENT_US = 1_000_000;
/** Packets within this time: there is traffic. */
const TRAFFIC_US = 10_000_000;
/** For traffic to arrive after a takeover, if there was some before. */
const ARRIVAL_US = 10_000_000;

/** One group's packets. */
interface Watched {
  /** Let in so far, as of the last look. */
  served: number;
  /** As of the last look before this reign. */
  servedBefore: number;
  trafficUs: number;
  /** Passed on or dropped so far. */
  turnedAway: number;
  readonly straggling: Straggling;
}

export class Aftercare {
  readonly #c: SwitchContext;
  readonly #watched: readonly Watched[];
  /** Looks in a row at which a link was silent. */
  readonly #silentLooks: Uint8Array;

  constructor(context: SwitchContext) {
    this.#c = context;
    this.#silentLooks = new Uint8Array(context.links.all.length);
    this.#watched = context.plan.groups.map(() => ({
      served: 0,
      servedBefore: 0,
      trafficUs: -Infinity,
      turnedAway: 0,
      straggling: new Straggling(),
    }));
  }

  /** After the counters have been read. */
  look(nowUs: number): void {
    this.#links(nowUs);
    for (const group of this.#c.plan.groups) {
      this.#traffic(group, nowUs);
      this.#stragglers(group, nowUs);
    }
  }

  /** Alarms of links that nothing comes by while others carry the peer's heartbeats. */
  #links(nowUs: number): void {
    // A dead peer is silent everywhere; that is not the links' matter.
    if (!peerAlive(this.#c.node)) return void this.#silentLooks.fill(0);
    const all = this.#c.links.all;
    for (let i = 0; i < all.length; i++) {
      const link = all[i]!, { heardUs } = link.stats;
      const silent = heardUs !== -Infinity && nowUs - heardUs > LINK_SILENT_US;
      this.#silentLooks[i] = silent ? Math.min(2, this.#silentLooks[i]! + 1) : 0;
      // Twice, for a peer that has just come back is not heard on all links at once.
      if (this.#silentLooks[i] === 1) continue;
      const text = `nothing comes from ${this.#c.plan.peerName} on ${link.title}, while other links carry its ` +
        "heartbeats: look at the cable, the port and filters";
      if (!silent) this.#c.alarm(`silent ${link.title}`, null);
      else this.#c.alarm(`silent ${link.title}`, text, { hints: this.#c.evidence.recentHints(nowUs) });
    }
  }

  #traffic(group: PlannedGroup, nowUs: number): void {
    const g = this.#c.node.groups[group.index]!, watched = this.#watched[group.index]!;
    const served = this.#sum(group, "served");
    if (served > watched.served) watched.trafficUs = nowUs;
    watched.served = served;
    if (!leased(g)) watched.servedBefore = served;
    g.traffic = leased(g) && nowUs - watched.trafficUs < TRAFFIC_US;
    const missing = g.role === "primary" && this.#c.trafficExpected[group.index] === true &&
      served === watched.servedBefore && nowUs - g.sinceUs >= ARRIVAL_US;
    const text =
      `${g.name}: not one packet has come in the ${
        ARRIVAL_US / 1e6
      } s since this node took over, though there was traffic ` +
      `before: neighbours may still send to ${this.#c.plan.peerName} (its status names them), or a switch has not learnt the move`;
    this.#c.alarm(`no-traffic ${g.name}`, missing ? text : null);
  }

  #stragglers(group: PlannedGroup, nowUs: number): void {
    const g = this.#c.node.groups[group.index]!, watched = this.#watched[group.index]!;
    const turnedAway = this.#sum(group, "passed") + this.#sum(group, "dropped");
    const grown = turnedAway > watched.turnedAway;
    watched.turnedAway = turnedAway;
    const changed = watched.straggling.look(nowUs, {
      waiting: g.role === "standby",
      sinceUs: g.sinceUs,
      grown,
      read: () => this.#read(group),
    });
    if (!changed) return;
    this.#c.stragglers[group.index] = watched.straggling.now;
    this.#c.alarm(`stragglers ${g.name}`, watched.straggling.text(g.name, this.#c.plan.name));
  }

  #read(group: PlannedGroup): Map<string, number> {
    const counts = new Map<string, number>();
    for (const slot of group.slots) {
      try {
        for (const { key, packets } of this.#c.rules.strays(slot.id)) {
          const address = formatIp(key);
          counts.set(address, (counts.get(address) ?? 0) + packets);
        }
      } catch (error) {
        // Another program may have taken the rules away just now; they come back with an empty list.
        if (!(error instanceof KernelError)) throw error;
      }
    }
    return counts;
  }

  #sum(group: PlannedGroup, counter: "served" | "passed" | "dropped"): number {
    return group.slots.reduce((sum, slot) => sum + (this.#c.slotCounters.get(slot.id)?.[counter] ?? 0), 0);
  }
}
