/**
 * Which datagrams may have an effect. A recorded datagram must not, whatever it once said:
 * - it must echo this run's session, so it was made after this run began;
 * - its own session must not be one that the peer has left behind;
 * - its sequence must be new within its session.
 *
 * One that does not echo us can only make us say our session (a *greeting*), which is what lets two nodes meet.
 */
import type { Heartbeat } from "./heartbeat.ts";

export interface Freshness {
  /** Random number of this run. */
  readonly session: number;
  /** Session of the peer's present run, 0 before it was first heard. */
  peerSession: number;
  /** Session that our heartbeats echo: the peer's, or the last greeting's before there is one. */
  echo: number;
  seq: number;
  /** When the peer's present run was last heard. */
  freshUs: number;
  /** Sessions that the peer has left behind during this run, oldest first. */
  readonly retired: number[];
}

export type Verdict = "fresh" | "greeting" | "copy" | "old" | "retired";

/** More restarts of the peer in one run of ours than anybody will see; bounded all the same. */
const RETIRED_MAX = 4096;

export function createFreshness(session: number): Freshness {
  return { session, peerSession: 0, echo: 0, seq: 0, freshUs: -Infinity, retired: [] };
}

/**
 * Judges an authentic heartbeat and remembers it.
 * @param quietUs a greeting is not echoed while the known run of the peer has been heard within this time: a recorded
 *   greeting, sent again and again, would else make our heartbeats echo a run that is gone, and the living peer deaf to them
 */
export function judge(
  state: Freshness,
  beat: Pick<Heartbeat, "session" | "echoSession" | "seq">,
  nowUs: number,
  quietUs: number,
): Verdict {
  if (beat.session !== state.peerSession && state.retired.includes(beat.session)) return "retired";
  if (beat.echoSession !== state.session) {
    if (nowUs - state.freshUs > quietUs) state.echo = beat.session;
    return "greeting";
  }
  if (beat.session !== state.peerSession) {
    if (state.peerSession !== 0) retire(state);
    state.peerSession = beat.session;
    state.seq = beat.seq;
    state.echo = beat.session;
    state.freshUs = nowUs;
    return "fresh";
  }
  if (beat.seq === state.seq) return "copy";
  if (beat.seq < state.seq) return "old";
  state.seq = beat.seq;
  state.echo = beat.session;
  state.freshUs = nowUs;
  return "fresh";
}

function retire(state: Freshness): void {
  state.retired.push(state.peerSession);
  if (state.retired.length > RETIRED_MAX) state.retired.shift();
}
