/** Interfaces and addresses of this machine against those of the file. */
import { formatIp } from "../../kernel_ffi/address.ts";
import { KernelError } from "../../kernel_ffi/errno.ts";
import { type InterfaceAddress, type Link, Rtnetlink } from "../../kernel_ffi/rtnetlink.ts";
import type { KeyPath, Problem } from "../problem.ts";
import { nearestWord } from "../suggestion.ts";
import { MACVLAN_MODE_PASSTHRU } from "../../kernel_ffi/rtnetlink_codec.ts";
import { readSysctl } from "../../kernel_ffi/sysctl.ts";
import { type HostContext, placedProblem, serviceInterfaces } from "./context.ts";

export function checkNetwork(context: HostContext): readonly Problem[] {
  const rtnetlink = new Rtnetlink();
  try {
    const links = rtnetlink.listLinks();
    const addresses = rtnetlink.listAddresses();
    return [
      ...checkInterfaces(context, links),
      ...checkPaths(context, links, addresses),
      ...checkVirtualAddresses(context, links, addresses),
      ...checkSharedWires(context, links),
    ];
  } finally {
    rtnetlink.close();
  }
}

function checkInterfaces(context: HostContext, links: readonly Link[]): Problem[] {
  const problems: Problem[] = [];
  const services = serviceInterfaces(context.config);
  for (const [name, path] of services) problems.push(...checkInterface(context, links, name, path, true));
  for (const [g, group] of context.config.groups.entries()) {
    for (const [t, track] of group.track.entries()) {
      if (track.kind !== "interface" || services.has(track.interface)) continue;
      problems.push(...checkInterface(context, links, track.interface, ["group", g, "track", t, "interface"], false));
    }
  }
  return problems;
}

function checkInterface(
  context: HostContext,
  links: readonly Link[],
  name: string,
  path: KeyPath,
  serves: boolean,
): Problem[] {
  const link = links.find((link) => link.name === name);
  if (!link) {
    const names = links.map((link) => link.name).filter((other) => other !== "lo");
    const near = nearestWord(name, names);
    const hint = near === null ? `there are: ${names.join(", ") || "none"}` : `did you mean "${near}"?`;
    return [placedProblem(context, path, `this machine has no interface "${name}"`, hint)];
  }
  const problems: Problem[] = [];
  // Lease frames and announcements are Ethernet frames.
  if (serves && link.mac.length !== 6) {
    problems.push(
      placedProblem(context, path, `interface "${name}" is not Ethernet`, "segue moves addresses on Ethernet"),
    );
  }
  if (!link.up) {
    problems.push(placedProblem(context, path, `interface "${name}" is down`, `ip link set ${name} up`));
  } else if (!link.carrier) {
    const hint = "a cable, a switch port? Until there is one this node cannot be primary";
    problems.push(placedProblem(context, path, `interface "${name}" has no carrier`, hint, "warning"));
  }
  return problems;
}

function checkPaths(
  context: HostContext,
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
): Problem[] {
  const { node, peer, index } = context.ourselves;
  const places = placesByAddress(links, addresses);
  return node.paths.flatMap(({ host }, i) => {
    if (places.has(host)) return [];
    const path = ["node", index, "paths", i];
    if (peer.paths.some((other) => places.has(other.host))) {
      const hint = `is this node "${peer.name}"? Then --node ${peer.name}`;
      return [
        placedProblem(context, path, `${host} is not an address of this machine, but one of the peer's is`, hint),
      ];
    }
    const hint = "give it to an interface, or write the address that this machine has";
    return [placedProblem(context, path, `${host} is not an address of this machine`, hint)];
  });
}

function checkVirtualAddresses(
  context: HostContext,
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
): Problem[] {
  const places = placesByAddress(links, addresses);
  const problems: Problem[] = [];
  for (const [g, group] of context.config.groups.entries()) {
    for (const [a, { address, family, interface: own }] of group.addresses.entries()) {
      const path = ["group", g, "addresses", a, "address"];
      if (family === 6 && links.some(({ name }) => name === own) && isIpv6Off(own)) {
        const hint = `sysctl net.ipv6.conf.${own}.disable_ipv6=0`;
        problems.push(placedProblem(context, path, `IPv6 is off on interface "${own}"`, hint));
      }
      for (const device of places.get(address) ?? []) {
        // While a node is standby its addresses sit on lo; a stopped daemon may have left them there.
        if (device === "lo") continue;
        if (device !== own) {
          const hint = `ip address del ${address} dev ${device}, and take it out of the network configuration`;
          problems.push(placedProblem(context, path, `${address} is on interface "${device}" already`, hint));
        } else if (!context.daemonRuns) {
          const reason = `${address} is on "${device}" already, and no segue runs here`;
          const hint = "take it out of the network configuration: segue adds and removes it itself";
          problems.push(placedProblem(context, path, reason, hint, "warning"));
        }
      }
    }
  }
  return problems;
}

/** A shared wire needs an interface that hears a MAC which is not its own. */
function checkSharedWires(context: HostContext, links: readonly Link[]): Problem[] {
  return context.config.groups.flatMap(({ wire, addresses }, g) => {
    if (wire !== "shared") return [];
    return [...new Set(addresses.map((it) => it.interface))].flatMap((name) => {
      const link = links.find((it) => it.name === name);
      const deaf = link?.kind === "ipvlan" || (link?.kind === "macvlan" && link.mode !== MACVLAN_MODE_PASSTHRU);
      if (!deaf) return [];
      const reason =
        `interface "${name}" is a ${link.kind} and hears no MAC but its own: a shared wire does not work there`;
      const hint = 'the network card itself, a bridge, a macvlan in mode passthru; or wire = "announce"';
      return [placedProblem(context, ["group", g, "wire"], reason, hint)];
    });
  });
}

/** A kernel without IPv6 has no such value at all. */
function isIpv6Off(name: string): boolean {
  try {
    return readSysctl(["ipv6", "conf", name, "disable_ipv6"]) !== "0";
  } catch (error) {
    if (error instanceof KernelError) return true;
    throw error;
  }
}

/** Address → names of the interfaces that have it. */
function placesByAddress(
  links: readonly Link[],
  addresses: readonly InterfaceAddress[],
): ReadonlyMap<string, readonly string[]> {
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const places = new Map<string, string[]>();
  for (const { ifindex, address } of addresses) {
    const text = formatIp(address);
    places.set(text, [...places.get(text) ?? [], names.get(ifindex) ?? `interface ${ifindex}`]);
  }
  return places;
}
