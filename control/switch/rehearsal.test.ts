import { rehearseCore } from "./rehearsal.ts";

Deno.test("a rehearsal plays to its end", () => rehearseCore(3));
