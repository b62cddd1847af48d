/** The parts of the lab that run in namespaces of their own, each a child process of this same program. */
import { setNice } from "../../kernel_ffi/scheduling.ts";
import { type ClientOptions, runTcpClient, runUdpClient } from "./client.ts";
import { type CrowdOptions, runCrowd } from "./crowd.ts";
import { runJanitor } from "./janitor.ts";
import { runTcpEcho, runUdpEcho } from "./services.ts";
import { runWatcher } from "./watcher.ts";

type Inner =
  | { readonly part: "udp-echo"; readonly addresses?: readonly string[] }
  | { readonly part: "tcp-echo" | "watcher" }
  | { readonly part: "janitor"; readonly prefix: string; readonly folder: string }
  | ({ readonly part: "tcp-crowd" } & CrowdOptions)
  | ({ readonly part: "udp-client" | "tcp-client" } & ClientOptions);

/** @param text what `LabProcess.inner` was given, as JSON */
export async function runInner(text: string): Promise<number> {
  const inner = JSON.parse(text) as Inner;
  // What is measured is the pair: a service or a client that gets no time on a busy machine loses answers whoever serves. Refused without
  // privilege; then it is as it is.
  setNice(-10);
  switch (inner.part) {
    case "udp-echo":
      runUdpEcho(inner.addresses);
      return 0;
    case "tcp-echo":
      return runTcpEcho();
    case "watcher":
      runWatcher();
      return 0;
    case "udp-client":
      runUdpClient(inner);
      return 0;
    case "tcp-client":
      await runTcpClient(inner);
      return 0;
    case "tcp-crowd":
      runCrowd(inner);
      return 0;
    case "janitor":
      await runJanitor(inner.prefix, inner.folder);
      return 0;
    default:
      inner satisfies never;
      return 2;
  }
}
