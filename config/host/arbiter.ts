/** The arbiter answers this node, with the rights that it needs: asked as the daemon asks, but for a key of its own. */
import { openEtcd } from "../../control/arbiter/open.ts";
import { StoreError } from "../../control/arbiter/store.ts";
import type { Problem } from "../problem.ts";
import { type HostContext, placedProblem } from "./context.ts";

const OTHERS = 0o077;

export async function checkArbiter(context: HostContext): Promise<readonly Problem[]> {
  const { arbiter, pair } = context.config;
  if (arbiter === undefined) return [];
  const problems = [arbiter.passwordFile, arbiter.certKeyFile].flatMap((file, i) => {
    if (file === null || !readableByOthers(file)) return [];
    const key = ["password_file", "cert_key_file"][i]!;
    return [placedProblem(context, ["arbiter", key], `${file} can be read by others`, `chmod 600 ${file}`, "warning")];
  });
  for (const url of arbiter.etcd) {
    const complaint = await whyNot({ ...context.config, pair, arbiter: { ...arbiter, etcd: [url] } });
    if (complaint === null) continue;
    const hint = "a node that loses its peer does not serve without the arbiter's word";
    problems.push(
      placedProblem(context, ["arbiter", "etcd", arbiter.etcd.indexOf(url)], complaint, hint, "warning"),
    );
  }
  return problems;
}

function readableByOthers(file: string): boolean {
  try {
    return ((Deno.statSync(file).mode ?? 0) & OTHERS) !== 0;
  } catch {
    // That it is not there is said by who reads it.
    return false;
  }
}

/** A lease, a claim beside the real key, and the end of both. */
async function whyNot(config: HostContext["config"]): Promise<string | null> {
  const { arbiter } = config;
  try {
    using etcd = await openEtcd({ ...config, pair: { ...config.pair, name: `${config.pair.name}.check` } });
    const { id, ttlUs } = await etcd.grant();
    await etcd.claim(id, { node: `check ${crypto.randomUUID()}`, run: "check", order: 0 });
    await etcd.revoke(id);
    if (ttlUs <= arbiter!.ttlUs) return null;
    return `gives leases of ${ttlUs / 1e6} s at least, not of ${arbiter!.ttlUs / 1e6} s: its election timeout is long`;
  } catch (error) {
    if (error instanceof StoreError) return error.message;
    throw error;
  }
}
