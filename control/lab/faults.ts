/** Faults that a visitor starts and mends by keys, in any order: each key does what makes sense at the moment, and says it. */
import type { NodeName } from "./topology.ts";
import type { World } from "./world.ts";

/** What the faults need of the world. */
export type FaultyWorld = Pick<
  World,
  "switchover" | "powerOff" | "powerOn" | "daemon" | "start" | "cable" | "lan" | "reigns"
>;

interface Deed {
  readonly key: string;
  readonly label: string;
  /** Null where nothing can be done. */
  readonly act: (() => Promise<unknown>) | null;
}

export class Faults {
  readonly #world: FaultyWorld;
  readonly #off = new Set<NodeName>();
  readonly #killed = new Set<NodeName>();
  readonly #stopped = new Set<NodeName>();
  readonly #unplugged = new Set<NodeName>();
  #cableCut = false;
  /** One at a time: the keys of a burst wait for each other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(world: FaultyWorld) {
    this.#world = world;
  }

  /** Keys with what they would do now. */
  get keys(): readonly { readonly key: string; readonly label: string }[] {
    return this.#deeds().map(({ key, label }) => ({ key, label }));
  }

  /**
   * Does what the key says when its turn comes.
   * @param tell told what is about to be done, and what went wrong
   */
  press(key: string, tell: (text: string) => void): Promise<void> {
    const done = this.#last.then(async () => {
      const deed = this.#deeds().find((it) => it.key === key);
      if (deed === undefined) return;
      if (deed.act === null) return tell(`${deed.label}: not possible now`);
      tell(deed.label);
      try {
        await deed.act();
      } catch (error) {
        tell(`${deed.label}: ${error instanceof Error ? error.message : error}`);
      }
    });
    this.#last = done;
    return done;
  }

  /** Who spoke as the address last: heard on the switch, whatever the daemons say. */
  get #owner(): NodeName {
    return this.#world.reigns.at(-1)?.node ?? "a";
  }

  #deeds(): Deed[] {
    const owner = this.#owner, other = owner === "a" ? "b" : "a";
    const runs = (name: NodeName) => !this.#off.has(name) && !this.#killed.has(name) && !this.#stopped.has(name);
    return [
      { key: "1", label: `move ${owner} → ${other}`, act: runs(other) ? () => this.#world.switchover(other) : null },
      this.#mendable(
        "2",
        this.#off,
        "power on",
        () => this.#powerOn(),
        `power off ${owner}`,
        () => this.#powerOff(owner),
      ),
      this.#mendable(
        "3",
        this.#killed,
        "start",
        () => this.#start(),
        `kill -9 ${owner}`,
        runs(owner) ? () => this.#kill(owner) : null,
      ),
      this.#mendable(
        "4",
        this.#stopped,
        "resume",
        () => this.#continue(),
        `stop ${owner}`,
        runs(owner) ? () => this.#stop(owner) : null,
      ),
      this.#cableCut
        ? { key: "5", label: "mend cable", act: () => this.#cable(true) }
        : { key: "5", label: "cut cable", act: () => this.#cable(false) },
      this.#mendable(
        "6",
        this.#unplugged,
        "LAN on",
        () => this.#lan(true),
        `LAN off ${owner}`,
        this.#off.has(owner) ? null : () => this.#lan(false),
      ),
    ];
  }

  /** What was broken is mended before anything else is broken in the same way. */
  #mendable(
    key: string,
    broken: ReadonlySet<NodeName>,
    mending: string,
    mend: () => Promise<unknown>,
    breaking: string,
    act: (() => Promise<unknown>) | null,
  ): Deed {
    const [first] = broken;
    return first === undefined ? { key, label: breaking, act } : { key, label: `${mending} ${first}`, act: mend };
  }

  async #powerOff(name: NodeName): Promise<void> {
    // A node without power has no other trouble.
    for (const set of [this.#killed, this.#stopped]) set.delete(name);
    this.#off.add(name);
    await this.#world.powerOff(name);
  }

  async #powerOn(): Promise<void> {
    const [name] = this.#off;
    this.#off.delete(name!);
    // Its links come up with it; the cable is plugged into both.
    this.#unplugged.delete(name!);
    await this.#world.powerOn(name!);
    if (this.#cableCut) await this.#world.cable(false);
  }

  #kill(name: NodeName): Promise<void> {
    this.#killed.add(name);
    this.#world.daemon(name).signal("SIGKILL");
    return Promise.resolve();
  }

  #start(): Promise<void> {
    const [name] = this.#killed;
    this.#killed.delete(name!);
    this.#world.start(name!);
    return Promise.resolve();
  }

  #stop(name: NodeName): Promise<void> {
    this.#stopped.add(name);
    this.#world.daemon(name).signal("SIGSTOP");
    return Promise.resolve();
  }

  #continue(): Promise<void> {
    const [name] = this.#stopped;
    this.#stopped.delete(name!);
    this.#world.daemon(name!).signal("SIGCONT");
    return Promise.resolve();
  }

  async #cable(up: boolean): Promise<void> {
    this.#cableCut = !up;
    // A node without power has its end of it down already, and gets it back with the power.
    if (!this.#off.has("a")) await this.#world.cable(up);
  }

  async #lan(up: boolean): Promise<void> {
    const name = up ? [...this.#unplugged][0]! : this.#owner;
    if (up) this.#unplugged.delete(name);
    else this.#unplugged.add(name);
    await this.#world.lan(name, up);
  }
}
