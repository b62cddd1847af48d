/** Why a request about state could not be carried out. The API makes a problem+json of it. */

export type StateProblemKind =
  /** Another node is primary, or nobody: it says who. */
  | "not-primary"
  /** A switchover is under way; the next try finds out where. */
  | "switching"
  /** A condition on versions does not hold. */
  | "version"
  | "bad-key"
  | "too-large"
  /** The group's table has no room for it. */
  | "full"
  /** Written here, but not where it was asked to be: the standby is away, or a disk refuses. */
  | "not-replicated"
  | "not-durable"
  /** Another node reigns now: nobody knows what has become of it. */
  | "unknown-outcome";

export class StateProblem extends Error {
  readonly kind: StateProblemKind;
  readonly hint: string;
  /** More for programs: the primary's name, the version that is there, the LSN that was written, the number of the line. */
  readonly detail: Readonly<Record<string, string | number | null>>;

  constructor(
    kind: StateProblemKind,
    message: string,
    hint: string,
    detail: Readonly<Record<string, string | number | null>> = {},
  ) {
    super(message);
    this.name = "StateProblem";
    this.kind = kind;
    this.hint = hint;
    this.detail = detail;
  }
}
