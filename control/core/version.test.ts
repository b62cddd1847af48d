import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import { VERSION, versionInfo } from "./version.ts";

Deno.test("the version is the one of deno.json", () => assert.equal(VERSION, project.version));

Deno.test("the build is said only by those who may", () => {
  assert.equal(versionInfo({ build: undefined, deno: "2" }).build, "source");
  assert.equal(versionInfo({ build: "launcher", deno: "2" }).build, "launcher");
  assert.equal(versionInfo({ build: "compile", deno: "2" }).build, "compile");
  assert.deepEqual(versionInfo({ build: "other", deno: "2.9" }), {
    version: VERSION,
    build: "source",
    deno: "2.9",
    wire: 1,
  });
});
