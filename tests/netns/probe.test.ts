/** Probes to a neighbour's kernel, and who is heard to speak as an address. */
import assert from "node:assert/strict";
import { formatIp, parseIp } from "../../kernel_ffi/address.ts";
import { encodeArpProbe, encodeGratuitousArpReply } from "../../kernel_ffi/arp.ts";
import { FrameSocket, SEND_ONLY } from "../../kernel_ffi/frames.ts";
import { encodeSolicitation, encodeUnsolicitedAdvertisement } from "../../kernel_ffi/ndp.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { ProbeSocket, type Speaker } from "../../kernel_ffi/probe_socket.ts";
import { inFreshNamespace, run } from "./namespace.ts";
import { MAC_THERE, makePair, withNeighbour } from "./veth.ts";

const SERVICE4 = parseIp("10.77.0.100")!;
const SERVICE6 = parseIp("fd00:77::100")!;
const HERE4 = parseIp("10.77.0.1")!;
const HERE6 = parseIp("fd00:77::1")!;
const ADDRESSES = [parseIp("10.77.0.101")!, SERVICE4, parseIp("fd00:77::101")!, SERVICE6];

/** The first speaker within a single wait of at most a second. */
function awaitSpeaker(socket: ProbeSocket): Speaker {
  const poller = new Poller();
  poller.set(socket.fd);
  assert.equal(poller.wait(1e6), 1, "nobody spoke within a second");
  const speaker = socket.receive();
  assert.ok(speaker !== null, "woken, but nobody spoke");
  assert.equal(socket.receive(), null);
  return speaker;
}

function isSilent(socket: ProbeSocket, us: number): boolean {
  const poller = new Poller();
  poller.set(socket.fd);
  return poller.wait(us) === 0 && socket.receive() === null;
}

/** A neighbour with the service's addresses; the questions that a standby can ask about them. */
async function withOwner(
  body: (ask: Record<string, () => void>, heard: ProbeSocket, there: (...args: string[]) => string) => void,
): Promise<void> {
  await inFreshNamespace(() =>
    withNeighbour((there) => {
      run("ip", "addr", "add", "10.77.0.1/24", "dev", "va");
      run("ip", "addr", "add", "fd00:77::1/64", "dev", "va", "nodad");
      there("addr", "add", "10.77.0.2/24", "dev", "vb");
      there("addr", "add", "fd00:77::2/64", "dev", "vb", "nodad");
      there("addr", "add", "10.77.0.100/32", "dev", "vb");
      there("addr", "add", "fd00:77::100/128", "dev", "vb", "nodad");
      const probes = new FrameSocket({ interface: "va", etherType: SEND_ONLY });
      const heard = new ProbeSocket({ interface: "va", addresses: ADDRESSES });
      const asking = (frame: Uint8Array<ArrayBuffer>) => () => assert.equal(probes.send(frame, frame.length, 0), 0);
      body(
        {
          arpProbe: asking(encodeArpProbe(probes.mac, SERVICE4)),
          arpQuestion: asking(encodeArpProbe(probes.mac, SERVICE4, HERE4)),
          dadSolicitation: asking(encodeSolicitation(probes.mac, SERVICE6)),
          solicitation: asking(encodeSolicitation(probes.mac, SERVICE6, HERE6)),
        },
        heard,
        there,
      );
      heard.close();
      probes.close();
    })
  );
}

Deno.test("a kernel that has the address answers every form of the question", () =>
  withOwner((ask, heard) => {
    // The answer to a nameless solicitation goes to everybody, all others to the asker.
    for (const [form, unicastToUs] of [["arpProbe", true], ["arpQuestion", true]] as const) {
      ask[form]!();
      assert.deepEqual(
        awaitSpeaker(heard),
        { family: 4, address: SERVICE4, owns: true, mac: MAC_THERE, from: MAC_THERE, unicastToUs },
        form,
      );
    }
    for (const [form, unicastToUs] of [["dadSolicitation", false], ["solicitation", true]] as const) {
      ask[form]!();
      assert.deepEqual(
        awaitSpeaker(heard),
        { family: 6, address: SERVICE6, owns: true, mac: MAC_THERE, from: MAC_THERE, unicastToUs },
        form,
      );
    }
  }));

Deno.test("an answer is heard although a gate on this node drops all that comes in", () =>
  withOwner((ask, heard) => {
    run("nft", "table netdev t { chain in { type filter hook ingress device va priority 0; policy drop; }; }");
    for (const question of Object.values(ask)) {
      question();
      awaitSpeaker(heard);
    }
  }));

Deno.test("a kernel that has lost the address is silent, and so is one that is gone", () =>
  withOwner((ask, heard, there) => {
    there("addr", "del", "10.77.0.100/32", "dev", "vb");
    there("addr", "del", "fd00:77::100/128", "dev", "vb");
    for (const question of Object.values(ask)) question();
    assert.ok(isSilent(heard, 50_000));
    there("addr", "add", "10.77.0.100/32", "dev", "vb");
    ask.arpProbe!();
    assert.equal(formatIp(awaitSpeaker(heard).address), "10.77.0.100");
  }));

Deno.test("a preloaded address on lo does not speak where the second line of defence holds", () =>
  withOwner((ask, heard, there) => {
    there("addr", "del", "10.77.0.100/32", "dev", "vb");
    there("addr", "del", "fd00:77::100/128", "dev", "vb");
    there("addr", "add", "10.77.0.100/32", "dev", "lo");
    there("addr", "add", "fd00:77::100/128", "dev", "lo", "nodad");
    there("link", "set", "lo", "up");
    // arp_ignore is 0 there, and the kernel answers for any address that it has; IPv6 does not.
    ask.arpProbe!();
    awaitSpeaker(heard);
    ask.dadSolicitation!();
    ask.solicitation!();
    assert.ok(isSilent(heard, 50_000));
  }));

Deno.test("announcements of others are heard, other talk and one's own are not", () =>
  inFreshNamespace(() => {
    makePair();
    const [own, other] = ["va", "vb"].map((name) => new FrameSocket({ interface: name, etherType: SEND_ONLY }));
    const heard = new ProbeSocket({ interface: "va", addresses: ADDRESSES });
    const say = (socket: FrameSocket, frame: Uint8Array<ArrayBuffer>) =>
      assert.equal(socket.send(frame, frame.length, 0), 0);
    say(own!, encodeGratuitousArpReply(own!.mac, SERVICE4));
    say(own!, encodeUnsolicitedAdvertisement(own!.mac, SERVICE6));
    say(other!, encodeGratuitousArpReply(other!.mac, parseIp("10.77.0.7")!));
    say(other!, encodeUnsolicitedAdvertisement(other!.mac, parseIp("fd00:77::7")!));
    say(other!, encodeArpProbe(other!.mac, SERVICE4, HERE4));
    say(other!, encodeSolicitation(other!.mac, SERVICE6, HERE6));
    say(other!, encodeArpProbe(other!.mac, parseIp("10.77.0.7")!));
    say(own!, encodeArpProbe(own!.mac, SERVICE4));
    say(other!, new Uint8Array(1000).fill(0x08));
    assert.ok(isSilent(heard, 20_000));
    say(other!, encodeGratuitousArpReply(other!.mac, SERVICE4));
    assert.deepEqual(awaitSpeaker(heard), {
      family: 4,
      address: SERVICE4,
      owns: true,
      mac: MAC_THERE,
      from: MAC_THERE,
      unicastToUs: false,
    });
    say(other!, encodeUnsolicitedAdvertisement(other!.mac, SERVICE6));
    assert.deepEqual(awaitSpeaker(heard), {
      family: 6,
      address: SERVICE6,
      owns: true,
      mac: MAC_THERE,
      from: MAC_THERE,
      unicastToUs: false,
    });
    const damaged = encodeUnsolicitedAdvertisement(other!.mac, SERVICE6);
    damaged[56]! ^= 1; // checksum
    say(other!, damaged);
    assert.equal(heard.receive(), null);
    for (const socket of [own!, other!, heard]) socket.close();
  }));

Deno.test("another one who asks for the address namelessly is heard, and told from one who has it", () =>
  inFreshNamespace(() => {
    makePair();
    const other = new FrameSocket({ interface: "vb", etherType: SEND_ONLY });
    const heard = new ProbeSocket({ interface: "va", addresses: ADDRESSES });
    for (const address of ADDRESSES) {
      const family = address.length === 4 ? 4 : 6;
      const frame = family === 4 ? encodeArpProbe(other.mac, address) : encodeSolicitation(other.mac, address);
      assert.equal(other.send(frame, frame.length, 0), 0);
      assert.deepEqual(awaitSpeaker(heard), {
        family,
        address,
        owns: false,
        mac: MAC_THERE,
        from: MAC_THERE,
        unicastToUs: false,
      });
    }
    // A device that filters multicast by itself lets the questions through.
    const groups = run("ip", "maddress", "show", "dev", "va");
    for (const group of ["33:33:ff:00:01:00", "33:33:ff:00:01:01"]) assert.ok(groups.includes(group), groups);
    other.close();
    heard.close();
  }));

Deno.test("going down is an error that is read once", () =>
  inFreshNamespace(() => {
    makePair();
    const heard = new ProbeSocket({ interface: "va", addresses: ADDRESSES });
    const poller = new Poller();
    poller.set(heard.fd);
    run("ip", "link", "set", "va", "down");
    assert.equal(poller.wait(1e6), 1);
    assert.ok(poller.failed(heard.fd));
    assert.equal(heard.receive(), null);
    assert.equal(heard.lastErrno, 100);
    assert.equal(poller.wait(0), 0, "a read socket lets the poller sleep");
    heard.close();
  }));
