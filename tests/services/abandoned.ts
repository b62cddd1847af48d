/** A manager that runs until it is killed: FOLDER, then its services. */
import { makeRunning } from "./harness.ts";

const [folder = "", services = ""] = Deno.args;
await makeRunning(folder, { services }).manager.start();
console.log("running");
await new Promise(() => setInterval(() => {}, 1000));
