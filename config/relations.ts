/** Everything that two or more values of the file must agree on. */
import { checkArbiter } from "./arbiter_relations.ts";
import type { PairDraft } from "./draft.ts";
import { checkNetwork } from "./network_relations.ts";
import { checkServices } from "./service_relations.ts";
import type { Report } from "./table.ts";
import { checkTracks } from "./track_relations.ts";
import { checkTiming } from "./timing_relations.ts";

export function checkRelations(report: Report, draft: PairDraft): void {
  checkTiming(report, draft.timing);
  checkNetwork(report, draft);
  checkArbiter(report, draft);
  checkTracks(report, draft);
  checkServices(report, draft.groups);
}
