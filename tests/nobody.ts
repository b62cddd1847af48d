/** For tests of what a user without rights is told. Needs root. */
import assert from "node:assert/strict";

const NOBODY = 65534;

/** Runs `body` with the effective rights of nobody (seteuid(2); glibc does it for every thread), and takes root's back. */
export async function asNobody(body: () => void | Promise<void>): Promise<void> {
  const libc = Deno.dlopen("libc.so.6", { seteuid: { parameters: ["u32"], result: "i32" } });
  assert.equal(libc.symbols.seteuid(NOBODY), 0);
  try {
    await body();
  } finally {
    assert.equal(libc.symbols.seteuid(0), 0);
    libc.close();
  }
}
