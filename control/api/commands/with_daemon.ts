/** The part that all commands which ask the daemon have in common. */
import { join } from "node:path";
import { ApiClient, ApiError } from "../client.ts";
import { SOCKET_NAME } from "../socket.ts";
import { complain, type Terminal } from "./terminal.ts";

/** Asks the daemon of `runDir`; says what went wrong. Returns the exit code. */
export async function withDaemon(
  io: Terminal,
  command: string,
  runDir: string,
  body: (client: ApiClient) => Promise<number>,
): Promise<number> {
  const client = new ApiClient(join(runDir, SOCKET_NAME));
  try {
    return await body(client);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return complain(io, command, error.message, error.hint);
  } finally {
    client.close();
  }
}
