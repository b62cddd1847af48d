/** An operator's word: move a group. Refused at once where it cannot begin; else the switch itself answers it. */
import { becomePreparing, newSwitchId } from "./become.ts";
import { able, type GroupState, peerAlive, prepareMaxUs } from "./group.ts";
import type { CoreEvent, NodeState } from "./node.ts";
import { offer } from "./step_serving.ts";

export function switchover(n: NodeState, g: GroupState, event: Extract<CoreEvent, { kind: "switchover" }>): void {
  const answer = (ok: boolean, error: string) => {
    n.out.push({ kind: "result", id: event.command, group: g.index, ok, error });
  };
  if (event.force) g.unproven = false;
  const toSelf = event.toSelf ?? g.role !== "primary";
  if (toSelf === (g.role === "primary")) {
    if (toSelf) return answer(true, "");
    if (g.peer.role === "primary" && peerAlive(n)) return answer(true, "");
    return answer(false, `${n.peerName} cannot be asked by a node that is not primary itself (${g.role})`);
  }
  if (g.moving.command !== 0 || g.role === "preparing" || g.role === "leaving" || g.settling) {
    return answer(false, "another switch of this group is under way: try again");
  }
  if (!peerAlive(n) || !g.peerKnown) {
    const silent = toSelf
      ? "as a standby this node takes over by itself once the address is silent"
      : "there is nobody to take over";
    return answer(false, `${n.peerName} is not heard; ${silent}`);
  }
  if (!n.compatible) return answer(false, `${n.peerName} runs with another configuration: make both the same first`);
  g.moving.command = event.command;
  if (!toSelf) {
    if (!g.peer.able) {
      g.moving.command = 0;
      return answer(false, `${n.peerName} cannot serve ${g.name} now: segue status there says why`);
    }
    return offer(n, g, event.timeoutUs, "an operator asked");
  }
  if (g.role !== "standby" || g.peer.role !== "primary" || !able(n, g)) {
    g.moving.command = 0;
    return answer(false, whyNot(n, g));
  }
  g.moving.deadlineUs = n.nowUs + Math.min(event.timeoutUs, prepareMaxUs(n, g));
  becomePreparing(n, g, "an operator asked", newSwitchId(n));
}

function whyNot(n: NodeState, g: GroupState): string {
  if (g.role !== "standby") return `this node is ${g.role}, not standby`;
  if (g.peer.role !== "primary") return `${n.peerName} is ${g.peer.role}, not primary`;
  if (!g.eligible) return `this node may not serve: ${g.eligibleReason}`;
  if (!g.carrier) return "this node has no carrier on a service interface";
  return "this node has no epoch that it can prove to be new: look at its journal, or use --force";
}
