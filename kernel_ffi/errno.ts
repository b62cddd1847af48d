/** Names and sentences of the errors that segue meets (asm-generic/errno-base.h, errno.h). */
const ERRNO: Readonly<Record<number, readonly [name: string, text: string]>> = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "no such file, rule or element"],
  3: ["ESRCH", "no such process"],
  4: ["EINTR", "interrupted by a signal"],
  5: ["EIO", "input or output error"],
  6: ["ENXIO", "no such device or address"],
  9: ["EBADF", "bad file descriptor"],
  11: ["EAGAIN", "nothing there yet, or the buffer is full"],
  12: ["ENOMEM", "out of memory"],
  13: ["EACCES", "permission denied"],
  14: ["EFAULT", "bad memory address"],
  16: ["EBUSY", "device or resource busy"],
  17: ["EEXIST", "exists already"],
  19: ["ENODEV", "no such device"],
  22: ["EINVAL", "invalid argument"],
  24: ["EMFILE", "too many open files"],
  27: ["EFBIG", "too big"],
  28: ["ENOSPC", "no space left on device"],
  30: ["EROFS", "read-only file system"],
  32: ["EPIPE", "broken pipe"],
  34: ["ERANGE", "out of range"],
  38: ["ENOSYS", "not in this kernel"],
  71: ["EPROTO", "protocol error"],
  90: ["EMSGSIZE", "message too long"],
  92: ["ENOPROTOOPT", "option not in this kernel"],
  93: ["EPROTONOSUPPORT", "protocol not in this kernel"],
  95: ["EOPNOTSUPP", "not supported"],
  97: ["EAFNOSUPPORT", "address family not in this kernel"],
  98: ["EADDRINUSE", "address in use"],
  99: ["EADDRNOTAVAIL", "address not on this machine"],
  100: ["ENETDOWN", "interface is down"],
  101: ["ENETUNREACH", "no route"],
  105: ["ENOBUFS", "refused by a rule, or no buffer left"],
  107: ["ENOTCONN", "not connected"],
  110: ["ETIMEDOUT", "timed out"],
  111: ["ECONNREFUSED", "connection refused"],
  112: ["EHOSTDOWN", "host is down"],
  113: ["EHOSTUNREACH", "no way to the host"],
};

export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EAGAIN = 11;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EMSGSIZE = 90;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETDOWN = 100;
export const ENETUNREACH = 101;
export const ENOBUFS = 105;
export const ECONNREFUSED = 111;
export const EHOSTUNREACH = 113;

export function errnoName(errno: number): string {
  return ERRNO[errno]?.[0] ?? `errno ${errno}`;
}

/** A call into the kernel that failed: which one, on what, and why. */
export class KernelError extends Error {
  readonly operation: string;
  readonly errno: number;

  /** @param operation what was tried and on what, for example `bind 10.78.0.1:4790` */
  constructor(operation: string, errno: number) {
    super(`${operation}: ${errnoName(errno)}, ${ERRNO[errno]?.[1] ?? "see errno(3)"}`);
    this.name = "KernelError";
    this.operation = operation;
    this.errno = errno;
  }
}
