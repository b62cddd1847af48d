/** The version, the same as in deno.json (a test compares them). Alone in its file: nothing else needs loading to say it. */
export const VERSION = "0.1.0";
