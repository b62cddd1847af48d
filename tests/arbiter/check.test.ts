/** `segue check` asks each member of the arbiter as the daemon does, and says what is wrong with whom. */
import assert from "node:assert/strict";
import { checkArbiter } from "../../config/host/arbiter.ts";
import { loadConfig } from "../../config/load.ts";
import { findNode } from "../../config/node.ts";
import { findPositions } from "../../config/positions.ts";
import type { Problem } from "../../config/problem.ts";
import { EtcdServer } from "./etcd_server.ts";
import { PAIR } from "./pair_text.ts";

async function found(table: string): Promise<readonly Problem[]> {
  const text = PAIR + table, loaded = loadConfig(text);
  assert.ok("config" in loaded);
  const ourselves = findNode(loaded.config, "a");
  assert.ok("node" in ourselves);
  return await checkArbiter({ config: loaded.config, ourselves, positions: findPositions(text), daemonRuns: false });
}

Deno.test("a good arbiter is nothing to speak of; nor is none; the check leaves nothing behind", async () => {
  await using server = await new EtcdServer({ port: 23870 }).start();
  assert.deepEqual(await found(""), []);
  assert.deepEqual(await found(server.table()), []);
  assert.equal(server.ctl(["get", "", "--prefix"]), "");
});

Deno.test("a member that is away, files that others can read, and leases that are longer than wanted", async () => {
  // A lease is one and a half of an election's time-out at least.
  await using server = await new EtcdServer({ port: 23880, more: ["--election-timeout", "4000"] }).start();
  Deno.chmodSync(server.passwordFile, 0o644);
  const table = server.table('ttl = "2s"').replace("etcd = [", 'etcd = ["https://127.0.0.1:23899", ');
  const problems = await found(table);
  assert.deepEqual(problems.map(({ key, severity }) => [key, severity]), [
    ["arbiter.password_file", "warning"],
    ["arbiter.etcd[0]", "warning"],
    ["arbiter.etcd[1]", "warning"],
  ]);
  const [file, away, long] = problems;
  assert.match(`${file!.reason} ${file!.hint}`, /password can be read by others chmod 600 /);
  assert.match(`${away!.reason} ${away!.hint}`, /23899: .*refused.* does not serve without the arbiter's word/i);
  assert.match(long!.reason, /gives leases of 6 s at least, not of 2 s: its election timeout is long/);
  assert.equal(long!.line, PAIR.split("\n").length + 1);
});
