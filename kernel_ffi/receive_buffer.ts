/** Room in a socket for what comes while its process gets no time. */
import { libc, setIntOption } from "./libc.ts";
import { SOL_SOCKET } from "./socket_constants.ts";

const SO_RCVBUF = 8;
/** Past the system's limit (net.core.rmem_max); needs CAP_NET_ADMIN. */
const SO_RCVBUFFORCE = 33;

/** Makes room for so many bytes, the kernel's own of each packet included; without privilege for what the system allows. Throws `KernelError`. */
export function enlargeReceiveBuffer(fd: number, bytes: number): void {
  if (libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, new Int32Array([bytes]), 4) < 0) {
    setIntOption(fd, SOL_SOCKET, SO_RCVBUF, bytes, "SO_RCVBUF");
  }
}
