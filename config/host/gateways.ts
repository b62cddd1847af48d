/** The gateways that are to be asked in isolation answer now. */
import { parseIp } from "../../kernel_ffi/address.ts";
import { encodeArpProbe } from "../../kernel_ffi/arp.ts";
import { KernelError } from "../../kernel_ffi/errno.ts";
import { FrameSocket, SEND_ONLY } from "../../kernel_ffi/frames.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { encodeSolicitation } from "../../kernel_ffi/ndp.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { ProbeSocket } from "../../kernel_ffi/probe_socket.ts";
import type { GatewayTrack } from "../model.ts";
import type { Problem } from "../problem.ts";
import { type HostContext, placedProblem } from "./context.ts";

const TRIES = 3;
const WAIT_US = 200_000;

export function checkGateways(context: HostContext): readonly Problem[] {
  return context.config.groups.flatMap((group, g) =>
    group.track.flatMap((track, t) => {
      if (track.kind !== "gateway") return [];
      const complaint = whyNot(track);
      if (complaint === null) return [];
      const hint =
        "a node that hears neither its peer nor its gateway does not serve: is the address right, and on this network?";
      return [placedProblem(context, ["group", g, "track", t, "gateway"], complaint, hint, "warning")];
    })
  );
}

/** Asked as the daemon asks, but without a name: from no address of this node. */
function whyNot({ gateway, family, interface: name }: GatewayTrack): string | null {
  const address = parseIp(gateway)!;
  let listen: ProbeSocket | null = null, speak: FrameSocket | null = null;
  try {
    listen = new ProbeSocket({ interface: name, addresses: [address] });
    speak = new FrameSocket({ interface: name, etherType: SEND_ONLY });
    const question = family === 4 ? encodeArpProbe(speak.mac, address) : encodeSolicitation(speak.mac, address);
    for (let i = 0; i < TRIES; i++) {
      speak.send(question, question.length, 0);
      if (answered(listen)) return null;
    }
    return `${gateway} does not answer on ${name}`;
  } catch (error) {
    // A missing interface, or missing rights, are problems of their own.
    if (error instanceof KernelError) return null;
    throw error;
  } finally {
    listen?.close();
    speak?.close();
  }
}

function answered(listen: ProbeSocket): boolean {
  const poller = new Poller(), end = monotonicUs() + WAIT_US;
  poller.set(listen.fd);
  for (let left = WAIT_US; left > 0; left = end - monotonicUs()) {
    poller.wait(left);
    for (let one = listen.receive(); one !== null; one = listen.receive()) if (one.owns) return true;
  }
  return false;
}
