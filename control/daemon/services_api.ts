/** What the API asks of the services' side, answered by the manager and by who keeps maintenance. */
import type { ServicesBackend } from "../api/backend.ts";
import type { MaintenanceJson, RoleJson } from "../api/json.ts";
import { ApiProblem } from "../api/problem.ts";
import { type Acknowledgement, type FollowerRequest, FOLLOWERS_MAX } from "../services/followers.ts";
import type { ServiceManager } from "../services/manager.ts";
import type { Maintenance } from "./maintenance.ts";

export interface ServicesApiParts {
  readonly node: string;
  /** Names of the groups. */
  readonly groups: readonly string[];
  readonly manager: ServiceManager;
  readonly keeper: Maintenance;
  /** It has been turned on or off. */
  readonly onMaintenance: (on: boolean) => void;
}

export class ServicesApi implements ServicesBackend {
  readonly #p: ServicesApiParts;

  constructor(parts: ServicesApiParts) {
    this.#p = parts;
  }

  role(group: string): RoleJson {
    requireGroup(group, this.#p.groups);
    return { group, ...this.#p.manager.role(group), node: this.#p.node };
  }

  follow(group: string, request: FollowerRequest): () => void {
    requireGroup(group, this.#p.groups);
    const leave = this.#p.manager.follow(group, request);
    if (leave !== null) return leave;
    const detail = `${FOLLOWERS_MAX} follow roles of this node already`;
    throw new ApiProblem(503, "too-many-followers", "Too many followers", detail, "end some of them");
  }

  acknowledge(group: string, ack: Acknowledgement): void {
    requireGroup(group, this.#p.groups);
    const outcome = this.#p.manager.acknowledge(group, ack);
    switch (outcome) {
      case "taken":
        return;
      case "noSuchFollower": {
        const hint = "its id comes with the event hello, and is good until the stream ends";
        throw new ApiProblem(404, "no-such-follower", "No such follower", ack.follower, hint);
      }
      case "notAsked": {
        const detail = `order ${ack.order} is not waited for: answered, over, or never given`;
        throw new ApiProblem(
          409,
          "not-asked",
          "Nobody waits for this",
          detail,
          "answer within the deadline of the event",
        );
      }
      default:
        outcome satisfies never;
    }
  }

  output(group: string, service: string): readonly string[] {
    requireGroup(group, this.#p.groups);
    const names = this.#p.manager.status(group).map(({ name }) => name);
    if (names.includes(service)) return this.#p.manager.output(group, service);
    const hint = names.length === 0 ? "the group has none" : `services: ${names.join(", ")}`;
    throw new ApiProblem(404, "no-such-service", "No such service", `there is no service ${service} in ${group}`, hint);
  }

  maintenance(): MaintenanceJson {
    return this.#p.keeper.state;
  }

  setMaintenance(on: boolean): MaintenanceJson {
    try {
      if (this.#p.keeper.set(on)) this.#p.onMaintenance(on);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ApiProblem(507, "cannot-keep", "Maintenance cannot be kept", reason, "is the disk full?");
    }
    return this.#p.keeper.state;
  }
}

/** Throws `ApiProblem`. */
export function requireGroup(group: string, names: readonly string[]): void {
  if (names.includes(group)) return;
  const detail = `there is no group ${group}`;
  throw new ApiProblem(404, "no-such-group", "No such group", detail, `groups: ${names.join(", ")}`);
}
