/** Node 1 of the tests' pair as a process: sends everything back. */
import { End } from "./ends.ts";

const end = new End(1, [0]);
end.onMessage = (channel, bytes) => end.stream.send(channel, bytes);
