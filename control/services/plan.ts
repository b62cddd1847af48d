/** In which order services are started and stopped, and which of them a switch has to ask about. Pure. */
import type { ServiceConfig } from "../../config/model.ts";

/** The two roles that a service knows. */
export type ServiceRole = "primary" | "standby";

/**
 * The order of becoming primary: each service behind those that it names in `after`, else as in the file. Leaving goes
 * through it backwards. The config has made sure that there is no circle; names that are not there count for nothing.
 */
export function startOrder<S extends Pick<ServiceConfig, "name" | "after">>(services: readonly S[]): S[] {
  const byName = new Map(services.map((service) => [service.name, service]));
  const order = new Set<S>();
  const entered = new Set<S>();
  const visit = (service: S) => {
    if (entered.has(service)) return;
    entered.add(service);
    for (const name of service.after) {
      const before = byName.get(name);
      if (before !== undefined) visit(before);
    }
    order.add(service);
  };
  for (const service of services) visit(service);
  return [...order];
}

/** Whether something is done with the service when the role changes. */
export function hasRole({ run, onPrimary, onStandby }: ServiceConfig): boolean {
  return run === "primary" || onPrimary.length > 0 || onStandby.length > 0;
}

/** Whether the service is meant to run on a node with this role; null: no role was given yet. */
export function belongsTo(role: ServiceRole | null, { run }: Pick<ServiceConfig, "run">): boolean {
  return run === "always" || role === "primary";
}
