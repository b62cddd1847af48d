/** Every target, the fast ones first. */
import { api } from "./api.ts";
import { config } from "./config.ts";
import { copy } from "./copy.ts";
import { core } from "./core.ts";
import { envelope } from "./envelope.ts";
import { frames } from "./frames.ts";
import { heartbeat } from "./heartbeat.ts";
import { journal } from "./journal.ts";
import { netlink } from "./netlink.ts";
import { state } from "./state.ts";
import { stream } from "./stream.ts";
import type { FuzzTarget } from "./target.ts";

export const TARGETS: readonly FuzzTarget[] = [
  frames,
  netlink,
  heartbeat,
  envelope,
  core,
  copy,
  stream,
  config,
  api,
  journal,
  state,
];
