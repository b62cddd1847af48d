/** The watcher's words, collected: claims, intrusions, and whether epochs grow. */
import type { World } from "../../control/lab/world.ts";
import { LabProcess } from "../../control/lab/process.ts";
import type { Claim, Intrusion } from "./owners.ts";
import type { ChaosNews } from "./watcher.ts";

export class Observer {
  readonly claims: Claim[] = [];
  readonly intrusions: Intrusion[] = [];
  readonly sameEpoch: string[] = [];
  spoken = 0;
  unclaimed = 0;
  missed = 0;
  readonly #process: LabProcess;

  static async start(world: World, pair: string): Promise<Observer> {
    const observer = new Observer(world, pair);
    await observer.#process.line((line) => line === "ready", 20_000);
    return observer;
  }

  private constructor(world: World, pair: string) {
    const script = new URL("./watcher.ts", import.meta.url).pathname;
    const command = [
      Deno.execPath(),
      "run",
      "--allow-all",
      "--no-check",
      "--quiet",
      script,
      `${world.folder}/pair.key`,
      pair,
    ];
    this.#process = new LabProcess("chaos watcher", world.net.switch, command, {}, (line) => {
      if (!line.startsWith("{")) return false;
      this.#hear(JSON.parse(line) as ChaosNews);
      return true;
    });
  }

  /** It hears, and has not ended by a fault of its own. */
  get running(): boolean {
    return this.#process.running;
  }

  /** What it said that is no news: why it ended. */
  get words(): readonly string[] {
    return this.#process.lines;
  }

  #hear(news: ChaosNews): void {
    this.claims.push(...news.claims);
    this.intrusions.push(...news.intrusions);
    this.sameEpoch.push(...news.sameEpoch);
    ({ spoken: this.spoken, unclaimed: this.unclaimed, missed: this.missed } = news);
  }

  stop(): Promise<void> {
    return this.#process.kill();
  }
}
