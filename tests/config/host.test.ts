/** Checks of the machine: the pure judgements, and the real kernel in a fresh network namespace. Needs root. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { HostContext } from "../../config/host/context.ts";
import { inOwnNamespace } from "../../config/host/fresh_namespace.ts";
import { checkGateways } from "../../config/host/gateways.ts";
import { jiffyUs, judgeJiffy } from "../../config/host/jiffy.ts";
import { judgeRelease } from "../../config/host/kernel_version.ts";
import { checkNetwork } from "../../config/host/network.ts";
import { checkPorts } from "../../config/host/ports.ts";
import { checkPrograms } from "../../config/host/programs.ts";
import { checkQueue } from "../../config/host/queue.ts";
import { checkRights, judgeRights } from "../../config/host/rights.ts";
import { checkRules, type Trial, tryEach } from "../../config/host/rules.ts";
import { loadConfig } from "../../config/load.ts";
import { findNode } from "../../config/node.ts";
import { findPositions } from "../../config/positions.ts";
import type { Problem } from "../../config/problem.ts";
import { PROFILES } from "../../config/profiles.ts";
import { DatagramSocket } from "../../kernel_ffi/datagram.ts";
import { libc } from "../../kernel_ffi/libc.ts";
import { NETLINK_NETFILTER, NetlinkSocket } from "../../kernel_ffi/netlink_socket.ts";
import type { TableRef } from "../../kernel_ffi/nftables/batch.ts";
import { NFPROTO_INET } from "../../kernel_ffi/nftables/constants.ts";
import { meta } from "../../kernel_ffi/nftables/expressions.ts";
import { addRule } from "../../kernel_ffi/nftables/rule.ts";
import { addChain, addTable } from "../../kernel_ffi/nftables/table.ts";
import { nfqLibrary } from "../../kernel_ffi/nfqueue_library.ts";
import { writeSysctl } from "../../kernel_ffi/sysctl.ts";
import { inFreshNamespace, run } from "../netns/namespace.ts";
import { withNeighbour } from "../netns/veth.ts";

// Opened once for the life of the process; here, so that no test seems to leave them open.
libc();
nfqLibrary();

const TEXT = `[pair]
name = "edge"
[[node]]
name = "a"
paths = ["10.78.0.1:4790", "[fd00:78::1]:4790"]
[[node]]
name = "b"
paths = ["10.78.0.2:4790", "[fd00:78::2]:4790"]
[[group]]
name = "web"
prefer = "a"
addresses = [
  { address = "10.77.0.100/32", interface = "cfg0" },
  { address = "fd00:77::100/128", interface = "cfg0" },
]
track = [{ interface = "cfg1" }]
`;

function contextOf(text = TEXT, daemonRuns = false, name = "a"): HostContext {
  const loaded = loadConfig(text);
  assert.ok("config" in loaded);
  const ourselves = findNode(loaded.config, name);
  assert.ok("node" in ourselves);
  return { config: loaded.config, ourselves, positions: findPositions(text), daemonRuns };
}

const brief = (problems: readonly Problem[]) =>
  problems.map(({ line, key, reason, severity }) => `${line} ${severity} ${key}: ${reason}`);

/** The machine that TEXT is written for: two ends of a cable each, addresses of node a. */
function buildNode(): void {
  run("ip", "link", "add", "cfg0", "type", "veth", "peer", "name", "far0");
  run("ip", "link", "add", "cfg1", "type", "veth", "peer", "name", "far1");
  for (const name of ["cfg0", "cfg1", "far0", "far1"]) run("ip", "link", "set", name, "up");
  run("ip", "address", "add", "10.78.0.1/24", "dev", "cfg1");
  run("ip", "address", "add", "fd00:78::1/64", "dev", "cfg1", "nodad");
}

Deno.test("a gateway answers, or a warning says where and which; IPv4 and IPv6", () =>
  inFreshNamespace(async () => {
    await withNeighbour((there) => {
      const text = (gateway: string) =>
        TEXT.replaceAll("cfg0", "va").replace('{ interface = "cfg1" }', `{ gateway = "${gateway}" }`);
      const found = (gateway: string) => brief(checkGateways(contextOf(text(gateway))));
      assert.deepEqual(found("10.77.0.254"), [
        "16 warning group[0].track[0].gateway: 10.77.0.254 does not answer on va",
      ]);
      there("addr", "add", "10.77.0.254/24", "dev", "vb");
      there("addr", "add", "fd00:77::fe/64", "dev", "vb", "nodad");
      assert.deepEqual(found("10.77.0.254"), []);
      assert.deepEqual(found("fd00:77::fe"), []);
      assert.equal(found("fd00:77::fd").length, 1);
    });
  }));

Deno.test("a kernel older than 5.16 is refused, a name that is not understood is not", () => {
  assert.deepEqual(["5.16.0", "6.1.0-49-amd64", "6.18.44-x", "10.0", "strange"].flatMap(judgeRelease), []);
  for (const old of ["5.15.99", "4.19.0", "5.4"]) {
    const [problem] = judgeRelease(old);
    assert.match(problem!.reason, /no egress hook/);
    assert.ok(problem!.reason.includes(old));
  }
});

Deno.test("missing rights are named with what they are for", () => {
  assert.deepEqual(checkRights(), [], "these tests need root");
  assert.deepEqual(brief(judgeRights(["CAP_NET_RAW", "CAP_SYS_NICE"])), [
    "null error host.rights: CAP_NET_RAW is missing (probes, announcements, lease frames)",
    "null warning host.rights: CAP_SYS_NICE is missing (a real-time priority: without it a busy machine wakes the switch late)",
  ]);
});

Deno.test("a slow tick is held against the lease", () => {
  const jiffy = jiffyUs();
  assert.ok(jiffy >= 1_000 && jiffy <= 10_000, String(jiffy));
  assert.equal(judgeJiffy(PROFILES.fast, 4_000), null);
  assert.equal(judgeJiffy(PROFILES.fast, 10_000), null);
  const tight = { ...PROFILES.fast, heartbeatUs: 4_000, leaseUs: 16_000 };
  assert.match(judgeJiffy(tight, 10_000)!.reason, /^this kernel's tick is 10ms \(HZ=100\).*3 × 4ms \+ 10ms = 22ms/);
});

Deno.test("this kernel takes the rules and holds packets, and the trials leave nothing", () =>
  inFreshNamespace(() => {
    assert.deepEqual(checkRules(), []);
    assert.deepEqual(checkQueue(), []);
    assert.equal(run("nft", "list", "ruleset"), "");
    assert.equal(run("cat", "/proc/thread-self/net/netfilter/nfnetlink_queue"), "");
  }));

Deno.test("a rule that the kernel refuses is a problem with its errno, and the next is tried all the same", () =>
  inFreshNamespace(() => {
    const table: TableRef = { family: NFPROTO_INET, name: "t" };
    const trials: Trial[] = ["", "deeper"].map((chain) => ({
      key: `trial${chain}`,
      missing: "no such chain",
      hint: "",
      build: (batch) => {
        addTable(batch, table);
        if (chain !== "") addChain(batch, table, chain);
        addRule(batch, table, "nowhere", meta("mark"));
      },
    }));
    const socket = new NetlinkSocket(NETLINK_NETFILTER, { name: "nf_tables trial" });
    try {
      const found = tryEach(socket, trials);
      assert.deepEqual(found.map(({ key }) => key), ["host.trial", "host.trialdeeper"]);
      for (const { reason } of found) assert.match(reason, /^no such chain \(ENOENT/);
    } finally {
      socket.close();
    }
  }));

Deno.test("a trial comes back to the namespace that it left, also when it throws", () =>
  inFreshNamespace(() => {
    const inside = () => Deno.readLinkSync("/proc/thread-self/ns/net");
    const home = inside();
    assert.notEqual(inOwnNamespace(inside), home);
    assert.throws(() =>
      inOwnNamespace(() => {
        throw new Error("x");
      }), /x/);
    assert.equal(inside(), home);
  }));

Deno.test("a machine that fits has no problems", () =>
  inFreshNamespace(() => {
    buildNode();
    assert.deepEqual(brief(checkNetwork(contextOf())), []);
    assert.deepEqual(brief(checkPorts(contextOf())), []);
  }));

Deno.test("an empty machine: every interface and address, with the line of the file", () =>
  inFreshNamespace(() => {
    assert.deepEqual(brief(checkNetwork(contextOf())), [
      '13 error group[0].addresses[0].interface: this machine has no interface "cfg0"',
      '16 error group[0].track[0].interface: this machine has no interface "cfg1"',
      "5 error node[0].paths[0]: 10.78.0.1 is not an address of this machine",
      "5 error node[0].paths[1]: fd00:78::1 is not an address of this machine",
    ]);
  }));

Deno.test("an interface that is down, one without carrier, one that is not Ethernet", () =>
  inFreshNamespace(() => {
    buildNode();
    run("ip", "link", "set", "cfg0", "down");
    run("ip", "link", "set", "far1", "down");
    assert.deepEqual(brief(checkNetwork(contextOf())), [
      '13 error group[0].addresses[0].interface: interface "cfg0" is down',
      '16 warning group[0].track[0].interface: interface "cfg1" has no carrier',
    ]);
    run("ip", "link", "del", "cfg0");
    run("ip", "tuntap", "add", "dev", "cfg0", "mode", "tun");
    run("ip", "link", "set", "cfg0", "up");
    assert.ok(
      brief(checkNetwork(contextOf())).includes(
        '13 error group[0].addresses[0].interface: interface "cfg0" is not Ethernet',
      ),
    );
  }));

Deno.test("a shared wire on an interface that hears its own MAC alone", () =>
  inFreshNamespace(() => {
    const shared = TEXT.replace('prefer = "a"', 'prefer = "a"\nwire = "shared"');
    assert.notEqual(shared, TEXT);
    const about = () => brief(checkNetwork(contextOf(shared))).filter((line) => line.includes("wire"));
    buildNode();
    assert.deepEqual(about(), []);
    run("ip", "link", "set", "cfg0", "down", "name", "card0");
    for (const [mode, deaf] of [["private", true], ["bridge", true], ["passthru", false]] as const) {
      run("ip", "link", "add", "link", "card0", "name", "cfg0", "type", "macvlan", "mode", mode);
      assert.equal(about().length, deaf ? 1 : 0, mode);
      if (deaf) {
        assert.match(about()[0]!, /error group\[0\]\.wire: interface "cfg0" is a macvlan and hears no MAC but its own/);
      }
      run("ip", "link", "del", "cfg0");
    }
    run("ip", "link", "add", "cfg0", "type", "bridge");
    assert.deepEqual(about(), []);
  }));

Deno.test("a near name is suggested; the peer's address means the wrong node", () =>
  inFreshNamespace(() => {
    buildNode();
    const near = checkNetwork(contextOf(TEXT.replaceAll("cfg1", "cgf1")));
    assert.match(near[0]!.hint, /did you mean "cfg1"/);
    const wrong = checkNetwork(contextOf(TEXT, false, "b"));
    assert.match(wrong[0]!.hint, /is this node "a"\? Then --node a/);
    assert.equal(wrong[0]!.line, 8);
  }));

Deno.test("a virtual address that somebody else has set up", () =>
  inFreshNamespace(() => {
    buildNode();
    run("ip", "address", "add", "10.77.0.100/32", "dev", "cfg1");
    run("ip", "address", "add", "fd00:77::100/128", "dev", "cfg0", "nodad");
    assert.deepEqual(brief(checkNetwork(contextOf())), [
      '13 error group[0].addresses[0].address: 10.77.0.100 is on interface "cfg1" already',
      '14 warning group[0].addresses[1].address: fd00:77::100 is on "cfg0" already, and no segue runs here',
    ]);
    run("ip", "address", "del", "10.77.0.100/32", "dev", "cfg1");
    run("ip", "address", "add", "10.77.0.100/32", "dev", "lo");
    assert.deepEqual(brief(checkNetwork(contextOf(TEXT, true))), [], "what a running segue has set up is no problem");
  }));

Deno.test("IPv6 that is off on the interface of an IPv6 address", () =>
  inFreshNamespace(() => {
    buildNode();
    writeSysctl(["ipv6", "conf", "cfg0", "disable_ipv6"], 1);
    assert.deepEqual(brief(checkNetwork(contextOf())), [
      '14 error group[0].addresses[1].address: IPv6 is off on interface "cfg0"',
    ]);
  }));

for (const [what, port] of [["heartbeats", 4790], ["data", 4791]] as const) {
  Deno.test(`a port for ${what} that another program has`, () =>
    inFreshNamespace(() => {
      buildNode();
      const other = new DatagramSocket({ local: { host: "10.78.0.1", port }, remote: { host: "10.78.0.2", port } });
      try {
        assert.deepEqual(brief(checkPorts(contextOf())), [
          `5 error node[0].paths[0]: 10.78.0.1:${port} is used by another program (UDP)`,
        ]);
        assert.deepEqual(checkPorts(contextOf(TEXT, true)), []);
      } finally {
        other.close();
      }
    }));
}

Deno.test("programs of services, and units where systemd does not run", () => {
  const services = `
[[group.service]]
name = "one"
exec = ["/none/one"]
health = { exec = ["/none/health"] }
on_primary = [["/bin/sh"], ["/none/primary"]]
on_standby = [["/none/standby"]]
[[group.service]]
name = "two"
systemd = "two.service"
`;
  const booted = existsSync("/run/systemd/system");
  const found = brief(checkPrograms(contextOf(TEXT + services))).map((line) => line.replace(/^\d+ /, ""));
  assert.deepEqual(found.filter((line) => line.includes(".service[")), [
    "error group[0].service[0].exec: /none/one is not there",
    "error group[0].service[0].health.exec: /none/health is not there",
    "error group[0].service[0].on_primary[1]: /none/primary is not there",
    "error group[0].service[0].on_standby[0]: /none/standby is not there",
    ...(booted ? [] : ["error group[0].service[1].systemd: systemd does not run on this machine"]),
  ]);
});

Deno.test("programs of tracks", () => {
  const folder = Deno.makeTempDirSync({ prefix: "segue-check-" });
  try {
    Deno.writeTextFileSync(`${folder}/good`, "#!/bin/sh\n", { mode: 0o755 });
    Deno.writeTextFileSync(`${folder}/plain`, "#!/bin/sh\n", { mode: 0o644 });
    const track = (name: string) => `{ exec = ["${folder}/${name}"] }`;
    const text = TEXT.replace(/track = .*/, `track = [${["good", "plain", "none", ""].map(track).join(",\n")}]`);
    assert.deepEqual(brief(checkPrograms(contextOf(text))), [
      `17 error group[0].track[1].exec: ${folder}/plain is not executable`,
      `18 error group[0].track[2].exec: ${folder}/none is not there`,
      `19 error group[0].track[3].exec: ${folder}/ is not a file`,
    ]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
