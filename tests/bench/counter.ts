/**
 * The counter of docs/services.md on a real pair, moved and killed under constant increments: `deno run -A tests/bench/counter.ts
 * [--moves 100] [--kills 100] [--crossed 0] [--clients 4] [--seed 1] [--profile lan|fast] [--service py|ts] [--patience 250]
 * [--spare-services]`. `crossed`: moves in whose midst a node is killed. Prints JSON, progress on stderr; ends with 1 if an increment
 * was lost or counted twice, or a request never got its answer.
 */
import { parseArgs } from "node:util";
import { World, type WorldOptions } from "../../control/lab/world.ts";
import { proveCounter } from "../pair/counter/proof.ts";
import { type CounterLanguage, counterTable } from "../pair/counter/service.ts";

const { values: flags } = parseArgs({
  options: {
    moves: { type: "string", default: "100" },
    kills: { type: "string", default: "100" },
    crossed: { type: "string", default: "0" },
    clients: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
    profile: { type: "string", default: "lan" },
    service: { type: "string", default: "py" },
    patience: { type: "string", default: "250" },
    "spare-services": { type: "boolean", default: false },
  },
});

const began = performance.now();
const { profile, service } = flags as { profile: WorldOptions["profile"]; service: CounterLanguage };
await using world = await World.create({ family: "segtest", profile, group: counterTable(service) });
await world.startBoth();
const proof = await proveCounter(world, {
  moves: Number(flags.moves),
  kills: Number(flags.kills),
  crossed: Number(flags.crossed),
  clients: Number(flags.clients),
  seed: Number(flags.seed),
  patienceMs: Number(flags.patience),
  withServices: !flags["spare-services"],
  progress: (line) => console.error(`${Math.round((performance.now() - began) / 1000)} s: ${line}`),
});
console.log(JSON.stringify({ bench: "counter", ...flags, ...proof }, null, 2));
if (proof.wrong.length > 0) Deno.exitCode = 1;
