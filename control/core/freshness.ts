/**
 * Which datagrams may have an effect. A recorded datagram must not, whatever it once said:
 * - it must echo this run's session, so it was made after this run began;
 * - its own session must not be one that the peer has left behind;
 * - its sequence must be new within its session;
 * - another run of the peer than the one that is known must have heard of a session that is younger than that knowledge.
 *
 * The last one is what a session has *generations* for: a recorded datagram of a run that this node never heard would else count as fresh,
 * and the run that lives as left behind. So who claims to be another run makes this node renew its session; only one that lives can
 * echo the new one. For the run that is known nothing changes by that: it takes a later generation for what it is.
 *
 * One that does not echo us can only make us say our session (a *greeting*), which is what lets two nodes meet.
 */
import type { Heartbeat } from "./heartbeat.ts";

/** A session is a random number of this many bits for each run, below the number of its generation. */
export const RUN_BITS = 40;
const RUN = 2 ** RUN_BITS;
/** Of 53 bits in all. One for each run of the peer, and none for what is sent again. */
const GENERATIONS = 8191;

export interface Freshness {
  /** Number of this run, with its generation. */
  session: number;
  /** A run of the peer is known that met this generation, so the next one must meet a younger one. */
  met: boolean;
  /** Session of the peer's present run, 0 before it was first heard. */
  peerSession: number;
  /** Session that our heartbeats echo: the peer's, or the last greeting's before there is one. */
  echo: number;
  seq: number;
  /** When the peer's present run was last heard. */
  freshUs: number;
  /** Runs that the peer has left behind during this run, oldest first. */
  readonly retired: number[];
}

export type Verdict = "fresh" | "greeting" | "copy" | "old" | "retired";

/** More restarts of the peer in one run of ours than anybody will see; bounded all the same. */
const RETIRED_MAX = 4096;

export function createFreshness(session: number): Freshness {
  return { session, met: false, peerSession: 0, echo: 0, seq: 0, freshUs: -Infinity, retired: [] };
}

/** The run to which a session belongs. */
export function runOf(session: number): number {
  return session % RUN;
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
  const run = runOf(beat.session), known = runOf(state.peerSession) === run;
  if (!known && state.retired.includes(run)) return "retired";
  if (!known && beat.echoSession === state.session && state.met) renew(state);
  // The known run may not have heard of the last generation yet; in its own sequence nothing can be repeated.
  const met = known ? runOf(beat.echoSession) === runOf(state.session) : beat.echoSession === state.session;
  if (!met) {
    if (nowUs - state.freshUs > quietUs) state.echo = beat.session;
    return "greeting";
  }
  if (known && beat.seq === state.seq) return "copy";
  if (known && beat.seq < state.seq) return "old";
  if (!known && state.peerSession !== 0) retire(state);
  state.met = true;
  state.peerSession = known ? Math.max(state.peerSession, beat.session) : beat.session;
  state.seq = beat.seq;
  state.echo = state.peerSession;
  state.freshUs = nowUs;
  return "fresh";
}

/** The last generation is met by whoever echoes it: 8,000 restarts of the peer in one run of ours. */
function renew(state: Freshness): void {
  if (Math.floor(state.session / RUN) >= GENERATIONS) return;
  state.session += RUN;
  state.met = false;
}

function retire(state: Freshness): void {
  state.retired.push(runOf(state.peerSession));
  if (state.retired.length > RETIRED_MAX) state.retired.shift();
}
