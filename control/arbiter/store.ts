/** What the keeper needs of a store that is shared with other machines. */

/** Who claims: a run of a node, and the number of its order. */
export interface Claim {
  readonly node: string;
  readonly run: string;
  readonly order: number;
}

export interface StoreLease {
  readonly id: string;
  /** What the store gives it from when a request for more has reached it. */
  readonly ttlUs: number;
}

export type Claimed =
  | { readonly kind: "ours" }
  /** `by`: in words for people. */
  | { readonly kind: "taken"; readonly by: string }
  /** The lease has ended, and what would have stood under it does not. */
  | { readonly kind: "leaseGone" };

/** Every call rejects with `StoreError` for a reason that lies outside of this program. A call whose answer is lost may have happened, or happen later. */
export interface Store {
  grant(): Promise<StoreLease>;
  /** Its time from now on; null: it has ended. */
  renew(id: string): Promise<number | null>;
  /**
   * Makes the key this node's under the lease, in one step and only if there is none, or it is this node's (of an earlier lease or run).
   * What is ours already stays. Reads and writes what most of the store's members agree on.
   */
  claim(id: string, claim: Claim): Promise<Claimed>;
  /** Ends the lease, and with it what stands under it. A claim under it that comes later fails. */
  revoke(id: string): Promise<void>;
}

/** What is wrong, for people, and what they can do. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}
