/** Maintenance in words. Pure. */
import type { MaintenanceJson } from "./json.ts";

export function maintenanceText({ on, since }: MaintenanceJson): string {
  if (!on) return "maintenance is off\n";
  return `maintenance is on since ${since}: services are not restarted, and their health moves no group\n`;
}
