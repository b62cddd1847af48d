/** The examples of docs/services.md as services of the lab's pair: the guide's own tables, with this pair's address and this tree's files. */
import { SERVICE_V4 } from "../../../control/lab/topology.ts";

const DOCS = new URL("../../../docs/", import.meta.url);

/** The table of the guide in which `word` stands, for the lab's pair. */
export function guideTable(word: string): string {
  const guide = Deno.readTextFileSync(new URL("services.md", DOCS));
  const table = [...guide.matchAll(/^```toml\n([\s\S]*?)^```$/gm)].map(([, text]) => text!).find((text) =>
    text.includes(word)
  );
  if (table === undefined) throw new Error(`docs/services.md has no table with ${word}`);
  return table.replaceAll("192.0.2.100", SERVICE_V4);
}

export type CounterLanguage = "py" | "ts";

export function counterTable(language: CounterLanguage): string {
  const file = new URL(`examples/counter.${language}`, DOCS).pathname;
  const runtime = language === "py"
    ? ["/usr/bin/python3"]
    : [Deno.execPath(), "run", ...["env", "net", "read", "write"].map((what) => `--allow-${what}`)];
  const exec = JSON.stringify([...runtime, file]);
  return guideTable('name   = "counter"').replace(/^exec .*$/m, `exec = ${exec}`);
}
