/** The pair's keys in the main thread: read anew at a reload, refused where that would part the pair, given to all who use them. */
import { ConfigError, readKeys } from "../../config/key.ts";
import { fingerprintOf } from "../../config/key_change.ts";
import { sameBytes } from "../../kernel_ffi/address.ts";
import { ApiProblem } from "../api/problem.ts";
import type { SwitchSnapshot } from "../core/messages.ts";

export interface KeyRingParts {
  readonly keys: readonly Uint8Array[];
  readonly snapshot: () => Promise<SwitchSnapshot>;
  /** Takes the keys over; resolves when they count. */
  readonly use: (keys: readonly Uint8Array[]) => Promise<void>;
  readonly alarm: (text: string | null) => void;
}

export class KeyRing {
  readonly #p: KeyRingParts;
  #keys: readonly Uint8Array[];

  constructor(parts: KeyRingParts) {
    this.#p = parts;
    this.#keys = parts.keys;
  }

  /**
   * The file's keys if they are other ones, else null. Rejects with `ApiProblem` for a file that is not as it should be, and for one
   * without the key that the peer signs with; then there is an alarm until a later file is good.
   */
  async read(path: string): Promise<readonly Uint8Array[] | null> {
    try {
      const keys = readKeys(path);
      const known = sameKeys(keys, this.#keys);
      const problem = known ? null : keyInUse(await this.#p.snapshot(), keys.map(fingerprintOf), path);
      if (problem !== null) throw problem;
      this.#p.alarm(null);
      return known ? null : keys;
    } catch (error) {
      const problem = error instanceof ConfigError ? badFile(error) : error;
      if (problem instanceof ApiProblem) this.#p.alarm(`the key file was not taken over: ${problem.message}`);
      throw problem;
    }
  }

  async take(keys: readonly Uint8Array[]): Promise<void> {
    this.#keys = keys;
    await this.#p.use(keys);
  }
}

function badFile({ reason, hint }: ConfigError): ApiProblem {
  return new ApiProblem(422, "bad-key-file", "Bad key file", reason, `${hint}; the running keys stay`);
}

function sameKeys(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((key, i) => sameBytes(key, b[i]!));
}

/** Who retires the key that a living peer signs with would be deaf to it. Pure. @param next fingerprints of the file's keys */
export function keyInUse(
  { peer, keys }: Pick<SwitchSnapshot, "peer" | "keys">,
  next: readonly string[],
  path: string,
): ApiProblem | null {
  const heard = peer.state === "alive" || peer.state === "incompatible";
  const signs = keys?.peer?.signs;
  if (!heard || signs === undefined || next.includes(signs)) return null;
  return new ApiProblem(
    409,
    "key-in-use",
    "Key in use",
    `${peer.name} signs with key ${signs}, which ${path} does not have any more (it has ${next.join(" and ")})`,
    `promote the new key there first (segue key promote, then segue reload there) or put ${signs} back; the running keys stay`,
  );
}
