/** Why this node lost a reign without handing it over. Pure. */
import { durationText } from "../api/units.ts";
import type { MachineSample, SwitchEvidence } from "../core/evidence.ts";
import type { NodeEvent } from "../core/vocabulary.ts";
import { type Reasoned, reasoned } from "./explanation.ts";

/** A late wake explains a lapse if it is about as long as the lease was old. */
const EXPLAINS = 0.5;
/** Time without a processor explains a late wake from this share on. */
const STARVED = 0.3;

/** @param event `fenced` */
export function causeOfLoss(event: NodeEvent, evidence: SwitchEvidence | undefined): Reasoned {
  const { text } = event;
  if (/no carrier on/.test(text)) {
    return reasoned(
      "lan-port-down",
      "This node's own service interface lost its carrier: nobody can be served by it, so it gave the address up at once " +
        "and told the peer by what links were left.",
      "whether the cable, the port here or the port of the switch failed",
    );
  }
  if (/another program removed the rules/.test(text)) {
    return reasoned(
      "rules-flushed",
      "Another program removed segue's kernel rules (an nft flush ruleset, a firewall's restart). The gate was put back at once, " +
        "without a lease in it, for nobody knows what happened meanwhile.",
      "which program it was: the kernel tells a number of a socket, not a name",
    );
  }
  if (/^[^:]*: fenced, cut off: /.test(text)) return causeOfIsolation(text);
  if (/lease on .* had lapsed/.test(text)) return causeOfLapse(evidence);
  if (/refused to grant/.test(text)) {
    return reasoned(
      "lease-lapse",
      "The kernel refused the lease: between the question and the take this node lost too much time.",
    );
  }
  if (/speaks as the address too/.test(text)) {
    return reasoned(
      "two-primaries",
      "The peer spoke as the address as well and could not be heard to say why; this node is not preferred and gave way.",
      "who was right: the peer's journal has its side",
    );
  }
  if (/released, but/.test(text)) {
    return reasoned(
      "called-off",
      "The new node of a planned move did not finish, and this one had released the address already.",
    );
  }
  return reasoned("other", `The node says: ${text}.`);
}

/** @param text of a reign that was given up, or of a takeover that was not allowed */
export function causeOfIsolation(text: string): Reasoned {
  if (/the arbiter's key/.test(text)) {
    return reasoned(
      "no-key",
      `This node was cut off from its peer and did not have the arbiter's key, without which it must not serve: ${text}. ` +
        "Either the other one has it, and serves, or the arbiter did not answer in time.",
      "whether the peer was dead or only cut off: its journal, and the arbiter's, say it",
    );
  }
  return reasoned(
    "isolated",
    `This node heard neither its peer nor its gateway, so it took itself for the one that is cut off: ${text}. It serves again once it ` +
      "hears one of the two.",
    "whether the network is cut beside this node, or peer and gateway failed together",
  );
}

function causeOfLapse(evidence: SwitchEvidence | undefined): Reasoned {
  const lapse = evidence?.lapse ?? null;
  if (evidence === undefined || lapse === null) {
    return reasoned(
      "lease-lapse",
      "The lease ran out before it was refreshed: this process was stopped, starved or could not send.",
    );
  }
  const { wakes } = evidence;
  if (wakes.late === 0 || wakes.maxUs < EXPLAINS * lapse.ageUs) {
    return reasoned(
      "lease-lapse",
      `The lease was ${
        durationText(lapse.ageUs)
      } old when its refresh was refused, and no late wake of this node explains it.`,
      "what held the heartbeat back between this program and the device",
    );
  }
  return causeOfLateWake(evidence, "its lease had run out meanwhile");
}

/** The lease of the default profile, longer than that of `fast`: who sleeps for so long has none left. */
const OVERSLEPT_US = 60_000;

/** This node's side of a reign that the peer had taken while it slept; null if it did not sleep for so long. */
export function causeOfOversleeping(evidence: SwitchEvidence | undefined): Reasoned | null {
  if (evidence === undefined || evidence.wakes.maxUs < OVERSLEPT_US) return null;
  const name = evidence.peerName;
  return causeOfLateWake(
    evidence,
    `its lease had run out meanwhile, ${name} had taken over, and the first that it heard was ${name}`,
  );
}

/** @param then what came of it */
function causeOfLateWake(evidence: SwitchEvidence, then: string): Reasoned {
  const { wakes } = evidence;
  const late = `The switch thread woke ${durationText(wakes.maxUs)} too late, and ${then}`;
  const lost = timeLost(evidence.machine ?? [], wakes.maxUs);
  const stolen = lost.stealUs >= STARVED * wakes.maxUs;
  if (stolen || lost.runDelayUs >= STARVED * wakes.maxUs) {
    return reasoned(
      "daemon-starved",
      `${late}: ${
        stolen
          ? `the host of this virtual machine took ${durationText(lost.stealUs)} of processor time in those seconds.`
          : `for ${durationText(lost.runDelayUs)} it was ready to run and had no processor.`
      }`,
    );
  }
  if (lost.counted) {
    return reasoned(
      "daemon-stopped",
      `${late}. It did not wait for a processor (${
        durationText(lost.runDelayUs)
      } in those seconds), so it was not starved: ` +
        "it was stopped (SIGSTOP, a debugger, a frozen control group) or the whole machine was paused.",
      "who stopped it",
    );
  }
  return reasoned(
    "daemon-stopped",
    `${late}: it was stopped or starved.`,
    "which of the two: this kernel does not count the time that threads wait for a processor",
  );
}

/** What was lost in the span in which the late wake lies: the newest ones, back to its beginning. */
function timeLost(machine: readonly MachineSample[], lateUs: number) {
  const last = machine.filter(({ agoMs }) => agoMs * 1000 <= lateUs + 2e6);
  return {
    counted: last.some(({ runDelayUs }) => runDelayUs !== null),
    runDelayUs: last.reduce((sum, { runDelayUs }) => sum + (runDelayUs ?? 0), 0),
    stealUs: last.reduce((sum, { steal, spanMs }) => sum + steal * spanMs * 1000, 0),
  };
}
