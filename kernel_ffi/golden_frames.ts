/**
 * Frames that real programs sent, for tests. Captured with `tcpdump -i va -w FILE 'arp or icmp6'` on a veth pair (va
 * 02:00:5e:00:00:0a, 10.77.0.1/24, fd00:77::1/64; vb in another namespace, 02:00:5e:00:00:0b, 10.77.0.2, fd00:77::2),
 * Linux 6.18, arping of iputils 20221126.
 */
function frame(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.replaceAll(/\s/g, "").match(/../g)!, (byte) => parseInt(byte, 16));
}

export const MAC_A = Uint8Array.of(0x02, 0, 0x5e, 0, 0, 0x0a);
export const MAC_B = Uint8Array.of(0x02, 0, 0x5e, 0, 0, 0x0b);

/** arping -U -c 1 -I va 10.77.0.100 */
export const ARPING_GRATUITOUS_REQUEST = frame(`
  ffff ffff ffff 0200 5e00 000a 0806 0001 0800 0604 0001 0200 5e00 000a 0a4d 0064 ffff ffff ffff 0a4d 0064`);

/** arping -A -c 1 -I va 10.77.0.100 */
export const ARPING_GRATUITOUS_REPLY = frame(`
  ffff ffff ffff 0200 5e00 000a 0806 0001 0800 0604 0002 0200 5e00 000a 0a4d 0064 0200 5e00 000a 0a4d 0064`);

/** arping -D -c 1 -I va 10.77.0.2 */
export const ARPING_PROBE = frame(`
  ffff ffff ffff 0200 5e00 000a 0806 0001 0800 0604 0001 0200 5e00 000a 0000 0000 ffff ffff ffff 0a4d 0002`);

/** The kernel of vb answers ARPING_PROBE. */
export const KERNEL_PROBE_REPLY = frame(`
  0200 5e00 000a 0200 5e00 000b 0806 0001 0800 0604 0002 0200 5e00 000b 0a4d 0002 0200 5e00 000a 0000 0000`);

/** echo x >/dev/udp/10.77.0.2/9: the kernel of va asks. */
export const KERNEL_REQUEST = frame(`
  ffff ffff ffff 0200 5e00 000a 0806 0001 0800 0604 0001 0200 5e00 000a 0a4d 0001 0000 0000 0000 0a4d 0002`);

/** The kernel of vb answers KERNEL_REQUEST. */
export const KERNEL_REPLY = frame(`
  0200 5e00 000a 0200 5e00 000b 0806 0001 0800 0604 0002 0200 5e00 000b 0a4d 0002 0200 5e00 000a 0a4d 0001`);

/** sysctl net.ipv6.conf.va.ndisc_notify=1; ip addr add fd00:77::100/128 dev va: the kernel of va announces. */
export const KERNEL_UNSOLICITED_ADVERTISEMENT = frame(`
  3333 0000 0001 0200 5e00 000a 86dd 6000 0000 0020 3aff fd00 0077 0000 0000 0000 0000 0000 0100 ff02 0000 0000 0000
  0000 0000 0000 0001 8800 f9a5 2000 0000 fd00 0077 0000 0000 0000 0000 0000 0100 0201 0200 5e00 000a`);

/** ip addr add fd00:77::100/128 dev va: duplicate address detection, with a nonce option (RFC 7527). */
export const KERNEL_DAD_SOLICITATION = frame(`
  3333 ff00 0100 0200 5e00 000a 86dd 6000 0000 0020 3aff 0000 0000 0000 0000 0000 0000 0000 0000 ff02 0000 0000 0000
  0000 0001 ff00 0100 8700 42df 0000 0000 fd00 0077 0000 0000 0000 0000 0000 0100 0e01 2c21 e821 1605`);

/** echo x >/dev/udp/fd00:77::2/9: the kernel of va asks. */
export const KERNEL_SOLICITATION = frame(`
  3333 ff00 0002 0200 5e00 000a 86dd 6000 0000 0020 3aff fd00 0077 0000 0000 0000 0000 0000 0001 ff02 0000 0000 0000
  0000 0001 ff00 0002 8700 1ea0 0000 0000 fd00 0077 0000 0000 0000 0000 0000 0002 0101 0200 5e00 000a`);

/** The kernel of vb answers KERNEL_SOLICITATION. */
export const KERNEL_ADVERTISEMENT = frame(`
  0200 5e00 000a 0200 5e00 000b 86dd 6000 0000 0020 3aff fd00 0077 0000 0000 0000 0000 0000 0002 fd00 0077 0000 0000
  0000 0000 0000 0001 8800 bd2b 6000 0000 fd00 0077 0000 0000 0000 0000 0000 0002 0201 0200 5e00 000b`);
