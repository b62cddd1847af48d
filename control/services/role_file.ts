/** `RUN_DIR/roles/GROUP`: the role of this node, for programs that do not speak to the API. */
import type { ServiceRole } from "./plan.ts";

export class RoleFiles {
  readonly #folder: string;

  constructor(runDir: string) {
    this.#folder = `${runDir}/roles`;
    Deno.mkdirSync(this.#folder, { recursive: true, mode: 0o755 });
  }

  /** `primary 12` and a line end. A reader sees the old line or the new one, nothing between them. */
  write(group: string, role: ServiceRole, epoch: number): void {
    const path = `${this.#folder}/${group}`;
    const next = `${path}.next`;
    Deno.writeTextFileSync(next, `${role} ${epoch}\n`, { mode: 0o644 });
    Deno.renameSync(next, path);
  }
}
