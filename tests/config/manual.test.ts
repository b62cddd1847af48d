/** The manual pages are clean for the formatter that man(1) uses. Needs groff. */
import assert from "node:assert/strict";

for (const page of ["segue.1", "segue.toml.5"]) {
  Deno.test(`groff has nothing to say about ${page}`, () => {
    const path = new URL(`../../docs/${page}`, import.meta.url).pathname;
    const { success, stdout, stderr } = new Deno.Command("groff", { args: ["-ww", "-mdoc", "-Tutf8", path] })
      .outputSync();
    assert.ok(success);
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.ok(stdout.length > 1000);
  });

  Deno.test(`${page} has no line that ends in a space, and is ASCII`, () => {
    const text = Deno.readTextFileSync(new URL(`../../docs/${page}`, import.meta.url));
    assert.doesNotMatch(text, /[ \t]$/m);
    // deno-lint-ignore no-control-regex
    assert.match(text, /^[\x00-\x7f]*$/);
  });
}
