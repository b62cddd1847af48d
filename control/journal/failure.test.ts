import assert from "node:assert/strict";
import { failureKind, failureText, JournalError } from "./failure.ts";

/** As SQLite 3.53 and Deno 2.9 word them. */
const KINDS = [
  ["database disk image is malformed", "damaged"],
  ["malformed database schema (events)", "damaged"],
  ["file is not a database", "damaged"],
  ["no such column: seconds", "damaged"],
  ["no such table: events", "damaged"],
  ["Value is too large to be represented as a JavaScript number: 9007199254740993", "damaged"],
  ["table events has no column named kind", "damaged"],
  ["database or disk is full", "full"],
  ["No space left on device (os error 28): writefile '/x'", "full"],
  ["Disk quota exceeded (os error 122)", "full"],
  ["attempt to write a readonly database", "readOnly"],
  ["Read-only file system (os error 30): open '/x'", "readOnly"],
  ["disk I/O error", "other"],
  ["unable to open database file", "other"],
  ["database is locked", "other"],
] as const;

for (const [text, kind] of KINDS) Deno.test(`${text}: ${kind}`, () => assert.equal(failureKind(new Error(text)), kind));

Deno.test("the result code counts where there is one, with or without its extension", () => {
  assert.equal(failureKind(Object.assign(new Error("?"), { errcode: 11 })), "damaged");
  assert.equal(failureKind(Object.assign(new Error("?"), { errcode: 267 })), "damaged");
  assert.equal(failureKind(Object.assign(new Error("?"), { errcode: 13 })), "full");
  assert.equal(failureKind(Object.assign(new Error("?"), { errcode: 8 | 4 << 8 })), "readOnly");
});

Deno.test("anything can be thrown", () => {
  assert.equal(failureKind(new JournalError("damaged", "x")), "damaged");
  assert.equal(failureKind(new JournalError("newer", "x")), "other");
  assert.equal(failureKind(null), "other");
  assert.equal(failureText(42), "42");
});
