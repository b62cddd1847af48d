/** What the command line's parts share: where things are unless options say otherwise, and how a command ends. */
import { complain, type Terminal } from "../api/commands/terminal.ts";

export const EXIT_USAGE = 2;
export const CONFIG = "/etc/segue/segue.toml";
export const STATE_DIR = "/var/lib/segue";
export const RUN_DIR = "/run/segue";

export type SetExit = (code: number) => void;

export function badUsage(io: Terminal, command: string, reason: string, hint: string): number {
  complain(io, command, reason, hint);
  return EXIT_USAGE;
}
