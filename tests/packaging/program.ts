/**
 * A small program that the packaging tests pack as segue is packed: what it prints shows what reaches a program inside
 * the executable.
 */
import process from "node:process";
import { loadConsole } from "../../control/console/load.ts";

interface Report {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly pid: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly thread: string;
  readonly library: boolean;
  /** The runtime's own UDP sockets, which have to be asked for. */
  readonly datagrams: boolean;
}

/** The libraries from inside the executable, opened as segue does: the needs of one first, by name. */
function opensLibrary(): boolean {
  const folder = Deno.env.get("SEGUE_LIB_DIR");
  const listed = new Map(
    (Deno.env.get("SEGUE_LIBS") ?? "").split(":").map((pair) => pair.split("=") as [string, string]),
  );
  const path = (name: string) => folder === undefined ? listed.get(name)! : `${folder}/${name}`;
  Deno.dlopen(path("libnfnetlink.so.0"), {});
  Deno.dlopen(path("libmnl.so.0"), {});
  const queue = Deno.dlopen(path("libnetfilter_queue.so.1"), { nfq_close: { parameters: ["pointer"], result: "i32" } });
  const sodium = Deno.dlopen(path("libsodium.so.23"), { sodium_init: { parameters: [], result: "i32" } });
  return typeof queue.symbols.nfq_close === "function" && sodium.symbols.sodium_init() >= 0;
}

/** The part of a worker's global scope that the types of the main thread lack. */
interface WorkerScope {
  onmessage: (() => void) | null;
  postMessage(message: Report): void;
}

if (self.name === "report") {
  const scope = self as unknown as WorkerScope;
  scope.onmessage = () => {
    const report: Report = {
      args: Deno.args,
      cwd: Deno.cwd(),
      pid: Deno.pid,
      environment: Object.fromEntries(
        Object.entries(Deno.env.toObject()).filter(([name]) => /^(SEGUE_|DENO_|NODE_OPTIONS)/.test(name)),
      ),
      thread: self.name,
      library: opensLibrary(),
      datagrams: typeof Deno.listenDatagram === "function",
    };
    scope.postMessage(report);
  };
} else {
  switch (Deno.args[0]) {
    case "exit":
      Deno.exit(Number(Deno.args[1]));
      break;
    case "wait":
      Deno.addSignalListener("SIGTERM", () => {
        console.log("SIGTERM");
        Deno.exit(42);
      });
      process.stdout.write(`waiting ${Deno.pid}\n`);
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      break;
    case "echo":
      await Deno.stdin.readable.pipeTo(Deno.stdout.writable);
      break;
    case "guard": {
      const { code } = new Deno.Command(Deno.env.get("SEGUE_GUARD")!, { stderr: "null" }).outputSync();
      console.log(`guard ended with ${code}`);
      break;
    }
    case "console":
      console.log(`console has ${Object.keys(await loadConsole())}`);
      break;
    default: {
      const worker = new Worker(import.meta.url, { type: "module", name: "report" });
      worker.onmessage = ({ data }: MessageEvent<Report>) => {
        console.log(JSON.stringify(data));
        worker.terminate();
      };
      worker.postMessage(null);
    }
  }
}
