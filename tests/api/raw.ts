/** Bytes to the socket and back, with no client in between that would keep to the rules. */

/** Sends the bytes, and returns what comes until the server closes, `patienceMs` pass without a byte, or it is all that is wanted. */
export async function exchange(
  socket: string,
  bytes: Uint8Array | string,
  patienceMs = 200,
  wanted = /(?!)/,
): Promise<string> {
  const connection = await Deno.connect({ transport: "unix", path: socket });
  let answer = "";
  try {
    const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    for (let at = 0; at < data.length;) at += await connection.write(data.subarray(at));
    const buffer = new Uint8Array(65536);
    while (!wanted.test(answer)) {
      const read = await withPatience(connection.read(buffer), patienceMs);
      if (read === null) break;
      answer += new TextDecoder("latin1").decode(buffer.subarray(0, read));
    }
  } catch {
    // The server has closed the connection while we were talking.
  }
  try {
    connection.close();
  } catch {
    // It was closed by the error.
  }
  return answer;
}

async function withPatience<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), ms));
  promise.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
