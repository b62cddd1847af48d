/** Worker: says that it is there, gives the other thread time to fall asleep, then wakes it. */
import { signalEventFd } from "../../kernel_ffi/eventfd.ts";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<number>) => void) | null;
  postMessage(message: string): void;
};

scope.onmessage = ({ data: fd }) => {
  scope.postMessage("ready");
  setTimeout(() => signalEventFd(fd), 50);
};
