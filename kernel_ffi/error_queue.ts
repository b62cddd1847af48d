/** Control messages of a socket's error queue (ip(7), IP_RECVERR). Pure. */

// linux/in.h, linux/in6.h
export const SOL_IP = 0;
export const IP_RECVERR = 11;
export const SOL_IPV6 = 41;
export const IPV6_RECVERR = 25;

/** sizeof(struct cmsghdr) on a 64-bit machine: size_t length, int level, int type. */
const CMSGHDR_BYTES = 16;

/**
 * errno of the last `struct sock_extended_err` (linux/errqueue.h) among the first `length` bytes; 0 if there is none.
 */
export function decodeExtendedErrno(control: Uint8Array, length: number): number {
  const view = new DataView(control.buffer, control.byteOffset, Math.min(length, control.byteLength));
  let last = 0;
  let at = 0;
  while (at + CMSGHDR_BYTES + 4 <= view.byteLength) {
    // The upper half of the length is always zero: no control buffer has 4 GiB.
    const size = view.getUint32(at, true);
    if (size < CMSGHDR_BYTES) break;
    const level = view.getInt32(at + 8, true);
    const type = view.getInt32(at + 12, true);
    if ((level === SOL_IP && type === IP_RECVERR) || (level === SOL_IPV6 && type === IPV6_RECVERR)) {
      last = view.getUint32(at + CMSGHDR_BYTES, true);
    }
    // Not by bit operators: a length with its highest bit set would lead back.
    at += Math.ceil(size / 8) * 8;
  }
  return last;
}
