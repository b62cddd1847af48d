/** The UDP ports of this node's paths and of their data: free, unless segue itself has them. */
import { encodeSockaddr, parseIp } from "../../kernel_ffi/address.ts";
import { EADDRINUSE } from "../../kernel_ffi/errno.ts";
import { closeFd, errno, libc, must } from "../../kernel_ffi/libc.ts";
import { SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from "../../kernel_ffi/socket_constants.ts";
import { formatEndpoint, streamEndpoint } from "../address.ts";
import type { Endpoint } from "../model.ts";
import type { Problem } from "../problem.ts";
import { type HostContext, placedProblem } from "./context.ts";

export function checkPorts(context: HostContext): readonly Problem[] {
  if (context.daemonRuns) return [];
  const { node, index } = context.ourselves;
  const endpoints = node.paths.flatMap((path, i) => [{ endpoint: path, i }, { endpoint: streamEndpoint(path), i }]);
  return endpoints.flatMap(({ endpoint, i }) => {
    if (bindErrno(endpoint) !== EADDRINUSE) return [];
    const hint = `who: ss -ulpn 'sport = :${endpoint.port}'; both nodes can use another port`;
    const reason = `${formatEndpoint(endpoint)} is used by another program (UDP)`;
    return [placedProblem(context, ["node", index, "paths", i], reason, hint)];
  });
}

/** 0 where a socket could be bound. An address that is not here is another check's problem. */
function bindErrno({ host, port }: Endpoint): number {
  const address = encodeSockaddr(parseIp(host)!, port);
  const fd = must(libc().socket(address[0]!, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "open UDP socket");
  try {
    return libc().bind(fd, address, address.length) === 0 ? 0 : errno();
  } finally {
    closeFd(fd);
  }
}
