/** The API: HTTP on a Unix socket that belongs to root. */
import type { ApiBackend } from "./backend.ts";
import { ApiProblem, problemResponse } from "./problem.ts";
import type { ApiContext } from "./route.ts";
import { answer, WrongMethod } from "./routes.ts";

export type { ApiBackend, SwitchoverRequest } from "./backend.ts";
export { ApiProblem } from "./problem.ts";
export { SOCKET_NAME } from "./socket.ts";

/** How long `close` waits for answers that are on their way; the process ends without those that take longer. */
const CLOSE_PATIENCE_MS = 1000;

export interface ApiServer {
  /** Ends event streams, waits a moment for other answers, removes the socket. */
  close(): Promise<void>;
}

/**
 * Serves the API on `socketPath` (mode 0600). The socket of a daemon that died is replaced; that of one that lives is not.
 * @throws Error with a sentence for people
 */
export async function startApi(backend: ApiBackend, socketPath: string): Promise<ApiServer> {
  await requireFree(socketPath);
  // The socket gets its name when it has its mode, so that nobody else can open it for a moment.
  const next = `${socketPath}.${Deno.pid}`;
  await removeIfThere(next);
  const closing = new AbortController();
  const context = { backend, closing: closing.signal };
  const server = Deno.serve({
    path: next,
    onListen: () => {},
    handler: (request) => handle(context, request),
    onError: (error) => unexpected(error),
  });
  await Deno.chmod(next, 0o600);
  await Deno.rename(next, socketPath);
  const own = (await Deno.lstat(socketPath)).ino;
  return {
    close: () => {
      closing.abort();
      return close(server, socketPath, own);
    },
  };
}

async function handle(context: ApiContext, request: Request): Promise<Response> {
  try {
    return await answer(context, request);
  } catch (error) {
    if (error instanceof WrongMethod) return problemResponse(error, { allow: error.allow });
    if (error instanceof ApiProblem) return problemResponse(error);
    return unexpected(error);
  }
}

function unexpected(error: unknown): Response {
  const reason = error instanceof Error ? error.message : String(error);
  return problemResponse(new ApiProblem(500, "unexpected", "Something went wrong", reason, "see the daemon's log"));
}

async function requireFree(path: string): Promise<void> {
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
  } catch (error) {
    // Nobody there, or a socket that nobody listens on.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused) return;
    throw new Error(`listen on ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new Error(`listen on ${path}: another segue answers there; stop it, or give this one another --run-dir`);
}

async function close(server: Deno.HttpServer, path: string, own: number | null): Promise<void> {
  try {
    // A successor may have put its own socket there.
    if ((await Deno.lstat(path)).ino === own) await Deno.remove(path);
  } catch {
    // Somebody took it away, or the folder with it.
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<void>((resolve) => timer = setTimeout(resolve, CLOSE_PATIENCE_MS));
  // Not cut off: to abort a server that is shutting down ends the whole process, uncaught (Deno 2.9.6, ext/http/00_serve.ts).
  await Promise.race([server.shutdown(), patience]);
  clearTimeout(timer);
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
