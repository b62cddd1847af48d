/** A process that holds queues 1 and 2, with the guard whose program is its argument, until it is killed. For guard.test.ts. */
import { startGuard } from "../../kernel_ffi/guard.ts";
import { HoldQueue } from "../../kernel_ffi/nfqueue.ts";

const queues = [1, 2].map((queue) => new HoldQueue(queue, { maxLength: 65536 }));
const [program] = Deno.args;
let guard = 0;
if (program !== undefined) guard = startGuard(program, queues.map(({ fd, queue }) => ({ fd, queue }))).pid;
console.log(guard);
setInterval(() => {}, 1000);
