/**
 * The C library, opened on first use. The symbol table is data; every parameter stands with its C declaration.
 *
 * `errno` is right only directly after a synchronous call: nothing here is declared `nonblocking`.
 */
import { KernelError } from "./errno.ts";

export const LIBC_SYMBOLS = {
  /** int *__errno_location(void) */
  __errno_location: { parameters: [], result: "pointer" },
  /** int socket(int domain, int type, int protocol) */
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  /** int socketpair(int domain, int type, int protocol, int sv[2]) */
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  /** int bind(int fd, const struct sockaddr *addr, socklen_t len) */
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** int connect(int fd, const struct sockaddr *addr, socklen_t len) */
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** int listen(int fd, int backlog) */
  listen: { parameters: ["i32", "i32"], result: "i32" },
  /** int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags) */
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  /** ssize_t send(int fd, const void *buf, size_t len, int flags) */
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  /** ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to, socklen_t tolen) */
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  /** ssize_t recv(int fd, void *buf, size_t len, int flags) */
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  /** ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *fromlen) */
  recvfrom: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"], result: "isize" },
  /** ssize_t sendmsg(int fd, const struct msghdr *msg, int flags) */
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  /** ssize_t recvmsg(int fd, struct msghdr *msg, int flags) */
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  /** int setsockopt(int fd, int level, int name, const void *val, socklen_t len) */
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  /** int getsockopt(int fd, int level, int name, void *val, socklen_t *len) */
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  /** int getsockname(int fd, struct sockaddr *addr, socklen_t *len) */
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  /** int close(int fd) */
  close: { parameters: ["i32"], result: "i32" },
  /** int open(const char *path, int flags, mode_t mode) */
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  /** ssize_t read(int fd, void *buf, size_t len) */
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  /** ssize_t write(int fd, const void *buf, size_t len) */
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  /** int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask) */
  ppoll: { parameters: ["buffer", "u64", "buffer", "pointer"], result: "i32" },
  // The same calls for loops that want to leave nothing to the garbage collector: lengths and results as numbers instead
  // of bigints. For buffers below 2 GiB only, so that no value leaves 31 bits.
  /** send */
  send32: { name: "send", parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  /** recv */
  recv32: { name: "recv", parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  /** recvfrom */
  recvfrom32: { name: "recvfrom", parameters: ["i32", "buffer", "u32", "i32", "buffer", "buffer"], result: "i32" },
  /** read */
  read32: { name: "read", parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** write */
  write32: { name: "write", parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** ppoll */
  ppoll32: { name: "ppoll", parameters: ["buffer", "u32", "buffer", "pointer"], result: "i32" },
  /** int eventfd(unsigned int initial, int flags) */
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  /** int clock_gettime(clockid_t clock, struct timespec *ts) */
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  /** int clock_getres(clockid_t clock, struct timespec *resolution) */
  clock_getres: { parameters: ["i32", "buffer"], result: "i32" },
  /** int prctl(int option, unsigned long, unsigned long, unsigned long, unsigned long) */
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  /** int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param) */
  sched_setscheduler: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  /** int setpriority(PRIO_PROCESS, id_t who, int priority) */
  setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
  /** long syscall(SYS_sched_setattr, pid_t pid, struct sched_attr *attr, unsigned int flags) */
  sched_setattr: { name: "syscall", parameters: ["i64", "i32", "buffer", "u32"], result: "i64" },
  /** unsigned int if_nametoindex(const char *name) */
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  /** int ioctl(int fd, unsigned long request, void *arg) */
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  /** int fcntl(int fd, int command, long arg) */
  fcntl: { parameters: ["i32", "i32", "i64"], result: "i32" },
  /** int flock(int fd, int operation) */
  flock: { parameters: ["i32", "i32"], result: "i32" },
  /** int memfd_create(const char *name, unsigned int flags) */
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  /** ssize_t pwrite(int fd, const void *buf, size_t count, off_t offset) */
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  /** int ftruncate(int fd, off_t length) */
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  /** int mlock(const void *addr, size_t len) */
  mlock: { parameters: ["buffer", "usize"], result: "i32" },
  /** int madvise(void *addr, size_t length, int advice) */
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
  /** int malloc_trim(size_t pad) */
  malloc_trim: { parameters: ["usize"], result: "i32" },
  /** int kill(pid_t pid, int signal) */
  kill: { parameters: ["i32", "i32"], result: "i32" },
  /** pid_t getpid(void) */
  getpid: { parameters: [], result: "i32" },
  /** pid_t gettid(void) */
  gettid: { parameters: [], result: "i32" },
  /** uid_t geteuid(void) */
  geteuid: { parameters: [], result: "u32" },
  /** int unshare(int flags) */
  unshare: { parameters: ["i32"], result: "i32" },
  /** int setns(int fd, int nstype) */
  setns: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = Deno.DynamicLibrary<typeof LIBC_SYMBOLS>["symbols"];

let symbols: Libc | undefined;
let errnoView: Deno.UnsafePointerView | undefined;

/** The C library's functions. Throws where the process may not use FFI. */
export function libc(): Libc {
  symbols ??= Deno.dlopen("libc.so.6", LIBC_SYMBOLS).symbols;
  return symbols;
}

/** `errno` of this thread; right only directly after a synchronous call. */
export function errno(): number {
  // The location belongs to the thread, and an isolate never changes its thread.
  errnoView ??= new Deno.UnsafePointerView(libc().__errno_location()!);
  return errnoView.getInt32();
}

/** Passes a result that is not negative; throws `KernelError` for the others. */
export function must(result: number | bigint, operation: string): number {
  if (result < 0) throw new KernelError(operation, errno());
  return Number(result);
}

/** A NUL-terminated C string. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(text);
  const out = new Uint8Array(bytes.length + 1);
  out.set(bytes);
  return out;
}

const CLOCK_MONOTONIC = 1;
/** struct timespec of a 64-bit machine; the low halves of its two numbers are all that a monotonic clock needs for 136 years. */
const timespec = new Uint32Array(4);

/**
 * The monotonic clock in microseconds, with fractions. A double holds 285 years of them exactly to 1/16 µs, and
 * arithmetic on it allocates nothing, unlike bigint nanoseconds.
 */
export function monotonicUs(): number {
  libc().clock_gettime(CLOCK_MONOTONIC, timespec);
  return timespec[0]! * 1e6 + timespec[2]! / 1e3;
}

/** Closes a descriptor; an error changes nothing for the caller, the descriptor is gone either way (close(2)). */
export function closeFd(fd: number): void {
  libc().close(fd);
}

/** Index of a network interface (net/if.h), or 0 if there is none of this name. */
export function interfaceIndex(name: string): number {
  return libc().if_nametoindex(cString(name));
}

const option32 = new Int32Array(1);

const SOL_SOCKET = 1;
/** asm-generic/socket.h: the plain option, and the one that passes the system's limit and needs CAP_NET_ADMIN over the whole machine. */
const BUFFER_OPTIONS = { receive: { plain: 8, force: 33 }, send: { plain: 7, force: 32 } } as const;

/** Asks for a socket buffer of this size, beyond the system's limit where this process may, else as large as the limit lets it be. */
export function setBufferSize(fd: number, which: keyof typeof BUFFER_OPTIONS, bytes: number): void {
  const { plain, force } = BUFFER_OPTIONS[which];
  option32[0] = bytes;
  if (libc().setsockopt(fd, SOL_SOCKET, force, option32, 4) !== 0) {
    libc().setsockopt(fd, SOL_SOCKET, plain, option32, 4);
  }
}

/** setsockopt with an int. */
export function setIntOption(fd: number, level: number, name: number, value: number, what: string): void {
  option32[0] = value;
  must(libc().setsockopt(fd, level, name, option32, 4), `set ${what}`);
}
