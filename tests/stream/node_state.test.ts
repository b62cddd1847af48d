/** The state's side of a node, with a real stream to a real peer and a real file: a fault of its own ends neither node nor stream. */
import assert from "node:assert/strict";
import { loadConfig } from "../../config/load.ts";
import { NodeState } from "../../control/daemon/node_state.ts";
import { PeerStream } from "../../control/stream/peer_stream.ts";
import { JournalClient } from "../../control/journal/client.ts";
import { inFreshNamespace, run } from "../netns/namespace.ts";
import { PAIR } from "../services/pair_file.ts";
import { KEY, until } from "./ends.ts";

const JOURNAL = new URL("../journal/entry.ts", import.meta.url);

Deno.test("a message that the state cannot take: counted, an alarm with where it went wrong, and the stream made anew", async () => {
  const loaded = loadConfig(PAIR);
  assert.ok("config" in loaded);
  const { config } = loaded;
  const folder = Deno.makeTempDirSync({ prefix: "segue-node-state-" });
  const { client: journal } = await JournalClient.start(JOURNAL, `${folder}/journal.db`);
  const alarms = new Map<string, string | null>(), peer: string[] = [];
  try {
    await inFreshNamespace(async () => {
      for (const { paths } of config.nodes) {
        for (const { host } of paths) run("ip", "addr", "add", `${host}/32`, "dev", "lo");
      }
      const node = await NodeState.open({
        config,
        node: "a",
        keys: [KEY],
        journal: journal.state,
        event: () => {},
        alarm: (kind, text) => void alarms.set(kind, text),
        eligible: () => {},
        copy: () => {},
        managed: () => {},
      });
      const receive = node.manager.receive.bind(node.manager);
      node.manager.receive = (bytes) => {
        if (bytes.length === 5) throw new TypeError("five is too many");
        receive(bytes);
      };
      node.start();
      const [a, b] = config.nodes;
      const other = new PeerStream({
        pair: config.pair.name,
        self: 1,
        paths: b.paths.map((local, i) => ({ local, remote: a.paths[i]! })),
        keys: [KEY],
        onUp: () => void peer.push("up"),
        onDown: (reason) => void peer.push(reason),
        onMessage: () => {},
        onFailure: (error) => assert.fail(String(error)),
      });
      try {
        await until(() => peer.length === 1, "the first meeting");
        other.send(0, new Uint8Array(5));
        await until(() => peer.length === 3, "the second meeting");
        assert.deepEqual(peer, ["up", "closed", "up"]);
        assert.match(alarms.get("state-stream")!, /TypeError: five is too many at .*node_state\.test\.ts:.*made anew/);
        assert.equal(node.rejected().stream_failed, 1);
        // What is only not understood is counted and nothing else.
        other.send(0, new Uint8Array(6));
        await until(() => node.rejected().state_refused === 1, "a refusal");
        assert.equal(peer.length, 3);
      } finally {
        other.close();
        node.close();
      }
    });
  } finally {
    await journal.close();
    Deno.removeSync(folder, { recursive: true });
  }
});
