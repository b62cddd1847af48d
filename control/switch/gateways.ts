/** The question to a group's gateway, as a frame of this node's own: from its MAC and its address, never from a virtual one. */
import { parseIp, sameBytes } from "../../kernel_ffi/address.ts";
import { encodeArpProbe } from "../../kernel_ffi/arp.ts";
import { encodeSolicitation } from "../../kernel_ffi/ndp.ts";
import type { InterfaceAddress } from "../../kernel_ffi/rtnetlink.ts";
import type { GatewayTrack, GroupConfig } from "../../config/model.ts";
import type { GatewaySetup } from "../core/gateway.ts";
import type { Links } from "./links.ts";
import type { SwitchPlan } from "./plan.ts";

function gatewayOf(group: GroupConfig): GatewayTrack | undefined {
  return group.track.find((track) => track.kind === "gateway");
}

/** For the core. */
export function gatewaySetup(group: GroupConfig): { readonly gateway?: GatewaySetup } {
  const track = gatewayOf(group);
  if (track === undefined) return {};
  const { gateway: address, interface: name, everyUs, timeoutUs, fall } = track;
  return { gateway: { address, interface: name, everyUs, timeoutUs, fall } };
}

interface AskedGateway {
  readonly group: number;
  /** Index of the service interface. */
  readonly interface: number;
  readonly address: Uint8Array;
  readonly question: Uint8Array<ArrayBuffer>;
}

export class Gateways {
  readonly #asked: readonly AskedGateway[];
  readonly #links: Links;

  /** @param addresses of this machine, all interfaces, as they are now */
  constructor(plan: SwitchPlan, links: Links, addresses: readonly InterfaceAddress[]) {
    this.#links = links;
    const moving = plan.slots.flatMap((slot) => slot.addresses.map((it) => it.bytes));
    const own = addresses.filter((it) => !moving.some((one) => sameBytes(one, it.address)));
    this.#asked = plan.groups.flatMap((group) => {
      const track = gatewayOf(group.config);
      if (track === undefined) return [];
      const at = plan.interfaces.indexOf(track.interface), { mac, ifindex } = links.frames[at]!.socket;
      const address = parseIp(track.gateway)!;
      const source = sourceFor(address, own.filter((it) => it.ifindex === ifindex));
      const question = track.family === 4
        ? encodeArpProbe(mac, address, source)
        : encodeSolicitation(mac, address, source);
      return [{ group: group.index, interface: at, address, question }];
    });
  }

  /** What a socket on the interface listens for besides the addresses of the groups. */
  addressesOn(index: number): readonly Uint8Array[] {
    return this.#asked.filter((it) => it.interface === index).map((it) => it.address);
  }

  /** Groups whose gateway spoke. @param address one of `addressesOn`, the very array */
  groupsOf(address: Uint8Array): readonly number[] {
    return this.#asked.filter((it) => it.address === address).map((it) => it.group);
  }

  /** 0, or the errno. */
  ask(group: number): number {
    const asked = this.#asked.find((it) => it.group === group)!;
    return this.#links.frames[asked.interface]!.plain.send(asked.question, asked.question.length, 0);
  }
}

/** An own address of the gateway's network; undefined: it is asked without a name, which every owner must answer (RFC 5227 2.1.1, RFC 4862 5.4.3). */
export function sourceFor(gateway: Uint8Array, own: readonly InterfaceAddress[]): Uint8Array | undefined {
  return own.find((it) => it.address.length === gateway.length && sharePrefix(it.address, gateway, it.prefixLength))
    ?.address;
}

function sharePrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  return a.every((byte, i) => {
    const left = Math.min(8, Math.max(0, bits - 8 * i));
    return ((byte ^ b[i]!) & (0xff00 >> left) & 0xff) === 0;
  });
}
