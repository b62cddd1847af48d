/**
 * What a process asks of its surroundings: settings of its namespace, scheduling, rights, a lock, its service manager.
 */
import assert from "node:assert/strict";
import { missingCapabilities } from "../../kernel_ffi/capabilities.ts";
import { KernelError } from "../../kernel_ffi/errno.ts";
import { closeFd, libc, must } from "../../kernel_ffi/libc.ts";
import { lockFile, LockHeldError } from "../../kernel_ffi/lock_file.ts";
import { becomeFifo, lockBuffer, makeRealtime, type Realtime, setOomScoreAdj } from "../../kernel_ffi/scheduling.ts";
import { readSysctl, withRestore, writeSysctl } from "../../kernel_ffi/sysctl.ts";
import { encodeSockaddrUn, sdNotify, watchdogIntervalUs } from "../../kernel_ffi/systemd.ts";
import { inFreshNamespace, run } from "./namespace.ts";
import { makePair } from "./veth.ts";

const MODULES = new URL("../../kernel_ffi/", import.meta.url).href;

/** What a program prints that runs in a process of its own, started through `wrapper`. */
function runProgram(source: string, ...wrapper: string[]): string {
  const command = [...wrapper, Deno.execPath(), "eval", "--no-check", source];
  return run(command[0]!, ...command.slice(1)).trim();
}

Deno.test("settings are those of the thread's namespace", async () => {
  const arpIgnore = ["ipv4", "conf", "va", "arp_ignore"];
  await inFreshNamespace(async () => {
    makePair();
    writeSysctl(arpIgnore, 1);
    assert.equal(readSysctl(arpIgnore), "1");
    assert.equal(run("cat", "/proc/sys/net/ipv4/conf/va/arp_ignore").trim(), "1");
    await inFreshNamespace(() => {
      assert.throws(() => readSysctl(arpIgnore), KernelError);
      makePair();
      assert.equal(readSysctl(arpIgnore), "0");
    });
    assert.equal(readSysctl(arpIgnore), "1");
    assert.throws(
      () => writeSysctl(arpIgnore, "many"),
      (error) => error instanceof KernelError && /arp_ignore: EINVAL/.test(error.message),
    );
  });
});

Deno.test("a changed setting is put back, once, and not where its interface has gone", () =>
  inFreshNamespace(() => {
    makePair();
    const announce = ["ipv4", "conf", "va", "arp_announce"];
    const changed = withRestore(announce, 2);
    assert.equal(changed.previous, "0");
    assert.equal(readSysctl(announce), "2");
    const unchanged = withRestore(announce, 2);
    changed.restore();
    assert.equal(readSysctl(announce), "0");
    writeSysctl(announce, 1);
    changed.restore();
    unchanged.restore();
    assert.equal(readSysctl(announce), "1");
    const late = withRestore(announce, 2);
    run("ip", "link", "del", "va");
    late.restore();
  }));

Deno.test("an interface name with a dot is no path", () =>
  inFreshNamespace(() => {
    run("ip", "link", "add", "v.5", "type", "veth", "peer", "name", "w.5");
    writeSysctl(["ipv4", "conf", "v.5", "arp_ignore"], 1);
    assert.equal(readSysctl(["ipv4", "conf", "v.5", "arp_ignore"]), "1");
  }));

/** Scheduling policy of a thread: field 41 of its stat (proc(5)); the name in field 2 has no space here. */
const policyOf = (stat: string) => stat.slice(stat.lastIndexOf(")")).split(" ")[39];

Deno.test("the calling thread becomes real-time, its children and the other threads do not", () => {
  const asked: [() => Realtime, string, Realtime][] = [
    [makeRealtime, "6", { policy: "deadline", reason: "SCHED_DEADLINE 1 ms of 5 ms" }],
    [() => becomeFifo(5, "not asked"), "1", { policy: "fifo", reason: "not asked, SCHED_FIFO 5 instead" }],
  ];
  for (const [become, policy, said] of asked) {
    assert.deepEqual(become(), said);
    assertOwnPolicy(policy);
  }
});

Deno.test("a thread that may not run on all processors gets SCHED_FIFO, and why is said", () => {
  const printed = runProgram(
    `import { makeRealtime } from "${MODULES}scheduling.ts"; console.log(JSON.stringify(makeRealtime()));`,
    "taskset",
    "--cpu-list",
    "0",
  );
  assert.deepEqual(JSON.parse(printed), {
    policy: "fifo",
    reason: "SCHED_DEADLINE refused (EPERM), SCHED_FIFO 50 instead",
  });
});

/** And back to ordinary scheduling. */
function assertOwnPolicy(policy: string): void {
  try {
    assert.equal(policyOf(Deno.readTextFileSync("/proc/thread-self/stat")), policy);
    assert.equal(policyOf(run("cat", "/proc/self/stat")), "0");
    const threads = [...Deno.readDirSync("/proc/self/task")].map(({ name }) =>
      policyOf(Deno.readTextFileSync(`/proc/self/task/${name}/stat`))
    );
    assert.equal(threads.filter((it) => it === policy).length, 1);
  } finally {
    must(libc().sched_setscheduler(0, 0, new Int32Array([0])), "back to ordinary scheduling");
  }
}

Deno.test("without the right to it, the thread's timers lose their slack, and what is missing is named", () => {
  const printed = runProgram(
    `import { makeRealtime } from "${MODULES}scheduling.ts";
     import { missingCapabilities } from "${MODULES}capabilities.ts";
     import { libc } from "${MODULES}libc.ts";
     const { policy, reason } = makeRealtime();
     const slack = libc().prctl(30, 0n, 0n, 0n, 0n); // PR_GET_TIMERSLACK
     console.log(JSON.stringify([policy, reason, slack, missingCapabilities(["CAP_NET_RAW", "CAP_SYS_NICE"])]));`,
    "setpriv",
    "--inh-caps=-all",
    "--bounding-set=-sys_nice",
  );
  assert.deepEqual(JSON.parse(printed), [
    "ordinary",
    "SCHED_DEADLINE refused (EPERM), SCHED_FIFO refused (EPERM), timer slack 1 ns instead",
    1,
    ["CAP_SYS_NICE"],
  ]);
});

Deno.test("a nice value is for the children too", () => {
  const printed = runProgram(
    `import { setNice } from "${MODULES}scheduling.ts";
     const done = setNice(-3), child = new Deno.Command("nice").outputSync().stdout;
     console.log(JSON.stringify([done, new TextDecoder().decode(child).trim()]));`,
  );
  assert.deepEqual(JSON.parse(printed), [true, "-3"]);
});

Deno.test("root lacks nothing", () => {
  assert.deepEqual(
    missingCapabilities(["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_NICE", "CAP_NET_BIND_SERVICE", "CAP_IPC_LOCK"]),
    [],
  );
});

Deno.test("one buffer stays in memory", () => {
  const lockedKb = () => Number(/VmLck:\s*(\d+)/.exec(Deno.readTextFileSync("/proc/self/status"))![1]);
  const before = lockedKb();
  assert.equal(lockBuffer(new Uint8Array(1 << 20)), true);
  assert.ok(lockedKb() >= before + 1024);
});

Deno.test("the out-of-memory killer is told, and a refusal is no error", () => {
  const score = () => Number(Deno.readTextFileSync("/proc/self/oom_score_adj"));
  const before = score();
  assert.equal(setOomScoreAdj(before + 1), true);
  assert.equal(score(), before + 1);
  assert.equal(setOomScoreAdj(4711), false);
  // Refused where even root lacks CAP_SYS_RESOURCE.
  assert.equal(setOomScoreAdj(-1000), score() === -1000);
  assert.equal(setOomScoreAdj(before), true);
});

Deno.test("a lock has one holder, who is named; its end, however it comes, frees it", async () => {
  const path = Deno.makeTempFileSync({ prefix: "segue-test-" });
  try {
    const lock = lockFile(path);
    assert.equal(Deno.readTextFileSync(path), `${Deno.pid}\n`);
    assert.throws(
      () => lockFile(path),
      (error) => error instanceof LockHeldError && error.message === `lock ${path}: held by process ${Deno.pid}`,
    );
    lock.close();

    Deno.writeTextFileSync(path, "a longer text than a process id\n");
    const source = `import { lockFile } from "${MODULES}lock_file.ts"; lockFile("${path}"); console.log("locked");
      await new Promise((resolve) => setTimeout(resolve, 60_000));`;
    const child = new Deno.Command(Deno.execPath(), { args: ["eval", "--no-check", source], stdout: "piped" }).spawn();
    const reader = child.stdout.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "locked\n");
    assert.throws(() => lockFile(path), (error) => error instanceof LockHeldError && error.pid === child.pid);
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    lockFile(path).close();
    assert.equal(Deno.readTextFileSync(path), `${Deno.pid}\n`);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("a lock in no folder names its path", () => {
  assert.throws(() => lockFile("/nonexistent/segue.lock"), /open \/nonexistent\/segue.lock: ENOENT/);
});

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0x800 | 0x80000;

/** What a service manager that listens at `name` hears while `body` runs. */
function heardAt(name: string, body: () => void): string[] {
  const fd = must(libc().socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0), "open manager's socket");
  const address = encodeSockaddrUn(name);
  must(libc().bind(fd, address, address.length), `bind ${name}`);
  Deno.env.set("NOTIFY_SOCKET", name);
  try {
    body();
    const heard: string[] = [];
    const buffer = new Uint8Array(256);
    for (;;) {
      const length = libc().recv32(fd, buffer, buffer.length, 0);
      if (length < 0) return heard;
      heard.push(new TextDecoder().decode(buffer.subarray(0, length)));
    }
  } finally {
    Deno.env.delete("NOTIFY_SOCKET");
    closeFd(fd);
  }
}

Deno.test("the service manager hears of states, at a path and at an abstract name", () => {
  const say = () => ["READY=1\nSTATUS=standby", "WATCHDOG=1"].forEach(sdNotify);
  const folder = Deno.makeTempDirSync({ prefix: "segue-test-" });
  try {
    assert.deepEqual(heardAt(`${folder}/notify`, say), ["READY=1\nSTATUS=standby", "WATCHDOG=1"]);
    assert.deepEqual(heardAt(`@segue-test-${Deno.pid}`, say), ["READY=1\nSTATUS=standby", "WATCHDOG=1"]);
    Deno.env.set("NOTIFY_SOCKET", `${folder}/nobody`);
    assert.throws(() => sdNotify("READY=1"), KernelError);
  } finally {
    Deno.env.delete("NOTIFY_SOCKET");
    Deno.removeSync(folder, { recursive: true });
  }
  sdNotify("READY=1"); // nobody asked
});

Deno.test("the watchdog's interval is for the process that it names", () => {
  try {
    assert.equal(watchdogIntervalUs(), null);
    Deno.env.set("WATCHDOG_USEC", "2000000");
    assert.equal(watchdogIntervalUs(), 2_000_000);
    Deno.env.set("WATCHDOG_PID", `${Deno.pid}`);
    assert.equal(watchdogIntervalUs(), 2_000_000);
    Deno.env.set("WATCHDOG_PID", "1");
    assert.equal(watchdogIntervalUs(), null);
    Deno.env.delete("WATCHDOG_PID");
    Deno.env.set("WATCHDOG_USEC", "soon");
    assert.equal(watchdogIntervalUs(), null);
  } finally {
    for (const name of ["WATCHDOG_USEC", "WATCHDOG_PID"]) Deno.env.delete(name);
  }
});
