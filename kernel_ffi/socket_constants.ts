/** Numbers that several sockets share (asm-generic/socket.h, linux/net.h, linux/socket.h). */

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_PRIORITY = 12;
export const SO_ATTACH_FILTER = 26;
export const SO_MARK = 36;

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
/** An error instead of SIGPIPE. */
export const MSG_NOSIGNAL = 0x4000;
export const MSG_ERRQUEUE = 0x2000;

/**
 * Priority of what must not wait behind data: the first band of the default queue (pfifo_fast), class 7 elsewhere.
 * 7 needs CAP_NET_ADMIN, as the mark does.
 */
export const PRIORITY_CONTROL = 7;

/** What `receive` of a socket returns when there is nothing, and when an error was pending. */
export const NOTHING = -1;
export const FAILED = -2;
