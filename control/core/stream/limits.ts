/** Every number that the peer stream goes by, in one place. Microseconds and bytes. */

/** Longest UDP payload: with IPv6 and UDP headers 1420 bytes, the MTU of WireGuard, and so below Ethernet's and most other tunnels'. */
export const DATAGRAM_MAX = 1372;
/** In the clear before what is sealed; its layout is in `control/stream/envelope.ts`. */
export const HEADER_BYTES = 18;
/** Of the AEAD, after what is sealed (RFC 8439 section 2.8). */
export const TAG_BYTES = 16;
/** What a packet has for frames. */
export const PAYLOAD_MAX = DATAGRAM_MAX - HEADER_BYTES - TAG_BYTES;

export type Channel = 0 | 1;
export const CHANNELS = 2;
export const PATHS_MAX = 16;
/** A record of 16 MiB and what the layers above write around it. */
export const MESSAGE_MAX = 17 * 1024 * 1024;
/** What a channel holds at most of messages that are not acknowledged yet; always room for one of the longest. */
export const SEND_BUFFER_MAX = 64 * 1024 * 1024;
/** Below this the upper layer is told that there is room again. */
export const LOW_WATER = 1024 * 1024;
/** What the peer may send ahead of what has arrived in order, for each channel: the bound of the reassembly buffers. */
export const WINDOWS: readonly [number, number] = [2 * 1024 * 1024, 8 * 1024 * 1024];

/** A later packet of the same path that arrived says that this one will not (RFC 9002 section 6.1.1). */
export const REORDER_PACKETS = 3;
/** And this long after its time (RFC 9002 section 6.1.2: 9/8 of the round trip, at least the grain of timers). */
export const LOSS_DELAY_FACTOR = 9 / 8;
export const GRANULE_US = 1000;
/** Acknowledgements of bulk data wait this long, or for this many packets; those of everything else do not wait. */
export const ACK_DELAY_US = 1000;
export const ACK_PACKETS = 8;
/** Round trip that is assumed before one was measured. */
export const FIRST_RTT_US = 20_000;
/** Longest time between two probes: a path that returns is found within it. */
export const PROBE_MAX_US = 100_000;
/** Probes without an answer after which a path carries no more data than probes. */
export const QUIET_PROBES = 2;
/** Packets for one probe: a second one costs little and halves the tail. */
export const PROBE_PACKETS = 2;

/** Of a path's congestion window. The floor keeps a small round trip busy under random loss. */
export const WINDOW_FIRST = 96 * DATAGRAM_MAX;
export const WINDOW_MIN = 32 * DATAGRAM_MAX;
export const WINDOW_MAX = 4 * 1024 * 1024;
/** What is left of the window after a loss. */
export const WINDOW_BACKOFF = 0.7;
/** Urgent data may use this much of the window. */
export const URGENT_SHARE = 1.25;
/** Packets of one path between the oldest that is remembered and the newest. A power of two. */
export const SENT_MAX = 4096;
/** A packet that was given up is remembered this long, for its acknowledgement may be late. */
export const LOST_MEMORY_PACKETS = 512;
export const LOST_MEMORY_US = 1_000_000;
/** Packets of one turn; then others get theirs. */
export const BURST_PACKETS = 48;
/** Ranges of packet numbers that a receiver remembers, and those that one acknowledgement names. */
export const RANGES_MAX = 256;
export const ACK_RANGES_MAX = 32;

/** A small urgent packet goes out on a second path as well, while the first has lost something this recently. */
export const DUPLICATE_BYTES_MAX = 400;
export const DUPLICATE_AFTER_LOSS_US = 1_000_000;

/** A path that has nothing to carry is asked this often whether it still can. */
export const PING_US = 400_000;
/** Silence on all paths after which the connection is down. */
export const SILENCE_US = 1_500_000;
/** A connection of which nothing was heard this long after the hellos will not come up. */
export const CONFIRM_US = 500_000;
/** Between two hellos on each path until the peer is met, and the least between two answers to greetings. */
export const HELLO_US = 100_000;
export const HELLO_ANSWER_US = 2_000;
/** More restarts of the peer in one session of ours than anybody will see. */
export const RETIRED_MAX = 4096;
