import assert from "node:assert/strict";
import fc from "fast-check";
import { formatProblems, loadConfig, type Problem } from "./load.ts";
import type { PairConfig } from "./model.ts";
import referenceText from "./reference.toml" with { type: "text" };

const GOOD = `[pair]
name = "edge"
[[node]]
name = "a"
paths = ["10.78.0.1:4790", "[fd00::1]:4790"]
[[node]]
name = "b"
paths = ["10.78.0.2:4790", "[fd00::2]:4790"]
[[group]]
name = "web"
prefer = "a"
addresses = [
  { address = "10.77.0.100/32", interface = "veth0" },
]
`;

function load(text: string): PairConfig {
  const result = loadConfig(text);
  if ("problems" in result) throw new Error(formatProblems("test", result.problems));
  return result.config;
}

function problemsOf(text: string): readonly Problem[] {
  const result = loadConfig(text);
  return "problems" in result ? result.problems : result.warnings;
}

/** Replaces one line (from 1) of GOOD, or inserts before it. */
function edit(line: number, text: string, remove = 1): string {
  return GOOD.split("\n").toSpliced(line - 1, remove, ...text.split("\n")).join("\n");
}

Deno.test("fence: its default time-out, its rules, and a warning where a start would fence a node that boots", () => {
  const fenced = (more: string, timing = '[timing]\nstart_wait = "1m"\n') =>
    timing + edit(4, `name = "a"\nfence = ["/power", "off"]${more}`);
  assert.deepEqual(load(fenced("")).nodes[0].fence, { command: ["/power", "off"], timeoutUs: 10_000_000 });
  assert.equal(load(fenced("")).nodes[1].fence, undefined);
  assert.equal(load(fenced('\nfence_timeout = "3s"')).nodes[0].fence?.timeoutUs, 3_000_000);
  const keys = (text: string) => problemsOf(text).map(({ key, severity }) => `${severity} ${key}`);
  assert.deepEqual(keys(fenced("", "")), ["warning node[0].fence"]);
  assert.deepEqual(keys(fenced('\nfence_timeout = "11m"')), ["error node[0].fence_timeout"]);
  assert.deepEqual(keys(edit(4, 'name = "a"\nfence_timeout = "1s"')), ["error node[0].fence_timeout"]);
});

Deno.test("a gateway gets the pace of the probes; one that is asked too slowly is a warning", () => {
  const track = (more: string, timing = "") =>
    load(`${timing}${GOOD}track = [{ gateway = "FD00:77::FE"${more} }]\n`).groups[0]!.track[0];
  const lan = {
    kind: "gateway",
    gateway: "fd00:77::fe",
    family: 6,
    interface: "veth0",
    everyUs: 1_000_000,
    timeoutUs: 5000,
    fall: 2,
  };
  assert.deepEqual(track(""), lan);
  assert.deepEqual(track("", '[timing]\nprofile = "fast"\n'), { ...lan, timeoutUs: 1000 });
  const slow = problemsOf(GOOD + 'track = [{ gateway = "10.77.0.254", timeout = "20ms" }]\n');
  assert.deepEqual(slow.map(({ line, key, severity }) => [line, key, severity]), [
    [15, "group[0].track[0].timeout", "warning"],
  ]);
  assert.match(slow[0]!.reason, /10ms \+ suspect 30ms \+ 2 × 20ms = 80ms.*until then both speak/);
});

Deno.test("a short file gets the defaults", () => {
  assert.deepEqual(load(GOOD), {
    pair: { name: "edge", keyFile: "/etc/segue/pair.key" },
    timing: {
      profile: "lan",
      heartbeatUs: 10_000,
      leaseUs: 60_000,
      suspectUs: 30_000,
      deadAfterUs: 50_000,
      drainUs: 2_000,
      barrierUs: 3_000,
      startWaitUs: 500_000,
    },
    nodes: [
      { name: "a", paths: [{ host: "10.78.0.1", port: 4790 }, { host: "fd00::1", port: 4790 }] },
      { name: "b", paths: [{ host: "10.78.0.2", port: 4790 }, { host: "fd00::2", port: 4790 }] },
    ],
    groups: [{
      name: "web",
      prefer: "a",
      wire: "announce",
      shared: { mac: null, replay: true, lagUs: null, maxBytes: 32 * 1024 ** 2 },
      preempt: false,
      addresses: [{ address: "10.77.0.100", prefixLength: 32, family: 4, interface: "veth0" }],
      track: [],
      state: { whenAlone: "accept", waitUs: 1_000_000, maxBytes: 1024 ** 3 },
      services: [],
    }],
  });
});

Deno.test("a single time overrides its profile's", () => {
  const { timing } = load(GOOD + '[timing]\nprofile = "fast"\nlease = "24ms"\n');
  assert.equal(timing.profile, "fast");
  assert.equal(timing.heartbeatUs, 2_000);
  assert.equal(timing.leaseUs, 24_000);
  assert.equal(timing.barrierUs, 1_000);
});

Deno.test("all three profiles pass their own relations without a warning", () => {
  for (const profile of ["fast", "lan", "wan"]) {
    assert.deepEqual(problemsOf(GOOD + `[timing]\nprofile = "${profile}"\n`), [], profile);
  }
});

/** What, the text, and its problems as `line key: part of the reason | part of the hint`. */
const BAD: [
  what: string,
  text: string,
  ...problems: [line: number | null, key: string, reason: string, hint?: string][],
][] = [
  ["an empty file", "", [null, "pair", "is missing", "[pair]"], [null, "node", "there is no node"], [
    null,
    "group",
    "there is no group",
  ]],
  ["a misspelt key", edit(2, 'nam = "edge"'), [2, "pair.nam", "unknown key", 'did you mean "name"?']],
  ["a missing key", edit(2, ""), [1, "pair.name", "is missing", 'for example name = "edge"']],
  ["a key of another table", edit(5, 'lease = "1s"', 0), [5, "node[0].lease", "unknown key", "belongs into [timing]"]],
  ["a service at the root", GOOD + '[[service]]\nname = "x"\n', [
    15,
    "service",
    "unknown key",
    "[[group.service]]",
  ]],
  ["a key far from every other", edit(3, "colour = 1", 0), [
    3,
    "pair.colour",
    "unknown key",
    "keys here: name, key_file",
  ]],
  ["a relative key file", edit(3, 'key_file = "pair.key"', 0), [3, "pair.key_file", "is not an absolute path"]],
  ["flows", edit(11, "flows = true", 0), [11, "group[0].flows", "not in this version"]],
  ["an arbiter without members", GOOD + "[arbiter]\n", [15, "arbiter.etcd", "is missing"]],
  ["no member in the list", GOOD + "[arbiter]\netcd = []\n", [16, "arbiter.etcd", "is empty"]],
  ["a member twice", GOOD + '[arbiter]\netcd = ["https://e:1", "https://e:1/"]\n', [16, "arbiter.etcd[1]", "twice"]],
  ["no address of etcd", GOOD + '[arbiter]\netcd = ["e:2379"]\n', [16, "arbiter.etcd[0]", "not an address of etcd"]],
  ["a password in the address", GOOD + '[arbiter]\netcd = ["https://u:p@e:1"]\n', [
    16,
    "arbiter.etcd[0]",
    "no place here",
    "password_file",
  ]],
  ["a path of etcd", GOOD + '[arbiter]\netcd = ["https://e:1/v3"]\n', [16, "arbiter.etcd[0]", "behind the port"]],
  ["a user without a password", GOOD + '[arbiter]\netcd = ["https://e:1"]\nuser = "u"\n', [
    17,
    "arbiter.user",
    "means nothing without password_file",
  ]],
  ["a key without a certificate", GOOD + '[arbiter]\netcd = ["https://e:1"]\ncert_key_file = "/k"\n', [
    17,
    "arbiter.cert_key_file",
    "means nothing without cert_file",
  ]],
  ["an arbiter that must be too quick", GOOD + '[arbiter]\netcd = ["https://e:1"]\ntimeout = "5ms"\n', [
    17,
    "arbiter.timeout",
    "5ms is not from 20ms to 30s",
  ]],
  ["parts of a second", GOOD + '[arbiter]\netcd = ["https://e:1"]\nttl = "2500ms"\n', [
    17,
    "arbiter.ttl",
    "is not from 2s to 5m, in seconds",
  ]],
  ["a time-out that the lease does not stand", GOOD + '[arbiter]\netcd = ["https://e:1"]\ntimeout = "3s"\n', [
    17,
    "arbiter.timeout",
    "is less than 4 × (timeout 3s + lease",
    "shorter timeout",
  ]],
  ["keys of the shared wire without it", GOOD + "[group.shared]\nreplay = false\n", [
    15,
    "group[0].shared",
    "means nothing without",
    'wire = "shared"',
  ]],
  ["a manufacturer's MAC", edit(11, 'prefer = "a"\nwire = "shared"\nshared = { mac = "00:1b:21:00:00:01" }'), [
    13,
    "group[0].shared.mac",
    "not a locally administered address",
    "02:00:5e:10:00:01",
  ]],
  ["no MAC", edit(11, 'prefer = "a"\nwire = "shared"\nshared = { mac = "02:00" }'), [
    13,
    "group[0].shared.mac",
    "is not a MAC address",
  ]],
  ["a size without unit", edit(11, 'prefer = "a"\nwire = "shared"\nshared = { max = "8" }'), [
    13,
    "group[0].shared.max",
    "has no unit",
    'a number and a unit: "8MiB", "64MiB"',
  ]],
  ["another wire", edit(11, 'prefer = "a"\nwire = "x"'), [12, "group[0].wire", "not a choice", '"announce", "shared"']],
  ["a number for a time", GOOD + "[timing]\nlease = 60\n", [
    16,
    "timing.lease",
    "must be a string, not a number",
    '"10ms"',
  ]],
  ["a time without unit", GOOD + '[timing]\nlease = "60"\n', [16, "timing.lease", "has no unit"]],
  [
    "a single table for nodes",
    '[node]\nname = "a"\n[pair]\nname="p"\n[group]\nname="g"',
    [
      1,
      "node",
      "must be an array of tables, not a table",
      "[[node]]",
    ],
    [1, "node", "there is no node"],
    [5, "group", "must be an array of tables"],
    [5, "group", "there is no group"],
  ],
  ["a number for a table", edit(1, "pair = 3", 2), [1, "pair", "must be a table, not a number"]],
  ["numbers for tables", edit(12, "addresses = [3]", 3), [
    12,
    "group[0].addresses[0]",
    "must be a table, not a number",
  ]],
  ["one node", edit(6, "", 3), [3, "node[0]", "there is only one node"]],
  ["three nodes", GOOD + '[[node]]\nname = "c"\npaths = ["10.1.1.1:1"]', [15, "node[2]", "there are 3 nodes"]],
  ["two nodes of one name", edit(7, 'name = "a"'), [7, "node[1].name", 'there is a node "a" already']],
  ["a bad name of a node", edit(7, 'name = "b c"'), [7, "node[1].name", "is not a name of a node"]],
  ["different numbers of paths", edit(8, 'paths = ["10.78.0.2:4790"]'), [
    8,
    "node[1].paths",
    'node "b" has 1 paths and node "a" has 2',
  ]],
  ["paths of two families", edit(8, 'paths = [\n"10.78.0.2:4790",\n"10.78.0.2:4795"]'), [
    10,
    "node[1].paths[1]",
    "10.78.0.2:4795 is IPv4, its other end [fd00::1]:4790 is IPv6",
  ]],
  ["no paths", edit(8, "paths = []"), [8, "node[1].paths", "is empty"], [8, "node[1].paths", "has 0 paths"]],
  ["an endpoint twice", edit(8, 'paths = ["10.78.0.1:4790", "[fd00::2]:4790"]'), [
    8,
    "node[1].paths[0]",
    '10.78.0.1:4790 is there twice: also at node "a"',
  ]],
  [
    "a path on the port of another one's data",
    edit(5, 'paths = ["10.78.0.1:4790", "10.78.0.1:4789"]').replace('"[fd00::2]:4790"', '"10.78.0.3:4790"'),
    [5, "node[0].paths[1]", "10.78.0.1:4790 is a path, and the port of this one's data", "two ports apart"],
  ],
  ["a path on the last port", edit(8, 'paths = ["10.78.0.2:65535", "[fd00::2]:4790"]'), [
    8,
    "node[1].paths[0]",
    "10.78.0.2:65535 leaves no port for data",
    "at most 65534",
  ]],
  ["a path without port", edit(8, 'paths = ["10.78.0.2", "[fd00::2]:4790"]'), [8, "node[1].paths[0]", "has no port"]],
  ["a link-local path", edit(8, 'paths = ["10.78.0.2:4790", "[fe80::2]:4790"]'), [
    8,
    "node[1].paths[1]",
    "is link-local",
  ]],
  ["a path on a virtual address", edit(8, 'paths = ["10.77.0.100:4790", "[fd00::2]:4790"]'), [
    8,
    "node[1].paths[0]",
    'is a virtual address of group "web"',
  ]],
  ["an unknown node preferred", edit(11, 'prefer = "c"'), [11, "group[0].prefer", "not a node", 'write "a" or "b"']],
  ["a bad name of a group", edit(10, 'name = "Web"'), [10, "group[0].name", "is not a name of a group"]],
  ["no addresses", edit(12, "", 3), [9, "group[0].addresses", "there is no address"]],
  ["an address without prefix", edit(13, '{ address = "10.77.0.100", interface = "veth0" },'), [
    13,
    "group[0].addresses[0].address",
    "has no prefix length",
    '"10.77.0.100/32"',
  ]],
  ["a prefix too long", edit(13, '{ address = "10.77.0.100/33", interface = "veth0" },'), [
    13,
    "group[0].addresses[0].address",
    "goes from 1 to 32",
  ]],
  ["no address at all", edit(13, '{ address = "web/32", interface = "veth0" },'), [
    13,
    "group[0].addresses[0].address",
    "is not an address with a prefix length",
  ]],
  ["a multicast address", edit(13, '{ address = "ff02::1/128", interface = "veth0" },'), [
    13,
    "group[0].addresses[0].address",
    "is a multicast address",
  ]],
  ["an interface of 16 bytes", edit(13, '{ address = "10.77.0.100/32", interface = "0123456789abcdef" },'), [
    13,
    "group[0].addresses[0].interface",
    "is not a name of an interface",
  ]],
  ["lo", edit(13, '{ address = "10.77.0.100/32", interface = "lo" },'), [
    13,
    "group[0].addresses[0].interface",
    '"lo" reaches no client',
  ]],
  ["a misspelt key in an inline table", edit(13, '{ address = "10.77.0.100/32", interfase = "veth0" },'), [
    13,
    "group[0].addresses[0].interfase",
    "unknown key",
    'did you mean "interface"?',
  ]],
  [
    "one address in two groups, written differently",
    edit(13, '{ address = "FD00::0:9/128", interface = "v" },') +
    '[[group]]\nname = "two"\nprefer = "b"\naddresses = [{ address = "fd00::9/128", interface = "w" }]\n',
    [
      18,
      "group[1].addresses[0].address",
      'fd00::9 is there twice: also in group "web"',
    ],
  ],
  [
    "two groups of one name",
    GOOD +
    '[[group]]\nname = "web"\nprefer = "b"\naddresses = [{ address = "fd00::9/128", interface = "w" }]\n',
    [
      16,
      "group[1].name",
      'there is a group "web" already',
    ],
  ],
  ["a track of nothing", edit(9, "[[group.track]]", 0).replace("[[group.track]]\n", "") + "track = [{}]\n", [
    15,
    "group[0].track[0]",
    "neither interface nor exec",
  ]],
  ["a track of both", GOOD + 'track = [{ interface = "e", exec = ["/x"] }]\n', [
    15,
    "group[0].track[0].exec",
    "stand together",
  ]],
  ["a track of an interface with a pace", GOOD + 'track = [{ interface = "e", fall = 3 }]\n', [
    15,
    "group[0].track[0].fall",
    "means nothing for an interface",
  ]],
  ["two gateways", GOOD + 'track = [{ gateway = "10.77.0.1" }, { gateway = "10.77.0.2" }]\n', [
    15,
    "group[0].track[1].gateway",
    "has a gateway already",
  ]],
  ["a gateway with a prefix", GOOD + 'track = [{ gateway = "10.77.0.254/24" }]\n', [
    15,
    "group[0].track[0].gateway",
    "is not an address",
  ]],
  ["a gateway that is a node", GOOD + 'track = [{ gateway = "FD00::2" }]\n', [
    15,
    "group[0].track[0].gateway",
    "fd00::2 is a node of this pair",
  ]],
  ["a gateway that moves", GOOD + 'track = [{ gateway = "10.77.0.100" }]\n', [
    15,
    "group[0].track[0].gateway",
    "is a virtual address",
  ]],
  ["a gateway on another interface", GOOD + 'track = [{ gateway = "10.77.0.254", interface = "e" }]\n', [
    15,
    "group[0].track[0].interface",
    'no address of the group is on "e"',
  ]],
  ["a gateway with a command", GOOD + 'track = [{ gateway = "10.77.0.254", exec = ["/x"] }]\n', [
    15,
    "group[0].track[0].exec",
    "stand together",
  ]],
  ["a gateway that rises", GOOD + 'track = [{ gateway = "10.77.0.254", rise = 2 }]\n', [
    15,
    "group[0].track[0].rise",
    "one answer is enough",
  ]],
  ["a program without its path", GOOD + 'track = [{ exec = ["ok"] }]\n', [
    15,
    "group[0].track[0].exec",
    '"ok" is not the full path',
  ]],
  ["a check longer than its interval", GOOD + 'track = [{ exec = ["/ok"], every = "1s", timeout = "2s" }]\n', [
    15,
    "group[0].track[0].timeout",
    "may take 2s and the next begins after 1s",
  ]],
  ["no failures", GOOD + 'track = [{ exec = ["/ok"], fall = 0 }]\n', [
    15,
    "group[0].track[0].fall",
    "0 is not a whole number from 1 to 1000",
  ]],
  ["a syntax error", 'a = 1\nb = "x\n', [2, "", "column 5: not TOML: a string begins here", "closing quote"]],
  ["an unclosed header", "[pair\nname = 1", [
    1,
    "",
    "column 6: not TOML: the table's name does not end",
    "expected: ]",
  ]],
  ["a key twice", '[pair]\nname = "a"\nname = "b"\n', [3, "", "redefine", "once"]],
  ["a value without quotes", "[pair]\nname = edge\n", [2, "", "column 8: not TOML: invalid value", "string in quotes"]],
];

for (const [what, text, ...expected] of BAD) {
  Deno.test(`refused with its line: ${what}`, () => {
    const found = problemsOf(text).filter(({ severity }) => severity === "error");
    assert.deepEqual(
      found.map(({ line, key }) => [line, key]),
      expected.map(([line, key]) => [line, key]),
      formatProblems("test", found),
    );
    for (const [index, [, , reason, hint = ""]] of expected.entries()) {
      assert.ok(found[index]!.reason.includes(reason), `${found[index]!.reason} has no "${reason}"`);
      assert.ok(found[index]!.hint.includes(hint), `${found[index]!.hint} has no "${hint}"`);
    }
  });
}

Deno.test("services: order, names times and health are checked", () => {
  const services = `
[[group.service]]
name = "a"
exec = ["/bin/a"]
after = ["b", "x"]
restart_delay = "11s"
stop_timeout = "11m"
[[group.service]]
name = "b"
systemd = "b.service"
after = ["a"]
health = { tcp = "127.0.0.1:1", exec = ["/x"], every = "100ms" }
[[group.service]]
name = "a"
`;
  assert.deepEqual(
    problemsOf(GOOD + services).map(({ line, key, severity }) => [line, key, severity]),
    [
      [20, "group[0].service[0].restart_delay", "error"],
      [21, "group[0].service[0].stop_timeout", "error"],
      [19, "group[0].service[0].after[1]", "error"],
      [19, "group[0].service[0].after", "error"],
      [26, "group[0].service[1].health.exec", "error"],
      [26, "group[0].service[1].health.every", "error"],
      [27, "group[0].service[2]", "error"],
      [28, "group[0].service[2].name", "error"],
    ].sort((a, b) => Number(a[0]) - Number(b[0])),
  );
  const circle = problemsOf(GOOD + services).find(({ key }) => key === "group[0].service[0].after")!;
  assert.match(circle.reason, /a after b after a|b after a after b/);
});

Deno.test("a health check asks by one way, and http is plain http without a password", () => {
  const check = (health: string) =>
    problemsOf(`${GOOD}\n[[group.service]]\nname = "a"\nexec = ["/bin/a"]\nhealth = { ${health} }\n`).map((it) =>
      it.reason
    );
  assert.deepEqual(check('http = "http://127.0.0.1:80/health"'), []);
  assert.match(check('http = "https://127.0.0.1/"')[0]!, /is not an http URL/);
  assert.match(check('http = "http://"')[0]!, /is not an http URL/);
  assert.match(check('http = "http://me:secret@127.0.0.1/"')[0]!, /password/);
  assert.match(
    check('http = "http://h/", exec = ["/x"]')[0]!,
    /http and exec stand together; only one of them is meant/,
  );
  assert.match(check("fall = 2")[0]!, /neither tcp nor http nor exec is there/);
});

Deno.test("a prefix that is not the whole address is a warning, and the file loads", () => {
  const text = edit(13, '{ address = "10.77.0.100/24", interface = "veth0" },');
  assert.equal(load(text).groups[0]!.addresses[0]!.prefixLength, 24);
  const [warning] = problemsOf(text);
  assert.equal(warning?.severity, "warning");
  assert.equal(warning?.line, 13);
});

Deno.test("what does not fit into a heartbeat or a mark is refused", () => {
  const group = (i: number, devices: number) =>
    `[[group]]\nname = "g${i}"\nprefer = "a"\naddresses = [${
      Array.from({ length: devices }, (_, d) => `{ address = "10.9.${i}.${d}/32", interface = "e${d}" }`).join(",")
    }]\n`;
  const head = GOOD.split("\n").slice(0, 8).join("\n") + "\n";
  const groups = (count: number, devices: number) =>
    head + Array.from({ length: count }, (_, i) => group(i, devices)).join("");
  assert.deepEqual(problemsOf(groups(16, 14)), []);
  assert.match(problemsOf(groups(17, 1))[0]!.reason, /17 groups; at most 16/);
  assert.match(problemsOf(groups(1, 15))[0]!.reason, /2 paths \+ 15 service interfaces = 17 links; at most 16/);
  assert.ok(problemsOf(groups(16, 16)).some(({ reason }) => /256 leases/.test(reason)));
});

Deno.test("problems print as one block each", () => {
  const text = edit(2, 'nam = "edge"').replace("/32", "/24");
  assert.equal(
    formatProblems("/etc/segue/segue.toml", problemsOf(text)),
    '/etc/segue/segue.toml:2: pair.nam: unknown key\n    hint: did you mean "name"?\n' +
      "/etc/segue/segue.toml:13: warning: group[0].addresses[0].address: " +
      "10.77.0.100/24 brings a route to its whole network, on both nodes\n" +
      '    hint: "10.77.0.100/32", unless the nodes have no other address in that network\n',
  );
  assert.equal(formatProblems("x", []), "");
});

Deno.test("loading never throws: any text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
    assert.ok(loadConfig(text));
  }));
});

Deno.test("loading never throws: a good file with pieces replaced; and every problem has a reason", () => {
  const values = [
    "7",
    "true",
    "[]",
    "{}",
    '""',
    '"x"',
    "[[1]]",
    "1979-05-27",
    "nan",
    "{ a = { b = 1 } }",
    '"10ms"',
    "[[",
  ];
  const changed = fc.record({
    at: fc.nat(referenceText.length),
    remove: fc.nat(12),
    insert: fc.oneof(fc.constantFrom(...values), fc.string({ maxLength: 8 })),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(GOOD, referenceText),
      fc.array(changed, { minLength: 1, maxLength: 3 }),
      (base, changes) => {
        let text = base;
        for (const { at, remove, insert } of changes) {
          const place = at % text.length;
          text = text.slice(0, place) + insert + text.slice(place + remove);
        }
        for (const problem of problemsOf(text)) assert.ok(problem.reason.length > 0);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("loading never throws: any value for any key", () => {
  const lines = GOOD.split("\n");
  const places = lines.flatMap((line, index) => line.includes(" = ") && !line.includes("{") ? [index] : []);
  const value = fc.oneof(
    fc.string().map((text) => JSON.stringify(text)),
    fc.integer().map(String),
    fc.array(fc.string().map((text) => JSON.stringify(text))).map((items) => `[${items.join(", ")}]`),
    fc.constantFrom("true", "{ x = 1 }", "1.5", "07:32:00", "inf"),
  );
  fc.assert(fc.property(fc.constantFrom(...places), value, (place, text) => {
    const changed = lines.with(place, lines[place]!.split(" = ")[0] + " = " + text).join("\n");
    assert.ok(loadConfig(changed));
  }));
});

Deno.test("names of the language's own objects are unknown keys like others", () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    const found = problemsOf(edit(3, `${name} = 1`, 0)).map(({ line, key, reason }) => [line, key, reason]);
    assert.deepEqual(found, [[3, `pair.${name}`, "unknown key"]]);
  }
});
