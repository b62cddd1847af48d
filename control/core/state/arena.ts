/**
 * Memory for keys and values: blocks of a few sizes in pages of 64 KiB, so that a million small rows are some thousand
 * objects for the garbage collector, not some million. A page belongs to one size and goes back when it is empty; what
 * is larger than 8 KiB has a page of its own. A block is rounded up by a quarter of its size at most (small ones to 16 bytes).
 */

const UNIT = 16;
const PAGE_BYTES = 65_536;
const OFFSET_BITS = 12;
const OFFSET_MASK = (1 << OFFSET_BITS) - 1;
const LARGE = 8192;
/** 64 GiB of small blocks. */
const PAGES_MAX = 1 << (32 - OFFSET_BITS);
const NO_BLOCK = 0xffff;

interface Page {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint16Array;
  readonly blockBytes: number;
  /** First free block, in units; each names the next in its first two bytes. */
  free: number;
  /** Bytes from here on have never been given out. */
  used: number;
  live: number;
}

export class Arena {
  readonly #pages: (Page | null)[] = [];
  readonly #unusedIds: number[] = [];
  /** Per size in units: pages that have room. */
  readonly #open: number[][] = [];
  #allocated = 0;

  /** Bytes taken from the system. */
  get allocated(): number {
    return this.#allocated;
  }

  /** A block of at least `size` bytes. @throws RangeError if there is no address left */
  allocate(size: number): number {
    const blockBytes = blockSize(size);
    if (blockBytes > LARGE) return this.#addPage(blockBytes, blockBytes) << OFFSET_BITS >>> 0;
    const open = this.#open[blockBytes / UNIT] ??= [];
    const id = open.at(-1) ?? this.#openPage(blockBytes, open);
    const page = this.#pages[id]!;
    let unit = page.free;
    if (unit !== NO_BLOCK) {
      page.free = page.words[unit * (UNIT / 2)]!;
    } else {
      unit = page.used / UNIT;
      page.used += blockBytes;
    }
    page.live++;
    if (isFull(page)) open.pop();
    return (id << OFFSET_BITS | unit) >>> 0;
  }

  free(address: number): void {
    const id = address >>> OFFSET_BITS;
    const page = this.#pages[id]!;
    if (page.blockBytes > LARGE) return this.#removePage(id, page);
    const open = this.#open[page.blockBytes / UNIT]!;
    if (isFull(page)) open.push(id);
    const unit = address & OFFSET_MASK;
    page.words[unit * (UNIT / 2)] = page.free;
    page.free = unit;
    page.live--;
    // The last page of a size stays: it would be wanted again.
    if (page.live === 0 && open.length > 1) {
      open.splice(open.indexOf(id), 1);
      this.#removePage(id, page);
    }
  }

  /** Memory that a block is in; `offsetOf` says where. */
  bytesOf(address: number): Uint8Array<ArrayBuffer> {
    return this.#pages[address >>> OFFSET_BITS]!.bytes;
  }

  offsetOf(address: number): number {
    return (address & OFFSET_MASK) * UNIT;
  }

  /** Whether a block is of the size that `size` bytes would get. */
  fits(address: number, size: number): boolean {
    return this.#pages[address >>> OFFSET_BITS]!.blockBytes === blockSize(size);
  }

  clear(): void {
    this.#pages.length = 0;
    this.#unusedIds.length = 0;
    this.#open.length = 0;
    this.#allocated = 0;
  }

  #openPage(blockBytes: number, open: number[]): number {
    const id = this.#addPage(PAGE_BYTES, blockBytes);
    open.push(id);
    return id;
  }

  #addPage(size: number, blockBytes: number): number {
    const id = this.#unusedIds.pop() ?? this.#pages.length;
    if (id >= PAGES_MAX) throw new RangeError("state: the table is too large");
    const bytes = new Uint8Array(size);
    this.#pages[id] = { bytes, words: new Uint16Array(bytes.buffer), blockBytes, free: NO_BLOCK, used: 0, live: 0 };
    this.#allocated += size;
    return id;
  }

  #removePage(id: number, page: Page): void {
    this.#pages[id] = null;
    this.#unusedIds.push(id);
    this.#allocated -= page.bytes.length;
  }
}

function isFull(page: Page): boolean {
  return page.free === NO_BLOCK && page.used + page.blockBytes > PAGE_BYTES;
}

/** Multiples of 16 up to 128 bytes, then four sizes for each doubling; larger ones as they are, in whole units. */
function blockSize(size: number): number {
  const step = size <= 128 || size > LARGE ? UNIT : 1 << (29 - Math.clz32(size - 1));
  return Math.ceil(Math.max(1, size) / step) * step;
}
