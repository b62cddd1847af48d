/** `segue lab --console`: a running pair with traffic, the console on it, and keys for the faults. Cleans up whatever happens. */
import { terminal } from "../api/commands/terminal.ts";
import { loadConsole } from "../console/load.ts";
import type { Host } from "../console/main.ts";
import { sleep } from "./command.ts";
import { Faults } from "./faults.ts";
import { Interrupt } from "./interrupt.ts";
import type { Measurement } from "./measurement.ts";
import { chooseScreen, type Screen } from "./screen.ts";
import { ClientStrip } from "./strip.ts";
import { NODES } from "./topology.ts";
import type { Traffic } from "./traffic.ts";
import { World } from "./world.ts";

const FAMILY = "seglab";
/** Between two datagrams of the client. */
const INTERVAL_US = 1000;
/** A client keeps every packet in memory: it is followed by the next one before that becomes much. */
const ROUND_MS = 600_000;
const OVERLAP_MS = 10_000;
const SHOW_EVERY_MS = 500;
/** As in the tour: Ctrl-C may end what the lab waits for before the lab hears of it. */
const SIGNAL_MS = 100;

/** Resolves with the exit code: 0 after `q`, 128 + signal after an interrupt, 1 if it could not be built. */
export async function runLive(): Promise<number> {
  const interrupt = new Interrupt();
  const screen = chooseScreen((text) => interrupt.write(Deno.stdout, text), () => {}, false);
  screen.live("a client, a switch and two nodes in network namespaces: building …");
  // As a pair is set up by default: somebody who plays does not look at a machine that has nothing else to do.
  const building = World.create({ family: FAMILY, profile: "lan" });
  const live = new Live(building, screen, interrupt.came);
  let ended: unknown;
  try {
    const ran = live.run().catch((error: unknown) => error);
    ended = await Promise.race([ran, interrupt.came]);
    // The console gives the terminal back before anything else is said.
    if (live.opened) ended = await ran;
    if (typeof ended !== "number") ended = await Promise.race([interrupt.came, sleep(SIGNAL_MS).then(() => ended)]);
    screen.live("taking everything away …");
  } finally {
    await live.close();
    interrupt.close();
  }
  screen.clear();
  if (typeof ended === "number") return ended;
  terminal.err(`segue lab: ${ended instanceof Error ? ended.message : ended}\n`);
  return 1;
}

class Live {
  readonly #building: Promise<World>;
  readonly #screen: Screen;
  readonly #interrupted: Promise<number>;
  readonly #strip = new ClientStrip();
  #client: Traffic<Measurement> | null = null;
  #round: ReturnType<typeof setTimeout> | undefined;
  #over = false;
  /** The console has the terminal. */
  opened = false;

  constructor(building: Promise<World>, screen: Screen, interrupted: Promise<number>) {
    this.#building = building;
    this.#screen = screen;
    this.#interrupted = interrupted;
  }

  async run(): Promise<number> {
    const world = await this.#building;
    this.#screen.live("starting two daemons …");
    const [{ openConsole }] = await Promise.all([loadConsole(), world.startBoth()]);
    this.#screen.live("starting a client …");
    await this.#nextRound(world);
    if (this.#over) return 1;
    this.#screen.clear();
    this.opened = true;
    const { host, end } = this.#host(world);
    try {
      return await openConsole(terminal, { runDirs: NODES.map((name) => world.runDir(name)), host });
    } finally {
      end();
    }
  }

  async close(): Promise<void> {
    this.#over = true;
    clearTimeout(this.#round);
    await (await this.#building.catch(() => null))?.close();
  }

  /** A client whose counters begin at 0; the one before it ends once this one runs. */
  async #nextRound(world: World): Promise<void> {
    let current = false;
    const next = await world.udp({
      durationMs: ROUND_MS + OVERLAP_MS,
      intervalUs: INTERVAL_US,
      onProgress: (progress) => current && this.#strip.report(progress),
    });
    const before = this.#client;
    this.#client = next;
    this.#strip.renewed();
    current = true;
    await before?.stop();
    if (this.#over) return;
    this.#round = setTimeout(() => this.#nextRound(world).catch(() => {}), ROUND_MS);
  }

  #host(world: World): { readonly host: Host; readonly end: () => void } {
    const faults = new Faults(world);
    let timer: ReturnType<typeof setInterval> | undefined;
    let say = (_text: string) => {}, show = () => {};
    const host: Host = {
      opened: (console) => {
        say = (text) => console.say("lab", text);
        show = () => console.show({ keys: faults.keys, lines: [this.#strip.text()] });
        show();
        timer = setInterval(show, SHOW_EVERY_MS);
      },
      pressed: (key) => {
        void faults.press(key, (text) => {
          this.#strip.begin(text);
          say(text);
          show();
        }).then(() => show());
      },
      over: this.#interrupted,
    };
    return { host, end: () => clearInterval(timer) };
  }
}
