/** libnetfilter_queue, opened on first use: it sets queues up. The packet path is in nfqueue.ts. */
import { libraryPath } from "./library.ts";

const SYMBOLS = {
  /** struct nfq_handle *nfq_open(void) */
  nfq_open: { parameters: [], result: "pointer" },
  /** int nfq_close(struct nfq_handle *h) */
  nfq_close: { parameters: ["pointer"], result: "i32" },
  /** int nfq_fd(struct nfq_handle *h) */
  nfq_fd: { parameters: ["pointer"], result: "i32" },
  /** struct nfq_q_handle *nfq_create_queue(struct nfq_handle *h, uint16_t num, nfq_callback *cb, void *data) */
  nfq_create_queue: { parameters: ["pointer", "u16", "pointer", "pointer"], result: "pointer" },
  /** int nfq_destroy_queue(struct nfq_q_handle *qh) */
  nfq_destroy_queue: { parameters: ["pointer"], result: "i32" },
  /** int nfq_set_mode(struct nfq_q_handle *qh, uint8_t mode, unsigned int len) */
  nfq_set_mode: { parameters: ["pointer", "u8", "u32"], result: "i32" },
  /** int nfq_set_queue_maxlen(struct nfq_q_handle *qh, uint32_t queuelen) */
  nfq_set_queue_maxlen: { parameters: ["pointer", "u32"], result: "i32" },
  /** int nfq_set_queue_flags(struct nfq_q_handle *qh, uint32_t mask, uint32_t flags) */
  nfq_set_queue_flags: { parameters: ["pointer", "u32", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

export type NfqLibrary = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** What libnetfilter_queue needs, in the order in which it must be there. */
export const NFQUEUE_LIBRARIES = ["libmnl.so.0", "libnfnetlink.so.0", "libnetfilter_queue.so.1"] as const;

let symbols: NfqLibrary | undefined;

/** The library's functions. Throws where it is not installed, and none is in `directory`. */
export function nfqLibrary(directory?: string): NfqLibrary {
  if (symbols !== undefined) return symbols;
  const [mnl, nfnetlink, queue] = NFQUEUE_LIBRARIES.map((name) => libraryPath(name, directory));
  // The linker would look for these two in the system's folders only; once open, they are found by name.
  Deno.dlopen(mnl!, {});
  Deno.dlopen(nfnetlink!, {});
  symbols = Deno.dlopen(queue!, SYMBOLS).symbols;
  return symbols;
}
