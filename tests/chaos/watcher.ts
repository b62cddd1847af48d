/**
 * A process in the switch's namespace: hears every frame of both nodes, and says who claims the address and who speaks as it out of turn, as
 * lines of JSON. `watcher.ts KEY_FILE PAIR`.
 */
import { readKeys } from "../../config/key.ts";
import { emptyHeartbeat } from "../../control/core/heartbeat.ts";
import { decodeHeartbeat, prepareKey, type WireKeys } from "../../control/core/wire.ts";
import { watchPorts } from "../../control/lab/watcher.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import { ETHERNET_HEADER_BYTES, ETHERTYPE_EXPERIMENTAL } from "../../kernel_ffi/ethernet.ts";
import { type Claim, type Intrusion, Owners } from "./owners.ts";

/** What is new since the last line. */
export interface ChaosNews {
  readonly claims: readonly Claim[];
  readonly intrusions: readonly Intrusion[];
  readonly sameEpoch: readonly string[];
  /** So far: frames spoken as the address, those of them before anybody claimed it, and frames that could not be taken. */
  readonly spoken: number;
  readonly unclaimed: number;
  readonly missed: number;
}

/** Of a run of intrusions the first ones say it all. */
const INTRUSIONS_MAX = 100;
/** What is counted is told after so many frames, also when there is no other news: frames that were missed are news. */
const FRAMES_BETWEEN_NEWS = 32;
/** Neither node's index: the watcher listens to both. */
const NOBODY = 255;

function watch(keyFile: string, pair: string): never {
  const prepared = readKeys(keyFile).map((key) => prepareKey(key, pair));
  const keys: WireKeys = { pairId: prepared[0]!.pairId, keys: prepared, retired: [], foreignId: 0 };
  const beat = emptyHeartbeat(), owners = new Owners();
  const seq = new Map<NodeName, string>();
  let claims: Claim[] = [], intrusions: Intrusion[] = [], sameEpoch: string[] = [], told = 0, frames = 0;
  watchPorts({
    frame(node, frame, length, speech, atUs) {
      const due = ++frames % FRAMES_BETWEEN_NEWS === 0;
      if (speech !== null) {
        const intrusion = owners.spoke(node, speech, atUs());
        if (intrusion === null || ++told > INTRUSIONS_MAX) return due;
        intrusions.push(intrusion);
        return true;
      }
      if ((frame[12]! << 8 | frame[13]!) !== ETHERTYPE_EXPERIMENTAL) return due;
      const body = frame.subarray(ETHERNET_HEADER_BYTES);
      if (decodeHeartbeat(body, length - ETHERNET_HEADER_BYTES, keys, NOBODY, beat) !== null) return due;
      const group = beat.groups[0]!;
      const said = `${group.role} ${group.epoch}`;
      if (group.role !== "primary" || seq.get(node) === said) {
        seq.set(node, said);
        return due;
      }
      seq.set(node, said);
      const claim = owners.heard(node, group.epoch, atUs());
      if (claim === null) return due;
      if (typeof claim === "string") sameEpoch.push(claim);
      else claims.push(claim);
      return true;
    },
    report(missed) {
      const { spoken, unclaimed } = owners;
      console.log(JSON.stringify({ claims, intrusions, sameEpoch, spoken, unclaimed, missed } satisfies ChaosNews));
      claims = [], intrusions = [], sameEpoch = [];
    },
  });
}

if (import.meta.main) watch(Deno.args[0]!, Deno.args[1]!);
