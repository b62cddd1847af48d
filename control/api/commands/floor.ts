/** `segue floor`: how tight the timing may be, from the daemon, or from the journal where there is none. */
import { join } from "node:path";
import { type Floor, floorOf } from "../../answers/floor.ts";
import { floorText } from "../../answers/floor_text.ts";
import { JournalError } from "../../journal/failure.ts";
import { JOURNAL_NAME } from "../../journal/files.ts";
import { readJitter } from "../../journal/reader.ts";
import { ApiClient, ApiError } from "../client.ts";
import { SOCKET_NAME } from "../socket.ts";
import { complain, type Terminal } from "./terminal.ts";

export interface FloorOptions {
  readonly runDir: string;
  readonly stateDir: string;
  readonly hours: number;
  readonly json: boolean;
}

export async function runFloor(io: Terminal, options: FloorOptions): Promise<number> {
  const client = new ApiClient(join(options.runDir, SOCKET_NAME));
  let floor: Floor;
  try {
    floor = await client.floor(options.hours).catch((error: unknown) => {
      // Nobody answers: what the journal has is all but the last minute.
      if (error instanceof ApiError && error.status === 0) return fromJournal(options);
      throw error;
    });
  } catch (error) {
    if (error instanceof ApiError) return complain(io, "floor", error.message, error.hint);
    if (!(error instanceof JournalError)) throw error;
    return complain(
      io,
      "floor",
      `no daemon answers in ${options.runDir}, and ${error.message}`,
      "say where they are with --run-dir DIR or --state-dir DIR",
    );
  } finally {
    client.close();
  }
  io.out(options.json ? JSON.stringify(floor, null, 2) + "\n" : floorText(floor));
  return 0;
}

function fromJournal({ stateDir, hours }: FloorOptions): Floor {
  return floorOf(readJitter(join(stateDir, JOURNAL_NAME), Date.now() / 1000 - hours * 3600), hours);
}
