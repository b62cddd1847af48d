/**
 * A process that holds the queues of two groups, with the guard whose program is its first argument, until it is killed. The second one is
 * its word to the guard as JSON: addresses to take off, and the transaction that puts the gate in. For guard.test.ts.
 */
import { queuesOf } from "../../control/switch/ruleset_spec.ts";
import { GuardWord, startGuard } from "../../kernel_ffi/guard.ts";
import { HoldQueue } from "../../kernel_ffi/nfqueue.ts";

/** Bytes in base64. */
export interface HolderWord {
  readonly addresses: readonly {
    readonly ifindex: number;
    readonly address: string;
    readonly prefixLength: number;
  }[];
  readonly gate: string;
}

if (import.meta.main) {
  const queues = [0, 1].flatMap((group) => [queuesOf(group).passed, queuesOf(group).direct]).map((queue) =>
    new HoldQueue(queue, { maxLength: 65536 })
  );
  const [program, json] = Deno.args;
  let guard = 0;
  if (program !== undefined) {
    const { addresses, gate } = JSON.parse(json!) as HolderWord;
    const word = new GuardWord(addresses.map((it) => ({ ...it, address: Uint8Array.fromBase64(it.address) })));
    word.setGate(Uint8Array.fromBase64(gate));
    guard = startGuard(program, queues, word).pid;
  }
  console.log(guard);
  setInterval(() => {}, 1000);
}
