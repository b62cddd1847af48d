/** packaging/segue.service: systemd takes it, and it says what the program relies on. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../../packaging/runtime.ts";
import { run } from "./harness.ts";

const text = Deno.readTextFileSync(join(ROOT, "packaging/segue.service"));

/** Keys of a unit, "Section.Key" → value. No key of it is there twice. */
function parseUnit(unit: string): Map<string, string> {
  const keys = new Map<string, string>();
  let section = "";
  for (const line of unit.split("\n")) {
    const header = /^\[(\w+)\]$/.exec(line);
    if (header !== null) section = header[1]!;
    else if (line !== "" && !line.startsWith("#")) {
      const [key = "", ...value] = line.split("=");
      assert.equal(keys.has(`${section}.${key}`), false, `${key} twice`);
      keys.set(`${section}.${key}`, value.join("="));
    }
  }
  return keys;
}

Deno.test("systemd finds no fault", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "segue-unit-" });
  try {
    // systemd wants the programs to be there.
    Deno.writeTextFileSync(join(folder, "segue.service"), text.replaceAll("/usr/local/sbin/segue", "/bin/true"));
    const command = ["/usr/bin/systemd-analyze", "verify", "--man=no", join(folder, "segue.service")];
    const result = await run(command, { PATH: "/usr/sbin:/usr/bin" });
    assert.equal(result.stderr, "");
    assert.equal(result.code, 0);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("it waits for the program's word, watches it and starts it again", () => {
  const unit = parseUnit(text);
  assert.equal(unit.get("Service.Type"), "notify");
  assert.equal(unit.get("Service.Restart"), "always");
  assert.equal(unit.get("Service.RestartPreventExitStatus"), "78");
  assert.match(unit.get("Service.WatchdogSec") ?? "", /^\d+s$/);
  assert.equal(unit.get("Unit.StartLimitIntervalSec"), "0");
  assert.equal(unit.get("Unit.ConditionPathExists"), "/etc/segue/segue.toml");
  assert.equal(unit.get("Service.ExecReload"), "/usr/local/sbin/segue reload");
  // The daemon alone first; systemd's own signal would end its services before they have handed over.
  assert.match(unit.get("Service.ExecStop") ?? "", /kill -TERM "\$MAINPID"; while kill -0/);
});

Deno.test("hardening leaves what segue does, and takes the rest", () => {
  const unit = parseUnit(text);
  const capabilities = unit.get("Service.CapabilityBoundingSet")?.split(" ") ?? [];
  for (const needed of ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_NICE"]) {
    assert.equal(capabilities.includes(needed), true);
  }
  for (const excess of ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_MODULE"]) {
    assert.equal(capabilities.includes(excess), false);
  }
  const families = unit.get("Service.RestrictAddressFamilies")?.split(" ");
  assert.deepEqual(families, ["AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET"]);
  assert.equal(unit.get("Service.NoNewPrivileges"), "yes");
  assert.equal(unit.get("Service.ProtectSystem"), "strict");
  // These would keep the program from running at all: it compiles, sets sysctls and asks for SCHED_DEADLINE.
  for (const key of ["MemoryDenyWriteExecute", "ProtectKernelTunables", "RestrictRealtime"]) {
    assert.equal(unit.has(`Service.${key}`), false, key);
  }
});
