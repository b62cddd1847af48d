/** A service that is a child of this process. */
import { Child } from "./child.ts";
import type { Instance, Runner } from "./runner.ts";

export interface ExecParts {
  readonly command: readonly string[];
  readonly env: () => Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
  readonly register: (child: Child) => void;
}

export class ExecRunner implements Runner {
  readonly #p: ExecParts;

  constructor(parts: ExecParts) {
    this.#p = parts;
  }

  start(): Promise<Instance> {
    try {
      const child = new Child(this.#p.command, this.#p.env(), this.#p.onLine);
      this.#p.register(child);
      return Promise.resolve(child);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Those of a former daemon are ended before any service is started. */
  clear(): Promise<void> {
    return Promise.resolve();
  }
}
