/** etcd with what the configuration's files say. */
import type { PairConfig } from "../../config/model.ts";
import { Etcd } from "./etcd.ts";
import { StoreError } from "./store.ts";

/** With room for a member that does not answer: the next one is asked when a third of the time is over. */
const HEDGE_SHARE = 3;
/** The core has its own patience; a question that is older than this leads nowhere. */
const REQUEST_LEAST_US = 1_000_000;

/** Rejects with `StoreError`: which file cannot be used, and why. */
export async function openEtcd({ pair, arbiter }: PairConfig): Promise<Etcd> {
  if (arbiter === undefined) throw new TypeError("open the arbiter: the configuration has none");
  const { timeoutUs, ttlUs, caFile, certFile, certKeyFile, passwordFile } = arbiter;
  const [ca, cert, key, password] = await Promise.all([caFile, certFile, certKeyFile, passwordFile].map(readFile));
  for (const [text, file] of [[ca, caFile], [cert, certFile], [key, certKeyFile]] as const) {
    if (text && !text.includes("-----BEGIN ")) throw new StoreError(`${file} is not a PEM file`);
  }
  try {
    return new Etcd({
      endpoints: arbiter.etcd,
      tls: { ca: ca ?? null, cert: cert ?? null, key: key ?? null },
      hedgeUs: Math.floor(timeoutUs / HEDGE_SHARE),
      timeoutUs: Math.max(REQUEST_LEAST_US, 2 * timeoutUs),
      key: arbiter.prefix + pair.name,
      ttlS: ttlUs / 1e6,
      user: arbiter.user,
      password: password?.trimEnd() ?? null,
    });
  } catch (error) {
    const files = [caFile, certFile, certKeyFile].filter((file) => file !== null).join(", ");
    throw new StoreError(`${files} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function readFile(path: string | null): Promise<string | null> {
  if (path === null) return null;
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound ? "is not there" : error instanceof Error ? error.message : error;
    throw new StoreError(`${path} ${why}`);
  }
}
