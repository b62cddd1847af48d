/**
 * Classic BPF (linux/filter.h): which frames a packet socket lets through. Pure. The kernel runs the program on each
 * frame of the interface before anything is copied or anybody is woken.
 */
import { ETHERTYPE_ARP, ETHERTYPE_IPV6 } from "./ethernet.ts";

/** struct sock_filter */
export interface BpfInstruction {
  readonly code: number;
  /** Instructions to skip when the comparison holds, and when it does not. */
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

// Instruction classes and modes (linux/bpf_common.h), put together.
export const BPF_LD_W_ABS = 0x20;
export const BPF_LD_H_ABS = 0x28;
export const BPF_LD_B_ABS = 0x30;
export const BPF_JMP_JA = 0x05;
export const BPF_JMP_JEQ_K = 0x15;
export const BPF_RET_K = 0x06;

/** Offsets from here on ask for what is known about a frame instead of its bytes. */
const SKF_AD_OFF = 0xffff_f000;
export const BPF_PACKET_TYPE = SKF_AD_OFF + 4;
export const BPF_VLAN_TAG_PRESENT = SKF_AD_OFF + 48;

/** BPF_MAXINSNS: the kernel takes no longer program. */
export const BPF_MAX_INSTRUCTIONS = 4096;

const PACKET_OUTGOING = 4;
const NEXT_HEADER_ICMPV6 = 58;
const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;

const WHOLE_FRAME = 0xffff_ffff;

const load32 = (at: number): BpfInstruction => ({ code: BPF_LD_W_ABS, jt: 0, jf: 0, k: at });
const load16 = (at: number): BpfInstruction => ({ code: BPF_LD_H_ABS, jt: 0, jf: 0, k: at });
const load8 = (at: number): BpfInstruction => ({ code: BPF_LD_B_ABS, jt: 0, jf: 0, k: at });
const jump = (skip: number): BpfInstruction => ({ code: BPF_JMP_JA, jt: 0, jf: 0, k: skip });
const ifEqual = (k: number, jt: number, jf: number): BpfInstruction => ({ code: BPF_JMP_JEQ_K, jt, jf, k });
const ACCEPT: BpfInstruction = { code: BPF_RET_K, jt: 0, jf: 0, k: WHOLE_FRAME };
const REFUSE: BpfInstruction = { code: BPF_RET_K, jt: 0, jf: 0, k: 0 };
const requireEqual = (k: number): readonly BpfInstruction[] => [ifEqual(k, 1, 0), REFUSE];

/**
 * Lets through what somebody else on the link says *as* one of these addresses: ARP of any kind whose sender address it
 * is (answers, announcements, and questions too: they are asked by a kernel that believes it owns it), and neighbour
 * advertisements whose target it is. And who asks for one of them without a name: an ARP probe (RFC 5227 2.1.1) or a
 * solicitation from `::` (RFC 4862 5.4.2), as one who means to take it does. Nothing that this node sent, nothing of
 * another VLAN.
 *
 * Throws `RangeError` for an address of neither 4 nor 16 bytes, and for more than some 450 IPv6 addresses.
 */
export function speakersFilter(addresses: readonly Uint8Array[]): readonly BpfInstruction[] {
  for (const address of addresses) {
    if (address.length !== 4 && address.length !== 16) {
      throw new RangeError(`filter for address: ${address.length} bytes instead of 4 or 16`);
    }
  }
  const arp = arpTalk(addresses.filter((address) => address.length === 4));
  const program = [
    load32(BPF_PACKET_TYPE),
    ifEqual(PACKET_OUTGOING, 0, 1),
    REFUSE,
    load32(BPF_VLAN_TAG_PRESENT),
    ...requireEqual(0),
    load16(12),
    // Conditional jumps reach 255 instructions; this one reaches past any number of addresses.
    ifEqual(ETHERTYPE_ARP, 1, 0),
    jump(arp.length),
    ...arp,
    ...requireEqual(ETHERTYPE_IPV6),
    ...neighbourTalk(addresses.filter((address) => address.length === 16)),
  ];
  if (program.length > BPF_MAX_INSTRUCTIONS) {
    throw new RangeError(`filter for ${addresses.length} addresses: ${program.length} instructions are too many`);
  }
  return program;
}

/** ARP for IPv4 over Ethernet from one of these addresses, or from nobody for one of them. */
function arpTalk(addresses: readonly Uint8Array[]): readonly BpfInstruction[] {
  const words = addresses.map((address) => wordAt(address, 0));
  return [
    load32(14),
    ...requireEqual(0x0001_0800),
    load16(18),
    ...requireEqual(0x0604),
    load32(28),
    ...words.flatMap((word) => [ifEqual(word, 0, 1), ACCEPT]),
    ...requireEqual(0),
    load32(38),
    ...words.flatMap((word) => [ifEqual(word, 0, 1), ACCEPT]),
    REFUSE,
  ];
}

/**
 * Neighbour advertisement (without extension headers, with hop limit 255: RFC 4861 7.1.2) for one of these addresses, or
 * a solicitation of it by nobody.
 */
function neighbourTalk(addresses: readonly Uint8Array[]): readonly BpfInstruction[] {
  const nameless = [22, 26, 30, 34].flatMap((at) => [load32(at), ...requireEqual(0)]);
  const question = [...requireEqual(NEIGHBOUR_SOLICITATION), ...nameless];
  return [
    load8(20),
    ...requireEqual(NEXT_HEADER_ICMPV6),
    load8(21),
    ...requireEqual(255),
    load8(54),
    ifEqual(NEIGHBOUR_ADVERTISEMENT, question.length, 0),
    ...question,
    ...addresses.flatMap((address) => [
      load32(62),
      ifEqual(wordAt(address, 0), 0, 7),
      load32(66),
      ifEqual(wordAt(address, 4), 0, 5),
      load32(70),
      ifEqual(wordAt(address, 8), 0, 3),
      load32(74),
      ifEqual(wordAt(address, 12), 0, 1),
      ACCEPT,
    ]),
    REFUSE,
  ];
}

function wordAt(address: Uint8Array, at: number): number {
  return new DataView(address.buffer, address.byteOffset, address.byteLength).getUint32(at);
}

/** The program as the kernel wants it: 8 bytes an instruction, in the machine's byte order (low byte first). */
export function encodeBpf(program: readonly BpfInstruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, i) => {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, jt);
    view.setUint8(i * 8 + 3, jf);
    view.setUint32(i * 8 + 4, k, true);
  });
  return bytes;
}
